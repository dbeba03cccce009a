"""Keras' layers that give the same values another form, and those that read several values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

from netspec.formats.keras.reader.network import Network, channels_first
from netspec.formats.keras.reader.use import RefusedError, Use, short
from netspec.formats.keras.reader.values import CHANNELS_FIRST, CHANNELS_LAST, Block, Value
from netspec.formats.sketch import make
from netspec.ops import format_shape

__all__ = ["LAYERS", "MERGES", "WITH_NUMBER", "with_number"]


def _flatten(net: Network, use: Use, x: Value) -> Value:
    if channels_first(use.entry.config) and len(x.shape) > 2:
        # Keras then reads the channels last, as if they had always been there.
        shape = (*x.shape[1:], x.shape[0])
        x = Value(x.piece, shape, tuple((axis - 1) % len(shape) for axis in x.axes), known=x.known)
    return net.flattened(use, x)


def _reshape(net: Network, use: Use, x: Value) -> Value:
    said = use.get("target_shape", use.get("dims"))
    use.read.add("dims")
    if not isinstance(said, list) or not all(isinstance(n, int) and not isinstance(n, bool) for n in said):
        raise RefusedError(f"target_shape={short(said)}")
    total = prod(x.shape)
    rest = prod(n for n in said if n != -1)
    if said.count(-1) > 1 or any(n < -1 or n == 0 for n in said) or total % rest or (-1 not in said and rest != total):
        raise RefusedError(f"target_shape={short(said)} does not fit {format_shape(x.shape)}")
    shape = tuple(total // rest if n == -1 else n for n in said)
    if len(shape) > 4 or not shape:
        raise RefusedError(f"a shape of {len(shape)} axes ({format_shape(shape)}); 1 to 4 can be")
    if shape == x.shape:
        return x
    if len(shape) == 1:
        return net.flattened(use, x)
    last = CHANNELS_LAST[len(shape)]
    if len(x.shape) > 1 and shape[-1] == x.shape[-1] and x.axes == CHANNELS_LAST[len(x.shape)]:
        # The channels stay, and the positions keep their order.
        piece = net.piece(use, make("reshape", shape=tuple(shape[a] for a in last)), x.piece)
        return net.value(piece, last)
    if len(x.blocks) == 1 and x.blocks[0].axes == last[: len(shape)] and _whole(x.blocks[0]) == shape:
        # A row becomes the image again that it was.
        return net.value(net.piece(use, make("reshape", shape=x.blocks[0].shape), x.piece), last)
    x = net.in_order(use, x)
    if len(x.shape) == 1 and shape[:-1] == (1, 1) and not channels_first(use.entry.config):
        return net.pixel(use, x)
    axes = last if Block(tuple(shape[a] for a in last), last).plain else CHANNELS_FIRST[len(shape)]
    return net.value(net.piece(use, make("reshape", shape=tuple(shape[a] for a in axes)), x.piece), axes)


def _whole(block: Block) -> tuple[int, ...]:
    shape = [0] * len(block.shape)
    for size, axis in zip(block.shape, block.axes, strict=True):
        shape[axis] = size
    return tuple(shape)


def _permute(net: Network, use: Use, x: Value) -> Value:
    """Name the axes anew: nothing moves until a layer needs it."""
    del net
    dims = use.get("dims")
    if not isinstance(dims, list) or sorted(map(str, dims)) != sorted(str(i + 1) for i in range(len(x.shape))):
        raise RefusedError(f"dims={short(dims)} does not fit {format_shape(x.shape)}")
    if len(x.shape) < 2:
        return x
    shape = tuple(x.shape[d - 1] for d in dims)
    return Value(x.piece, shape, tuple(dims.index(axis + 1) for axis in x.axes), known=x.known, scaled=x.scaled)


def _repeat(net: Network, use: Use, x: Value) -> Value:
    if len(x.shape) != 1:
        raise RefusedError(f"it reads {format_shape(x.shape)}, and repeats rows alone")
    count = use.whole("n")
    x = net.in_order(use, x)
    column = net.bare(use, make("reshape", shape=(*x.shape, 1)), x.piece, suffix="column")
    return net.value(net.piece(use, make("upsample", factor=(count, count)), column.name), CHANNELS_LAST[2])


def _merge(net: Network, use: Use, xs: Sequence[Value]) -> Value:
    kind = _MERGES[use.entry.kind]
    x, *others = _alike(net, use, xs, widened=kind not in {"add", "average"})
    if not others:
        return x
    shapes = {each.shape for each in (x, *others)}
    if len(shapes) > 1 and not all(len(s) == 1 or s == max(shapes, key=len) for s in shapes):
        raise RefusedError(
            f"it reads {' and '.join(map(format_shape, sorted(shapes)))}, of which one is spread over the other",
            "`multiply` spreads a row of channels",
        )
    piece = net.piece(use, make(kind), x.piece, *(each.piece for each in others))
    largest = max((x, *others), key=lambda each: len(each.shape))
    return net.value(piece, largest.axes, largest.blocks)


def _alike(net: Network, use: Use, xs: Sequence[Value], *, widened: bool) -> list[Value]:
    """Return values whose axes and orders are the same; with `widened`, one position for all becomes a row."""
    largest = max(xs, key=lambda each: prod(each.shape))
    made = []
    for x in xs:
        if len(x.shape) > 1 and x.shape != largest.shape and widened and set(x.shape[:-1]) == {1}:
            if channels_first(use.entry.config) or largest.axes != CHANNELS_LAST[len(largest.shape)]:
                raise RefusedError(f"it spreads {format_shape(x.shape)} over other values")
            made.append(net.flattened(use, x) if len(x.shape) == 1 else _row(net, use, x))
        elif widened and len(x.shape) == 1 < len(largest.shape) and largest.axes[0] == len(largest.shape) - 1:
            # Keras puts the missing axes before the channels.
            made.append(net.in_order(use, x))
        elif len(x.shape) == len(largest.shape) > 1:
            made.append(net.arranged(use, x, largest.axes))
        elif len(x.shape) < len(largest.shape):
            both = f"{format_shape(x.shape)} and {format_shape(largest.shape)}"
            raise RefusedError(f"it reads {both}, of which one is spread over the other")
        else:
            made.append(x)
    if len({x.blocks for x in made if len(x.shape) == 1}) > 1:
        made = [net.in_order(use, x) for x in made]
    return made


def _row(net: Network, use: Use, x: Value) -> Value:
    if x.piece in net.rows:
        return net.rows[x.piece]
    piece = net.bare(use, make("flatten"), x.piece, suffix="row")
    return Value(piece.name, (x.shape[-1],), (0,), known=bool(piece.shape))


def _concatenate(net: Network, use: Use, xs: Sequence[Value]) -> Value:
    said = use.get("axis", use.get("concat_axis", -1))
    use.read.add("concat_axis")
    count = len(xs[0].shape)
    if any(len(x.shape) != count for x in xs) or not count:
        raise RefusedError(f"it reads {' and '.join(format_shape(x.shape) for x in xs)}")
    if not isinstance(said, int) or not -count <= said <= count or not said:
        raise RefusedError(f"axis={short(said)}", "an axis of an example")
    axis = said - 1 if said > 0 else said + count
    if len(xs) == 1:
        return xs[0]
    if count == 1:
        blocks = tuple(b for x in xs for b in (x.blocks or (Block(x.shape, (0,)),)))
        piece = net.piece(use, make("concat"), *(x.piece for x in xs))
        return net.value(piece, (0,), () if all(block.plain for block in blocks) else blocks)
    axes = CHANNELS_LAST[count] if axis == count - 1 and count <= 3 else (axis, *(a for a in range(count) if a != axis))
    arranged = [net.arranged(use, x, axes) for x in xs]
    return net.value(net.piece(use, make("concat"), *(x.piece for x in arranged)), axes)


def _dot(net: Network, use: Use, xs: Sequence[Value]) -> Value:
    axes = use.get("axes", use.get("dot_axes"))
    use.read.add("dot_axes")
    if len(xs) != 2 or any(len(x.shape) != 1 for x in xs) or axes not in (1, -1, [1, 1], [-1, -1]):
        raise RefusedError("a product of matrices", "`dot` is that of two rows")
    first, second = _alike(net, use, xs, widened=False)
    kind = "cosine_similarity" if use.flag("normalize", default=False) else "dot"
    return net.value(net.piece(use, make(kind), first.piece, second.piece), (0,))


def _old_merge(net: Network, use: Use, xs: Sequence[Value]) -> Value:
    """Add what Keras 1 called `Merge`, with the kind as a word."""
    mode = use.word("mode", "sum")
    use.read.update(("dot_axes", "output_shape", "output_mask", "mode_type", "output_shape_type", "output_mask_type"))
    kinds = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate", "dot": "Dot"}
    if mode not in kinds or use.entry.config.get("mode_type") == "lambda":
        raise RefusedError(f"mode={mode[:60]!r}", "sum, mul, ave, max or concat")
    return MERGES[kinds[mode]](net, use.within(kinds[mode], use.entry.config), xs)


def with_number(net: Network, use: Use, x: Value) -> Value:
    """Add what an operation does with a value and a number: `x + 3`."""
    kind, number, after = use.entry.kind, use.call.number or 0.0, use.call.after
    factor, plus = {
        "Add": (1.0, number),
        "Multiply": (number, 0.0),
        "Subtract": (1.0, -number) if after else (-1.0, number),
    }.get(kind, (1 / number if number else 0.0, 0.0))
    if kind in {"Divide", "TrueDivide"} and not (after and number):
        raise RefusedError(f"{number:g} over what the network makes", "`divide`")
    return net.add(use, make("times", factor=float(f"{factor:.9g}"), plus=float(f"{plus:.9g}")), x)


WITH_NUMBER = {"Add", "Subtract", "Multiply", "Divide", "TrueDivide"}
"""Operations of one value and a number."""

_MERGES = {
    "Add": "add",
    "Subtract": "subtract",
    "Multiply": "multiply",
    "Average": "average",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Divide": "divide",
    "TrueDivide": "divide",
}

LAYERS: Mapping[str, Callable[[Network, Use, Value], Value]] = {
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "RepeatVector": _repeat,
}

MERGES: Mapping[str, Callable[[Network, Use, Sequence[Value]], Value]] = {
    **dict.fromkeys(_MERGES, _merge),
    "Concatenate": _concatenate,
    "Dot": _dot,
    "Merge": _old_merge,
}
"""Layers that read several values."""
