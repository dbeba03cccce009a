"""A value of ONNX as a view of a layer's: which parts of its axes each axis of ONNX is.

Exporters move axes about before and after what computes: to channels last and back, into heads, into positions. Here
all of that is written down, and nothing is moved: an axis is a row of atoms, a reshape cuts atoms or joins axes, a
transposition puts axes into another order. A layer is added where something reads what no view can give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TypeAlias

from netspec.formats.onnx.read.model import RefusedError
from netspec.formats.reading import Array
from netspec.ops import Shape

__all__ = ["Atom", "CannotRegroupError", "Group", "View", "aligned", "atoms_of", "size_of"]


@dataclass(frozen=True, eq=False, slots=True)
class Atom:
    """A part of an axis that stays whole; each is itself alone, and that of the batch is one too."""

    size: int
    batch: bool = False


Group: TypeAlias = tuple[Atom, ...]
"""One axis: its atoms, the slowest first. An axis of one value has none."""


class CannotRegroupError(Exception):
    """An axis cannot be cut so; what is moved must be written down first."""


def size_of(group: Group) -> int:
    """Return how long an axis is."""
    return prod(atom.size for atom in group)


def atoms_of(groups: Sequence[Group]) -> list[Atom]:
    """Return the atoms of several axes in their order, without the batch."""
    return [atom for group in groups for atom in group if not atom.batch]


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """A value of ONNX.

    Attributes:
        piece: the name of the piece, or the input, that it is made of.
        base: the axes of that, without the batch.
        axes: the axes of ONNX, the batch among them.
        tokens: whether its values are whole numbers, of tokens.
        bytes: whether it holds bytes 0..255 of which the piece holds 0..1.
        wide: the sizes to which it is still to be repeated, along axes of one value; arithmetic does so by itself.
    """

    piece: str
    base: tuple[Group, ...]
    axes: tuple[Group, ...]
    tokens: bool = False
    bytes: bool = False
    wide: Shape = ()

    @property
    def shape(self) -> Shape:
        """Return its sizes, the batch among them."""
        return self.wide or tuple(map(size_of, self.axes))

    @property
    def atoms(self) -> list[Atom]:
        """Return all atoms in the order of its axes, without the batch."""
        return atoms_of(self.axes)

    def replaced(self, changes: Mapping[Atom, Group]) -> View:
        """Return the view with atoms cut into several."""

        def changed(groups: tuple[Group, ...]) -> tuple[Group, ...]:
            return tuple(tuple(part for atom in group for part in changes.get(atom, (atom,))) for group in groups)

        return replace(self, base=changed(self.base), axes=changed(self.axes))

    def apart(self, other: View) -> View:
        """Return the view with atoms of its own where some lie along other axes of another value: of `x` and `xᵀ`."""
        places, others = ({atom: at for at, group in enumerate(v.axes[::-1]) for atom in group} for v in (self, other))
        if all(others.get(atom, at) == at for atom, at in places.items() if not atom.batch):
            return self
        return self.replaced({atom: (Atom(atom.size),) for atom in atoms_of(self.base)})

    def with_batch(self) -> View:
        """Return the view where a batch of one, which a reshape has dropped, is the first axis of one value again."""
        if any(atom.batch for group in self.axes for atom in group):
            return self
        for index, group in enumerate(self.axes):
            if not group:
                return replace(self, axes=(*self.axes[:index], (Atom(1, batch=True),), *self.axes[index + 1 :]))
        return self

    def batch_axis(self) -> int | None:
        """Return the axis that is the batch and nothing else."""
        return next((i for i, group in enumerate(self.axes) if len(group) == 1 and group[0].batch), None)

    def regrouped(self, sizes: Sequence[int]) -> View:
        """Return the view with axes of other sizes, which go through the same values in the same order.

        Raises:
            CannotRegroupError: where an atom would be cut where it has no whole parts.
        """
        queue = [atom for group in self.axes for atom in group][::-1]
        changes: dict[Atom, Group] = {}
        made: list[Group] = []
        for size in sizes:
            group: list[Atom] = []
            left = size
            if queue and queue[-1].batch and queue[-1].size == 1:
                # A batch of one is an axis of one value where there is one, and nothing otherwise.
                batch = queue.pop()
                group += [batch] if size == 1 else []
            while left > 1:
                if not queue:
                    raise CannotRegroupError
                atom = queue.pop()
                if atom.batch and atom.size == 1:
                    continue
                if left % atom.size == 0:
                    group.append(atom)
                    left //= atom.size
                elif atom.size % left == 0 and not atom.batch:
                    first, rest = Atom(left), Atom(atom.size // left)
                    changes[atom] = (first, rest)
                    group.append(first)
                    queue.append(rest)
                    left = 1
                else:
                    raise CannotRegroupError
            made.append(tuple(group))
        if any(not atom.batch for atom in queue):
            raise CannotRegroupError
        view = self
        for atom, parts in changes.items():
            # What was cut may have been cut again.
            view = view.replaced({atom: parts})
        return replace(view, axes=tuple(made)).with_batch()


def aligned(array: Array, axis: int, found: Group, wanted: Group) -> Array:
    """Return an array with one of its axes, which goes along some atoms, along the same in another order."""
    if found == wanted:
        return array
    if set(found) != set(wanted):
        raise RefusedError("its weights go along other values than it reads")
    before, after = array.shape[:axis], array.shape[axis + 1 :]
    apart = array.reshape(*before, *(atom.size for atom in found), *after)
    order = [len(before) + found.index(atom) for atom in wanted]
    apart = apart.transpose(*range(len(before)), *order, *range(len(before) + len(found), apart.ndim))
    return apart.reshape(array.shape)
