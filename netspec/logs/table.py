"""`metrics.csv`: a row for each epoch, for spreadsheets and data frames."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import RunError
from netspec.runs.files import read_metrics
from netspec.system.files import atomic_write
from netspec.training.events import Epoch, Event

__all__ = ["TABLE", "TableLog", "table_of"]

TABLE = "metrics.csv"


class TableLog:
    """Writes the table anew when an epoch is over, from all that the run has recorded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, event: Event) -> None:
        """Write the table where an epoch is over."""
        if isinstance(event, Epoch):
            try:
                atomic_write(self._folder / TABLE, table_of(read_metrics(self._folder)))
            except OSError as error:
                raise RunError(
                    f"{self._folder / TABLE} cannot be written: {error.strerror}", "leave --csv out"
                ) from None

    def close(self) -> None:
        """Do nothing: the table is whole."""


def table_of(records: list[dict[str, Any]]) -> str:
    """Return the table of a run's records: a row for each epoch, with the learning rate of its last step."""
    rates: dict[int, float] = {r["epoch"]: r["learning_rate"] for r in records if r.get("kind") == "step"}
    # Of an epoch that was trained twice, before and after an interruption, the later record counts.
    epochs = {r["epoch"]: _flat(r) for r in records if r.get("kind") == "epoch"}
    rows = [{"epoch": number, **row, "learning_rate": rates.get(number)} for number, row in sorted(epochs.items())]
    # What is never known, such as an accuracy of numbers, has no column.
    columns = [
        name for name in dict.fromkeys(k for row in rows for k in row) if any(row.get(name) is not None for row in rows)
    ]
    text = StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of a record by their names; those of several outputs behind the output's name."""
    made = {
        key: value for key, value in record.items() if isinstance(value, int | float) and not isinstance(value, bool)
    }
    for output, values in (record.get("outputs") or {}).items():
        made |= {f"{output}_{key}": value for key, value in values.items() if value is not None}
    return made
