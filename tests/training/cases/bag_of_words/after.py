"""Text classification. Arguments come from a dataclass."""
from dataclasses import dataclass

import flax.nnx
import optax

from parts import BagOfWords, CrossEntropyLoss, DataLoader, text_dataset


@dataclass
class Args:
    lr: float = 0.05
    wd: float = 1e-4
    epochs: int = 10


def train(args: Args):
    model = BagOfWords()
    criterion = CrossEntropyLoss()
    optimizer = optax.chain(optax.add_decayed_weights(args.wd), optax.adam(learning_rate=args.lr))
    opt_state = optimizer.init(flax.nnx.state(model, flax.nnx.Param))
    history = []
    for epoch in range(1, args.epochs + 1):
        total_acc, total_count = 0, 0
        for text, label in DataLoader(text_dataset(), batch_size=8):
            def loss_fn(model):
                predicted_label = model(text)
                return criterion(predicted_label, label), predicted_label

            (loss, predicted_label), grads = flax.nnx.value_and_grad(loss_fn, has_aux=True)(model)
            params = flax.nnx.state(model, flax.nnx.Param)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            params = optax.apply_updates(params, updates)
            flax.nnx.update(model, params)
            total_acc += (predicted_label.argmax(1) == label).sum().item()
            total_count += len(label)
            history.append(loss.item())
        print("| epoch {:3d} | accuracy {:8.3f}".format(epoch, total_acc / total_count))
    return history, model


losses, model = train(Args())
MODELS = [model]
