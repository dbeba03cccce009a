"""What a spec says of how the file of a table, or a text, is read: which sheet, and in which encoding."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.data_source import DataSource

__all__ = ["AS_IT_IS", "HowRead"]


@dataclass(frozen=True, slots=True)
class HowRead:
    """How a file is read.

    Attributes:
        sheet: of a spreadsheet the sheet that is the table; the only one with rows where it is empty.
        encoding: of a text; UTF-8 where it is empty.
        like: whether the file is another one than the spec names, as for an answer: `sheet` and `encoding` then hold
            only where the file has such a sheet, or is no UTF-8.
    """

    sheet: str = ""
    encoding: str = ""
    like: bool = False

    @classmethod
    def of(cls, data: DataSource | None, *, like: bool = False) -> HowRead:
        """Return what the data of a spec says, or that of a model, of which a file is `like` the data."""
        return cls(data.sheet or "", data.encoding or "", like) if data else AS_IT_IS


AS_IT_IS = HowRead()
"""Of a file of which nothing is said."""
