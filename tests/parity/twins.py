"""The ready-made specs once more, by hand in PyTorch, and what carries weights and gradients across.

The networks are written from the descriptions of the tutorials they come from, not from netspec's graph: a twin
that was derived from the graph would repeat its mistakes. Softmax is left to the loss: a twin's output is its logits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")
nn = torch.nn

Tree = dict[str, dict[str, NDArray[Any]]]


def paddle_softmax() -> torch.nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def paddle_mlp() -> torch.nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 10)
    )


def lenet() -> torch.nn.Module:
    """Two convolutions, each with a pooling and then batch normalization, and one fully connected layer."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2, 2), nn.BatchNorm2d(20),
        nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2, 2), nn.BatchNorm2d(50),
        nn.Flatten(),
        nn.Linear(50 * 4 * 4, 10),
    )  # fmt: skip


def mnist_fast() -> torch.nn.Module:
    """The maximum comes first, then batch normalization, then relu."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(20), nn.ReLU(),
        nn.Conv2d(20, 50, 5, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(50), nn.ReLU(),
        nn.Flatten(),
        nn.Linear(50 * 4 * 4, 10),
    )  # fmt: skip


class Block(nn.Sequential):
    """A use of a block called `layer`: its nodes are `layer_n/conv_1`, and so on."""


def mnist_best() -> torch.nn.Module:
    """The maximum before the first normalization; five convolutions of 3 x 3 after it, the last three padded."""

    def layer(inputs: int, filters: int, padding: int) -> Block:
        return Block(nn.Conv2d(inputs, filters, 3, padding=padding, bias=False), nn.BatchNorm2d(filters), nn.ReLU())

    return nn.Sequential(
        nn.Conv2d(1, 32, 5, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(32), nn.ReLU(),
        layer(32, 64, 0), layer(64, 64, 0), nn.MaxPool2d(2),
        layer(64, 128, 1), layer(128, 128, 1), layer(128, 128, 1), nn.MaxPool2d(2),
        nn.Dropout(0.4), nn.Flatten(),
        nn.Linear(128 * 2 * 2, 10),
    )  # fmt: skip


def paddle_lenet() -> torch.nn.Module:
    """The network whose name the flagship carries."""
    return lenet()


def gluon_mlp() -> torch.nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


def gluon_lenet() -> torch.nn.Module:
    """The logits pass through tanh before the loss."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.Tanh(), nn.MaxPool2d(2, 2),
        nn.Conv2d(20, 50, 5), nn.Tanh(), nn.MaxPool2d(2, 2),
        nn.Flatten(),
        nn.Linear(50 * 4 * 4, 500), nn.Tanh(),
        nn.Linear(500, 10), nn.Tanh(),
    )  # fmt: skip


def torch_cnn() -> torch.nn.Module:
    """Four padded convolutions; the image is 14x14 after the first pooling and 7x7 after the second."""
    return nn.Sequential(
        nn.Conv2d(1, 5, 3, padding=1), nn.ReLU(),
        nn.Conv2d(5, 10, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.BatchNorm2d(10),
        nn.Conv2d(10, 20, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(20),
        nn.Conv2d(20, 40, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.BatchNorm2d(40),
        nn.Flatten(),
        nn.Linear(40 * 7 * 7, 200), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(200, 500), nn.ReLU(),
        nn.Linear(500, 10),
    )  # fmt: skip


def lasagne_cnn() -> torch.nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.5),
        nn.Linear(32 * 4 * 4, 256), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(256, 10),
    )  # fmt: skip


def blocks_mlp() -> torch.nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))


TWINS: dict[str, Callable[[], torch.nn.Module]] = {
    make.__name__: make
    for make in (
        lenet,
        mnist_fast,
        mnist_best,
        paddle_softmax,
        paddle_mlp,
        paddle_lenet,
        gluon_mlp,
        gluon_lenet,
        torch_cnn,
        lasagne_cnn,
        blocks_mlp,
    )
}
"""Every ready-made spec, by name."""

L2 = {"blocks_mlp": 0.005}
"""λ of the tutorials that add λ·‖W‖² of each weight matrix to the loss."""

PIXELS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    **dict.fromkeys(("paddle_softmax", "paddle_mlp", "paddle_lenet"), lambda byte: byte / 127.5 - 1),
    "mnist_best": lambda byte: (byte / 255 - 0.1307) / 0.3081,
    "torch_cnn": lambda byte: (byte / 255 - 0.5) / 0.5,
    "lasagne_cnn": lambda byte: byte / 256,
}
"""What becomes of a byte before the network sees it, where it is not divided by 255."""


def twin(name: str) -> torch.nn.Module:
    """Return the hand-written PyTorch network of a ready-made spec, `lenet` for instance; its outputs are logits."""
    return TWINS[name]()


def pixels(name: str, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return what a tutorial's network sees of images of bytes."""
    return PIXELS.get(name, lambda byte: byte / 255)(images.astype(np.float64))


def loss_of(name: str, network: torch.nn.Module, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the tutorial's loss, its penalty on the weights included."""
    weights = [p for key, p in network.named_parameters() if key.endswith("weight") and p.dim() > 1]
    return nn.functional.cross_entropy(logits, labels) + L2.get(name, 0.0) * sum(w.square().sum() for w in weights)


# --- carrying values across ---------------------------------------------------------------------------------------


class Position(nn.Module):
    """Adds a table to every example."""

    def __init__(self, features: int, length: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(features, length))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.table


class ClassToken(nn.Module):
    """Puts a vector before the first position of (N, D, L)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.vector = nn.Parameter(torch.zeros(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.vector.expand(len(x), 1, -1).transpose(1, 2), x], dim=2)


class OneBiasRnn(nn.Module):
    """A plain recurrence on (N, D, L), step by step, with one vector of biases, as Keras has it."""

    gates = 1

    def __init__(self, features: int, units: int, *, bidirectional: bool = False) -> None:
        super().__init__()
        self.units, self.ways = units, ("", "_reverse") if bidirectional else ("",)
        for way in self.ways:
            for name, shape in (("weight_ih", (features,)), ("weight_hh", (units,)), ("bias", ())):
                self.register_parameter(f"{name}{way}", nn.Parameter(torch.zeros(self.gates * units, *shape)))

    def step(self, sums: torch.Tensor, memory: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return sums.tanh(), memory

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = []
        for way in self.ways:
            state = memory = torch.zeros(len(x), self.units, dtype=x.dtype)
            steps = range(x.shape[2])
            states = {}
            for at in reversed(steps) if way else steps:
                read = x[:, :, at] @ getattr(self, f"weight_ih{way}").T + state @ getattr(self, f"weight_hh{way}").T
                state, memory = self.step(read + getattr(self, f"bias{way}"), memory)
                states[at] = state
            made.append(torch.stack([states[at] for at in steps], dim=2))
        return torch.cat(made, dim=1)


class OneBiasLstm(OneBiasRnn):
    """The same of an LSTM, its gates in PyTorch's order."""

    gates = 4

    def step(self, sums: torch.Tensor, memory: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        i, f, g, o = sums.chunk(4, dim=1)
        memory = f.sigmoid() * memory + i.sigmoid() * g.tanh()
        return o.sigmoid() * memory.tanh(), memory


class WindowAttention(nn.Module):
    """Attention within shifted windows of (N, C, H, W), step by step as torchvision's `shifted_window_attention`."""

    def __init__(
        self, channels: int, heads: int, window: tuple[int, int], shift: tuple[int, int] = (0, 0), *, bias: bool = True
    ) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.qkv_weight = nn.Parameter(torch.zeros(3 * channels, channels))
        self.proj_weight = nn.Parameter(torch.zeros(channels, channels))
        self.qkv_bias = nn.Parameter(torch.zeros(3 * channels)) if bias else None
        self.proj_bias = nn.Parameter(torch.zeros(channels)) if bias else None
        ways = (2 * window[0] - 1) * (2 * window[1] - 1)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(ways, heads))

    def relative_position_bias(self) -> torch.Tensor:
        h, w = self.window
        coords = torch.stack(torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")).flatten(1)
        relative = (coords[:, :, None] - coords[:, None, :]).permute(1, 2, 0).contiguous()
        relative[:, :, 0] += h - 1
        relative[:, :, 1] += w - 1
        relative[:, :, 0] *= 2 * w - 1
        index = relative.sum(-1).flatten()
        return self.relative_position_bias_table[index].view(h * w, h * w, -1).permute(2, 0, 1).unsqueeze(0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.permute(0, 2, 3, 1)
        (b, height, width, c), (h, w), shift = x.shape, self.window, list(self.shift)
        x = nn.functional.pad(x, (0, 0, 0, (w - width % w) % w, 0, (h - height % h) % h))
        _, padded_height, padded_width, _ = x.shape
        if h >= padded_height:
            shift[0] = 0
        if w >= padded_width:
            shift[1] = 0
        if sum(shift) > 0:
            x = torch.roll(x, shifts=(-shift[0], -shift[1]), dims=(1, 2))
        windows = (padded_height // h) * (padded_width // w)
        x = x.view(b, padded_height // h, h, padded_width // w, w, c)
        x = x.permute(0, 1, 3, 2, 4, 5).reshape(b * windows, h * w, c)
        qkv = nn.functional.linear(x, self.qkv_weight, self.qkv_bias)
        qkv = qkv.reshape(x.size(0), x.size(1), 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0] * (c // self.heads) ** -0.5, qkv[1], qkv[2]
        attn = q.matmul(k.transpose(-2, -1)) + self.relative_position_bias()
        if sum(shift) > 0:
            mask = x.new_zeros((padded_height, padded_width))
            count = 0
            for rows in ((0, -h), (-h, -shift[0]), (-shift[0], None)):
                for columns in ((0, -w), (-w, -shift[1]), (-shift[1], None)):
                    mask[rows[0] : rows[1], columns[0] : columns[1]] = count
                    count += 1
            mask = mask.view(padded_height // h, h, padded_width // w, w).permute(0, 2, 1, 3).reshape(windows, h * w)
            mask = mask.unsqueeze(1) - mask.unsqueeze(2)
            mask = mask.masked_fill(mask != 0, -100.0).masked_fill(mask == 0, 0.0)
            attn = attn.view(x.size(0) // windows, windows, self.heads, x.size(1), x.size(1))
            attn = (attn + mask.unsqueeze(1).unsqueeze(0)).view(-1, self.heads, x.size(1), x.size(1))
        x = attn.softmax(-1).matmul(v).transpose(1, 2).reshape(x.size(0), x.size(1), c)
        x = nn.functional.linear(x, self.proj_weight, self.proj_bias)
        x = x.view(b, padded_height // h, padded_width // w, h, w, c)
        x = x.permute(0, 1, 3, 2, 4, 5).reshape(b, padded_height, padded_width, c)
        if sum(shift) > 0:
            x = torch.roll(x, shifts=(shift[0], shift[1]), dims=(1, 2))
        return x[:, :height, :width, :].permute(0, 3, 1, 2)


class Depthwise(nn.Conv2d):
    """A convolution with as many groups as channels, under netspec's own name for it."""


class Depthwise1d(nn.Conv1d):
    """The same on sequences."""


class Depthwise3d(nn.Conv3d):
    """The same on volumes."""


class LayerNormOver(nn.LayerNorm):
    """Layer normalization of the channels, which netspec keeps first, at each position."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class Scale(nn.Module):
    """A number for each channel, and optionally one added to it."""

    def __init__(self, channels: int, *, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shape = (-1, *(1 for _ in x.shape[2:]))
        y = x * self.weight.reshape(shape)
        return y if self.bias is None else y + self.bias.reshape(shape)


class PReluWord(nn.PReLU):
    """The activation on the line of another layer, which then owns its slopes."""


KINDS = {
    nn.Conv1d: "conv",
    nn.Conv2d: "conv",
    nn.Conv3d: "conv",
    nn.ConvTranspose1d: "deconv",
    nn.ConvTranspose2d: "deconv",
    nn.ConvTranspose3d: "deconv",
    Depthwise: "depthwise",
    Depthwise1d: "depthwise",
    Depthwise3d: "depthwise",
    nn.Linear: "fc",
    nn.BatchNorm1d: "batchnorm",
    nn.BatchNorm2d: "batchnorm",
    nn.BatchNorm3d: "batchnorm",
    nn.LayerNorm: "layernorm",
    LayerNormOver: "layernorm",
    nn.GroupNorm: "groupnorm",
    nn.InstanceNorm1d: "instancenorm",
    nn.InstanceNorm2d: "instancenorm",
    nn.InstanceNorm3d: "instancenorm",
    Scale: "scale",
    nn.PReLU: "prelu",
    nn.Embedding: "embedding",
    nn.LSTM: "lstm",
    nn.GRU: "gru",
    nn.RNN: "rnn",
    OneBiasLstm: "lstm",
    OneBiasRnn: "rnn",
    nn.MultiheadAttention: "attention",
    WindowAttention: "attention",
    Position: "position",
    ClassToken: "classtoken",
}
_RECURRENT = {
    f"{kind}_{of}{way}": f"{kind}_{of}_l0{way}"
    for kind in ("weight", "bias")
    for of in ("ih", "hh")
    for way in ("", "_reverse")
}
_ONE_BIAS = {name: name for way in ("", "_reverse") for name in (f"weight_ih{way}", f"weight_hh{way}", f"bias{way}")}
_WINDOWS = {
    "in_proj_weight": "qkv_weight",
    "in_proj_bias": "qkv_bias",
    "relative_position_bias_table": "relative_position_bias_table",
    "out_proj_weight": "proj_weight",
    "out_proj_bias": "proj_bias",
}
_OWN = {OneBiasRnn: _ONE_BIAS, OneBiasLstm: _ONE_BIAS, WindowAttention: _WINDOWS}
_NORM = {"scale": "weight", "offset": "bias"}
_KERNEL = {"kernel": "weight", "bias": "bias"}
_PARAMETERS = {
    "conv": _KERNEL,
    "deconv": _KERNEL,
    "depthwise": _KERNEL,
    "fc": _KERNEL,
    "batchnorm": _NORM,
    "layernorm": _NORM,
    "groupnorm": _NORM,
    "instancenorm": _NORM,
    "scale": {"scale": "weight", "bias": "bias"},
    "prelu": {"slope": "weight"},
    "embedding": {"weight": "weight"},
    "lstm": _RECURRENT,
    "gru": _RECURRENT,
    "rnn": _RECURRENT,
    "attention": {
        "in_proj_weight": "in_proj_weight",
        **{f"{name}_proj_weight": f"{name}_proj_weight" for name in "qkv"},
        "in_proj_bias": "in_proj_bias",
        "out_proj_weight": "out_proj.weight",
        "out_proj_bias": "out_proj.bias",
    },
    "position": {"table": "table"},
    "classtoken": {"vector": "vector"},
}
_STATE = {"batchnorm": {"mean": "running_mean", "variance": "running_var"}}


def load_weights(network: torch.nn.Module, variables: Any) -> None:
    """Copy netspec's variables into a twin; the n-th convolution of the twin gets `conv_n`, and so on.

    Raises:
        AssertionError: when the two do not hold the same arrays of the same shapes.
    """
    loaded = set()
    for tree, table in ((variables.params, _PARAMETERS), (variables.state, _STATE)):
        for node, name, tensor in _tensors(network, table):
            value = np.array(tree[node][name])
            assert tuple(tensor.shape) == value.shape, (
                f"{node}/{name} is {value.shape}, the twin's is {tuple(tensor.shape)}"
            )
            with torch.no_grad():
                tensor.copy_(torch.from_numpy(value))
            loaded.add((node, name))
    given = {(node, name) for tree in variables for node, arrays in tree.items() for name in arrays}
    assert loaded == given, f"the twin has no {sorted(given - loaded)}"


def parameters(network: torch.nn.Module) -> Tree:
    """Return a twin's parameters as a tree like `variables.params`."""
    return _tree((node, name, t.detach()) for node, name, t in _tensors(network, _PARAMETERS))


def gradients(network: torch.nn.Module) -> Tree:
    """Return the gradients a twin holds after `backward()`, as a tree like `variables.params`."""
    return _tree((node, name, t.grad) for node, name, t in _tensors(network, _PARAMETERS))


def state(network: torch.nn.Module) -> Tree:
    """Return a twin's running averages as a tree like `variables.state`."""
    return _tree((node, name, t) for node, name, t in _tensors(network, _STATE))


def _tensors(network: torch.nn.Module, table: dict[str, dict[str, str]]) -> Iterator[tuple[str, str, torch.Tensor]]:
    """Yield (node, name, tensor) of every array that the table knows, nodes numbered by kind in order."""
    blocks = (module for module in network.modules() if isinstance(module, Block))
    within = {own: f"layer_{n}/" for n, block in enumerate(blocks, 1) for own in block.modules()}
    seen: Counter[str] = Counter()
    last = ""
    for module in network.modules():
        if isinstance(module, PReluWord) and table is _PARAMETERS:
            yield last, "slope", module.weight
        kind = KINDS.get(type(module))
        if kind is None:
            continue
        kind_here = within.get(module, "") + kind
        seen[kind_here] += 1
        last = f"{kind_here}_{seen[kind_here]}"
        names = _OWN.get(type(module), {}) if table is _PARAMETERS else {}
        names = names or table.get(kind, {})
        for name, attribute in names.items():
            tensor = _attribute(module, attribute)
            if tensor is not None:
                yield last, name, tensor


def tensors_of(layer: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield (name, tensor) of one layer of a twin, by netspec's names: its parameters, then its running averages."""
    kind = KINDS[type(layer)]
    for name, attribute in (_OWN.get(type(layer), _PARAMETERS[kind]) | _STATE.get(kind, {})).items():
        if (tensor := _attribute(layer, attribute)) is not None:
            yield name, tensor


def _attribute(module: torch.nn.Module, path: str) -> Any:
    """Return `out_proj.weight` of a module; None where it has none, as without biases."""
    return reduce(lambda owner, name: getattr(owner, name, None), path.split("."), module)


def _tree(entries: Any) -> Tree:
    tree: Tree = {}
    for node, name, tensor in entries:
        # Copied: the twin goes on changing its own memory.
        tree.setdefault(node, {})[name] = np.array(tensor.numpy())
    return tree
