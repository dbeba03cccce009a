"""The measurements of a run as series that a page draws: one chart for each quantity, a line for each part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["series_of"]

_PARTS = ("train", "validation", "test")
_NOT_DRAWN = {"seconds", "examples_per_second"}
_MOST = 600
"""Points of a line: of a longer one each few are one, their mean."""


def series_of(records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the series of each quantity, such as `loss`, by the part that it was measured on.

    Of several values for one step the last counts, as when a resumed run repeats steps.

    Args:
        records: objects with `kind` (`step`, `evaluation` or `epoch`) and `step`, as in metrics.jsonl.

    Returns:
        `charts`: by quantity and part lists of [step, value]; `epochs`: the last step of each epoch; `best`: that of
        the best epoch, or None.
    """
    charts: dict[str, dict[str, dict[int, float]]] = {}
    epochs: dict[int, int] = {}
    best = None

    def add(quantity: str, part: str, step: int, value: object) -> None:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            charts.setdefault(quantity, {}).setdefault(part, {})[step] = float(value)

    for record in records:
        kind, step = record.get("kind"), int(record.get("step", 0))
        for name, value in record.items():
            part, _, quantity = name.partition("_")
            if kind == "step" and name in {"loss", "accuracy", "learning_rate"}:
                add(name, "train" if name != "learning_rate" else "", step, value)
            elif kind == "epoch" and part in _PARTS and quantity not in _NOT_DRAWN:
                # The steps say more of the training than its mean over an epoch.
                add(quantity, "epoch" if part == "train" else part, step, value)
            elif kind == "evaluation" and name in {"loss", "accuracy"}:
                add(name, str(record.get("split")), step, value)
        if kind == "epoch":
            epochs[int(record.get("epoch", 0))] = step
            best = step if record.get("best") is True else best
    return {
        "charts": {q: {p: _thinned(sorted(line.items())) for p, line in parts.items()} for q, parts in charts.items()},
        "epochs": [epochs[n] for n in sorted(epochs)],
        "best": best,
    }


def _thinned(points: list[tuple[int, float]]) -> list[list[float]]:
    """Return at most so many points, each the mean of those that it stands for."""
    size = -(-len(points) // _MOST)
    groups = [points[start : start + size] for start in range(0, len(points), max(size, 1))]
    return [[group[-1][0], float(f"{sum(v for _, v in group) / len(group):.6g}")] for group in groups]
