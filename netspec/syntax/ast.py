"""The abstract syntax tree: frozen values with spans that say what was written, not what it means.

Two trees are equal when they say the same; spans and comments do not take part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from netspec.diagnostics.diagnostic import Source, Span

__all__ = [
    "Argument",
    "Binary",
    "Body",
    "Call",
    "Command",
    "Comment",
    "Decimal",
    "File",
    "Group",
    "Integer",
    "Name",
    "Negative",
    "Not",
    "Quantity",
    "Range",
    "Size",
    "String",
    "Tuple",
    "Value",
    "Word",
]


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a command, a key, a label or a call."""

    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Integer:
    """`20`."""

    value: int
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Decimal:
    """`0.5` or `1e-3`; `text` keeps how it was written."""

    text: str
    span: Span = field(compare=False, repr=False)

    @property
    def value(self) -> float:
        """The number."""
        return float(self.text)


@dataclass(frozen=True, slots=True)
class Quantity:
    """`100k`, `64MiB` or `15%`; `text` keeps how it was written."""

    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word: a choice such as `relu`, or the name of a `let`."""

    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class String:
    """`"text"`, without its quotes."""

    value: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """`-1`."""

    operand: Value
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    """`not x > 1`, the opposite of a condition."""

    operand: Value
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`: arithmetic (`+ - * / // %`), a comparison (`== != < <= > >=`), or `and`, `or`."""

    operator: str
    left: Value
    right: Value
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Group:
    """Arithmetic or a condition in parentheses, `(w*2)`, `(s > 1)`."""

    expression: Value
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Size:
    """`5x5`, `1x28x28`, `(k)x(k)`."""

    extents: tuple[Value, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Tuple:
    """`(16, 3x3, relu)`: several values, those of one round of a `for`, or the names they get there."""

    items: tuple[Value, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Range:
    """`-1..1`."""

    low: Value
    high: Value
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """`normal(0.01)`, `leaky_relu(slope=0.2)`."""

    name: Name
    arguments: tuple[Argument, ...]
    span: Span = field(compare=False, repr=False)


Value: TypeAlias = (
    Integer | Decimal | Quantity | Word | String | Negative | Not | Binary | Group | Size | Tuple | Range | Call
)


@dataclass(frozen=True, slots=True)
class Argument:
    """A positional (`key` is None), `key=value`, or a comparison `key < value`."""

    key: Name | None
    value: Value
    relation: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Body:
    """`{ commands }`."""

    commands: tuple[Command, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Command:
    """A name, its arguments, its bodies and its label: the only form there is."""

    name: Name
    arguments: tuple[Argument, ...]
    bodies: tuple[Body, ...]
    label: Name | None
    span: Span = field(compare=False, repr=False)

    @property
    def head(self) -> Span:
        """The span of the name and the arguments, without the bodies."""
        return self.name.span.to(self.arguments[-1].span) if self.arguments and not self.bodies else self.name.span


@dataclass(frozen=True, slots=True)
class Comment:
    """`# text`, from the sign to the end of the line."""

    text: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class File:
    """A whole source text."""

    source: Source = field(compare=False, repr=False)
    commands: tuple[Command, ...]
    comments: tuple[Comment, ...] = field(compare=False, default=())
