"""What the labels in a data file say, where they are few: numbers or names of classes, read without NumPy."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TypeAlias

from netspec.recipe.array_facts import ArrayFacts, LabelFacts, Wrong, no_class
from netspec.recipe.class_names import empty_name, in_order, mixed_kinds, unknown_name

__all__ = ["TEXTS", "Labels", "Values", "labels_of"]

TEXTS = "US"
"""NumPy's letters for texts."""

Values: TypeAlias = "array[int] | array[float] | list[str]"
"""The labels of one array."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of the labels of one target.

    Attributes:
        numbers: of all parts, where they are numbers and took little time to read.
        own: of those to train on, likewise.
        odd: what is wrong with the first number that is no class number, if one was found.
        other: what is wrong with the first one that is not among those to train on, if one was found.
        names: the names of the classes to train on, where they are names.
        wrong: what is wrong with names, whatever the network takes.
    """

    numbers: LabelFacts | None = None
    own: LabelFacts | None = None
    odd: Wrong | None = None
    other: Wrong | None = None
    names: tuple[str, ...] | None = None
    wrong: Wrong | None = None


def labels_of(arrays: Sequence[ArrayFacts], values: Mapping[str, Values | None], held_out: int, lists: bool) -> Labels:
    """Return what is known of the labels of one target.

    Args:
        arrays: those of the training part and of the others; those that cannot be understood are missing.
        values: what is in them by their names; None where that would take long.
        held_out: so many of the training examples are for validation.
        lists: whether the data lists the names of all classes: then others are not those of the training examples.
    """
    texts = [each.kind in TEXTS for each in arrays]
    if any(texts) and not all(texts):
        named, other = (next(a for a in arrays if (a.kind in TEXTS) is want) for want in (True, False))
        return Labels(wrong=mixed_kinds(named.name, other.name) if other.kind in "buif" else None)
    one_each = [each for each in arrays if each.shape[1:] in {(), (1,)} and len(each.shape) > 0]
    read = {each.name: found for each in one_each if (found := values.get(each.name)) and len(found) == each.shape[0]}
    if any(texts):
        return _of_names(arrays[0].name, {k: v for k, v in read.items() if isinstance(v, list)}, held_out, lists)
    return _of_numbers(arrays, {k: v for k, v in read.items() if not isinstance(v, list)}, held_out)


def _of_names(train: str, read: Mapping[str, list[str]], held_out: int, lists: bool) -> Labels:
    for key, names in read.items():
        if "" in names:
            return Labels(wrong=empty_name(key, names.index("")))
    if train not in read or lists:
        return Labels()
    own = in_order(_trained(read[train], held_out))
    return Labels(names=own, wrong=_unknown(train, read, own, held_out))


def _of_numbers(arrays: Sequence[ArrayFacts], read: Mapping[str, array[int] | array[float]], held_out: int) -> Labels:
    odd = next(
        (w for key, found in read.items() for i, v in enumerate(found) if isfinite(v) and (w := no_class(key, i, v))),
        None,
    )
    every = [v for found in read.values() for v in found]
    if len(read) < max(len(arrays), 2) or not all(map(isfinite, every)):
        return Labels(odd=odd)
    whole = {key: [int(v) for v in found] for key, found in read.items()}
    if any(v != int(v) for v in every):
        return Labels(odd=odd)
    train = arrays[0].name
    own = _trained(whole[train], held_out)
    names = in_order(map(str, set(own)))
    texts = {key: [*map(str, found)] for key, found in whole.items()}
    other = _unknown(train, texts, names, held_out)
    return Labels(_facts([v for found in whole.values() for v in found]) if not odd else None, _facts(own), odd, other)


def _trained(labels: Sequence[str] | Sequence[int], held_out: int) -> list:  # type: ignore[type-arg]
    return [*(labels[: len(labels) - held_out] if held_out < len(labels) else labels)]


def _facts(labels: Sequence[int]) -> LabelFacts:
    different = set(labels)
    return LabelFacts(min(different), max(different), len(different), len(labels))


def _unknown(train: str, read: Mapping[str, Sequence[str]], names: Sequence[str], held_out: int) -> Wrong | None:
    """Return what is wrong with the first label that is not among those to train on; None where all are."""
    known, lacking = set(names), f"the training part of {train}" if 0 < held_out < len(read[train]) else train
    for key, found in read.items():
        index = next((i for i, name in enumerate(found) if name not in known), None)
        if index is not None:
            others = len({*found} - known) - 1
            return unknown_name(key, index, found[index], found.count(found[index]), others, names, lacking)
    return None
