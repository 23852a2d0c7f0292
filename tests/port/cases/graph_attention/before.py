"""Graph attention with a dense adjacency matrix: to which community does a node belong?"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim


class AttentionHead(nn.Module):
    """Each node becomes the weighted mean of its neighbours, itself among them."""

    def __init__(self, n_in, n_out, dropout, slope=0.2):
        super(AttentionHead, self).__init__()
        self.n_in = n_in
        self.n_out = n_out
        self.dropout = dropout
        self.weight = nn.Parameter(torch.empty(size=(n_in, n_out)))
        self.attend_from = nn.Parameter(torch.empty(size=(n_out, 1)))
        self.attend_to = nn.Parameter(torch.empty(size=(n_out, 1)))
        self.leaky_relu = nn.LeakyReLU(slope)
        self.reset_parameters()

    def reset_parameters(self):
        gain = nn.init.calculate_gain('relu')
        nn.init.xavier_uniform_(self.weight.data, gain=gain)
        nn.init.xavier_uniform_(self.attend_from.data, gain=gain)
        nn.init.xavier_uniform_(self.attend_to.data, gain=gain)

    def forward(self, x, adj):
        h = torch.mm(x, self.weight)
        # (n, 1) + (1, n): a score for every pair
        scores = torch.matmul(h, self.attend_from) + torch.matmul(h, self.attend_to).T
        scores = self.leaky_relu(scores).masked_fill(adj == 0, float("-inf"))
        attention = F.softmax(scores, dim=1)
        attention = F.dropout(attention, self.dropout, training=self.training)
        return torch.matmul(attention, h)

    def __repr__(self):
        return f"{self.__class__.__name__}({self.n_in} -> {self.n_out})"


class GAT(nn.Module):
    def __init__(self, n_features, n_hidden, n_classes, n_heads, dropout=0.0):
        super(GAT, self).__init__()
        self.dropout = dropout
        self.heads = nn.ModuleList(
            [AttentionHead(n_features, n_hidden, dropout) for _ in range(n_heads)])
        self.out = AttentionHead(n_heads * n_hidden, n_classes, dropout)

    def forward(self, x, adj):
        x = F.dropout(x, self.dropout, training=self.training)
        x = torch.cat([F.elu(head(x, adj)) for head in self.heads], dim=1)
        x = F.dropout(x, self.dropout, training=self.training)
        return F.log_softmax(self.out(x, adj), dim=1)


def communities(n=60, n_classes=3, n_features=12):
    """A random graph with more edges inside of a community; the features say little."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, n_classes, size=n)
    same = labels[:, None] == labels[None, :]
    adj = np.triu(rng.random((n, n)) < np.where(same, 0.3, 0.03), 1)
    adj = (adj | adj.T | np.eye(n, dtype=bool)).astype(np.float32)
    centres = rng.normal(size=(n_classes, n_features))
    features = 0.5 * centres[labels] + rng.normal(size=(n, n_features))
    features /= np.abs(features).sum(1, keepdims=True)
    return torch.FloatTensor(adj), torch.FloatTensor(features), torch.LongTensor(labels)


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
adj, features, labels = communities()
idx_train = torch.LongTensor(range(30))
idx_test = torch.LongTensor(range(30, 60))
if torch.cuda.is_available():
    adj, features, labels = adj.cuda(), features.cuda(), labels.cuda()


def accuracy(log_probs, target):
    found = log_probs.max(1)[1].type_as(target)
    return found.eq(target).double().sum() / len(target)


def build():
    torch.manual_seed(0)
    n_classes = int(labels.max()) + 1
    return GAT(features.shape[1], n_hidden=8, n_classes=n_classes, n_heads=4).to(device)


def train(model, epochs=100):
    optimizer = optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    losses = []
    for epoch in range(1, epochs + 1):
        model.train()
        optimizer.zero_grad()
        log_probs = model(features, adj)
        loss = F.nll_loss(log_probs[idx_train], labels[idx_train])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if epoch % 25 == 0:
            acc = accuracy(log_probs[idx_train], labels[idx_train])
            print('epoch {:03d}'.format(epoch), 'loss {:.4f}'.format(loss.item()),
                  'train accuracy {:.4f}'.format(acc.item()))
    return losses


def test(model):
    model.eval()
    with torch.no_grad():
        log_probs = model(features, adj)
        loss = F.nll_loss(log_probs[idx_test], labels[idx_test])
        acc = accuracy(log_probs[idx_test], labels[idx_test])
    print('test loss {:.4f}'.format(loss.item()), 'accuracy {:.4f}'.format(acc.item()))


if __name__ == "__main__":
    model = build()
    losses = train(model)
    test(model)
