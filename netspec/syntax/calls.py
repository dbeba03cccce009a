"""Layers as PyTorch and Keras call them, in the words of netspec: which arguments go on, under which names."""

from __future__ import annotations

import re

__all__ = ["NAME", "TORCH_NAMES", "image_shape", "layer_words", "listed", "python_value", "split_arguments"]

NAME = r"[A-Za-z_]\w*"
"""A word of any of these languages."""

_POSITIONAL = re.compile(
    "out_channels|out_features|num_output|units|filters|kernel_size|pool_size|num_features|rate|p|activation|size|"
    "scale_factor|embedding_dim|output_dim|num_groups|negative_slope|hidden_size|num_heads|drop_prob"
)
_LEFT_OUT = re.compile(
    "in_channels|in_features|input_shape|input_dim|input_size|num_embeddings|num_channels|name|data_format|inplace|"
    "device|dtype|dim|axis|batch_first|return_sequences|track_running_stats|num_parameters|start_dim|end_dim|"
    "beta_initializer|gamma_initializer|center|trainable|embed_dim|key_dim|kdim|vdim"
)
_RENAMED = {
    "padding": "pad",
    "strides": "stride",
    "use_bias": "bias",
    "dilation_rate": "dilation",
    "eps": "epsilon",
    "ceil_mode": "ceil",
    "count_include_pad": "count_padding",
    "elementwise_affine": "affine",
    "kernel_initializer": "init",
    "bias_initializer": "bias_init",
    "interpolation": "mode",
    "depth_multiplier": "multiplier",
    "output_padding": "output_pad",
}
_FIXED = re.compile(
    "Softmax|LogSoftmax|Softmin|GLU|Flatten|Hardtanh|Softplus|ReLU|SELU|SiLU|Mish|Hardswish|Hardsigmoid|one_hot|OneHot"
)
"""What is given there the axis, a limit or `inplace`, and takes nothing here."""
_KEYS = {
    "depthwise": ("", "stride", "pad"),
    "conv": ("", "", "stride", "pad"),
    "global": (),
    "pool": ("", "stride", "pad"),
}
TORCH_NAMES = re.compile(r"Linear|Bilinear|Lazy\w+|\w+[123]d")
"""Names that PyTorch alone has: Keras writes `Conv2D`."""
_READS_FIRST = re.compile("Linear|linear|Bilinear|Embedding|LSTM|GRU|RNN|MultiheadAttention")
"""What is given the size of its input before that of its output."""
_NUMBERED = re.compile("(?:Batch|Instance|Layer)Norm")
"""Normalizations are given the channels they find; here they see them."""


def split_arguments(text: str) -> list[str]:
    """Split at the commas that stand in no brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([") - (char in ")]")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip()]


def python_value(text: str) -> str:
    """Return a value of Python's in netspec's words: `(5, 5)` is `5x5`, `'relu'` is `relu`."""
    inner = re.fullmatch(r"[(\[]\s*(\w+(?:\s*,\s*\w+)*)\s*,?\s*[)\]]", text)
    if inner:
        return listed(inner[1])
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def listed(text: str) -> str:
    """Return `5, 5` as the size it is, and names apart."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return ("x" if all(part.isdigit() for part in parts) and len(parts) > 1 else " ").join(parts)


def _argument(name: str, text: str) -> str:
    keyed = re.fullmatch(rf"({NAME})\s*[=:]\s*(.+)", text)
    if not keyed:
        return "" if text in {"True", "False"} else python_value(text)
    key, value = keyed[1], python_value(keyed[2])
    if _LEFT_OUT.fullmatch(key) or value in {"None", "'valid'", "valid"}:
        return ""
    # The one thing these say, under a name that means something else elsewhere.
    if _POSITIONAL.fullmatch(key) or (key, name[:4]) in {("padding", "Zero"), ("alpha", "Leak")}:
        return value
    key = _RENAMED.get(key, key)
    if value in {"True", "False"}:
        return f"no{key}" if value == "False" else "" if key == "bias" else key
    return f"{key}={value}"


def _arguments(name: str, text: str, torch: bool) -> list[str]:
    """Return the arguments of a call, without those that follow from the layer above."""
    # What flows in, as in `F.relu(self.conv1(x))`, is the line above.
    parts = [part for part in split_arguments(text) if "self." not in part]
    if name in {"input", "Input", "InputLayer"}:
        return [image_shape(",".join(parts))]
    if _FIXED.fullmatch(name):
        return []
    if torch and (_NUMBERED.match(name) or name == "PReLU"):
        # Of the channels nothing is said here; the others have their keys.
        batch = name.startswith("BatchNorm")
        keyed = [
            part if "=" in part else f"{key}={part}" for part, key in _paired(parts, ("features", "eps", "momentum"))
        ]
        known = "(eps|momentum)=" if batch else "(eps|affine|elementwise_affine|init)="
        parts = [part for part in keyed if re.match(known, part)]
    if name == "GELU" and parts and "=" not in parts[0]:
        parts = [f"approximate={parts[0]}"]
    numbers = sum(part.isdigit() for part in parts)
    kernel = any(re.match(r"kernel_size\s*=", part) for part in parts)
    if numbers >= 2 and (_READS_FIRST.fullmatch(name) or (torch and name[:4] == "Conv" and numbers + kernel > 2)):
        parts = parts[1:]
    if name in {"GroupNorm", "MultiHeadAttention"} or (name == "StochasticDepth" and "row" in text):
        # The second says the channels, or the size of a head, which follow; or that each example has its own draw.
        parts = parts[:1]
    kind = next((kind for kind in _KEYS if kind in name.lower()), "")
    keys = _KEYS.get(kind, ())
    parts = [f"{key}={part}" if key and "=" not in part else part for part, key in _paired(parts, keys)]
    # In Keras a recurrence gives its last state, unless told otherwise.
    last = not torch and re.fullmatch("LSTM|GRU|SimpleRNN", name) and not re.search(r"sequences\s*=\s*True", text)
    return [*(said for part in parts if (said := _argument(name, part))), *(["last"] if last else [])]


def image_shape(text: str) -> str:
    """Return the shape of an input with its channels first, where Keras has them last."""
    numbers = re.findall(r"\d+", text)
    if len(numbers) == 3 and numbers[2] in {"1", "3"} and numbers[0] not in {"1", "3"}:
        numbers = [numbers[2], *numbers[:2]]
    return "x".join(numbers)


def _paired(parts: list[str], keys: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(part, keys[i] if i < len(keys) else "") for i, part in enumerate(parts)]


def layer_words(name: str, inside: str, torch: bool) -> list[str]:
    """Return a call as the words of a command."""
    words = _arguments(name, inside, torch)
    if name == "Activation" and words:
        return words
    if re.fullmatch(r"Adaptive(Avg|Max)Pool[123]d", name):
        return ["globalpool", *(["max"] if "Max" in name else [])]
    return ["input" if name in {"Input", "InputLayer"} else name.removeprefix("Lazy"), *words]
