"""AST and comments to the canonical text: gofmt for .net files. It goes by form; only `let` is known by name.

What the writer's lines say is kept, what they do not say is decided here:

- One command a line; commands that share a line, `conv 20 5x5 relu; pool 2`, go on sharing it, for that is how a writer
  says what belongs together. A line over `WIDTH` columns, or with an expanded body in it, is broken at every `;`.
- A body on one line stays there while its line fits, others have their commands one level deeper: two spaces.
- `key=value` touches, as one word of the line; `let width = 64` and `params < 100k` do not, as they read as sentences.
  Arithmetic is spaced, `(width * 2)`: the parentheses hold it together already, and a `-` needs room to be seen.
- A blank line stays, several become one, and none begins or ends a file or a body.
- Comments keep their place: on lines of their own at the level of what follows, or behind what they follow. Those
  behind something stand in one column over the whole file, two spaces right of the longest such line: specs fit on a
  screen, and read as two columns. A line over `COMMENT_REACH` columns stands apart, or it would push all others away.

Each choice depends on what stays the same when formatted, so that the canonical form of the canonical form is itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from netspec.diagnostics.diagnostic import Span
from netspec.syntax import ast
from netspec.syntax.numbers import spell_numbers
from netspec.syntax.printer import INDENT, in_text_order, print_argument, print_label, print_value

__all__ = ["COMMENT_REACH", "WIDTH", "comment_text", "format_file"]

WIDTH = 100
"""Lines are broken beyond so many columns, comments not counted."""

COMMENT_REACH = 40
"""Lines up to so many columns share the column of their comments."""


def format_file(file: ast.File) -> str:
    """Return the canonical text of a file."""
    return _Formatter(file).text()


def comment_text(text: str) -> str:
    """Return a comment as it is written: `# text`; `#!` and rows of `#` are left alone."""
    text = text.rstrip()
    return f"# {text[1:]}" if text[1:] and text[1] not in "!# \t" else text


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the result; one without code is a comment's own, or blank."""

    indent: str = ""
    code: str = ""
    comment: str = ""

    @property
    def width(self) -> int:
        return len(self.indent) + len(self.code)

    def text(self, column: int) -> str:
        """Return the line with the comment behind its code in `column`, or two spaces away from longer code."""
        before = self.indent + self.code
        if self.code and self.comment:
            before = before.ljust(column - 2) + "  "
        return before + self.comment


class _Formatter:
    """One pass over a file: the commands in their order, and between them the comments in theirs."""

    def __init__(self, file: ast.File) -> None:
        self.source, self.comments = file.source, file.comments
        self.commands = spell_numbers(file.commands)
        self.places = [_start(c.span) for c in file.comments]
        self.next_comment = 0
        self.lines: list[_Line] = []

    def text(self) -> str:
        self._block(self.commands, 0, (len(self.source.lines) + 1, 0))
        reached = [x.width for x in self.lines if x.code and x.comment and x.width <= COMMENT_REACH]
        column = max(reached, default=0) + 2
        return "".join(f"{line.text(column)}\n" for line in self.lines)

    # --- blocks: a file, a body -----------------------------------------------------------------------------------

    def _block(self, commands: Sequence[ast.Command], depth: int, end: tuple[int, int]) -> None:
        """Write commands and comments up to the place where the block ends."""
        above: int | None = None
        for row in _rows(commands):
            above = self._own_comments(above, _start(row[0].span), depth)
            self._gap(above, row[0].span.line)
            self._row(row, depth)
            above = row[-1].span.end_line
            self._trailing_comment(above, end)
        self._own_comments(above, end, depth)

    def _own_comments(self, above: int | None, end: tuple[int, int], depth: int) -> int | None:
        """Write the comments that have lines of their own before `end`; return the line of the last thing written."""
        while self.next_comment < len(self.places) and self.places[self.next_comment] < end:
            comment = self.comments[self.next_comment]
            self._gap(above, comment.span.line)
            self.lines.append(_Line(INDENT * depth, "", comment_text(comment.text)))
            self.next_comment += 1
            above = comment.span.line
        return above

    def _gap(self, above: int | None, below: int) -> None:
        """Keep one blank line between two things of a block where the text has any."""
        between = self.source.lines[above : below - 1] if above is not None else []
        if any(not line.strip(" \t\r\f\ufeff") for line in between):
            self.lines.append(_Line())

    def _trailing_comment(self, line: int, end: tuple[int, int]) -> None:
        """Put the comment that ends this line of the source, if it lies within the block, behind the last line."""
        if self.next_comment < len(self.places) and self.places[self.next_comment] < min(end, (line + 1, 0)):
            comment = self.comments[self.next_comment]
            self.lines[-1] = replace(self.lines[-1], comment=comment_text(comment.text))
            self.next_comment += 1

    # --- rows: the commands that share a line -----------------------------------------------------------------------

    def _row(self, row: Sequence[ast.Command], depth: int) -> None:
        if not any(self._unfoldable(c) for c in row):
            flat = _joined(row)
            if _fits(flat, depth):
                self.lines.append(_Line(INDENT * depth, flat))
                return
        for command in row:
            self._command(command, depth)

    def _command(self, command: ast.Command, depth: int) -> None:
        """Write one command, with the bodies expanded that were, or all of them where a line gets too long."""
        expanded = self._unfoldable(command)
        if not all(_fits(piece, depth) for piece in _pieces(command, expanded)):
            expanded = [b for b in command.bodies if b.commands or self._has_comments(b.span)]
        pieces = _pieces(command, expanded)
        for body, piece in zip(expanded, pieces, strict=False):
            self.lines.append(_Line(INDENT * depth, piece))
            if not body.commands or body.commands[0].span.line > body.span.line:
                self._trailing_comment(body.span.line, _end(body.span))
            self._block(body.commands, depth + 1, _end(body.span))
        self.lines.append(_Line(INDENT * depth, pieces[-1]))

    def _unfoldable(self, command: ast.Command) -> list[ast.Body]:
        """Return the bodies that cannot stand on one line: with commands on several, or with comments."""
        return [
            b for b in command.bodies if (b.commands and b.span.end_line > b.span.line) or self._has_comments(b.span)
        ]

    def _has_comments(self, span: Span) -> bool:
        at = bisect_left(self.places, _start(span))
        return at < len(self.places) and self.places[at] < _end(span)


def _rows(commands: Sequence[ast.Command]) -> list[list[ast.Command]]:
    """Group the commands that the writer joined on one line with `;`."""
    rows: list[list[ast.Command]] = []
    for command in commands:
        if rows and rows[-1][-1].span.end_line == command.span.line:
            rows[-1].append(command)
        else:
            rows.append([command])
    return rows


def _joined(row: Sequence[ast.Command]) -> str:
    return "; ".join(_pieces(c, ())[0] for c in row)


def _pieces(command: ast.Command, expanded: Sequence[ast.Body]) -> list[str]:
    """Return the lines of a command around its expanded bodies: `residual {`, `} { batchnorm }`."""
    # Bodies that say the same are equal; which one is meant, only identity tells.
    apart = {id(body) for body in expanded}
    lines = [command.name.text]
    for part in in_text_order(command):
        if isinstance(part, ast.Argument):
            lines[-1] += f" {_argument(part, command)}"
        elif id(part) in apart:
            lines[-1] += " {"
            lines.append("}")
        else:
            lines[-1] += f" {{ {_joined(part.commands)} }}" if part.commands else " { }"
    if command.label:
        lines[-1] += f" as {print_label(command.label.text)}"
    return lines


def _argument(argument: ast.Argument, command: ast.Command) -> str:
    if argument.key and argument.relation == "=" and command.name.text == "let":
        return f"{argument.key.text} = {print_value(argument.value)}"
    return print_argument(argument)


def _fits(code: str, depth: int) -> bool:
    return len(INDENT) * depth + len(code) <= WIDTH


def _start(span: Span) -> tuple[int, int]:
    return (span.line, span.column)


def _end(span: Span) -> tuple[int, int]:
    return (span.end_line, span.end_column)
