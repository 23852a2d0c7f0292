import flax.nnx
import optax
from parts import (
    Classifier,
    CrossEntropyLoss,
    DataLoader,
    classification_dataset,
    kl_div,
    log_softmax,
    no_grad,
    softmax,
)


def train_knowledge_distillation(teacher, student, loader, epochs, lr, T, soft_weight, ce_weight):
    ce_loss = CrossEntropyLoss()
    optimizer = optax.adam(learning_rate=lr)
    opt_state = optimizer.init(flax.nnx.state(student, flax.nnx.Param))

    teacher.eval()  # Teacher set to evaluation mode
    student.train()  # Student to train mode

    history = []
    for epoch in range(epochs):
        running_loss = 0.0
        for inputs, labels in loader:

            # Forward pass with the teacher, no gradients
            with no_grad():
                teacher_logits = teacher(inputs)

            # Forward pass with the student
            def loss_fn(student):
                student_logits = student(inputs)

                # Soften the logits, scale as in the paper
                soft_targets = softmax(teacher_logits / T)
                soft_prob = log_softmax(student_logits / T)
                soft_targets_loss = kl_div(soft_prob, soft_targets) * (T ** 2)

                # The true label loss
                label_loss = ce_loss(student_logits, labels)

                return soft_weight * soft_targets_loss + ce_weight * label_loss

            loss, grads = flax.nnx.value_and_grad(loss_fn)(student)
            params = flax.nnx.state(student, flax.nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            flax.nnx.update(student, params)

            running_loss += loss.item()
            history.append(loss.item())
        print(f"Epoch {epoch + 1}/{epochs}, Loss: {running_loss / len(loader)}")
    return history


teacher = Classifier(hidden=24, name="teacher")
student = Classifier(hidden=8, name="student")
losses = train_knowledge_distillation(
    teacher, student, DataLoader(classification_dataset()),
    epochs=5, lr=0.01, T=2, soft_weight=0.25, ce_weight=0.75,
)
MODELS = [student, teacher]
