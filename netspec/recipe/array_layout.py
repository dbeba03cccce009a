"""How examples lie in an array beside how a network takes them: channels last, time first, without a channel."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from netspec.ops import Shape
from netspec.recipe.array_facts import Wrong, shape_text

__all__ = ["Layout", "input_of", "layout_of"]

_CHANNELS = (1, 2, 3, 4)
"""So many channels have pictures: an axis of another size is none of channels."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What makes an example of an array one of a network: its axes in another order, then another shape.

    Attributes:
        order: of the axes of an example, counted from 0.
        shape: in the end.
        said: what the user should know of it; empty where it goes without saying.
    """

    order: tuple[int, ...]
    shape: Shape
    said: str = ""

    @property
    def moves(self) -> bool:
        """Whether axes change places."""
        return self.order != tuple(sorted(self.order))


def layout_of(have: Shape, wanted: Shape) -> Layout | None:
    """Return how examples of an array become a network's; None where they cannot without guessing.

    Args:
        have: the shape of one example in the array.
        wanted: of the network's input: channels x height x width, of a volume the depth before the height; features
            x length; or features.
    """
    as_is = tuple(range(len(have)))
    if have == wanted:
        square = len(wanted) == 2 and have[0] == have[1]
        return Layout(as_is, wanted, f"examples of {shape_text(have)} are read as features x length" if square else "")
    if len(wanted) == len(have) > 2 and (have[-1], *have[:-1]) == wanted:
        said = f"channels stand last ({shape_text(have)}), and are brought to the front" if have[-1] > 1 else ""
        return Layout((len(have) - 1, *as_is[:-1]), wanted, said)
    if len(wanted) == 2 and have == (wanted[1], wanted[0]):
        said = f"examples are length x features ({shape_text(have)}), and are transposed to {shape_text(wanted)}"
        return Layout((1, 0), wanted, said)
    alone = len(wanted) > 2 and wanted[0] == 1 and have == wanted[1:]
    sequence = len(wanted) == 2 and (have == (1, *wanted) or (wanted[0] == 1 and have == wanted[1:]))
    row = len(wanted) == 1 and prod(have) == wanted[0]
    return Layout(as_is, wanted) if alone or sequence or row else None


def input_of(name: str, shape: Shape, kind: str) -> tuple[Shape | None, Wrong | None]:
    """Return the input that an array implies, or why it implies none.

    Args:
        name: of the array.
        shape: of one example in it.
        kind: NumPy's letter for its type, `u` for bytes.
    """
    whole = shape_text((0, *shape)).replace("0x", "N x ", 1).replace("x", " x ").replace("  ", " ")
    if len(shape) <= 1 and kind == "i":
        tokens = f"`input {shape_text(shape or (1,))} tokens=1000` for tokens"
        return None, (
            f"{name} ({whole}) is whole numbers: amounts, or tokens",
            f"write {tokens}, else without `tokens`",
        )
    if len(shape) <= 1:
        return shape or (1,), None
    if len(shape) == 2:
        if kind in "ub":
            return (1, *shape), None
        picture, sequence = f"`input 1x{shape_text(shape)}`", f"`input {shape[1]}x{shape[0]}`"
        return None, (
            f"{name} ({whole}) is pictures of one channel, or sequences",
            f"write {picture} for pictures; {sequence} for sequences of {shape[0]} steps of {shape[1]} features, "
            f"`input {shape_text(shape)}` for {shape[0]} features of {shape[1]} steps",
        )
    if len(shape) == 3:
        first, last = shape[0] in _CHANNELS, shape[2] in _CHANNELS
        if first != last:
            return (shape if first else (shape[2], *shape[:2])), None
        return None, (
            f"{name} ({whole}) does not say which axis has the channels",
            f"write `input {shape_text(shape)}` where they stand first, "
            f"`input {shape_text((shape[2], *shape[:2]))}` where they stand last, `input 1x{shape_text(shape)}` for "
            "volumes of one channel",
        )
    if len(shape) == 4:
        first, last = shape[0] in _CHANNELS, shape[3] in _CHANNELS
        if first != last:
            return (shape if first else (shape[3], *shape[:3])), None
        return None, (
            f"{name} ({whole}) does not say which axis has the channels of its volumes",
            f"write `input {shape_text(shape)}` where they stand first, "
            f"`input {shape_text((shape[3], *shape[:3]))}` where they stand last",
        )
    return None, (f"{name} has examples of {len(shape)} axes", "1 to 4 are read: features, pictures or volumes")
