"""A terminal in memory: what Rich writes moves its cursor, and a narrower window wraps its lines anew, as most do."""

from __future__ import annotations

import io
import re

_PIECES = re.compile(r"\x1b\[[?\d;]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+")


class SmallTerminal(io.StringIO):
    """A window and what has left it at its top.

    Attributes:
        rows: of the window, as text.
        history: rows that have left it.
        seen: everything written.
        cursor_shown: whether there is a cursor to be seen.
    """

    def __init__(self, width: int, height: int, encoding: str = "utf-8") -> None:
        super().__init__()
        self.width, self.height, self._encoding = width, height, encoding
        self.rows, self.wrapped, self.history = [""], [False], []
        self.at, self.column = 0, 0
        self.seen, self.cursor_shown = "", True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        text.encode(self._encoding)
        self.seen += text
        for piece in _PIECES.findall(text):
            self._take(piece)
        return len(text)

    def _take(self, piece: str) -> None:
        if piece == "\r":
            self.column = 0
        elif piece == "\n":
            self._next_row(wrapped=False)
        elif piece[0] != "\x1b":
            for letter in piece:
                if self.column == self.width:
                    self._next_row(wrapped=True)
                row = self.rows[self.at].ljust(self.column)
                self.rows[self.at] = row[: self.column] + letter + row[self.column + 1 :]
                self.column += 1
        else:
            self._control(piece[2:-1], piece[-1])

    def _control(self, number: str, what: str) -> None:
        match what:
            case "A":
                self.at = max(self.at - int(number or 1), 0)
            case "K":
                assert number == "2"
                self.rows[self.at] = ""
            case "H":
                assert not number
                self.at = self.column = 0
            case "J":
                assert not number
                self.rows[self.at :], self.wrapped[self.at :] = [self.rows[self.at][: self.column]], [False]
            case "h" | "l":
                assert number == "?25"
                self.cursor_shown = what == "h"
            case _:
                assert what == "m", (number, what)

    def _next_row(self, *, wrapped: bool) -> None:
        self.wrapped[self.at] = wrapped
        self.at, self.column = self.at + 1, 0
        if self.at == len(self.rows):
            self.rows.append("")
            self.wrapped.append(False)
        self._scroll()

    def _scroll(self) -> None:
        while len(self.rows) > self.height:
            self.history.append(self.rows.pop(0))
            self.wrapped.pop(0)
            self.at = max(self.at - 1, 0)

    def resize(self, width: int, height: int) -> None:
        """Give the window another size: lines are wrapped anew, and those for which there is no room leave it."""
        lines, cursor_line, open_ = [], 0, False
        for number, (row, wrapped) in enumerate(zip(self.rows, self.wrapped, strict=True)):
            lines[-1:] = [lines[-1] + row] if open_ else [*lines[-1:], row]
            open_ = wrapped
            if number == self.at:
                cursor_line = len(lines) - 1
        self.width, self.height = width, height
        self.rows, self.wrapped = [], []
        for number, line in enumerate(lines):
            parts = [line[i : i + width] for i in range(0, len(line), width)] or [""]
            self.rows += parts
            self.wrapped += [True] * (len(parts) - 1) + [False]
            if number == cursor_line:
                self.at, self.column = len(self.rows) - 1, min(self.column, width - 1)
        self._scroll()

    @property
    def text(self) -> str:
        """What the window shows."""
        return "\n".join(row.rstrip() for row in self.rows)
