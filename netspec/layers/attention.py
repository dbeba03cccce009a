"""Attention: every position of a sequence reads all the others, or those of another sequence."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from netspec import ops
from netspec.layers.base import Builder, Layer, Tensor, Weight, require_image, require_sequence
from netspec.ops import Bias, MatMul, ShapeError, format_shape
from netspec.recipe.initializers import AnyInitializer, Normal
from netspec.schema.definition import option, positional
from netspec.schema.types import Amount2, Fraction, PositiveInt, Size2

__all__ = ["Attention"]


class Attention(Layer):
    """Multi-head attention: features x length stays; each head has features/heads of them. Vaswani et al. 2017.

    Queries, keys and values are products of the input, and the heads' results go through another, as in PyTorch's
    MultiheadAttention. With `memory=LABEL`, keys and values are products of the labelled sequence, as in a decoder.

    With `window=7` it is within windows of an image, C x H x W, with a trained bias for how far apart two positions
    are; `shift=3` moves the windows, as every other layer of Liu et al. 2021 does. An image that the windows do not
    divide evenly is padded with zeros for it, as in torchvision.
    """

    kind: Literal["attention"] = "attention"
    aliases = ("MultiheadAttention", "MultiHeadAttention", "self_attention")
    later = ("rotary", "window", "shift")
    has_weights: ClassVar[bool] = True
    second: ClassVar[str] = "memory"
    reads_mask: ClassVar[bool] = True
    example: ClassVar[str] = "attention 4"
    example_input: ClassVar[str] = "8x6"

    heads: PositiveInt = positional("number of heads; it divides the features")
    causal: bool = option(False, "a position reads only itself and those before it")
    dropout: Fraction = option(0.0, "share of the attention weights that are zeroed in training")
    bias: bool = option(True, "add a trainable number to each feature of both products; `nobias` leaves them out")
    rotary: bool = option(
        False, "turn queries and keys by their positions, which then need no other mark (Su et al. 2021)"
    )
    window: Size2 | None = option(None, "attend within windows of an image, of so many rows and columns")
    shift: Amount2 = option((0, 0), "so many rows and columns later than the image the windows begin")
    init: AnyInitializer | None = option(None, "initializer of both kernels; the network's default unless given")
    bias_init: AnyInitializer | None = option(None, "initializer of the biases; the network's default unless given")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Project to queries, keys and values, attend, project back."""
        if self.window:
            return self._within(g, x, self.window)
        if any(self.shift):
            raise ShapeError("E0309", "`shift` moves windows, and there are none", "say how large: `window=7 shift=3`")
        features, _ = require_sequence(self, x)
        y = self._project(g, x, "in_proj", 3 * features)
        if x.mask:
            masked = ops.MaskedAttention(self.heads, self.causal, self.dropout, self.rotary)
            y = g.apply(masked, (y, g.valid(x.mask)))
        else:
            y = g.apply(ops.Attention(self.heads, self.causal, self.dropout, self.rotary), y)
        return replace(self._project(g, y, "out_proj", features), mask=x.mask)

    def _within(self, g: Builder, x: Tensor, window: tuple[int, int]) -> Tensor:
        """Attend within windows, of an image that is padded until they divide it."""
        channels, *size = require_image(self, x)
        if self.causal or self.rotary:
            word, does = ("causal", "orders") if self.causal else ("rotary", "marks")
            message = f"`{word}` {does} the positions of a sequence, and windows are of an image"
            raise ShapeError("E0309", message, f"leave `{word}` out")
        if any(by >= n for by, n in zip(self.shift, window, strict=True)):
            fix = f"half of it is usual: `shift={format_shape(tuple(n // 2 for n in window))}`"
            message = f"`shift={format_shape(self.shift)}` must be less than the window, {format_shape(window)}"
            raise ShapeError("E0309", message, fix)
        more = tuple(-n % w for n, w in zip(size, window, strict=True))
        if any(more):
            x = g.apply(ops.Pad((0, 0, 0), (0, *more), "zero"), x)
        # Where one window is all there is, it stays where it is.
        whole = zip(self.shift, x.shape[1:], window, strict=True)
        shift = tuple(by if w < n else 0 for by, n, w in whole)
        y = self._project(g, x, "in_proj", 3 * channels)
        ways = ((2 * window[0] - 1) * (2 * window[1] - 1), self.heads)
        table = g.weight("relative_position_bias_table", ways, role="bias", fans=ways, init=Normal(std=0.02))
        y = g.apply(ops.WindowAttention(self.heads, window, (shift[0], shift[1]), self.dropout), y, table)
        if any(more):
            y = g.apply(ops.Crop((0, 0), tuple(size)), y)
        return self._project(g, y, "out_proj", channels)

    def join(self, g: Builder, xs: Sequence[Tensor]) -> Tensor:
        """Attend to itself, or to another sequence where there are two."""
        if len(xs) == 1:
            return self.build(g, xs[0])
        x, memory = xs
        if self.window or any(self.shift):
            message = "`window` is of one image, and with `memory` a sequence is read"
            raise ShapeError("E0309", message, "leave one of them out")
        features, _ = require_sequence(self, x)
        if len(memory.shape) != 2:
            raise ShapeError(
                "E0302",
                f"`memory` must be a sequence (features x length), and it is {format_shape(memory.shape)}",
                "label what comes before the layers that flatten; `flatten positions` makes a sequence of an image",
            )
        if self.causal or self.rotary:
            word, does = ("causal", "orders") if self.causal else ("rotary", "marks")
            raise ShapeError(
                "E0309",
                f"`{word}` {does} the positions of one sequence, and with `memory` those of another are read",
                f"leave `{word}` out here; the attention before it, of the sequence to itself, has it",
            )
        weights = self._in_proj(g, features, memory.shape[0])
        if memory.mask:
            masked = ops.MaskedCrossAttention(self.heads, self.dropout)
            y = g.apply(masked, (x, memory, g.valid(memory.mask)), *weights)
        else:
            y = g.apply(ops.CrossAttention(self.heads, self.dropout), (x, memory), *weights)
        return replace(self._project(g, y, "out_proj", features), mask=x.mask)

    def _in_proj(self, g: Builder, features: int, others: int) -> list[Weight]:
        """Return the weights of queries, keys and values: in one, or apart where there are other features to read."""
        shapes = {"in_proj_weight": (3 * features, features)}
        reads = (features, others, others)
        if others != features:
            shapes = {f"{name}_proj_weight": (features, read) for name, read in zip("qkv", reads, strict=True)}
        weights = [
            g.weight(name, shape, role="kernel", fans=shape[::-1], init=self.init) for name, shape in shapes.items()
        ]
        if self.bias:
            fans = (features, 3 * features)
            weights.append(g.weight("in_proj_bias", fans[1:], role="bias", fans=fans, init=self.bias_init))
        return weights

    def _project(self, g: Builder, x: Tensor, name: str, outputs: int) -> Tensor:
        fans = (x.shape[0], outputs)
        kernel = g.weight(f"{name}_weight", (outputs, x.shape[0]), role="kernel", fans=fans, init=self.init)
        y = g.apply(MatMul(), x, kernel)
        if not self.bias:
            return y
        return g.apply(Bias(), y, g.weight(f"{name}_bias", (outputs,), role="bias", fans=fans, init=self.bias_init))
