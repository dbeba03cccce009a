"""How much each class counts in a loss: as a text of the language, as numbers, or balanced by the training labels."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

__all__ = ["BALANCED", "as_weights", "balanced", "named_weights", "weights_of", "weights_text"]

BALANCED = "balanced"

_NUMBER = re.compile(r"[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+\.")


def as_weights(text: str) -> str:
    """Return a text of weights in one form: `1 2.5 1`, `cat=2 dog=1`, or `balanced`; raises ValueError for another."""
    if text.strip() == BALANCED:
        return BALANCED
    words = text.replace(",", " ").split()
    numbers = [word.rpartition("=")[2] for word in words]
    named = ["=" in word for word in words]
    if len(words) < 2 - any(named) or any(named) != all(named) or not all(_NUMBER.fullmatch(n) for n in numbers):
        raise ValueError("weights are numbers, or NAME=NUMBER")
    values = [float(n) for n in numbers]
    if not all(math.isfinite(v) and v < 1e9 for v in values) or not any(values):
        raise ValueError("a weight is 0 or more, and one of them is not 0")
    names = [word.rpartition("=")[0] for word in words]
    if any(named) and ("" in names or len(set(names)) < len(names)):
        raise ValueError("each class is named once")
    return " ".join(words)


def weights_text(weights: Sequence[float]) -> str:
    """Return the text of some weights, to the last digit."""
    return " ".join(repr(float(w)).removesuffix(".0") for w in weights)


def weights_of(text: str) -> tuple[float, ...] | None:
    """Return the weights that a text says in the order of the classes; None where they are named, or balanced."""
    if text == BALANCED or "=" in text:
        return None
    return tuple(map(float, text.split()))


def named_weights(text: str) -> dict[str, float]:
    """Return the weights that a text says by the names of classes; empty where it names none."""
    pairs = [word.rpartition("=") for word in text.split() if "=" in word]
    return {name: float(value) for name, _, value in pairs}


def balanced(counts: Sequence[float]) -> tuple[float, ...]:
    """Return weights by which all classes that are there count as much, as scikit-learn's `balanced`; others have 1."""
    there = [count for count in counts if count]
    mean = sum(there) / max(len(there), 1)
    return tuple(mean / count if count else 1.0 for count in counts)
