"""The values in masks as class numbers: 0 and 255, class numbers themselves, or a few grey values in their order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError, listing
from netspec.graph.graph import Graph
from netspec.recipe.losses import CrossEntropy
from netspec.sources.preparation import Preparation

__all__ = ["Values", "labels_of"]

_MOST = 256
"""Different values that masks may have; more of them are no classes."""
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Values:
    """How values are classes.

    Attributes:
        stored: the value of each class, in order; none where the values are the class numbers.
        classes: how many classes the network tells apart.
        ignore: the label that does not count, where there is one.
    """

    stored: tuple[int, ...]
    classes: int
    ignore: int | None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes: what their values are called."""
        return tuple(map(_shown, self.stored)) or tuple(map(str, range(self.classes)))

    @classmethod
    def of(cls, masks: NDArray[np.int32] | None, graph: Graph, fitted: Preparation | None, name: str) -> Values:
        """Return how the values of training masks are classes, or those of a model.

        Raises:
            DataError: there are more than the network tells apart.
        """
        assert masks is not None
        loss = graph.loss
        ignore = loss.ignore if isinstance(loss, CrossEntropy) else None
        classes = max(graph.shape(graph.output)[0], 2)
        if fitted and fitted.resize:
            return cls(fitted.mask_values, classes, ignore)
        found = [value for value in np.unique(masks).tolist() if value != ignore]
        if not found or (found[0] >= 0 and found[-1] < classes):
            return cls((), classes, ignore)
        if len(found) > _MOST:
            raise DataError(
                f"the masks of {name} have {len(found):,} different values: they are no classes",
                "save them as PNG, which keeps each value as it is; JPEG does not",
            )
        if len(found) > classes:
            raise DataError(
                f"the masks of {name} have {len(found)} values ({_listed(found)}), but the network tells {classes} "
                "classes apart",
                f"end with `conv {len(found)} 1x1 softmax`"
                + ("" if len(found) < 20 else "; PNG keeps values, JPEG not"),
            )
        if len(found) < classes:
            raise DataError(
                f"the masks of {name} have the values {_listed(found)}, which are no numbers of {classes} classes",
                f"number the classes from 0 in the masks, or end with `conv {max(len(found), 2)} 1x1 softmax`",
            )
        return cls(tuple(found), classes, ignore)


def labels_of(masks: NDArray[np.int32], values: Values, name: str) -> NDArray[np.int32]:
    """Return the class of each pixel; raises DataError where one has a value that is none."""
    found = np.unique(masks).tolist()
    known = values.stored or range(values.classes)
    lost = [value for value in found if value not in known and value != values.ignore]
    if lost:
        raise DataError(
            f"the masks of {name} have the value {_shown(lost[0])}, which is no class: those are {_listed(known)}",
            "mend the masks, or give such ones to learn from",
        )
    if not values.stored:
        return masks
    if values.ignore is None:
        return np.searchsorted(np.asarray(values.stored, np.int32), masks).astype(np.int32)
    made = np.full(masks.shape, values.ignore, np.int32)
    for number, value in enumerate(values.stored):
        made[masks == value] = number
    return made


def _listed(values: Iterable[int]) -> str:
    shown = [_shown(value) for value in values]
    return listing(shown if len(shown) <= _SHOWN else [*shown[:_SHOWN], "…"], "and")


def _shown(value: int) -> str:
    """Return a grey value or a palette's number as it is, a color as `#ff0000`."""
    return str(value) if value < 65536 else f"#{value:06x}"
