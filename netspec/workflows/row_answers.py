"""Answers for examples as the columns of a table: `predicted`, and for classes `probability`; of each output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netspec.workflows.predictions import Prediction, at_threshold

if TYPE_CHECKING:
    from netspec.workflows.trained import Run

__all__ = ["columns_of_answers", "with_threshold"]


def columns_of_answers(run: Run, array: Any, threshold: float | None = None) -> dict[str, list[Any]]:
    """Return the answers for some examples by the names of the columns that they fill.

    Args:
        run: the model that answers.
        array: the examples; of several inputs each by its name.
        threshold: from which probability on the second of two classes, or one of several labels, is taken.
    """
    found = run.predict(array)
    if isinstance(found, Mapping):
        columns: dict[str, list[Any]] = {}
        for name, predictions in found.items():
            shown = [at_threshold(p, run.output_labels.get(name, ()), threshold) for p in predictions]
            columns |= _columns(shown, f"_{name}", ())
        return columns
    table = run.preparation.table if run.preparation else None
    targets = [target.column for target in table.targets] if table else []
    if table and table.windows and len(table.windows.ahead) > 1:
        # Each answer is of a row further ahead.
        targets = [str(ahead) for ahead in table.windows.ahead]
    shown = [at_threshold(p, run.labels, threshold) for p in found]
    return _columns(shown, "", targets)


def with_threshold(run: Run, found: Any, threshold: float | None) -> Any:
    """Return a prediction, or those of several outputs by their names, as a threshold has them."""
    if isinstance(found, Mapping):
        return {name: at_threshold(p, run.output_labels.get(name, ()), threshold) for name, p in found.items()}
    return at_threshold(found, run.labels, threshold)


def _columns(found: Sequence[Prediction], suffix: str, targets: Sequence[str]) -> dict[str, list[Any]]:
    """Return the columns of one output; one of several targets has some for each.

    Of a class at each position it is the one of most positions.
    """
    if not found:
        return {f"predicted{suffix}": []}
    first = found[0]
    if first.labels is not None:
        names = sorted(first.probabilities, key=int) if all(map(str.isdigit, first.probabilities)) else []
        names = list(targets) if {*targets} == {*first.probabilities} else names
        if len(names) == len(targets):
            columns: dict[str, list[Any]] = {}
            for name, target in zip(names, targets, strict=True):
                columns[f"predicted_{target}"] = [int(name in (p.labels or ())) for p in found]
                columns[f"probability_{target}"] = [p.probabilities[name] for p in found]
            return columns
        return {f"predicted{suffix}": [" ".join(p.labels or ()) for p in found]}
    if first.positions is not None:
        return {f"predicted{suffix}": [next(iter(p.positions or ()), "") for p in found]}
    if not first.outputs:
        return {
            f"predicted{suffix}": [p.label for p in found],
            f"probability{suffix}": [p.probability for p in found],
        }
    if len(first.outputs) == 1:
        return {f"predicted{suffix}": [p.outputs[0] for p in found]}
    names = list(targets) if len(targets) == len(first.outputs) else [str(i) for i in range(len(first.outputs))]
    return {f"predicted{suffix}_{name}": [p.outputs[i] for p in found] for i, name in enumerate(names)}
