"""transformers: the models of each folder with tiny random configurations.

Each class is built, called in training mode with a backward pass, saved, and the first one loaded.
A family has run if one of its classes could be called.
"""

import importlib
import inspect
import pkgutil
import re
import tempfile

import torch
import transformers
from transformers import PreTrainedModel

from benchmarks.accuracy import families

CLASSES = 5
LARGEST = 60_000_000
VOCABULARY = 160
LAYERS = re.compile(r"(^|_)(num_.*layers|n_layers?|depth|layers|num_layers|.*_layers|num_blocks|"
                    r"num_stages_.*|layer_repeats?|n_blocks?)$")
WIDTHS = re.compile(r"(^|_)(hidden_size|hidden_dim|d_model|embed_dim|embedding_size|dim|dims|"
                    r"intermediate_size|ffn_dim|d_ff|d_kv|d_inner|n_embd|n_inner|head_dim|"
                    r"hidden_sizes|hidden_channels|conv_dim|projection_dim|width|channels|"
                    r"kv_lora_rank|q_lora_rank|inner_dim|ffn_hidden_size|mlp_dim|"
                    r"feedforward_size|model_dim|out_features_dim|dim_feedforward|size_per_head|"
                    r"moe_intermediate_size|proj_dim|embed_dims|input_dim|output_dim)$")


def shrunk(values):
    """The values of a configuration, with few layers, narrow, with a small vocabulary."""
    found, old, layers = {}, set(), 4
    for name, value in values.items():
        if isinstance(value, dict) and name.endswith(("config", "_configs")):
            value = shrunk(value)
        elif isinstance(value, bool) or value is None:
            pass
        elif isinstance(value, int):
            if name.endswith("vocab_size") or name in ("vocab_size", "num_embeddings"):
                value = min(value, VOCABULARY)
            elif name.endswith(("_token_id", "_token_index", "_id")) and value >= VOCABULARY:
                value = VOCABULARY - 1 - len(found) % 40
            elif LAYERS.search(name) and value > layers:
                old.add(value)
                value = layers
            elif WIDTHS.search(name) and value >= 128:
                value = max(value // 8, 8)
            elif "expert" in name and value > 8:
                value = 8
            elif name.startswith(("max_position", "n_positions", "max_source", "n_ctx")):
                value = min(value, 512)
        elif isinstance(value, (list, tuple)) and value:
            if name in ("depths", "layer_depths", "num_blocks"):
                value = type(value)(min(item, 1) for item in value)
            elif WIDTHS.search(name) and all(isinstance(item, int) for item in value):
                value = type(value)(item // 8 if item >= 128 else item for item in value)
            elif len(value) in old:
                value = value[:layers]
        found[name] = value
    return found


def configuration(cls):
    values = cls().to_dict()
    for settings in (shrunk(values), {k: v for k, v in shrunk(values).items() if "types" not in k}):
        try:
            return cls.from_dict(settings)
        except Exception as error:
            failed = error
    raise failed


def classes(family):
    """The models of a folder: the plain one first, then one with each kind of head."""
    package = f"transformers.models.{family}"
    found = {}
    folder = importlib.import_module(package).__path__
    for module in pkgutil.iter_modules(folder):
        if module.name.startswith("modeling_"):
            loaded = importlib.import_module(f"{package}.{module.name}")
            for name, value in vars(loaded).items():
                if (
                    inspect.isclass(value) and issubclass(value, PreTrainedModel)
                    and value.__module__ == loaded.__name__
                    and not name.endswith("PreTrainedModel")
                ):
                    found[name] = value
    plain_first = sorted(found, key=lambda name: (not name.endswith("Model"), name))
    return [found[name] for name in plain_first]


def inputs(model, config):
    """Guesses of what `forward` takes, by the names of its arguments."""
    names = inspect.signature(model.forward).parameters
    text = getattr(config, "text_config", config)
    vision = getattr(config, "vision_config", config)
    limit = getattr(text, "vocab_size", None) or VOCABULARY
    length = min(16, getattr(text, "max_position_embeddings", None) or 16)
    tokens = torch.randint(3, max(limit // 2, 4), (2, length))
    side = getattr(vision, "image_size", None) or 224
    side = max(side) if isinstance(side, (list, tuple)) else side
    channels = getattr(vision, "num_channels", None) or 3
    mel = getattr(config, "num_mel_bins", None) or 80
    given = {
        "input_ids": tokens,
        "attention_mask": torch.ones_like(tokens) if "input_ids" in names else None,
        "decoder_input_ids": tokens if getattr(config, "is_encoder_decoder", False) else None,
        "pixel_values": torch.randn(2, channels, side, side),
        "input_values": torch.randn(2, 16000),
        "input_features": torch.randn(2, mel, 3000),
        "bbox": torch.zeros(2, length, 4, dtype=torch.long),
    }
    return {name: value for name, value in given.items() if name in names and value is not None}


def guesses(model, config):
    given = inputs(model, config)
    yield given
    if "pixel_values" in given:
        for shape in ((2, 3, 224, 224), (2, 3, 64, 64), (1, 8, 3, 224, 224)):
            yield {**given, "pixel_values": torch.randn(*shape)}
    if "pixel_values" in given and "input_ids" in given:
        yield {name: value for name, value in given.items() if name != "pixel_values"}
    if "input_features" in given:
        for shape in ((2, 3000, 80), (2, 100, 128), (2, 80, 3000), (2, 128, 3000), (2, 1024, 128)):
            yield {**given, "input_features": torch.randn(*shape)}
    if "input_values" in given:
        yield {**given, "input_values": torch.randn(2, 1024, 128)}
        yield {**given, "input_values": torch.randn(2, 1, 16000)}
    yield model.dummy_inputs


def call(model, config):
    """A forward and a backward pass, with the first of the guesses that works."""
    failed = None
    for given in guesses(model, config):
        try:
            output = model(**given)
        except TimeoutError:
            raise
        except Exception as error:
            failed = failed or error
            continue
        values = [output] if isinstance(output, torch.Tensor) else list(output.values())
        losses = [v.float().mean() for v in values if isinstance(v, torch.Tensor)
                  and v.is_floating_point() and v.requires_grad]
        try:
            if losses:
                sum(losses).backward()
        except RuntimeError:
            pass  # An operation without a gradient.
        return
    raise failed


def built(cls, config):
    with torch.device("meta"):
        try:
            size = sum(value.numel() for value in cls(config).parameters())
        except TimeoutError:
            raise
        except Exception:
            size = 0  # Not every model can be built without values.
    if size > LARGEST:
        raise MemoryError(f"{cls.__name__} has {size} parameters")
    return cls(config)


def run(family):
    found = classes(family)
    if not found:
        raise LookupError("no model class")
    ran, loaded, errors = 0, False, []
    for cls in found[:CLASSES]:
        try:
            config = configuration(cls.config_class)
            model = built(cls, config)
        except TimeoutError:
            raise
        except Exception as error:
            errors.append(error)
            continue
        try:
            call(model.train(), config)
            ran += 1
        except TimeoutError:
            raise
        except Exception as error:
            errors.append(error)
        if not loaded:
            try:
                with tempfile.TemporaryDirectory() as folder:
                    model.save_pretrained(folder)
                    cls.from_pretrained(folder)
                    loaded = True
            except TimeoutError:
                raise
            except Exception as error:
                errors.append(error)
    if not ran:
        raise errors[0]


def names():
    folder = importlib.import_module("transformers.models").__path__
    return [item.name for item in pkgutil.iter_modules(folder) if item.ispkg]


transformers.logging.set_verbosity_error()
families.run(names, run)
