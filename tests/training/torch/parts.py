"""What the training scripts under `cases` are made of: layers, models, losses, data, helpers.

This is the PyTorch half. `../jax/parts.py` has the same names with the same weights and data, so a
script and its port give numbers that can be compared. Attributes keep their names in both.
"""

import contextlib
import copy
import zlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional

# Numbers: the same in both halves, in the default float type of each


def generator_of(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def weights(name, shape):
    """The first weights of the layer `name`: small where the layer has many inputs."""
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 16
    return tensor(generator_of(name).uniform(-1, 1, size=shape) / np.sqrt(fan_in))


def tensor(values):
    array = np.asarray(values)
    kind = torch.get_default_dtype() if array.dtype.kind == "f" else torch.int64
    return torch.tensor(array, dtype=kind)


def randn(*shape, name="noise"):
    """Numbers that only look random: `name` and the shape give them."""
    return tensor(generator_of(f"{name}{shape}").normal(size=shape))


def to_numpy(x):
    return x.detach().cpu().numpy()


# Layers


class Linear(nn.Module):
    def __init__(self, inputs, outputs, name):
        super().__init__()
        self.weight = nn.Parameter(weights(f"{name}.weight", (outputs, inputs)))
        self.bias = nn.Parameter(weights(f"{name}.bias", (outputs,)))

    def forward(self, x):
        return x @ self.weight.T + self.bias


class Conv2d(nn.Module):
    def __init__(self, inputs, outputs, size, name, padding=0):
        super().__init__()
        self.weight = nn.Parameter(weights(f"{name}.weight", (outputs, inputs, size, size)))
        self.bias = nn.Parameter(weights(f"{name}.bias", (outputs,)))
        self.padding = padding

    def forward(self, x):
        return functional.conv2d(x, self.weight, self.bias, padding=self.padding)


class Embedding(nn.Module):
    def __init__(self, count, features, name):
        super().__init__()
        self.weight = nn.Parameter(weights(f"{name}.weight", (count, features)))

    def forward(self, index):
        return self.weight[index]


class LayerNorm(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x):
        return functional.layer_norm(x, x.shape[-1:], self.weight, self.bias)


class BatchNorm1d(nn.BatchNorm1d):
    pass


class BatchNorm2d(nn.BatchNorm2d):
    pass


class GRUCell(nn.Module):
    def __init__(self, inputs, hidden, name):
        super().__init__()
        self.gates = Linear(inputs + hidden, 2 * hidden, f"{name}.gates")
        self.candidate = Linear(inputs + hidden, hidden, f"{name}.candidate")

    def forward(self, x, h):
        update, reset = torch.sigmoid(self.gates(torch.cat([x, h], dim=-1))).chunk(2, dim=-1)
        new = torch.tanh(self.candidate(torch.cat([x, reset * h], dim=-1)))
        return update * h + (1 - update) * new


class Attention(nn.Module):
    def __init__(self, features, heads, name):
        super().__init__()
        self.heads = heads
        self.qkv = Linear(features, 3 * features, f"{name}.qkv")
        self.out = Linear(features, features, f"{name}.out")

    def forward(self, x):
        batch, length, features = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, self.heads, features // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-2, -1) / (features // self.heads) ** 0.5
        mask = torch.tril(torch.ones(length, length)) == 0
        attention = torch.softmax(scores.masked_fill(mask, -1e9), dim=-1)
        return self.out((attention @ value).transpose(1, 2).reshape(batch, length, features))


class Block(nn.Module):
    """A transformer block, normalized first."""

    def __init__(self, features, heads, name):
        super().__init__()
        self.norm1 = LayerNorm(features)
        self.attention = Attention(features, heads, f"{name}.attention")
        self.norm2 = LayerNorm(features)
        self.fc1 = Linear(features, 2 * features, f"{name}.fc1")
        self.fc2 = Linear(2 * features, features, f"{name}.fc2")

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.fc2(torch.tanh(self.fc1(self.norm2(x))))


# Models


class LinearRegression(nn.Module):
    def __init__(self, inputs=4, outputs=1, name="linear_regression"):
        super().__init__()
        self.linear = Linear(inputs, outputs, f"{name}.linear")

    def forward(self, x):
        return self.linear(x)


class LogisticRegression(nn.Module):
    """Gives logits, one for each row."""

    def __init__(self, inputs=4, name="logistic_regression"):
        super().__init__()
        self.linear = Linear(inputs, 1, f"{name}.linear")

    def forward(self, x):
        return self.linear(x)[:, 0]


class MLP(nn.Module):
    def __init__(self, inputs=4, hidden=16, outputs=1, name="mlp"):
        super().__init__()
        self.fc1 = Linear(inputs, hidden, f"{name}.fc1")
        self.fc2 = Linear(hidden, outputs, f"{name}.fc2")

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))

    def loss(self, x, y):
        return mse_loss(self(x), y)


class DeepMLP(nn.Module):
    """Layers in a list."""

    def __init__(self, sizes=(4, 12, 12, 1), name="deep"):
        super().__init__()
        self.layers = nn.ModuleList(
            [Linear(sizes[i], sizes[i + 1], f"{name}.layers.{i}") for i in range(len(sizes) - 1)]
        )

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


class Classifier(nn.Module):
    """With batch norm."""

    def __init__(self, inputs=6, hidden=16, classes=3, name="classifier"):
        super().__init__()
        self.fc1 = Linear(inputs, hidden, f"{name}.fc1")
        self.bn1 = BatchNorm1d(hidden)
        self.fc2 = Linear(hidden, classes, f"{name}.fc2")

    def forward(self, x):
        return self.fc2(torch.relu(self.bn1(self.fc1(x))))

    def training_step(self, batch):
        x, y = batch
        return cross_entropy(self(x), y)


class ConvNet(nn.Module):
    """For images of shape (batch, 1, 8, 8), with batch norm."""

    def __init__(self, channels=1, classes=3, name="conv"):
        super().__init__()
        self.conv1 = Conv2d(channels, 4, 3, f"{name}.conv1", padding=1)
        self.bn1 = BatchNorm2d(4)
        self.conv2 = Conv2d(4, 6, 3, f"{name}.conv2")
        self.bn2 = BatchNorm2d(6)
        self.fc = Linear(6, classes, f"{name}.fc")

    def forward(self, x):
        x = functional.avg_pool2d(torch.relu(self.bn1(self.conv1(x))), 2)
        x = torch.relu(self.bn2(self.conv2(x)))
        return self.fc(x.mean(dim=(2, 3)))


class Encoder(nn.Module):
    def __init__(self, inputs=8, code=3, name="encoder"):
        super().__init__()
        self.fc1 = Linear(inputs, 12, f"{name}.fc1")
        self.fc2 = Linear(12, code, f"{name}.fc2")

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))


class Decoder(nn.Module):
    def __init__(self, code=3, outputs=8, name="decoder"):
        super().__init__()
        self.fc1 = Linear(code, 12, f"{name}.fc1")
        self.fc2 = Linear(12, outputs, f"{name}.fc2")

    def forward(self, z):
        return self.fc2(torch.tanh(self.fc1(z)))


class AutoEncoder(nn.Module):
    def __init__(self, inputs=8, code=3, name="autoencoder"):
        super().__init__()
        self.encoder = Encoder(inputs, code, f"{name}.encoder")
        self.decoder = Decoder(code, inputs, f"{name}.decoder")

    def forward(self, x):
        return self.decoder(self.encoder(x))


class VAE(nn.Module):
    """Takes its noise as an input."""

    def __init__(self, inputs=8, code=2, name="vae"):
        super().__init__()
        self.encoder = Encoder(inputs, 2 * code, f"{name}.encoder")
        self.decoder = Decoder(code, inputs, f"{name}.decoder")

    def encode(self, x):
        mu, logvar = self.encoder(x).chunk(2, dim=-1)
        return mu, logvar

    def forward(self, x, noise):
        mu, logvar = self.encode(x)
        z = mu + noise * torch.exp(0.5 * logvar)
        return self.decoder(z), mu, logvar


class Generator(nn.Module):
    def __init__(self, noise=3, outputs=4, name="generator"):
        super().__init__()
        self.fc1 = Linear(noise, 12, f"{name}.fc1")
        self.fc2 = Linear(12, outputs, f"{name}.fc2")

    def forward(self, z):
        return self.fc2(torch.tanh(self.fc1(z)))


class BatchNormGenerator(nn.Module):
    def __init__(self, noise=3, outputs=4, name="bn_generator"):
        super().__init__()
        self.fc1 = Linear(noise, 12, f"{name}.fc1")
        self.bn1 = BatchNorm1d(12)
        self.fc2 = Linear(12, outputs, f"{name}.fc2")

    def forward(self, z):
        return self.fc2(torch.relu(self.bn1(self.fc1(z))))


class Discriminator(nn.Module):
    """Gives logits, of shape (batch, 1)."""

    def __init__(self, inputs=4, name="discriminator"):
        super().__init__()
        self.fc1 = Linear(inputs, 12, f"{name}.fc1")
        self.fc2 = Linear(12, 1, f"{name}.fc2")

    def forward(self, x):
        return self.fc2(functional.leaky_relu(self.fc1(x), 0.2))


class RNN(nn.Module):
    """One time step: `out, hidden = model(x, hidden)`."""

    def __init__(self, inputs=3, hidden=8, outputs=1, name="rnn"):
        super().__init__()
        self.hidden_size = hidden
        self.cell = GRUCell(inputs, hidden, f"{name}.cell")
        self.head = Linear(hidden, outputs, f"{name}.head")

    def init_hidden(self, batch_size):
        return torch.zeros(batch_size, self.hidden_size)

    def forward(self, x, hidden):
        hidden = self.cell(x, hidden)
        return self.head(hidden), hidden


class WordLM(nn.Module):
    """A language model over whole sequences: `logits, hidden = model(tokens, hidden)`."""

    def __init__(self, vocabulary=12, features=6, hidden=8, name="word_lm"):
        super().__init__()
        self.hidden_size = hidden
        self.embedding = Embedding(vocabulary, features, f"{name}.embedding")
        self.cell = GRUCell(features, hidden, f"{name}.cell")
        self.head = Linear(hidden, vocabulary, f"{name}.head")

    def init_hidden(self, batch_size):
        return torch.zeros(batch_size, self.hidden_size)

    def forward(self, tokens, hidden):
        outputs = []
        embedded = self.embedding(tokens)
        for t in range(tokens.shape[1]):
            hidden = self.cell(embedded[:, t], hidden)
            outputs.append(self.head(hidden))
        return torch.stack(outputs, dim=1), hidden


class TransformerLM(nn.Module):
    def __init__(self, vocabulary=12, features=8, heads=2, blocks=1, length=6, name="gpt"):
        super().__init__()
        self.embedding = Embedding(vocabulary, features, f"{name}.embedding")
        self.position = nn.Parameter(weights(f"{name}.position", (length, features)))
        self.blocks = nn.ModuleList(
            [Block(features, heads, f"{name}.blocks.{i}") for i in range(blocks)]
        )
        self.norm = LayerNorm(features)
        self.head = Linear(features, vocabulary, f"{name}.head")

    def forward(self, tokens, targets=None):
        x = self.embedding(tokens) + self.position[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        loss = None
        if targets is not None:
            loss = cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))
        return logits, loss


class QNetwork(nn.Module):
    def __init__(self, states=4, actions=2, name="q"):
        super().__init__()
        self.fc1 = Linear(states, 16, f"{name}.fc1")
        self.fc2 = Linear(16, actions, f"{name}.fc2")

    def forward(self, state):
        return self.fc2(torch.tanh(self.fc1(state)))


class PolicyNetwork(nn.Module):
    """Gives the logarithm of each action's probability."""

    def __init__(self, states=4, actions=2, name="policy"):
        super().__init__()
        self.fc1 = Linear(states, 16, f"{name}.fc1")
        self.fc2 = Linear(16, actions, f"{name}.fc2")

    def forward(self, state):
        return torch.log_softmax(self.fc2(torch.tanh(self.fc1(state))), dim=-1)


class ValueNetwork(nn.Module):
    def __init__(self, states=4, name="value"):
        super().__init__()
        self.fc1 = Linear(states, 16, f"{name}.fc1")
        self.fc2 = Linear(16, 1, f"{name}.fc2")

    def forward(self, state):
        return self.fc2(torch.tanh(self.fc1(state)))[:, 0]


class ActorCritic(nn.Module):
    def __init__(self, states=4, actions=2, name="actor_critic"):
        super().__init__()
        self.body = Linear(states, 16, f"{name}.body")
        self.actor = Linear(16, actions, f"{name}.actor")
        self.critic = Linear(16, 1, f"{name}.critic")

    def forward(self, state):
        features = torch.tanh(self.body(state))
        return torch.log_softmax(self.actor(features), dim=-1), self.critic(features)[:, 0]


class Backbone(nn.Module):
    def __init__(self, inputs=6, features=10, name="backbone"):
        super().__init__()
        self.fc1 = Linear(inputs, 12, f"{name}.fc1")
        self.bn1 = BatchNorm1d(12)
        self.fc2 = Linear(12, features, f"{name}.fc2")

    def forward(self, x):
        return torch.relu(self.fc2(torch.relu(self.bn1(self.fc1(x)))))


class TransferNet(nn.Module):
    """A backbone and a head."""

    def __init__(self, inputs=6, classes=3, name="transfer"):
        super().__init__()
        self.backbone = Backbone(inputs, 10, f"{name}.backbone")
        self.head = Linear(10, classes, f"{name}.head")

    def forward(self, x):
        return self.head(self.backbone(x))


class SiameseNet(nn.Module):
    """Gives an embedding of length one."""

    def __init__(self, inputs=6, features=4, name="siamese"):
        super().__init__()
        self.fc1 = Linear(inputs, 12, f"{name}.fc1")
        self.fc2 = Linear(12, features, f"{name}.fc2")

    def forward(self, x):
        x = self.fc2(torch.tanh(self.fc1(x)))
        return x / torch.sqrt((x**2).sum(-1)[:, None] + 1e-8)


class BagOfWords(nn.Module):
    def __init__(self, vocabulary=20, features=8, classes=2, name="bag"):
        super().__init__()
        self.embedding = Embedding(vocabulary, features, f"{name}.embedding")
        self.fc = Linear(features, classes, f"{name}.fc")

    def forward(self, tokens):
        return self.fc(self.embedding(tokens).mean(1))


class MatrixFactorization(nn.Module):
    def __init__(self, users=10, items=12, factors=4, name="factorization"):
        super().__init__()
        self.users = Embedding(users, factors, f"{name}.users")
        self.items = Embedding(items, factors, f"{name}.items")

    def forward(self, user, item):
        return (self.users(user) * self.items(item)).sum(1)


class MultiTaskNet(nn.Module):
    """Gives a dict with a class and a value."""

    def __init__(self, inputs=6, classes=3, name="multi_task"):
        super().__init__()
        self.shared = Linear(inputs, 12, f"{name}.shared")
        self.classify = Linear(12, classes, f"{name}.classify")
        self.regress = Linear(12, 1, f"{name}.regress")

    def forward(self, x):
        x = torch.tanh(self.shared(x))
        return {"class": self.classify(x), "value": self.regress(x)[:, 0]}


class UncertaintyLoss(nn.Module):
    """Weighs two losses, with weights that are trained."""

    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, first, second):
        precision = torch.exp(-self.log_vars)
        return precision[0] * first + precision[1] * second + self.log_vars.sum()


# Losses


def mse_loss(output, target, reduction="mean"):
    return reduced((output - target) ** 2, reduction)


def l1_loss(output, target):
    return torch.abs(output - target).mean()


def smooth_l1_loss(output, target):
    return functional.smooth_l1_loss(output, target)


def cross_entropy(logits, target, reduction="mean"):
    return functional.cross_entropy(logits, target, reduction=reduction)


def nll_loss(log_probabilities, target):
    return functional.nll_loss(log_probabilities, target)


def binary_cross_entropy_with_logits(logits, target):
    return functional.binary_cross_entropy_with_logits(logits, target)


def kl_div(log_probabilities, target):
    """Divergence of distributions, as `batchmean` reduces it."""
    return functional.kl_div(log_probabilities, target, reduction="batchmean")


def kl_normal(mu, logvar):
    return -0.5 * (1 + logvar - mu**2 - torch.exp(logvar)).sum(1).mean()


def triplet_loss(anchor, positive, negative, margin=1.0):
    near = ((anchor - positive) ** 2).sum(1)
    far = ((anchor - negative) ** 2).sum(1)
    return torch.relu(near - far + margin).mean()


def reduced(values, reduction):
    if reduction == "mean":
        return values.mean()
    return values.sum() if reduction == "sum" else values


class MSELoss(nn.Module):
    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction

    def forward(self, output, target):
        return mse_loss(output, target, self.reduction)


class L1Loss(nn.Module):
    def forward(self, output, target):
        return l1_loss(output, target)


class CrossEntropyLoss(nn.Module):
    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction

    def forward(self, logits, target):
        return cross_entropy(logits, target, self.reduction)


class BCEWithLogitsLoss(nn.Module):
    def forward(self, logits, target):
        return binary_cross_entropy_with_logits(logits, target)


class TripletLoss(nn.Module):
    def __init__(self, margin=1.0):
        super().__init__()
        self.margin = margin

    def forward(self, anchor, positive, negative):
        return triplet_loss(anchor, positive, negative, self.margin)


# Data


class TensorDataset:
    def __init__(self, *tensors):
        self.tensors = tensors

    def __len__(self):
        return len(self.tensors[0])

    def __getitem__(self, index):
        return tuple(tensor[index] for tensor in self.tensors)


class DataLoader:
    """Batches of a dataset; `shuffle` gives another order in each epoch, the same in each run."""

    def __init__(self, dataset, batch_size=8, shuffle=False, drop_last=False):
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.epoch = 0

    def __len__(self):
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (1 if rest and not self.drop_last else 0)

    def __iter__(self):
        order = np.arange(len(self.dataset))
        if self.shuffle:
            generator_of(f"epoch {self.epoch}").shuffle(order)
            self.epoch += 1
        for i in range(len(self)):
            yield self.dataset[order[i * self.batch_size : (i + 1) * self.batch_size]]


class tqdm:
    """A progress bar that shows nothing."""

    def __init__(self, iterable, desc="", **options):
        self.iterable = iterable
        self.desc = desc

    def __iter__(self):
        return iter(self.iterable)

    def __len__(self):
        return len(self.iterable)

    def set_description(self, text):
        self.desc = text

    def set_postfix(self, **values):
        self.postfix = values


def regression_dataset(count=80, inputs=4, name="regression"):
    random = generator_of(name)
    x = random.normal(size=(count, inputs))
    y = np.sin(x.sum(1, keepdims=True)) + 0.1 * random.normal(size=(count, 1))
    return TensorDataset(tensor(x), tensor(y))


def classification_dataset(count=80, inputs=6, classes=3, name="classification"):
    random = generator_of(name)
    x = random.normal(size=(count, inputs))
    y = (x @ random.normal(size=(inputs, classes))).argmax(1)
    return TensorDataset(tensor(x), tensor(y))


def binary_dataset(count=80, inputs=4, name="binary"):
    """Targets are 0.0 and 1.0."""
    random = generator_of(name)
    x = random.normal(size=(count, inputs))
    y = (x @ random.normal(size=inputs) > 0) * 1.0
    return TensorDataset(tensor(x), tensor(y))


def image_dataset(count=48, classes=3, name="images"):
    random = generator_of(name)
    y = random.integers(classes, size=count)
    x = random.normal(size=(count, 1, 8, 8)) + y[:, None, None, None]
    return TensorDataset(tensor(x), tensor(y))


def text_dataset(count=40, length=5, vocabulary=20, name="text"):
    """Lines of words, and 0 or 1 for each line."""
    random = generator_of(name)
    x = random.integers(vocabulary, size=(count, length))
    return TensorDataset(tensor(x), tensor((x.sum(1) > length * vocabulary / 2) * 1))


def ratings_dataset(count=80, users=10, items=12, name="ratings"):
    random = generator_of(name)
    return TensorDataset(
        tensor(random.integers(users, size=count)),
        tensor(random.integers(items, size=count)),
        tensor(random.normal(size=count)),
    )


def multi_task_batches(count=10, batch_size=8, name="multi_task"):
    """Dict batches."""
    random = generator_of(name)
    return [
        {
            "inputs": tensor(random.normal(size=(batch_size, 6))),
            "labels": tensor(random.integers(3, size=batch_size)),
            "values": tensor(random.normal(size=batch_size)),
        }
        for _ in range(count)
    ]


def regression_batches(count=10, batch_size=8, inputs=4, name="batches"):
    """A list of (x, y)."""
    return list(DataLoader(regression_dataset(count * batch_size, inputs, name), batch_size))


def classification_batches(count=10, batch_size=8, name="class batches"):
    """A list of (x, y)."""
    return list(DataLoader(classification_dataset(count * batch_size, name=name), batch_size))


def vectors(count=10, batch_size=8, features=8, name="vectors"):
    """A list of x."""
    random = generator_of(name)
    return [tensor(random.normal(size=(batch_size, features))) for _ in range(count)]


def series(length=30, batch_size=4, inputs=3, name="series"):
    """A list of (x, y), a time step each."""
    random = generator_of(name)
    x = np.cumsum(random.normal(size=(length + 1, batch_size, inputs)), axis=0) / 3
    return [(tensor(x[t]), tensor(np.tanh(x[t + 1, :, :1]))) for t in range(length)]


def token_batches(count=10, batch_size=4, length=6, vocabulary=12, name="tokens"):
    """A list of (tokens, next tokens)."""
    random = generator_of(name)
    first = random.integers(vocabulary, size=(count, batch_size, 1))
    tokens = (first + np.arange(length + 1) * random.integers(1, 3, size=first.shape)) % vocabulary
    return [(tensor(rows[:, :-1]), tensor(rows[:, 1:])) for rows in tokens]


def triplets(count=10, batch_size=8, name="triplets"):
    """A list of (anchor, positive, negative)."""
    random = generator_of(name)
    return [
        (
            tensor(x),
            tensor(x + 0.3 * random.normal(size=x.shape)),
            tensor(random.normal(size=x.shape)),
        )
        for x in random.normal(size=(count, batch_size, 6))
    ]


def transitions(count=50, batch_size=8, name="transitions"):
    """A list of (state, action, reward, next state, done)."""
    random = generator_of(name)
    return [
        (
            tensor(random.normal(size=(batch_size, 4))),
            tensor(random.integers(2, size=batch_size)),
            tensor(random.normal(size=batch_size)),
            tensor(random.normal(size=(batch_size, 4))),
            tensor((random.random(batch_size) < 0.1) * 1.0),
        )
        for _ in range(count)
    ]


# Helpers that are spelled alike in both halves

no_grad = torch.no_grad
enable_grad = torch.enable_grad
set_grad_enabled = torch.set_grad_enabled

zeros = torch.zeros
ones = torch.ones
zeros_like = torch.zeros_like
ones_like = torch.ones_like
exp = torch.exp
log = torch.log
relu = torch.relu
sigmoid = torch.sigmoid
tanh = torch.tanh
square = torch.square
where = torch.where
minimum = torch.minimum


def detach(x):
    return x.detach()


def cat(tensors, dim=0):
    return torch.cat(tensors, dim)


def stack(tensors, dim=0):
    return torch.stack(tensors, dim)


def clamp(x, low, high):
    return torch.clamp(x, low, high)


def softmax(x, dim=-1):
    return torch.softmax(x, dim)


def log_softmax(x, dim=-1):
    return torch.log_softmax(x, dim)


def gather(x, index):
    """The element of each row of `x` that `index` says."""
    return x.gather(1, index[:, None])[:, 0]


def row_max(x):
    return x.max(dim=1).values


def full_like(x, value):
    return torch.full_like(x, value)


def to_device(x, device=None):
    """Move a tensor, or a tuple or a dict of them."""
    if isinstance(x, dict):
        return {name: to_device(value, device) for name, value in x.items()}
    if isinstance(x, (tuple, list)):
        return type(x)(to_device(value, device) for value in x)
    return x.to(device or "cpu")


def accuracy(logits, target):
    """The share of rows that are right, a float."""
    return float((logits.argmax(1) == target).sum()) / len(target)


# Models as a whole


def copy_weights(target, source):
    """Give `target` the parameters and statistics of `source`."""
    target.load_state_dict(source.state_dict())


def clone(model):
    return copy.deepcopy(model)


def update_ema(average, model, decay):
    """Move the parameters of `average` a little towards those of `model`."""
    with torch.no_grad():
        for kept, value in zip(average.parameters(), model.parameters(), strict=True):
            kept.mul_(decay).add_(value, alpha=1 - decay)


@contextlib.contextmanager
def evaluating(model):
    """In evaluation mode here, in training mode afterwards."""
    model.eval()
    try:
        yield model
    finally:
        model.train()


def arrays(model):
    """Parameters and batch norm's statistics by name, as NumPy arrays."""
    named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {
        name: to_numpy(named[name]).copy()
        for name in sorted(named)
        if not name.endswith("num_batches_tracked")
    }
