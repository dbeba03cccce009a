"""Names of classes: their order, and what is wrong with those that are not among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from netspec.diagnostics.suggest import nearest
from netspec.ops import Shape
from netspec.recipe.array_facts import Wrong
from netspec.recipe.losses import CrossEntropy, Loss

__all__ = ["are_numbers", "empty_name", "in_order", "mixed_kinds", "no_row", "takes_no_names", "unknown_name"]

_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return different names as they sort: whole numbers as numbers, others as texts."""
    different = set(names)
    if all(_WHOLE.fullmatch(name) for name in different):
        return tuple(sorted(different, key=int))
    return tuple(sorted(different))


def are_numbers(names: Sequence[str]) -> bool:
    """Return whether classes have no names of their own: 0, 1, 2 and so on."""
    return all(name == str(i) for i, name in enumerate(names))


def unknown_name(key: str, index: int, name: str, count: int, others: int, names: Sequence[str], lacking: str) -> Wrong:
    """Return what is wrong with a class that is not among the known ones.

    Args:
        key: of the array that has it.
        index: of the first example of it there.
        name: of the class.
        count: of its examples there.
        others: how many more classes there are not known either.
        names: the known classes.
        lacking: what lacks it: `y_train`.
    """
    more = f"; and {others:,} more such class{'' if others == 1 else 'es'}" if others else ""
    times = "once" if count == 1 else f"{count:,} times"
    near = nearest(name, names)
    fix = f"did you mean {near!r}? else " if near else ""
    return (
        f"{key}[{index}] is {name!r}, a class that {lacking} does not have; {key} has it {times}{more}",
        f"{fix}give {lacking} examples of it, or leave it out of {key}"
        if "_" in lacking
        else f"{fix}leave its examples out",
    )


def empty_name(key: str, index: int) -> Wrong:
    """Return what is wrong with a text of no characters among names."""
    return f"{key}[{index}] is an empty text: an example without a label", "leave those out of both arrays"


def no_row(key: str, shape: Shape) -> Wrong:
    """Return what is wrong with names that are not one for each example."""
    return (
        f"{key} has texts of the shape {shape}, but names of classes are (N,)",
        "give one name an example; several labels at once are rows of 0 and 1, for `fc 3 sigmoid`",
    )


def takes_no_names(key: str, classes: int, loss: Loss) -> Wrong | None:
    """Return what is wrong with names of classes for a loss; None where nothing is."""
    targets = loss.targets
    if "class" not in targets:
        kind = {"sequence": "rows of class numbers", "pair": "0 and 1"}.get(targets[0], "numbers")
        return (
            f"{key} has names of classes, but {loss.canonical()} takes {kind}",
            f"give {kind}, or leave `loss` out and end in `fc {classes} softmax`",
        )
    ignore = loss.ignore if isinstance(loss, CrossEntropy) else None
    if ignore is not None and 0 <= ignore < classes:
        return (
            f"`ignore={ignore}` leaves out a label that is a number, but {key} has names of classes",
            "leave those examples out of the data",
        )
    return None


def mixed_kinds(key: str, other: str) -> Wrong:
    """Return what is wrong where one array has names of classes and another has not."""
    return f"{key} has names of classes, but {other} has none", "give both as names, or both as numbers from 0"
