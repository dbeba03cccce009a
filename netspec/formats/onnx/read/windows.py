"""Convolution and pooling: their windows, and the many ways of ONNX to say their padding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from netspec.formats.onnx.read.constants import multiplied, times
from netspec.formats.onnx.read.model import Node, RefusedError
from netspec.formats.onnx.read.trace import Trace
from netspec.formats.onnx.read.views import Group, View
from netspec.formats.reading import Array, Piece
from netspec.ops import Pads, same_padding

__all__ = ["OPERATORS", "cropped", "padded", "written"]


def written(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return a size as the language has it: two numbers where all are equal, as of a sequence its one."""
    return (sizes[0], sizes[0]) if len(set(sizes)) == 1 else tuple(sizes)


@dataclass(frozen=True, slots=True)
class _Window:
    """How a window moves over the positions of a value, of which axes without a use are left out.

    Attributes:
        view: laid out as channels and positions.
        axes: the axes of positions of ONNX that are kept.
    """

    view: View
    axes: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: Pads

    def size(self) -> tuple[int, ...]:
        """Return the sizes of the positions."""
        return tuple(self.view.shape[2 + axis] for axis in self.axes)

    def cut(self, array: Array) -> Array:
        """Return a kernel without the axes that are left out."""
        rank = len(self.view.axes) - 2
        return array.squeeze(tuple(2 + i for i in range(rank) if i not in self.axes))

    def made(self, t: Trace, piece: Piece) -> View:
        """Return what a layer makes as ONNX has it, with an axis of one value where one was left out."""
        found = t.fresh(piece, piece.shape)
        spatial: list[Group] = [()] * (len(self.view.axes) - 2)
        for axis, group in zip(self.axes, found.base[1:], strict=True):
            spatial[axis] = group
        return replace(found, axes=(found.axes[0], found.base[0], *spatial))


def _window(t: Trace, node: Node, value: Any, kernel: Sequence[int] | None, *, spread: bool = False) -> _Window:
    """Return the window of a node."""
    if not isinstance(value, View) or value.tokens:
        raise RefusedError("it reads no computed value")
    rank = len(value.axes) - 2
    if rank not in {1, 2, 3}:
        raise RefusedError(
            f"windows along {rank} axes" if rank > 0 else "it reads a value without positions",
            "volumes have three axes of positions, images two, sequences one",
        )
    sizes = node.wholes("kernel_shape", rank, 1) if kernel is None else tuple(kernel)
    if node.attributes.get("kernel_shape", list(sizes)) != list(sizes) or len(sizes) != rank:
        raise RefusedError("its kernel_shape is not that of its kernel")
    stride, dilation = node.wholes("strides", rank, 1), node.wholes("dilations", rank, 1)
    if any(n < 1 for n in (*sizes, *stride, *dilation)):
        raise RefusedError("its window has a size below 1")
    pads = _pads(node, value.shape[2:], sizes, stride, dilation, spread=spread)
    axes = tuple(range(rank))
    view = value.with_batch()
    if rank == 2 and len(view.base) == 2:
        # A sequence that was made an image of one row for this.
        used = [i for i in axes if view.axes[2 + i] or sizes[i] > 1 or any(pads[i])]
        if len(used) == 1 and [*view.base] == [view.axes[1], view.axes[2 + used[0]]]:
            axes = tuple(used)
    groups = [view.axes[1], *(view.axes[2 + i] for i in axes)]
    if view.batch_axis() != 0:
        raise RefusedError("the first axis of what it reads is not that of the examples")
    kept = [tuple(each[i] for i in axes) for each in (sizes, stride, dilation)]
    return _Window(t.laid(node, view, groups), axes, kept[0], kept[1], kept[2], tuple(pads[i] for i in axes))


def _pads(
    node: Node,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    *,
    spread: bool,
) -> Pads:
    """Return what is added before and after each axis."""
    auto = node.word("auto_pad", "NOTSET")
    if auto not in {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}:
        raise RefusedError(f"auto_pad={auto[:40]}")
    if auto == "VALID":
        return ((0, 0),) * len(kernel)
    if auto == "NOTSET":
        edges = node.wholes("pads", 2 * len(kernel), 0)
        if any(n < 0 for n in edges):
            raise RefusedError("padding below 0", "`crop` before it")
        return tuple(zip(edges[: len(kernel)], edges[len(kernel) :], strict=True))
    if spread:
        totals = [max(d * (k - 1) + 1 - s, 0) for k, s, d in zip(kernel, stride, dilation, strict=True)]
        pads = tuple((total // 2, total - total // 2) for total in totals)
    else:
        pads = same_padding(tuple(size), tuple(kernel), tuple(stride), tuple(dilation))
    return pads if auto == "SAME_UPPER" else tuple((after, before) for before, after in pads)


def padded(t: Trace, node: Node, view: View, pads: Sequence[tuple[int, int]], mode: str = "zero") -> View:
    """Return a value with more positions before and after; where they are not as many, some are cut off again."""
    if not any(map(any, pads)):
        return view
    most = tuple(map(max, pads))
    shape = t.sketch.shapes[view.piece]
    piece = t.add(node, "pad", [view.piece], amount=written(most), mode=mode)
    if any(before != after for before, after in pads):
        start = tuple(m - before for m, (before, _) in zip(most, pads, strict=True))
        size = tuple(n + before + after for n, (before, after) in zip(shape[1:], pads, strict=True))
        piece = cropped(t, node, piece.name, start, size)
    made = t.fresh(piece, piece.shape)
    return replace(made, axes=(made.axes[0], *made.base))


def cropped(t: Trace, node: Node, name: str, start: Sequence[int], size: Sequence[int]) -> Piece:
    """Return the layer that keeps so many positions from a place on."""
    found = t.sketch.shapes[name][1:]
    middle = all((n - k) // 2 == s for n, k, s in zip(found, size, start, strict=True))
    return t.add(node, "crop", [name], size=written(size), offset=None if middle else written(start))


def _even(pads: Pads) -> bool:
    return all(before == after for before, after in pads)


def _amount(pads: Pads) -> Any:
    return written([before for before, _ in pads]) if any(map(any, pads)) else "valid"


def _conv(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    kernel, bias = _weights(inputs)
    view: Any = inputs[0]
    groups = node.whole("group", 1)
    point = set(kernel.shape[2:]) == {1} and groups == 1 and not any(node.attributes.get("pads", ()))
    if isinstance(view, View) and point and len(view.base) == 1 and view.base[0] == view.with_batch().axes[1]:
        # Behind an average over all positions, a convolution of 1x1 is a fully connected layer.
        flat = {"kernel": kernel.reshape(kernel.shape[:2])} | ({"bias": bias} if bias is not None else {})
        piece = t.add(node, "fc", [view.piece], flat, units=len(kernel), bias=bias is not None)
        made = t.fresh(piece, piece.shape)
        return replace(made, axes=(*made.axes, *[()] * (len(view.axes) - 2)))
    at = _window(t, node, view, kernel.shape[2:])
    channels = t.sketch.shapes[at.view.piece][0]
    if groups < 1 or kernel.shape[1] * groups != channels or kernel.shape[0] % groups:
        raise RefusedError(f"its kernel is for {kernel.shape[1] * max(groups, 0)} channels, and it reads {channels}")
    view, pads = at.view, at.pads
    reach = tuple(d * (k - 1) for k, d in zip(at.kernel, at.dilation, strict=True))
    pad: Any
    if _even(pads):
        pad = _amount(pads)
    elif pads == same_padding(at.size(), at.kernel, at.stride, at.dilation):
        pad = "same"
    elif len(pads) == 1 and pads[0] == (reach[0], 0):
        pad = "causal"
    else:
        view, pad = padded(t, node, view, pads), "valid"
    fields: dict[str, Any] = {
        "kernel": written(at.kernel),
        "stride": written(at.stride),
        "dilation": written(at.dilation),
        "pad": pad,
        "bias": bias is not None,
    }
    arrays = {"kernel": at.cut(kernel)} | ({"bias": bias} if bias is not None else {})
    if groups > 1 and groups == channels:
        piece = t.add(node, "depthwise", [view.piece], arrays, multiplier=len(kernel) // groups, **fields)
    else:
        piece = t.add(node, "conv", [view.piece], arrays, filters=len(kernel), groups=groups, **fields)
    return at.made(t, piece)


def _weights(inputs: Sequence[Any]) -> tuple[Array, Array | None]:
    """Return the kernel and the bias of a convolution."""
    kernel, bias = inputs[1] if len(inputs) > 1 else None, inputs[2] if len(inputs) > 2 else None
    if not isinstance(kernel, np.ndarray) or not isinstance(bias, np.ndarray | None):
        raise RefusedError("its kernel is computed", "kernels are weights here")
    if kernel.ndim < 3 or kernel.dtype.kind != "f":
        raise RefusedError("its kernel has no positions, or holds no floats")
    return kernel, bias


def _deconv(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    kernel, bias = _weights(inputs)
    at = _window(t, node, inputs[0], kernel.shape[2:], spread=True)
    rank = len(kernel.shape) - 2
    extra = tuple(node.wholes("output_padding", rank, 0)[i] for i in at.axes)
    pads = list(at.pads)
    whole = [
        s * (n - 1) + d * (k - 1) + 1 for n, k, s, d in zip(at.size(), at.kernel, at.stride, at.dilation, strict=True)
    ]
    if "output_shape" in node.attributes:
        wanted = [node.wholes("output_shape", rank, 0)[i] for i in at.axes]
        totals = [w + e - n for w, e, n in zip(whole, extra, wanted, strict=True)]
        if any(total < 0 for total in totals):
            raise RefusedError("an output_shape that is larger than what its kernel reaches", "`pad` behind `deconv`")
        upper = node.word("auto_pad", "NOTSET") != "SAME_UPPER"
        halves = [(total - total // 2, total // 2) if upper else (total // 2, total - total // 2) for total in totals]
        pads = halves
    groups = node.whole("group", 1)
    # What is cut off: before, and after without what `output_padding` gives back.
    cut = [(before, after - e) for (before, after), e in zip(pads, extra, strict=True)]
    most = [max(s, d) for s, d in zip(at.stride, at.dilation, strict=True)]
    fields: dict[str, Any] = {
        "filters": kernel.shape[1] * groups,
        "kernel": written(at.kernel),
        "stride": written(at.stride),
        "dilation": written(at.dilation),
        "groups": groups,
        "bias": bias is not None,
    }
    arrays = {"kernel": at.cut(kernel)} | ({"bias": bias} if bias is not None else {})
    if all(0 <= before - after < m or before == after for (before, after), m in zip(cut, most, strict=True)):
        given = [before - after for before, after in cut]
        amount = written([before for before, _ in cut])
        piece = t.add(
            node,
            "deconv",
            [at.view.piece],
            arrays,
            pad=amount if any(amount) else "valid",
            output_pad=written(given) if len(given) > 1 else (0, given[0]),
            **fields,
        )
        return at.made(t, piece)
    if any(after < 0 for _, after in cut):
        raise RefusedError("its padding and output_padding together", "`deconv` and `pad`")
    piece = t.add(node, "deconv", [at.view.piece], arrays, **fields)
    size = [n - before - after for n, (before, after) in zip(whole, cut, strict=True)]
    if any(n < 1 for n in size):
        raise RefusedError("its padding leaves nothing")
    return at.made(t, cropped(t, node, piece.name, [before for before, _ in cut], size))


def _pool(kind: str) -> Callable[[Trace, Node, Sequence[Any]], View]:
    def operator(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
        if any(node.outputs[1:]):
            raise RefusedError("the places of the maxima", "`pool` gives the maxima")
        if "kernel_shape" not in node.attributes:
            raise RefusedError("it has no kernel_shape")
        at = _window(t, node, inputs[0], None)
        if set(at.dilation) != {1}:
            raise RefusedError("pooling with a dilation", "`pool` with a stride, or a convolution with `dilation=`")
        ceil = bool(node.whole("ceil_mode", 0))
        counted = kind == "avgpool" and bool(node.whole("count_include_pad", 0))
        view, pads = at.view, at.pads
        fields: dict[str, Any] = {"kernel": written(at.kernel), "stride": written(at.stride), "ceil": ceil}
        pad: Any
        if _even(pads):
            pad = _amount(pads)
        elif not ceil and pads == same_padding(at.size(), at.kernel, at.stride, (1,) * len(pads)):
            pad = "same"
        elif kind == "avgpool" and not counted and not ceil:
            return _uneven_mean(t, node, at)
        elif kind == "pool" or counted:
            # The outermost values again change no maximum, for a window that reaches them reads them anyway.
            view, pad = padded(t, node, view, pads, "edge" if kind == "pool" else "zero"), "valid"
        else:
            raise RefusedError("a mean whose padding differs before and after", "`pad=same`, or `count_padding`")
        if counted and pad != "valid":
            fields["count_padding"] = True
        piece = t.add(node, kind, [view.piece], pad=pad, **fields)
        if ceil:
            wanted = tuple(
                -(-(n + sum(p) - k) // s) + 1 for n, p, k, s in zip(at.size(), pads, at.kernel, at.stride, strict=True)
            )
            if piece.shape[1:] != wanted:
                raise RefusedError("with ceil_mode, a last window that lies in the padding alone", "`pool … ceil`")
        return at.made(t, piece)

    return operator


def _uneven_mean(t: Trace, node: Node, at: _Window) -> View:
    """Return means whose padding differs before and after and does not count."""
    zeros = padded(t, node, at.view, at.pads)
    made = at.made(t, t.add(node, "avgpool", [zeros.piece], kernel=written(at.kernel), stride=written(at.stride)))
    shares: list[Array] = []
    for n, k, s, (before, after) in zip(at.size(), at.kernel, at.stride, at.pads, strict=True):
        starts = np.arange((n + before + after - k) // s + 1) * s - before
        inside = np.minimum(starts + k, n) - np.maximum(starts, 0)
        if (inside < 1).any():
            raise RefusedError("a window that lies in the padding alone", "`avgpool` with less padding")
        shares.append(k / inside)
    share = shares[0] if len(shares) == 1 else np.multiply.outer(*shares)
    if (share == share.reshape(-1)[0]).all():
        return times(t, node, made, float(f"{share.reshape(-1)[0]:.8g}"))
    sizes = [1] * len(made.axes)
    for axis, size in zip(at.axes, share.shape, strict=True):
        sizes[2 + axis] = size
    return multiplied(t, node, made, share.reshape(sizes))


OPERATORS: Mapping[str, Callable[[Trace, Node, Sequence[Any]], Any]] = {
    "Conv": _conv,
    "ConvTranspose": _deconv,
    "MaxPool": _pool("pool"),
    "AveragePool": _pool("avgpool"),
}
