"""Arguments that a foreign layer name implies, written out on its line."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from netspec.diagnostics.diagnostic import Span
from netspec.elaborate.binder import bind
from netspec.elaborate.context import Context
from netspec.elaborate.spellings import SPELLINGS, Spelling, kept
from netspec.schema.definition import Definition, parameters
from netspec.syntax import ast
from netspec.syntax.printer import print_argument

__all__ = ["written_out"]


def written_out(
    name: ast.Name, cls: type[Definition], arguments: tuple[ast.Argument, ...], own: Collection[str]
) -> tuple[ast.Argument, ...] | None:
    """Return the arguments with which the canonical name says what another one says; None where none do.

    Args:
        name: as it is written.
        cls: what it names.
        arguments: as the line has them.
        own: the names to which the file gives a meaning of its own.
    """
    spelling = SPELLINGS.get(name.text)
    if spelling is None or spelling.kind != cls.canonical():
        return arguments
    if spelling.carries or spelling.turned:
        # What is added is written behind the last argument.
        return _carried(spelling, cls, arguments, own, arguments[-1].span if arguments else name.span)
    # Its remarks depend on what the line says: where that is not known, or one holds, the name stays.
    context = Context({})
    if bind(cls, name, arguments, context) is None:
        return None if any(_mentions(argument, own) for argument in arguments) else arguments
    return None if context.notes else arguments


def _carried(
    spelling: Spelling, cls: type[Definition], arguments: Sequence[ast.Argument], own: Collection[str], span: Span
) -> tuple[ast.Argument, ...] | None:
    given = _given(cls, arguments, own)
    if given is None:
        return None
    written = list(arguments)
    if spelling.turned in given:
        at = given[spelling.turned]
        value = written[at].value
        if not isinstance(value, ast.Integer | ast.Decimal):
            return None
        written[at] = replace(written[at], value=_value(kept(value.value), span))
    for p in parameters(cls):
        if p.name not in spelling.carries or p.name in given:
            continue
        value = spelling.carries[p.name]
        word = value if isinstance(value, str) else ("" if value else "no") + p.name if p.is_flag else ""
        if word in own:
            # The file means something else by it.
            return None
        if word:
            written.append(ast.Argument(None, ast.Word(word, span), "=", span))
        else:
            key = None if p.positional else ast.Name(p.name, span)
            written.append(ast.Argument(key, _value(value, span), "=", span))
    return tuple(written)


def _given(cls: type[Definition], arguments: Sequence[ast.Argument], own: Collection[str]) -> dict[str, int] | None:
    """Return which arguments are given and where; None where a word of the file's own may stand for any of them."""
    known = {p.name: p for p in parameters(cls)}
    given = {a.key.text: at for at, a in enumerate(arguments) if a.key}
    for at, argument in enumerate(arguments):
        value = argument.value
        if argument.key:
            continue
        if isinstance(value, ast.Word) and value.text in own:
            return None
        word = value.text if isinstance(value, ast.Word) else value.name.text if isinstance(value, ast.Call) else None
        free = [p for name, p in known.items() if name not in given]
        fitting = [p.name for p in free if (p.positional if word is None else word in p.choices)]
        if fitting:
            given[fitting[0]] = at
    return given


def _mentions(argument: ast.Argument, names: Collection[str]) -> bool:
    return any(word in names for word in re.findall(r"\w+", print_argument(argument)))


def _value(value: Any, span: Span) -> ast.Value:
    """Return a word, a number, or a size of equal numbers, as it is written."""
    if isinstance(value, str):
        return ast.Word(value, span)
    if isinstance(value, tuple):
        value = value[0]
    return ast.Integer(value, span) if isinstance(value, int) else ast.Decimal(repr(value), span)
