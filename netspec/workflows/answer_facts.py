"""Answers as the facts that programs read: the objects of `netspec predict --json`, and of a served model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspec.workflows.predictions import Prediction

__all__ = ["Answer", "by_example", "facts_of", "names_class"]

Answer = Prediction | dict[str, Prediction]
"""The prediction of an example; of several outputs each by its name."""


def by_example(found: Any) -> list[Answer]:
    """Return the answer of each example, from what `Run.predict` returns for all of them."""
    if not isinstance(found, Mapping):
        return list(found)
    return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]


def facts_of(found: Answer, top: int) -> dict[str, Any]:
    """Return what is answered for an example: its class and the `top` likeliest, or numbers; of several outputs each.

    Args:
        found: the answer.
        top: how many classes are named.
    """
    if isinstance(found, dict):
        return {"outputs": {output: facts_of(each, top) for output, each in found.items()}}
    if found.positions is not None:
        return {"positions": dict(found.positions)}
    if found.outputs:
        return {**({"label": found.label} if names_class(found) else {}), "outputs": list(found.outputs)}
    ranked = [{"label": label, "probability": p} for label, p in list(found.probabilities.items())[:top]]
    if found.labels is not None:
        return {"labels": list(found.labels), "top": ranked}
    return {"label": found.label, "probability": found.probability, "top": ranked}


def names_class(found: Prediction) -> bool:
    """Return whether outputs that are no probabilities say a class; one learned for the classes 0 and 1 is a number."""
    return found.label is not None and not (len(found.outputs) == 1 and found.label in {"0", "1"})
