"""Dilated causal convolutions that add up the two marked numbers of a sequence."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

LENGTH = 16
BATCH_SIZE = 32
EPOCHS = 12


class CausalConv1d(nn.Conv1d):
    """A convolution that is padded on the left alone, so that no output sees its future."""

    def __init__(self, c_in, c_out, kernel_size, dilation=1, **kwargs):
        super(CausalConv1d, self).__init__(
            c_in, c_out, kernel_size, dilation=dilation,
            padding=(kernel_size - 1) * dilation, **kwargs)

    def forward(self, x):
        out = super(CausalConv1d, self).forward(x)
        return out[:, :, :x.size(2)].contiguous()


class ResidualBlock(nn.Module):
    def __init__(self, c_in, c_out, kernel_size, dilation, dropout=0.0):
        super(ResidualBlock, self).__init__()
        self.net = nn.Sequential(
            CausalConv1d(c_in, c_out, kernel_size, dilation),
            nn.ReLU(),
            nn.Dropout(dropout),
            CausalConv1d(c_out, c_out, kernel_size, dilation),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.match = nn.Conv1d(c_in, c_out, 1) if c_in != c_out else None

    def forward(self, x):
        shortcut = x if self.match is None else self.match(x)
        return F.relu(self.net(x) + shortcut)


class TCN(nn.Module):
    def __init__(self, c_in, n_out, widths, kernel_size=3, dropout=0.0):
        super(TCN, self).__init__()
        blocks = []
        for level, width in enumerate(widths):
            blocks.append(ResidualBlock(c_in, width, kernel_size, 2 ** level, dropout))
            c_in = width
        self.blocks = nn.Sequential(*blocks)
        self.linear = nn.Linear(widths[-1], n_out)
        self.init_weights()

    def init_weights(self):
        for m in self.modules():
            if isinstance(m, nn.Conv1d):
                m.weight.data.normal_(0, 0.2)
        self.linear.weight.data.normal_(0, 0.1)

    def forward(self, x):
        # the last step has seen the whole sequence
        return self.linear(self.blocks(x)[:, :, -1])


def adding_problem(n, seed):
    """Two channels: numbers, and marks on two of them."""
    rng = np.random.default_rng(seed)
    numbers = torch.from_numpy(rng.random((n, 1, LENGTH), dtype=np.float32))
    marks = torch.zeros([n, 1, LENGTH])
    totals = torch.zeros([n, 1])
    for i in range(n):
        first, second = rng.choice(LENGTH, size=2, replace=False).tolist()
        marks[i, 0, first] = 1
        marks[i, 0, second] = 1
        totals[i, 0] = numbers[i, 0, first] + numbers[i, 0, second]
    return torch.cat((numbers, marks), dim=1), totals


x_train, y_train = adding_problem(320, seed=0)
x_test, y_test = adding_problem(64, seed=1)
x_train, y_train = x_train.to(device), y_train.to(device)
x_test, y_test = x_test.to(device), y_test.to(device)


def build():
    model = TCN(c_in=2, n_out=1, widths=[16, 16, 16])
    model.to(device)
    return model


def evaluate(model):
    model.eval()
    with torch.no_grad():
        return F.mse_loss(model(x_test), y_test).item()


def train(model):
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for epoch in range(1, EPOCHS + 1):
        model.train()
        for i in range(0, x_train.size(0), BATCH_SIZE):
            x, y = x_train[i:i + BATCH_SIZE], y_train[i:i + BATCH_SIZE]
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        if epoch % 3 == 0:
            print('epoch {:2d}\tloss {:.6f}\ttest {:.6f}'.format(
                epoch, losses[-1], evaluate(model)))
    return losses


if __name__ == "__main__":
    model = build()
    losses = train(model)
