"""Arrays whose examples stay together: those that are equal in one array, such as `patient`, are on one side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netspec.data.types import Split
from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.ir.data_source import DataSource
from netspec.recipe.array_names import VALIDATION
from netspec.sources.draws import TEST_SHARE, drawn, drawn_by_class
from netspec.sources.files.groups import require_apart

__all__ = ["Divided", "Groups", "divided_by_group", "groups_of_arrays"]


class Groups(NamedTuple):
    """The groups of the examples.

    Attributes:
        parts: of each part the group of each example.
        called: the arrays that they are in.
    """

    parts: Mapping[str, list[str]]
    called: Mapping[str, str]


def groups_of_arrays(arrays: Mapping[str, Any], keys: Mapping[str, str]) -> Groups:
    """Return the group of each example of each part.

    Raises:
        DataError: an array has not one name or whole number for each example.
    """
    return Groups({part: _groups(np.asarray(arrays[key]), key) for part, key in keys.items()}, keys)


def _groups(array: NDArray[Any], key: str) -> list[str]:
    flat = array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array
    whole = flat.dtype.kind in "iubUS" or (flat.dtype.kind == "f" and bool((flat == np.floor(flat)).all()))
    named = flat.dtype.kind == "O" and all(isinstance(value, str | int) for value in flat.reshape(-1))
    if flat.ndim != 1 or not (whole or named):
        what = "numbers with a fraction, or missing ones" if flat.dtype.kind == "f" and flat.ndim == 1 else "others"
        said = f"is of shape {array.shape}" if flat.ndim != 1 else f"has {what}"
        raise DataError(f"{key}, which `group` names, {said}", "give one name or whole number for each example")
    if flat.dtype.kind == "f":
        flat = flat.astype(np.int64)
    if flat.dtype.kind == "S":
        return [value.decode("utf-8", "surrogateescape") for value in flat.tolist()]
    return list(map(str, flat.tolist()))


class Divided(NamedTuple):
    """Examples by their parts.

    Attributes:
        splits: those of each part.
        notice: what to say of them.
        groups: the place and the group of each.
    """

    splits: dict[str, Split]
    notice: str = ""
    groups: Mapping[str, tuple[tuple[str, str], ...]] = {}


def divided_by_group(
    splits: Mapping[str, Split], groups: Groups | None, data: DataSource, name: str, *, learned: bool
) -> Divided:
    """Return the examples of each part, what is missing drawn by groups.

    The groups of a class give its share; a group belongs to the class that most of its examples have.

    Args:
        splits: the examples of the parts that there are.
        groups: the group of each; None where a model is looked at with data that has none.
        data: says how many are for the test and for validation.
        name: of the data.
        learned: whether a model is looked at: what cannot be divided is all for the test then.

    Raises:
        DataError: a group is in two of the parts, none is drawn, or none is left to learn from.
    """
    if groups is not None:
        try:
            return _divided(splits, groups.parts, groups.called, data, name)
        except DataError:
            if not learned:
                raise
    if "test" in splits:
        return Divided(dict(splits))
    return Divided({**splits, "train": splits["train"].rows(stop=0), "test": splits["train"]})


def _divided(
    splits: Mapping[str, Split], groups: Mapping[str, list[str]], called: Mapping[str, str], data: DataSource, name: str
) -> Divided:
    for part, split in splits.items():
        own = groups.get(part)
        if own is None or len(own) != len(split):
            key = called.get(part, called["train"])
            has = f"{plural(len(own or ()), 'value')}" if own is not None else "none"
            raise DataError(
                f"the {_PART.get(part, part)} part has {plural(len(split), 'example')}, and {key} has {has} for it",
                "give one for each example" if own is not None else f"give {data.group}_{part} too",
            )
    places = {part: [(f"{called[part]}[{i}]", group) for i, group in enumerate(groups[part])] for part in splits}
    shown = {part: [place for place, _ in own] for part, own in places.items()}
    require_apart({part: groups[part] for part in splits}, shown, name)
    if VALIDATION in splits and data.validation:
        raise DataError(f"{name} has examples for validation of its own", "leave `validation` out")
    whole, left = splits["train"], np.arange(len(splits["train"]))
    group, classes = groups["train"], _classes(whole)
    made, found = dict(splits), {part: tuple(own) for part, own in places.items()}
    shares = {"test": TEST_SHARE if data.test is None else data.test, VALIDATION: data.validation}
    for part, share in shares.items():
        if part in splits or not share:
            continue
        purpose = "validation" if part == VALIDATION else part
        identities = [_identity(group[i]) for i in left]
        at = np.array(drawn_by_class(purpose, identities, [classes[i] for i in left], share), bool)
        if not at.any() or at.all():
            said = f"{share}" if isinstance(share, int) else f"{100 * share:g}%"
            count = plural(len({group[i] for i in left}), "group")
            raise DataError(
                f"`{purpose} {said}` of {plural(len(left), 'example')} in {name} leaves none "
                f"{'to learn from' if at.any() else f'for the {purpose}'}: they are {count}",
                "say more, or make smaller groups",
            )
        made[part], found[part] = whole.take(left[at]), tuple(places["train"][i] for i in left[at])
        left = left[~at]
    if "test" not in splits:
        # What comes last is not of one class.
        draw = drawn("validation")
        left = left[np.argsort([-draw(_identity(group[i])) for i in left], kind="stable")]
    made["train"], found["train"] = whole.take(left), tuple(places["train"][i] for i in left)
    _require_each_class(whole, made["train"], name)
    counts = [f"{len({g for _, g in found[part]}):,} {said}" for part, said in _SAID.items() if part in found]
    how = "" if "test" in splits or data.test is not None else "; `test 20%` is drawn where nothing else is said"
    return Divided(made, f"groups of {data.group_array}: {listing(counts, 'and')}{how}", found)


_PART = {"train": "training", VALIDATION: "validation"}
_SAID = {"train": "to learn from", VALIDATION: "for validation", "test": "for the test"}


def _identity(group: str) -> bytes:
    return group.encode("utf-8", "surrogateescape")


def _classes(split: Split) -> list[str]:
    """Return the class of each example; an empty name where there are none."""
    labels = split.labels
    if isinstance(labels, Mapping) or labels.ndim != 1 or labels.dtype.kind != "i":
        return [""] * len(split)
    return list(map(str, labels.tolist()))


def _require_each_class(whole: Split, train: Split, name: str) -> None:
    """Raise DataError where no example of a class is left to learn from."""
    lost = sorted(set(_classes(whole)) - set(_classes(train)), key=lambda label: (len(label), label))
    if lost:
        raise DataError(
            f"{name}: all examples of the class {listing(lost, 'and')} were drawn for the test or for validation",
            "give more groups of it, or smaller ones",
        )
