"""What stands at the head of a written program, in words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from netspec.formats.program import Input, Program
from netspec.ops import Shape

__all__ = ["axes_words", "documented", "input_words", "labels_text", "name_of", "output_words", "quoted", "returned"]

_WIDTH = 80
_PAGE = 88
_KINDS = {"bytes": "bytes", "floats": "floats", "tokens": "token numbers"}


def documented(begin: str, program: Program, arguments: Mapping[str, str], margin: str) -> list[str]:
    """Return the lines of a docstring: what comes out, and what flows in, a line each where they are long."""
    short = f'{margin}"""{begin} {output_words(program)} of {input_words(program, arguments)}."""'
    if len(short) <= _PAGE:
        return [short]
    inputs = [f"{margin}    {arguments[i.name]}: {_of(i)}." for i in program.inputs]
    head = f'{margin}"""{begin} {output_words(program)}.'
    if len(head) > _PAGE:
        outputs = [f"{margin}    {o.name}: {_shape(o.shape)}." for o in program.outputs]
        return [
            f'{margin}"""{begin} several values.',
            "",
            f"{margin}Returns:",
            *outputs,
            "",
            f"{margin}Args:",
            *inputs,
            f'{margin}"""',
        ]
    return [head, "", f"{margin}Args:", *inputs, f'{margin}"""']


def input_words(program: Program, arguments: Mapping[str, str]) -> str:
    """Return what flows in, in words."""
    return ", ".join(f"{arguments[i.name]}: {_of(i)}" for i in program.inputs)


def _of(given: Input) -> str:
    return f"{_KINDS[given.kind]} {_shape(given.shape)}"


def _shape(shape: Shape) -> str:
    return f"({', '.join(['N', *map(str, shape)])})"


def axes_words(program: Program) -> str:
    """Return how what flows in lies in memory, in words."""
    kinds = {("tokens" if given.kind == "tokens" else len(given.shape)) for given in program.inputs}
    said = {3: "images are (N, C, H, W)", 2: "sequences are (N, D, L)", "tokens": "token numbers are (N, L)"}
    text = ", ".join(words for kind, words in said.items() if kind in kinds) or "rows are (N, D)"
    return f"{text[:1].upper()}{text[1:]}."


def output_words(program: Program) -> str:
    """Return what comes out, in words."""
    return ", ".join(f"{o.name} {_shape(o.shape)}" for o in program.outputs)


def labels_text(program: Program) -> str:
    """Return the names of the classes as a constant; empty where there are none."""
    named = {o.name: o.labels for o in program.outputs if o.labels}
    if not named:
        return ""
    values = {name: _tuple(labels) for name, labels in named.items()}
    if len(program.outputs) == 1:
        return f"LABELS = {next(iter(values.values()))}"
    return "LABELS = {" + ", ".join(f"{quoted(name)}: {value}" for name, value in values.items()) + "}"


def _tuple(labels: Sequence[str]) -> str:
    text = ", ".join(map(quoted, labels))
    if len(text) < _WIDTH:
        return f"({text}{',' if len(labels) == 1 else ''})"
    return "(\n" + "".join(f"    {quoted(label)},\n" for label in labels) + ")"


def quoted(text: str) -> str:
    """Return a text as one of Python; what is not seen, or steers the screen, is escaped."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def name_of(program: Program) -> str:
    """Return the name of a network as it may stand in a comment."""
    return re.sub(r"[^\w .-]", "_", program.name)[:_WIDTH] or "network"


def returned(outputs: Mapping[str, str]) -> str:
    """Return the expression of all outputs: the only one, or each by its name."""
    if len(outputs) == 1:
        return next(iter(outputs.values()))
    return "{" + ", ".join(f"{quoted(name)}: {text}" for name, text in outputs.items()) + "}"
