"""What is fitted to a table, and which of its rows are for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netspec.sources.tables.cells import class_name
from netspec.sources.tables.columns import Column
from netspec.sources.tables.parts import could_be_classes
from netspec.sources.tables.preparation import TableInput
from netspec.sources.tables.table import Table
from netspec.sources.tables.windows import WindowRows

__all__ = ["Fitted"]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is fitted to a table, apart from its targets, which a network decides about too.

    Attributes:
        table: its rows that have all targets.
        rows: the places of those of each part: `train`, `validation` and `test`.
        inputs: what each input reads.
        targets: what is in the columns that are learned, over all rows.
        log: whether their logarithms are learned.
        notices: what the user should know.
        windows: the windows of each part, where rows are examples together; the table is in the order of time then.
    """

    table: Table
    rows: Mapping[str, Sequence[int]]
    inputs: Mapping[str, TableInput]
    targets: Mapping[str, Column] = field(default_factory=dict)
    log: bool = False
    notices: tuple[str, ...] = ()
    windows: WindowRows | None = None

    @property
    def learned_rows(self) -> Sequence[int]:
        """The rows of the training part that have all targets."""
        rows = self.rows["train"]
        return [row for row in rows if self.windows.labelled[row]] if self.windows else rows

    @property
    def classes(self) -> int | None:
        """How many classes the one target has; None where it has none, or there are several."""
        if len(self.targets) != 1:
            return None
        (target,) = self.targets.values()
        if self.log or not could_be_classes(target):
            return None
        return len({class_name(value) for value in target.counts})
