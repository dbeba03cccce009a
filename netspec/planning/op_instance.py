"""One operation at one batch size: its sizes, its strategies, and what names it in a cache."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType

from netspec import ops
from netspec.ops import Op, Shape
from netspec.planning.layouts import BATCH_LAST, CHANNELS_FIRST, CHANNELS_LAST, Layout

__all__ = ["STRATEGIES", "OpInstance", "Strategy", "native_layouts"]

_EVERY = (CHANNELS_LAST, CHANNELS_FIRST, BATCH_LAST)
_BY_POSITION = (CHANNELS_LAST, BATCH_LAST)

STRATEGIES: Mapping[type[Op], tuple[str, ...]] = MappingProxyType(
    {
        ops.Conv: ("direct", "im2col", "winograd", "matmul", "taps", "slices"),
        ops.ConvTranspose: ("direct", "columns"),
        ops.MaxPool: ("reshape", "slices", "reduce_window"),
    }
)
"""The names of the strategies of an operation, where there is more than one."""

_CHANNELS_LAST_ONLY = (
    ops.Embedding,
    ops.OneHot,
    ops.Sinusoid,
    ops.Prepend,
    ops.Take,
    ops.Recurrent,
    ops.Attention,
    ops.CrossAttention,
    ops.WindowAttention,
    ops.MaskedRecurrent,
    ops.MaskedAttention,
    ops.MaskedGlobalPool,
    ops.TakeLastValid,
    ops.ValidPositions,
    ops.ZeroPadding,
    ops.OnePadding,
    ops.DepthToSpace,
    ops.SpaceToDepth,
)


def native_layouts(op: Op) -> tuple[Layout, ...]:
    """Return the layouts an operation can be computed in."""
    if isinstance(op, _CHANNELS_LAST_ONLY):
        return (CHANNELS_LAST,)
    # A product over the channels of a sequence with these before the positions would have to move them first.
    return _BY_POSITION if isinstance(op, ops.MatMul) else _EVERY


@dataclass(frozen=True, slots=True)
class Strategy:
    """How an operation is computed: the name of the algorithm, "" where there is but one, and the layout."""

    name: str
    layout: Layout


@dataclass(frozen=True, slots=True)
class OpInstance:
    """One operation with all sizes that decide how fast each strategy is.

    Attributes:
        op: the operation.
        batch: examples at a time.
        inputs: the shapes it reads, of one example.
        parameters: the shapes of its parameters.
        output: the shape it makes, of one example.
        gradient: whether its gradients are computed too.
        input_gradient: whether that with respect to its input is one of them: the network's input needs none.
        pooled: whether a maximum over windows is all that reads it: one program can do both.
    """

    op: Op
    batch: int
    inputs: tuple[Shape, ...]
    parameters: tuple[Shape, ...]
    output: Shape
    gradient: bool
    input_gradient: bool
    pooled: bool = False

    @property
    def image(self) -> Shape:
        """The first input as an image, (C, H, W): a sequence has one row, a vector one pixel, a volume D·H rows."""
        return _as_image(self.inputs[0])

    @property
    def out(self) -> Shape:
        """The output as an image."""
        return _as_image(self.output)

    @property
    def window(self) -> Shape:
        """Height and width of the kernel, or of the pooling window; of a volume's all its rows."""
        return _two(self.op.window if isinstance(self.op, ops.MaxPool) else self.parameters[0][2:])

    @property
    def is_volume(self) -> bool:
        """Whether it moves over three axes of positions."""
        return len(self.inputs[0]) == 4

    def strides(self, name: str) -> tuple[int, int]:
        """Return `stride` or `dilation` of an image: a sequence has 1 down its one row, a volume its product."""
        return _two(getattr(self.op, name))

    @property
    def padded(self) -> bool:
        """Whether zeros are put around the input."""
        return any(map(any, getattr(self.op, "padding", ())))

    @property
    def key(self) -> str:
        """What names it in a cache: everything that decides how fast each strategy is."""
        shapes = ",".join("x".join(map(str, s)) for s in (*self.inputs, *self.parameters))
        mode = "forward" if not self.gradient else "step" if self.input_gradient else "step, first"
        return f"{self.op!r} {shapes} batch {self.batch} {mode}{', pooled' * self.pooled}"

    def strategies(self) -> Iterator[Strategy]:
        """Yield every strategy to compute it."""
        names = STRATEGIES.get(type(self.op), ("",))
        for layout in native_layouts(self.op):
            for name in names:
                if not self.obstacle(name, layout):
                    yield Strategy(name, layout)

    def obstacle(self, strategy: str, layout: Layout) -> str:
        """Return why a strategy cannot compute it in a layout; "" where it can."""
        if isinstance(self.op, ops.Conv):
            return self._conv_obstacle(strategy, layout)
        if isinstance(self.op, ops.MaxPool) and strategy == "reshape":
            tiles = self.op.window == self.op.stride and not self.padded
            return "" if tiles else "its windows overlap, leave gaps or reach into padding"
        if strategy == "columns" and self.is_volume and layout != CHANNELS_LAST:
            return "the channels of a volume do not come last"
        if strategy == "columns" and layout == CHANNELS_FIRST:
            return "the channels come first"
        return ""

    def _conv_obstacle(self, strategy: str, layout: Layout) -> str:
        assert isinstance(self.op, ops.Conv)
        strided, dilated = prod(self.strides("stride")) > 1, prod(self.strides("dilation")) > 1
        if strategy == "slices" and not self.is_volume:
            return "it has no slices: that is for volumes"
        if strategy in {"direct", "slices"} and strided and dilated and self.parameters[0][1] == 1:
            # XLA 0.10 aborts the process on gradients of some of these; one channel is im2col's case anyway.
            return "XLA cannot compile it"
        if strategy == "direct":
            return ""
        if self.is_volume and layout != CHANNELS_LAST:
            return "the channels of a volume do not come last"
        if layout == CHANNELS_FIRST:
            return "the channels come first"
        depthwise = self.op.groups > 1 and self.parameters[0][1] == 1 and self.parameters[0][0] == self.op.groups
        if strategy == "taps":
            return "" if depthwise else "it is not depthwise"
        if strategy == "matmul":
            return "" if prod(self.window) == 1 and not self.padded else "its kernel is not 1x1 without padding"
        if strategy == "winograd":
            if layout != BATCH_LAST:
                return "the batch does not come last"
            if strided or dilated:
                return "it has a stride or a dilation"
            return "" if 3 <= self.window[1] <= 5 else "its kernel is not 3 to 5 wide"
        return ""


def _as_image(shape: Shape) -> Shape:
    return (shape[0], *_two(shape[1:]))


def _two(sizes: Shape) -> tuple[int, int]:
    """Return as many numbers as an image has: a sequence has one row, a volume all rows of its slices."""
    *rows, columns = sizes or (1,)
    return prod(rows), columns
