"""What the training scripts under `cases` are made of: layers, models, losses, data, helpers.

This is the Flax NNX half, ported by hand from `../torch/parts.py`: the same names, weights and
data. Attributes keep their names; `arrays` gives those of batch norm as torch calls them.
"""

import contextlib
import zlib

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

# Numbers: the same in both halves, in the default float type of each


def generator_of(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def weights(name, shape):
    """The first weights of the layer `name`: small where the layer has many inputs."""
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 16
    return tensor(generator_of(name).uniform(-1, 1, size=shape) / np.sqrt(fan_in))


def tensor(values):
    return jnp.asarray(np.asarray(values))


def randn(*shape, name="noise"):
    """Numbers that only look random: `name` and the shape give them."""
    return tensor(generator_of(f"{name}{shape}").normal(size=shape))


def to_numpy(x):
    return np.asarray(x)


# Layers


class Linear(nnx.Module):
    def __init__(self, inputs, outputs, name):
        self.weight = nnx.Param(weights(f"{name}.weight", (outputs, inputs)))
        self.bias = nnx.Param(weights(f"{name}.bias", (outputs,)))

    def __call__(self, x):
        return x @ self.weight[...].T + self.bias[...]


class Conv2d(nnx.Module):
    def __init__(self, inputs, outputs, size, name, padding=0):
        self.weight = nnx.Param(weights(f"{name}.weight", (outputs, inputs, size, size)))
        self.bias = nnx.Param(weights(f"{name}.bias", (outputs,)))
        self.padding = padding

    def __call__(self, x):
        padding = [(self.padding, self.padding)] * 2
        x = jax.lax.conv_general_dilated(x, self.weight[...], (1, 1), padding)
        return x + self.bias[...][:, None, None]


class Embedding(nnx.Module):
    def __init__(self, count, features, name):
        self.weight = nnx.Param(weights(f"{name}.weight", (count, features)))

    def __call__(self, index):
        return self.weight[...][index]


class LayerNorm(nnx.Module):
    def __init__(self, features):
        self.weight = nnx.Param(jnp.ones(features))
        self.bias = nnx.Param(jnp.zeros(features))

    def __call__(self, x):
        x = x - x.mean(-1, keepdims=True)
        x = x * jax.lax.rsqrt((x**2).mean(-1, keepdims=True) + 1e-5)
        return x * self.weight[...] + self.bias[...]


class _BatchNorm(nnx.BatchNorm):
    """Flax's own, with the two things that torch has otherwise: the running variance is the
    unbiased one, and statistics have the float type of the weights."""

    def __init__(self, features):
        super().__init__(
            features,
            axis=1,
            momentum=0.9,
            epsilon=1e-5,
            param_dtype=jnp.result_type(float),
            use_fast_variance=False,
            rngs=nnx.Rngs(0),
        )
        self.mean = nnx.BatchStat(jnp.zeros(features))
        self.var = nnx.BatchStat(jnp.ones(features))

    def __call__(self, x, use_running_average=None):
        frozen = self.use_running_average if use_running_average is None else use_running_average
        before = self.momentum * self.var[...]
        y = super().__call__(x, use_running_average)
        if not frozen:
            count = x.size // x.shape[1]
            self.var[...] = before + (self.var[...] - before) * (count / (count - 1))
        return y


class BatchNorm1d(_BatchNorm):
    pass


class BatchNorm2d(_BatchNorm):
    pass


class GRUCell(nnx.Module):
    def __init__(self, inputs, hidden, name):
        self.gates = Linear(inputs + hidden, 2 * hidden, f"{name}.gates")
        self.candidate = Linear(inputs + hidden, hidden, f"{name}.candidate")

    def __call__(self, x, h):
        gates = nnx.sigmoid(self.gates(jnp.concatenate([x, h], axis=-1)))
        update, reset = jnp.split(gates, 2, axis=-1)
        new = jnp.tanh(self.candidate(jnp.concatenate([x, reset * h], axis=-1)))
        return update * h + (1 - update) * new


class Attention(nnx.Module):
    def __init__(self, features, heads, name):
        self.heads = heads
        self.qkv = Linear(features, 3 * features, f"{name}.qkv")
        self.out = Linear(features, features, f"{name}.out")

    def __call__(self, x):
        batch, length, features = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, self.heads, features // self.heads)
        query, key, value = qkv.transpose(2, 0, 3, 1, 4)
        scores = query @ key.swapaxes(-2, -1) / (features // self.heads) ** 0.5
        mask = jnp.tril(jnp.ones((length, length))) == 0
        attention = nnx.softmax(jnp.where(mask, -1e9, scores), axis=-1)
        return self.out((attention @ value).swapaxes(1, 2).reshape(batch, length, features))


class Block(nnx.Module):
    """A transformer block, normalized first."""

    def __init__(self, features, heads, name):
        self.norm1 = LayerNorm(features)
        self.attention = Attention(features, heads, f"{name}.attention")
        self.norm2 = LayerNorm(features)
        self.fc1 = Linear(features, 2 * features, f"{name}.fc1")
        self.fc2 = Linear(2 * features, features, f"{name}.fc2")

    def __call__(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.fc2(jnp.tanh(self.fc1(self.norm2(x))))


# Models


class LinearRegression(nnx.Module):
    def __init__(self, inputs=4, outputs=1, name="linear_regression"):
        self.linear = Linear(inputs, outputs, f"{name}.linear")

    def __call__(self, x):
        return self.linear(x)


class LogisticRegression(nnx.Module):
    """Gives logits, one for each row."""

    def __init__(self, inputs=4, name="logistic_regression"):
        self.linear = Linear(inputs, 1, f"{name}.linear")

    def __call__(self, x):
        return self.linear(x)[:, 0]


class MLP(nnx.Module):
    def __init__(self, inputs=4, hidden=16, outputs=1, name="mlp"):
        self.fc1 = Linear(inputs, hidden, f"{name}.fc1")
        self.fc2 = Linear(hidden, outputs, f"{name}.fc2")

    def __call__(self, x):
        return self.fc2(jnp.tanh(self.fc1(x)))

    def loss(self, x, y):
        return mse_loss(self(x), y)


class DeepMLP(nnx.Module):
    """Layers in a list."""

    def __init__(self, sizes=(4, 12, 12, 1), name="deep"):
        self.layers = nnx.List(
            [Linear(sizes[i], sizes[i + 1], f"{name}.layers.{i}") for i in range(len(sizes) - 1)]
        )

    def __call__(self, x):
        for layer in self.layers[:-1]:
            x = nnx.relu(layer(x))
        return self.layers[-1](x)


class Classifier(nnx.Module):
    """With batch norm."""

    def __init__(self, inputs=6, hidden=16, classes=3, name="classifier"):
        self.fc1 = Linear(inputs, hidden, f"{name}.fc1")
        self.bn1 = BatchNorm1d(hidden)
        self.fc2 = Linear(hidden, classes, f"{name}.fc2")

    def __call__(self, x):
        return self.fc2(nnx.relu(self.bn1(self.fc1(x))))

    def training_step(self, batch):
        x, y = batch
        return cross_entropy(self(x), y)


class ConvNet(nnx.Module):
    """For images of shape (batch, 1, 8, 8), with batch norm."""

    def __init__(self, channels=1, classes=3, name="conv"):
        self.conv1 = Conv2d(channels, 4, 3, f"{name}.conv1", padding=1)
        self.bn1 = BatchNorm2d(4)
        self.conv2 = Conv2d(4, 6, 3, f"{name}.conv2")
        self.bn2 = BatchNorm2d(6)
        self.fc = Linear(6, classes, f"{name}.fc")

    def __call__(self, x):
        x = nnx.relu(self.bn1(self.conv1(x)))
        x = x.reshape(*x.shape[:2], 4, 2, 4, 2).mean(axis=(3, 5))
        x = nnx.relu(self.bn2(self.conv2(x)))
        return self.fc(x.mean(axis=(2, 3)))


class Encoder(nnx.Module):
    def __init__(self, inputs=8, code=3, name="encoder"):
        self.fc1 = Linear(inputs, 12, f"{name}.fc1")
        self.fc2 = Linear(12, code, f"{name}.fc2")

    def __call__(self, x):
        return self.fc2(jnp.tanh(self.fc1(x)))


class Decoder(nnx.Module):
    def __init__(self, code=3, outputs=8, name="decoder"):
        self.fc1 = Linear(code, 12, f"{name}.fc1")
        self.fc2 = Linear(12, outputs, f"{name}.fc2")

    def __call__(self, z):
        return self.fc2(jnp.tanh(self.fc1(z)))


class AutoEncoder(nnx.Module):
    def __init__(self, inputs=8, code=3, name="autoencoder"):
        self.encoder = Encoder(inputs, code, f"{name}.encoder")
        self.decoder = Decoder(code, inputs, f"{name}.decoder")

    def __call__(self, x):
        return self.decoder(self.encoder(x))


class VAE(nnx.Module):
    """Takes its noise as an input."""

    def __init__(self, inputs=8, code=2, name="vae"):
        self.encoder = Encoder(inputs, 2 * code, f"{name}.encoder")
        self.decoder = Decoder(code, inputs, f"{name}.decoder")

    def encode(self, x):
        mu, logvar = jnp.split(self.encoder(x), 2, axis=-1)
        return mu, logvar

    def __call__(self, x, noise):
        mu, logvar = self.encode(x)
        z = mu + noise * jnp.exp(0.5 * logvar)
        return self.decoder(z), mu, logvar


class Generator(nnx.Module):
    def __init__(self, noise=3, outputs=4, name="generator"):
        self.fc1 = Linear(noise, 12, f"{name}.fc1")
        self.fc2 = Linear(12, outputs, f"{name}.fc2")

    def __call__(self, z):
        return self.fc2(jnp.tanh(self.fc1(z)))


class BatchNormGenerator(nnx.Module):
    def __init__(self, noise=3, outputs=4, name="bn_generator"):
        self.fc1 = Linear(noise, 12, f"{name}.fc1")
        self.bn1 = BatchNorm1d(12)
        self.fc2 = Linear(12, outputs, f"{name}.fc2")

    def __call__(self, z):
        return self.fc2(nnx.relu(self.bn1(self.fc1(z))))


class Discriminator(nnx.Module):
    """Gives logits, of shape (batch, 1)."""

    def __init__(self, inputs=4, name="discriminator"):
        self.fc1 = Linear(inputs, 12, f"{name}.fc1")
        self.fc2 = Linear(12, 1, f"{name}.fc2")

    def __call__(self, x):
        return self.fc2(nnx.leaky_relu(self.fc1(x), 0.2))


class RNN(nnx.Module):
    """One time step: `out, hidden = model(x, hidden)`."""

    def __init__(self, inputs=3, hidden=8, outputs=1, name="rnn"):
        self.hidden_size = hidden
        self.cell = GRUCell(inputs, hidden, f"{name}.cell")
        self.head = Linear(hidden, outputs, f"{name}.head")

    def init_hidden(self, batch_size):
        return jnp.zeros((batch_size, self.hidden_size))

    def __call__(self, x, hidden):
        hidden = self.cell(x, hidden)
        return self.head(hidden), hidden


class WordLM(nnx.Module):
    """A language model over whole sequences: `logits, hidden = model(tokens, hidden)`."""

    def __init__(self, vocabulary=12, features=6, hidden=8, name="word_lm"):
        self.hidden_size = hidden
        self.embedding = Embedding(vocabulary, features, f"{name}.embedding")
        self.cell = GRUCell(features, hidden, f"{name}.cell")
        self.head = Linear(hidden, vocabulary, f"{name}.head")

    def init_hidden(self, batch_size):
        return jnp.zeros((batch_size, self.hidden_size))

    def __call__(self, tokens, hidden):
        outputs = []
        embedded = self.embedding(tokens)
        for t in range(tokens.shape[1]):
            hidden = self.cell(embedded[:, t], hidden)
            outputs.append(self.head(hidden))
        return jnp.stack(outputs, axis=1), hidden


class TransformerLM(nnx.Module):
    def __init__(self, vocabulary=12, features=8, heads=2, blocks=1, length=6, name="gpt"):
        self.embedding = Embedding(vocabulary, features, f"{name}.embedding")
        self.position = nnx.Param(weights(f"{name}.position", (length, features)))
        self.blocks = nnx.List(
            [Block(features, heads, f"{name}.blocks.{i}") for i in range(blocks)]
        )
        self.norm = LayerNorm(features)
        self.head = Linear(features, vocabulary, f"{name}.head")

    def __call__(self, tokens, targets=None):
        x = self.embedding(tokens) + self.position[...][: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        loss = None
        if targets is not None:
            loss = cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))
        return logits, loss


class QNetwork(nnx.Module):
    def __init__(self, states=4, actions=2, name="q"):
        self.fc1 = Linear(states, 16, f"{name}.fc1")
        self.fc2 = Linear(16, actions, f"{name}.fc2")

    def __call__(self, state):
        return self.fc2(jnp.tanh(self.fc1(state)))


class PolicyNetwork(nnx.Module):
    """Gives the logarithm of each action's probability."""

    def __init__(self, states=4, actions=2, name="policy"):
        self.fc1 = Linear(states, 16, f"{name}.fc1")
        self.fc2 = Linear(16, actions, f"{name}.fc2")

    def __call__(self, state):
        return nnx.log_softmax(self.fc2(jnp.tanh(self.fc1(state))), axis=-1)


class ValueNetwork(nnx.Module):
    def __init__(self, states=4, name="value"):
        self.fc1 = Linear(states, 16, f"{name}.fc1")
        self.fc2 = Linear(16, 1, f"{name}.fc2")

    def __call__(self, state):
        return self.fc2(jnp.tanh(self.fc1(state)))[:, 0]


class ActorCritic(nnx.Module):
    def __init__(self, states=4, actions=2, name="actor_critic"):
        self.body = Linear(states, 16, f"{name}.body")
        self.actor = Linear(16, actions, f"{name}.actor")
        self.critic = Linear(16, 1, f"{name}.critic")

    def __call__(self, state):
        features = jnp.tanh(self.body(state))
        return nnx.log_softmax(self.actor(features), axis=-1), self.critic(features)[:, 0]


class Backbone(nnx.Module):
    def __init__(self, inputs=6, features=10, name="backbone"):
        self.fc1 = Linear(inputs, 12, f"{name}.fc1")
        self.bn1 = BatchNorm1d(12)
        self.fc2 = Linear(12, features, f"{name}.fc2")

    def __call__(self, x):
        return nnx.relu(self.fc2(nnx.relu(self.bn1(self.fc1(x)))))


class TransferNet(nnx.Module):
    """A backbone and a head."""

    def __init__(self, inputs=6, classes=3, name="transfer"):
        self.backbone = Backbone(inputs, 10, f"{name}.backbone")
        self.head = Linear(10, classes, f"{name}.head")

    def __call__(self, x):
        return self.head(self.backbone(x))


class SiameseNet(nnx.Module):
    """Gives an embedding of length one."""

    def __init__(self, inputs=6, features=4, name="siamese"):
        self.fc1 = Linear(inputs, 12, f"{name}.fc1")
        self.fc2 = Linear(12, features, f"{name}.fc2")

    def __call__(self, x):
        x = self.fc2(jnp.tanh(self.fc1(x)))
        return x / jnp.sqrt((x**2).sum(-1)[:, None] + 1e-8)


class BagOfWords(nnx.Module):
    def __init__(self, vocabulary=20, features=8, classes=2, name="bag"):
        self.embedding = Embedding(vocabulary, features, f"{name}.embedding")
        self.fc = Linear(features, classes, f"{name}.fc")

    def __call__(self, tokens):
        return self.fc(self.embedding(tokens).mean(1))


class MatrixFactorization(nnx.Module):
    def __init__(self, users=10, items=12, factors=4, name="factorization"):
        self.users = Embedding(users, factors, f"{name}.users")
        self.items = Embedding(items, factors, f"{name}.items")

    def __call__(self, user, item):
        return (self.users(user) * self.items(item)).sum(1)


class MultiTaskNet(nnx.Module):
    """Gives a dict with a class and a value."""

    def __init__(self, inputs=6, classes=3, name="multi_task"):
        self.shared = Linear(inputs, 12, f"{name}.shared")
        self.classify = Linear(12, classes, f"{name}.classify")
        self.regress = Linear(12, 1, f"{name}.regress")

    def __call__(self, x):
        x = jnp.tanh(self.shared(x))
        return {"class": self.classify(x), "value": self.regress(x)[:, 0]}


class UncertaintyLoss(nnx.Module):
    """Weighs two losses, with weights that are trained."""

    def __init__(self):
        self.log_vars = nnx.Param(jnp.zeros(2))

    def __call__(self, first, second):
        precision = jnp.exp(-self.log_vars[...])
        return precision[0] * first + precision[1] * second + self.log_vars[...].sum()


# Losses


def mse_loss(output, target, reduction="mean"):
    return reduced((output - target) ** 2, reduction)


def l1_loss(output, target):
    return jnp.abs(output - target).mean()


def smooth_l1_loss(output, target):
    error = jnp.abs(output - target)
    return jnp.where(error < 1, 0.5 * error**2, error - 0.5).mean()


def cross_entropy(logits, target, reduction="mean"):
    log_probabilities = nnx.log_softmax(logits)
    if target.ndim < logits.ndim:
        target = nnx.one_hot(target, logits.shape[-1])
    return reduced(-(log_probabilities * target).sum(-1), reduction)


def nll_loss(log_probabilities, target):
    return -jnp.take_along_axis(log_probabilities, target[:, None], 1).mean()


def binary_cross_entropy_with_logits(logits, target):
    return (jnp.logaddexp(0, logits) - logits * target).mean()


def kl_div(log_probabilities, target):
    """Divergence of distributions, as `batchmean` reduces it."""
    return (target * (jnp.log(target) - log_probabilities)).sum() / len(target)


def kl_normal(mu, logvar):
    return -0.5 * (1 + logvar - mu**2 - jnp.exp(logvar)).sum(1).mean()


def triplet_loss(anchor, positive, negative, margin=1.0):
    near = ((anchor - positive) ** 2).sum(1)
    far = ((anchor - negative) ** 2).sum(1)
    return nnx.relu(near - far + margin).mean()


def reduced(values, reduction):
    if reduction == "mean":
        return values.mean()
    return values.sum() if reduction == "sum" else values


class MSELoss(nnx.Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def __call__(self, output, target):
        return mse_loss(output, target, self.reduction)


class L1Loss(nnx.Module):
    def __call__(self, output, target):
        return l1_loss(output, target)


class CrossEntropyLoss(nnx.Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def __call__(self, logits, target):
        return cross_entropy(logits, target, self.reduction)


class BCEWithLogitsLoss(nnx.Module):
    def __call__(self, logits, target):
        return binary_cross_entropy_with_logits(logits, target)


class TripletLoss(nnx.Module):
    def __init__(self, margin=1.0):
        self.margin = margin

    def __call__(self, anchor, positive, negative):
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


class no_grad(contextlib.ContextDecorator):
    """Gradients are taken where they are asked for, so there is nothing to switch off."""

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        return None


class enable_grad(no_grad):
    pass


class set_grad_enabled(no_grad):
    def __init__(self, mode):
        pass


def zeros(*shape):
    return jnp.zeros(shape)


def ones(*shape):
    return jnp.ones(shape)


zeros_like = jnp.zeros_like
ones_like = jnp.ones_like
exp = jnp.exp
log = jnp.log
relu = nnx.relu
sigmoid = nnx.sigmoid
tanh = jnp.tanh
square = jnp.square
where = jnp.where
minimum = jnp.minimum


def detach(x):
    return jax.lax.stop_gradient(x)


def cat(tensors, dim=0):
    return jnp.concatenate(tensors, dim)


def stack(tensors, dim=0):
    return jnp.stack(tensors, dim)


def clamp(x, low, high):
    return jnp.clip(x, low, high)


def softmax(x, dim=-1):
    return nnx.softmax(x, dim)


def log_softmax(x, dim=-1):
    return nnx.log_softmax(x, dim)


def gather(x, index):
    """The element of each row of `x` that `index` says."""
    return jnp.take_along_axis(x, index[:, None], 1)[:, 0]


def row_max(x):
    return x.max(1)


def full_like(x, value):
    return jnp.full_like(x, value)


def to_device(x, device=None):
    """Arrays are where JAX puts them."""
    return x


def accuracy(logits, target):
    """The share of rows that are right, a float."""
    return float((logits.argmax(1) == target).sum()) / len(target)


# Models as a whole


def copy_weights(target, source):
    """Give `target` the parameters and statistics of `source`."""
    nnx.update(target, nnx.state(source))


def clone(model):
    return nnx.clone(model)


def update_ema(average, model, decay):
    """Move the parameters of `average` a little towards those of `model`."""
    kept, new = nnx.state(average, nnx.Param), nnx.state(model, nnx.Param)
    nnx.update(average, jax.tree.map(lambda a, b: decay * a + (1 - decay) * b, kept, new))


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
    torch_names = {"scale": "weight", "mean": "running_mean", "var": "running_var"}
    named = {}
    for path, leaf in nnx.to_flat_state(nnx.state(model)):
        *folders, last = map(str, path)
        named[".".join([*folders, torch_names.get(last, last)])] = to_numpy(leaf[...])
    return {name: named[name] for name in sorted(named)}
