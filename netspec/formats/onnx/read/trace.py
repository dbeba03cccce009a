"""What the functions of operators are handed: it adds layers, and brings values into the form that a layer reads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from pydantic import ValidationError

from netspec.formats.onnx.read.model import LostError, Node, OnnxGraph, RefusedError
from netspec.formats.onnx.read.views import Atom, CannotRegroupError, Group, View, atoms_of, size_of
from netspec.formats.reading import Array, ModelImportError, Piece
from netspec.formats.sketch import Sketch, make, reason_of
from netspec.ops import Shape

__all__ = ["FREE", "Trace"]

FREE = 10_007
"""Stands for the number of examples where it is free: a prime that no size of a network is a multiple of."""

_MOST_BYTES = 2**26
"""Bytes that the weights of layers may have beside four times those of the file."""

_MOST_WEIGHTS = 16
"""Inputs of a node among which its weights are; further ones are values that it adds or puts behind each other."""

_PARTS = re.compile(
    r"[./_:](weight|bias|kernel|gamma|beta|scale|b|w|running_mean|running_var|moving_mean|moving_variance|mean|"
    r"variance|slope|alpha|offset|weight_ih_l\d|weight_hh_l\d|bias_ih_l\d|bias_hh_l\d|taps|column|spread|gates)"
    r"(:0|/spread|/column|/taps|/gates|/biases)?$",
    re.IGNORECASE,
)


class Trace:
    """A graph on its way to become layers."""

    def __init__(self, graph: OnnxGraph, name: str) -> None:
        self.graph = graph
        self.sketch = Sketch(name)
        self.batch = Atom(FREE, batch=True)
        self.origins: dict[str, str] = {name: name for name in graph.constants}
        """The names of the weights that constants were made of."""
        self.moved: dict[tuple[str, tuple[Group, ...], tuple[Group, ...]], str] = {}
        """Pieces of values that were laid out anew, by the value and both layouts."""
        self.names: Counter[str] = Counter()
        self.uses: dict[str, tuple[str, ...]] = {}
        """The names of the constants that a piece has its weights from."""
        self.computed: set[str] = set()
        """The names of the values that are no constants."""
        self.read: set[str] = set()
        """The names of all values that something reads."""
        self.bytes = 0
        """Of the weights of all layers: a file of few can say that each of many layers has them."""
        self.most_bytes = _MOST_BYTES + 4 * sum(array.nbytes for array in graph.constants.values())
        self.nothing = object()
        """Stands for an output of a node that nothing reads."""

    # --- layers -----------------------------------------------------------------------------------------------------

    def label(self, node: Node) -> str:
        """Return what the file calls a layer: by its weights where their name says something, else by the node."""
        for name in node.inputs[:_MOST_WEIGHTS]:
            origin = self.origins.get(name, "")
            stem = _PARTS.sub("", origin)
            if stem != origin and stem:
                return stem[:100]
        name = node.name
        if re.fullmatch(r"node \d+", name):
            return ""
        # PyTorch repeats what a module is: `/features/features.0/Conv`.
        parts = [part for part in name.split(";")[0].split("/") if part]
        if len(parts) > 1 and parts[-1].partition("_")[0] == node.kind:
            parts.pop()
        if name.startswith("/") and parts:
            return parts[-1][:100]
        return "_".join(parts)[:100]

    def source(self, node: Node) -> str:
        """Return where weights came from, for the table."""
        return f"{self.label(node) or node.name} of {self.graph.file}"

    def add(
        self,
        node: Node,
        kind: str,
        inputs: Sequence[str],
        arrays: Mapping[str, Array] | None = None,
        **fields: Any,
    ) -> Piece:
        """Add a layer with its weights; raises LostError where it does not fit, which is noted then."""
        try:
            layer = make(kind, **fields)
        except ValidationError as error:
            raise RefusedError(f"as `{kind}`: {reason_of(error)}") from None
        name = self.label(node) or kind
        self.names[name] += 1
        name = name if self.names[name] == 1 else f"{name}_{self.names[name]}"
        piece = self.sketch.add(layer, inputs, name, node.place)
        if not piece.shape:
            raise LostError
        if arrays:
            self.bytes += sum(array.nbytes for array in arrays.values())
            if self.bytes > self.most_bytes:
                raise ModelImportError(
                    f"{self.graph.file} uses its weights so often, or for so many values, that its layers would have "
                    f"more than {self.most_bytes:,} bytes of them",
                    "export it with layers that share nothing",
                )
            known = len(self.sketch.made.unknown)
            self.sketch.give(piece, arrays, self.source(node))
            if len(self.sketch.made.unknown) > known:
                raise LostError
            self.uses[piece.name] = tuple(self.origins.get(n, n) for n in node.inputs if n not in self.computed)
        return piece

    def on(self, node: Node, view: View, kind: str, arrays: Mapping[str, Array] | None = None, **fields: Any) -> View:
        """Add a layer that leaves all values in their places."""
        return replace(view, piece=self.add(node, kind, [view.piece], arrays, **fields).name)

    def fresh(self, piece: Piece | str, shape: Shape) -> View:
        """Return a value as its layer has it, the batch before it."""
        base = tuple((Atom(size),) if size > 1 else () for size in shape)
        return View(piece if isinstance(piece, str) else piece.name, base, ((self.batch,), *base))

    # --- forms ------------------------------------------------------------------------------------------------------

    def reshaped(self, node: Node, view: View, sizes: Sequence[int]) -> View:
        """Return a value with axes of other sizes."""
        if prod(sizes) != prod(view.shape):
            raise RefusedError(f"it makes {_times(sizes)} of {_times(view.shape)}, which has another number of values")
        try:
            return view.regrouped(sizes)
        except CannotRegroupError:
            pass
        # What was moved is moved now, and counts as one row of values from here on.
        if view.batch_axis() != 0 or not sizes or sizes[0] != self.batch.size:
            raise RefusedError("it reshapes across the examples of a batch", "reshape each example by itself")
        row = self.laid(node, view, [tuple(view.atoms)])
        whole = (Atom(size_of(row.base[0])),)
        try:
            return View(row.piece, (whole,), ((self.batch,), whole)).regrouped(sizes)
        except CannotRegroupError:
            raise RefusedError("it reshapes across the examples of a batch", "reshape each example by itself") from None

    def laid(self, node: Node, view: View, groups: Sequence[Group]) -> View:
        """Return a value whose layer has certain axes; a layer is added where it has others."""
        groups = [tuple(atom for atom in group if not atom.batch) for group in groups]
        if [*view.base] == groups:
            return view
        known = self.moved.get((view.piece, view.base, tuple(groups)))
        if known is None:
            known = self._laid(node, view, groups)
            self.moved[view.piece, view.base, tuple(groups)] = known
        return replace(view, piece=known, base=tuple(groups))

    def _laid(self, node: Node, view: View, groups: list[Group]) -> str:
        """Return the piece of a value with certain axes."""
        found, wanted = atoms_of(view.base), atoms_of(groups)
        if set(found) != set(wanted):
            raise RefusedError("it reads values of the batch as if they were of one example")
        if len(groups) > 4:
            raise RefusedError(f"a value of {len(groups)} axes", "four axes are the most, without that of the batch")
        sizes = tuple(map(size_of, groups))
        if found == wanted:
            return self._reshape(node, view, groups).name
        moved = self._known_move(node, view, groups)
        if moved is None:
            blocks, order = _blocks(found, wanted)
            if len(blocks) > 4:
                raise RefusedError(
                    f"it moves {len(blocks)} parts of the axes about", "`permute` and `reshape` have four axes at most"
                )
            name = view.piece
            if [*view.base] != blocks:
                name = self._reshape(node, view, blocks).name
            name = self.add(node, "permute", [name], order=tuple(order)).name
            if tuple(size_of(blocks[i]) for i in order) != sizes:
                name = self.add(node, "reshape", [name], shape=sizes).name
            moved = name
        return moved

    def _reshape(self, node: Node, view: View, groups: Sequence[Group]) -> Piece:
        sizes = tuple(map(size_of, groups))
        if len(sizes) == 1:
            return self.add(node, "flatten", [view.piece])
        if len(sizes) == 2 and len(view.base) == 3 and view.base[0] == groups[0]:
            return self.add(node, "flatten", [view.piece], mode="positions")
        return self.add(node, "reshape", [view.piece], shape=sizes)

    def _known_move(self, node: Node, view: View, groups: Sequence[Group]) -> str | None:
        """Return the piece where a layer of its own does just this."""
        base = view.base
        if len(base) == len(groups) and set(base) == set(groups) and len(set(base)) == len(base):
            order = tuple(base.index(group) for group in groups)
            return self.add(node, "permute", [view.piece], order=order).name
        if len(base) == len(groups) and base[1:] == tuple(groups[1:]):
            for at in range(1, len(base[0])):
                if base[0][at:] + base[0][:at] == groups[0]:
                    # Groups of channels, one after the other, become one of each in turn.
                    count = size_of(base[0][:at])
                    return self.add(node, "channelshuffle", [view.piece], groups=count).name
        if len(base) == len(groups) == 3:
            if factor := _squares(base, groups):
                return self.add(node, "pixelshuffle", [view.piece], factor=factor).name
            if factor := _squares(groups, base):
                return self.add(node, "pixelunshuffle", [view.piece], factor=factor).name
        return None

    def featured(self, node: Node, view: View, features: Group) -> View:
        """Return a value whose channels are an axis of ONNX, maybe in another order; the rest are positions."""
        wanted = set(features)
        base = view.base
        if base and set(base[0]) == wanted:
            return view
        if not wanted:
            rest = list(base) if len(base) < 3 else [tuple(atoms_of(base))]
            return self.laid(node, view, [(), *rest])
        if wanted == set(atoms_of(base)):
            return self.laid(node, view, [tuple(atoms_of(base))])
        own = next((group for group in base if set(group) == wanted), None)
        if own is not None:
            return self.laid(node, view, [own, *(group for group in base if group is not own)])
        # In the order in which they lie, so that as little as possible is moved.
        apart = [tuple(atom for atom in atoms_of(base) if (atom in wanted) is inside) for inside in (True, False)]
        return self.laid(node, view, apart)

    def plain(self, node: Node, view: View, rank: int) -> View:
        """Return a value whose layer has the axes of ONNX, of which the first is the batch."""
        view = view.with_batch()
        if view.batch_axis() != 0:
            raise RefusedError("the first axis of what it reads is not that of the examples")
        if len(view.axes) != rank:
            raise RefusedError(f"it reads {len(view.axes)} axes, and not {rank}")
        return self.laid(node, view, view.axes[1:])


def _blocks(found: Sequence[Atom], wanted: Sequence[Atom]) -> tuple[list[Group], list[int]]:
    """Return the longest runs of atoms that stay together, as they stand, and the order in which they are wanted."""
    after = dict(zip(wanted, [*wanted[1:], None], strict=True))
    blocks: list[list[Atom]] = []
    for atom in found:
        if blocks and after[blocks[-1][-1]] is atom:
            blocks[-1].append(atom)
        else:
            blocks.append([atom])
    place = {atom: i for i, atom in enumerate(wanted)}
    order = sorted(range(len(blocks)), key=lambda i: place[blocks[i][0]])
    return [tuple(block) for block in blocks], order


def _squares(deep: Sequence[Group], wide: Sequence[Group]) -> int:
    """Return the factor by which channels become squares of pixels; 0 where something else is moved."""
    for atoms in range(1, len(wide[1])):
        rows, down = wide[1][:-atoms], wide[1][-atoms:]
        for more in range(1, len(wide[2])):
            columns, across = wide[2][:-more], wide[2][-more:]
            if (wide[0] + down + across, rows, columns) == (deep[0], deep[1], deep[2]):
                factor = size_of(down)
                return factor if factor == size_of(across) else 0
    return 0


def _times(sizes: Sequence[int]) -> str:
    return "x".join("N" if size == FREE else str(size) for size in sizes) or "1"
