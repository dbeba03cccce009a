"""Arrays without a part for the test: it is drawn by a hash of each example."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netspec.data.shares import identities
from netspec.data.types import Split
from netspec.diagnostics.diagnostic import DataError, plural
from netspec.sources.draws import TEST_SHARE, chosen, drawn

__all__ = ["drawn_test"]


def drawn_test(split: Split, test: float | None, name: str) -> tuple[Split, Split, str]:
    """Return the examples to learn from and those for the test, and what to say of it.

    A hash of each example decides, without its label: equal ones are on one side, and of a share no example moves when
    others are added. Each class keeps an example to learn from. The examples to learn from come in the order of another
    draw, so that the last ones, which `validation 100` takes, are not of one class.

    Args:
        split: all examples.
        test: how many are for the test, or which share of them.
        name: of the data.

    Raises:
        DataError: none is drawn, or none is left.
    """
    share = TEST_SHARE if test is None else test
    known = list(identities(split))
    places = [*map(drawn("test"), known)]
    at = np.array(chosen(places, share), bool)
    if isinstance(share, float) and share > 0 and not at.any():
        # Of few examples a share may draw none: then it is what would be drawn first.
        at = np.array(places) == min(places)
    _keep_classes(at, np.array(places), split)
    if not at.any() or at.all() or (isinstance(share, int) and share >= len(split)):
        said = f"{share}" if isinstance(share, int) else f"{100 * share:g}%"
        lacking = "to learn from" if at.any() else "for the test"
        raise DataError(
            f"`test {said}` of {plural(len(split), 'example')} in {name} leaves none {lacking}",
            "say a number, such as `test 5`, or give more examples that differ",
        )
    train = np.flatnonzero(~at)
    later = drawn("validation")
    order = np.argsort([-later(known[i]) for i in train], kind="stable")
    shown = f"{100 * share:g} %" if isinstance(share, float) else f"{share:,}"
    notice = f"{name} has no test part: {shown} of its examples are drawn for the test" if test is None else ""
    return split.take(train[order]), split.take(np.flatnonzero(at)), notice


def _keep_classes(at: NDArray[np.bool_], places: NDArray[np.float64], split: Split) -> None:
    """Leave an example of each class among those to learn from: the one that would be drawn last, and its equals."""
    labels = split.labels
    if isinstance(labels, dict) or getattr(labels, "ndim", 0) != 1 or labels.dtype.kind != "i":
        return
    for label in np.unique(labels):
        own = labels == label
        if at[own].all():
            at[places == places[own].max()] = False
