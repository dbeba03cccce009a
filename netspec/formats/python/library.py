"""Helper functions that a written program needs: taken out of a file of ours, with what they use themselves."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

__all__ = ["arguments_of", "helpers_of", "names_in"]


@cache
def _functions(library: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Return the text of each function and class of a file, and the names that it uses."""
    text = library.read_text(encoding="utf-8")
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            source = ast.get_source_segment(text, node) or ""
            used = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
            found[node.name] = (source, frozenset(used))
    return found


def names_in(library: Path) -> set[str]:
    """Return the names of all helpers of a file."""
    return set(_functions(library))


@cache
def arguments_of(library: Path, name: str) -> frozenset[str]:
    """Return the names of the arguments of a helper."""
    (node,) = ast.parse(_functions(library)[name][0]).body
    assert isinstance(node, ast.FunctionDef)
    return frozenset(a.arg for a in (*node.args.args, *node.args.kwonlyargs))


def helpers_of(library: Path, text: str) -> list[str]:
    """Return the helpers that a program uses, and those that these use, in the order of the file."""
    functions = _functions(library)
    wanted = {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)} & functions.keys()
    waiting = list(wanted)
    while waiting:
        for name in functions[waiting.pop()][1] & functions.keys() - wanted:
            wanted.add(name)
            waiting.append(name)
    return [source for name, (source, _) in functions.items() if name in wanted]
