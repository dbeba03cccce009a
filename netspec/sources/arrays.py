"""A look at the arrays that a spec names: the input and the classes that a network takes from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.ir.network import INPUT
from netspec.recipe.array_facts import Wrong, looks_numeric
from netspec.recipe.array_layout import input_of
from netspec.recipe.array_names import ArrayNames
from netspec.recipe.data_headers import Contents, array_contents

__all__ = ["ArraySurvey", "contents_of", "survey_arrays"]

_LABEL = "label"


@dataclass(frozen=True, slots=True)
class ArraySurvey:
    """What arrays imply.

    Attributes:
        shape: of the input; None where they do not say it.
        classes: how many there are; None where they do not say it, or numbers are learned.
        unclear: why they do not say the input, and what to write.
    """

    shape: tuple[int, ...] | None
    classes: int | None
    unclear: Wrong | None = None


def survey_arrays(data: DataSource, path: Path) -> ArraySurvey:
    """Return what arrays imply, by their headers and by labels where these are few.

    Raises:
        DataError: they cannot be read, or lack one.
    """
    found = contents_of(data, path)
    if found.wrong:
        raise DataError(*found.wrong)
    examples = found.arrays.get((INPUT, "train"))
    shape, unclear = None, None
    if examples is not None and examples.kind in "buif":
        kind = "u" if examples.type == "uint8" else examples.kind.replace("u", "i")
        shape, unclear = input_of(examples.name, examples.shape[1:], kind)
    return ArraySurvey(shape, _classes(found), unclear)


def contents_of(data: DataSource, path: Path) -> Contents:
    """Return what arrays say of themselves to a network of one input and one target."""
    names = ArrayNames.of([INPUT], [_LABEL], data.example_arrays, data.target_arrays)
    return array_contents(path, data.name, names, needs_targets=data.target != "input")


def _classes(found: Contents) -> int | None:
    if found.names:
        return found.names
    labels, targets = found.labels.get(_LABEL), found.arrays.get((_LABEL, "train"))
    if targets is not None and len(targets.shape) == 2 and targets.shape[1] > 1:
        return targets.shape[1]
    if labels is None or labels.wrong:
        return None
    if labels.names:
        return len(labels.names)
    numbers = labels.own or labels.numbers
    if numbers is None or labels.odd or looks_numeric(numbers.different, numbers.count):
        return None
    return numbers.different if numbers.least != 0 else numbers.most + 1
