import math

import flax.nnx
import optax
from parts import CrossEntropyLoss, WordLM, detach, token_batches

clip = 0.25
model = WordLM()
criterion = CrossEntropyLoss()
optimizer = flax.nnx.Optimizer(
    model,
    optax.chain(optax.clip_by_global_norm(clip), optax.sgd(learning_rate=0.5)),
    wrt=flax.nnx.Param,
)


def train(epoch):
    # Turn on training mode which enables dropout.
    model.train()
    total_loss = 0.
    results = []
    hidden = model.init_hidden(4)
    for batch, (data, targets) in enumerate(token_batches()):
        # Starting each batch, we detach the hidden state from how it was previously produced.
        # If we didn't, the model would try backpropagating all the way to start of the dataset.
        hidden = detach(hidden)

        def loss_fn(model, hidden):
            output, hidden = model(data, hidden)
            return criterion(output.reshape(-1, 12), targets.reshape(-1)), hidden

        (loss, hidden), grads = flax.nnx.value_and_grad(loss_fn, has_aux=True)(model, hidden)

        # `clip_grad_norm` helps prevent the exploding gradient problem in RNNs / LSTMs.
        optimizer.update(model, grads)

        total_loss += loss.item()
        results.append(loss.item())
        if batch % 5 == 4:
            cur_loss = total_loss / 5
            print('| epoch {:3d} | {:3d} batches | loss {:5.2f} | ppl {:8.2f}'.format(
                epoch, batch, cur_loss, math.exp(cur_loss)))
            total_loss = 0
    return results


losses = []
for epoch in range(1, 6):
    losses.extend(train(epoch))

MODELS = [model]
