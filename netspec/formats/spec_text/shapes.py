"""Which items are the same but for some numbers: their form, and the numbers in the order of the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from netspec.formats.spec_text.items import From, Item, Line, Merge, Repeat, Use
from netspec.layers.base import Layer
from netspec.schema.definition import parameters

__all__ = ["SLOTS", "Form", "form", "numbers", "same", "slots", "square"]

Form: TypeAlias = tuple[Any, ...] | None

SLOTS = {
    "filters": "c",
    "units": "c",
    "kernel": "k",
    "stride": "s",
    "pad": "p",
    "groups": "g",
}
"""The arguments that may be a parameter of a block, and what such a parameter is called."""

_OWN_MEANING = {"crop", "upsample", "pad"}
"""Layers whose arguments of these names mean something else."""


def square(value: Any) -> int | None:
    """Return the one number of an argument: that of a number, or of a size with equal sides; 0 for `valid`."""
    if value == "valid":
        return 0
    if isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]:
        value = value[0]
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def slots(layer: Layer) -> Iterator[tuple[str, int]]:
    """Yield the arguments of a layer that may become parameters, with their numbers."""
    if layer.canonical() in _OWN_MEANING:
        return
    for p in parameters(type(layer)):
        if p.name in SLOTS and (value := square(getattr(layer, p.name))) is not None:
            yield p.name, value


def form(item: Item, *, inside: bool = True) -> Form:
    """Return what two items have in common that differ in numbers alone; None for what no block can hold.

    Args:
        item: the item.
        inside: whether it would stand inside of a block, where nothing outside can name it.
    """
    if isinstance(item, From) or (inside and item.label):
        return None
    match item:
        case Line():
            if item.reads or item.piece.keep or item.piece.share:
                return None
            free = {name for name, _ in slots(item.piece.layer)}
            fixed = tuple(
                (p.name, repr(getattr(item.piece.layer, p.name)))
                for p in parameters(type(item.piece.layer))
                if p.name not in free
            )
            return ("line", item.piece.layer.canonical(), fixed, tuple(sorted(free)))
        case Merge():
            bodies = [forms(body) for body in item.bodies]
            merging = form(Line(item.piece))
            return None if None in bodies else ("merge", item.residual, merging, tuple(bodies))
        case Repeat():
            body = forms(item.rounds[0])
            return body and ("repeat", len(item.rounds), body)
        case Use():
            return ("use", item.block.name)


def forms(body: Iterable[Item]) -> Form:
    """Return the forms of a body; None where one has none."""
    found = tuple(map(form, body))
    return None if None in found else found


def numbers(item: Item) -> Iterator[tuple[str, int]]:
    """Yield the kinds and values of the numbers of an item, in the order of the text."""
    match item:
        case Line():
            yield from slots(item.piece.layer)
        case Merge():
            for body in item.bodies:
                for each in body:
                    yield from numbers(each)
            yield from numbers(Line(item.piece))
        case Repeat():
            for each in item.rounds[0]:
                yield from numbers(each)
        case Use():
            yield from zip(item.kinds, item.values, strict=True)


def same(first: Item, second: Item) -> bool:
    """Return whether two items are the same text, and neither is named."""
    found = form(first)
    return found is not None and found == form(second) and list(numbers(first)) == list(numbers(second))
