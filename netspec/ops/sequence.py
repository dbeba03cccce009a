"""Operations on sequences, `(features, length)`, and on rows of token numbers, `(length,)`."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

from netspec.ops.base import Op, Shape, ShapeError

__all__ = [
    "Attention",
    "CrossAttention",
    "Embedding",
    "OneHot",
    "Prepend",
    "Recurrent",
    "Sinusoid",
    "Take",
    "WindowAttention",
]


@dataclass(frozen=True, slots=True)
class Embedding(Op):
    """Token numbers `(L,)` look up their rows of a table `(tokens, W)`: `(W, L)`."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        return (parameters[0][1], x[0])

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del out, x, parameters
        return 0


@dataclass(frozen=True, slots=True)
class OneHot(Op):
    """Token numbers `(L,)` below `tokens` become columns with a single 1: `(tokens, L)`."""

    tokens: int

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return (self.tokens, x[0])

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del out, x, parameters
        return 0


@dataclass(frozen=True, slots=True)
class Sinusoid(Op):
    """Adds sines and cosines of the position to `(D, L)`: features 2i and 2i + 1 have the wavelength 2π·10000^(2i/D).

    Vaswani et al. 2017.
    """

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x


@dataclass(frozen=True, slots=True)
class Prepend(Op):
    """Puts a vector `(D,)` before the first position of `(D, L)`: `(D, L + 1)`."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return (x[0], x[1] + 1)

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del out, x, parameters
        return 0


@dataclass(frozen=True, slots=True)
class Take(Op):
    """The features at one end of a sequence: `(D, L)` → `(D,)`."""

    position: Literal["first", "last"]

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x[:1]

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del out, x, parameters
        return 0


_GATES = {"tanh": 1, "relu": 1, "gru": 3, "lstm": 4}
_COMBINING = {"tanh": 0, "relu": 0, "gru": 5, "lstm": 5}


@dataclass(frozen=True, slots=True)
class Recurrent(Op):
    """A recurrence over `(D, L)`: the state after each position, `(H, L)`; it begins at 0.

    Parameters `(gates·H, D)` of the input and `(gates·H, H)` of the state before, then, if any, a bias `(gates·H,)`
    for each, or one alone for their sum. The gates lie as in PyTorch: of `lstm` input, forget, cell, output; of `gru`
    reset, update, new.
    """

    cell: Literal["tanh", "relu", "gru", "lstm"]
    reverse: bool = False

    @property
    def gates(self) -> int:
        """How many vectors of H features one step computes from the input and the state."""
        return _GATES[self.cell]

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        return (parameters[1][1], x[1])

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x
        # Each gate adds its two products and its biases and is squashed; then the state is put together.
        gate = 1 + len(parameters[2:]) + 1
        each = 2 * (prod(parameters[0]) + prod(parameters[1])) + out[0] * (self.gates * gate + _COMBINING[self.cell])
        return out[1] * each


@dataclass(frozen=True, slots=True)
class Attention(Op):
    """Scaled dot-product attention of several heads: queries, keys, values `(3D, L)` → `(D, L)`. Vaswani et al. 2017.

    Each head has D/heads consecutive features. `causal` lets a position see itself and those before it. In training
    each weight is dropped with probability `rate`, after the softmax. With `rotary`, queries and keys are turned by
    their positions first: features 2i and 2i + 1 of a head of size S by position / 10000^(2i/S). Su et al. 2021.
    """

    heads: int
    causal: bool = False
    rate: float = 0.0
    rotary: bool = False

    @property
    def draws(self) -> bool:
        return self.rate > 0

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        features = x[0] // 3
        _require_heads(features, self.heads)
        if self.rotary and features // self.heads % 2:
            raise ShapeError(
                "E0309",
                f"`rotary` turns pairs of features, and each head has {features // self.heads}",
                "let the heads have an even number of features: features / heads",
            )
        return (features, x[1])

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x, parameters
        # Two products for each pair of positions; scaling and softmax of each weight.
        turned = 6 * out[0] * out[1] if self.rotary else 0
        return out[1] ** 2 * (4 * out[0] + 5 * self.heads) + turned


@dataclass(frozen=True, slots=True)
class CrossAttention(Op):
    """Attention of `(D, L)`, which makes the queries, to `(F, M)`, which makes keys and values: `(D, L)`.

    Parameters `(3D, D)` of all three where F is D, or `(D, D)`, `(D, F)` and `(D, F)`, then, if any, a bias `(3D,)`.
    These are the heads' results, before they are mixed.
    """

    heads: int
    rate: float = 0.0

    @property
    def draws(self) -> bool:
        return self.rate > 0

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        _require_heads(x[0], self.heads)
        return x

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x
        (features, length), memory, weights = out, parameters[0], parameters[1:]
        biased = len(weights) % 2 == 0
        queries = length * features * (2 * features + biased)
        keys_and_values = 2 * memory[1] * features * (2 * memory[0] + biased)
        return queries + keys_and_values + length * memory[1] * (4 * features + 5 * self.heads)


@dataclass(frozen=True, slots=True)
class WindowAttention(Op):
    """Attention within windows of an image: queries, keys, values `(3C, H, W)` → `(C, H, W)`. Liu et al. 2021.

    The windows divide the image evenly. They begin `shift` rows and columns later than the image, and what is cut off
    there is the end of the last ones; of such a window, parts that are apart in the image do not read each other. The
    parameter `((2h - 1)·(2w - 1), heads)` has what is added to a score for how far apart, and which way, two positions
    are. In training each weight is dropped with probability `rate`, after the softmax.
    """

    heads: int
    window: tuple[int, int]
    shift: tuple[int, int] = (0, 0)
    rate: float = 0.0

    @property
    def draws(self) -> bool:
        return self.rate > 0

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        channels = x[0] // 3
        _require_heads(channels, self.heads)
        return (channels, *x[1:])

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x, parameters
        # As for attention, and one addition to each score.
        return prod(out[1:]) * prod(self.window) * (4 * out[0] + 6 * self.heads)


def _require_heads(features: int, heads: int) -> None:
    """Raise ShapeError where features cannot be split into equal heads."""
    if features % heads:
        fits = max(h for h in range(1, min(heads, 1024)) if features % h == 0)
        raise ShapeError(
            "E0309",
            f"{features} features cannot be split into {heads} equal heads",
            f"use a number of heads that divides {features}, such as {fits}",
        )
