"""Text classification. Arguments come from a dataclass."""
from dataclasses import dataclass

import torch

from parts import BagOfWords, CrossEntropyLoss, DataLoader, text_dataset


@dataclass
class Args:
    lr: float = 0.05
    wd: float = 1e-4
    epochs: int = 10


def train(args: Args):
    model = BagOfWords()
    criterion = CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.wd)
    history = []
    for epoch in range(1, args.epochs + 1):
        total_acc, total_count = 0, 0
        for text, label in DataLoader(text_dataset(), batch_size=8):
            optimizer.zero_grad()
            predicted_label = model(text)
            loss = criterion(predicted_label, label)
            loss.backward()
            optimizer.step()
            total_acc += (predicted_label.argmax(1) == label).sum().item()
            total_count += len(label)
            history.append(loss.item())
        print("| epoch {:3d} | accuracy {:8.3f}".format(epoch, total_acc / total_count))
    return history, model


losses, model = train(Args())
MODELS = [model]
