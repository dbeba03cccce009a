"""Every small mistake that can be made in a file: an operator turned, a number moved by one, a result forgotten."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Mutation", "applied", "mutations"]

_BINARY = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "//"),
    ast.FloorDiv: ("//", "*"),
    ast.Div: ("/", "*"),
    ast.Mod: ("%", "*"),
}
_COMPARED = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_TEXT = (ast.JoinedStr, ast.List, ast.ListComp)


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of a text.

    Attributes:
        line: its line, from 1.
        start: where the replaced part begins, in characters of the text.
        before: that part.
        after: what comes in its place.
    """

    line: int
    start: int
    before: str
    after: str


def applied(text: str, mutation: Mutation) -> str:
    """Return the text with one mutation made."""
    end = mutation.start + len(mutation.before)
    assert text[mutation.start : end] == mutation.before
    return text[: mutation.start] + mutation.after + text[end:]


def mutations(text: str) -> list[Mutation]:
    """Return all mutations of a file's code; none of its docstrings, annotations, decorators or `__all__`."""
    places = _Places(text)
    found = {(m.start, m.after): m for node in _code(ast.parse(text)) for m in _of(node, places)}
    return [found[key] for key in sorted(found)]


class _Places:
    """Where the nodes and the tokens of a text stand, in characters from its beginning."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = [f"{line}\n" for line in text.split("\n")]
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        read = tokenize.generate_tokens(io.StringIO(text).readline)
        self._tokens = [(self._starts[t.start[0] - 1] + t.start[1], t.string) for t in read]

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self._at(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._at(node.end_lineno, node.end_col_offset)

    def replaced(self, start: int, before: str, after: str) -> Mutation:
        return Mutation(self.text.count("\n", 0, start) + 1, start, before, after)

    def between(self, left: ast.expr, right: ast.expr, operator: str, other: str) -> Iterator[Mutation]:
        """Yield the mutation of the operator that stands between two operands, where it is written in one piece."""
        first, *rest = operator.split()
        begin, stop = self.end(left), self.start(right)
        for at, string in self._tokens:
            if begin <= at < stop and string == first:
                if not rest or self.text.startswith(operator, at):
                    yield self.replaced(at, operator, other)
                return

    def _at(self, line: int, column: int) -> int:
        """Return the place of a line and a column, which ast counts in bytes of UTF-8."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes in which a mistake would be one of the program."""
    yield node
    skipped: set[int] = set()
    match node:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom():
            # What stands within an f-string has no place of its own before Python 3.12.
            return
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return
        case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__")]):
            return
        case ast.AnnAssign(annotation=annotation) | ast.arg(annotation=annotation):
            skipped = {id(annotation)}
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            skipped = {id(node.returns), *map(id, node.decorator_list)}
        case ast.ClassDef():
            skipped = {*map(id, node.decorator_list)}
    for child in ast.iter_child_nodes(node):
        if id(child) not in skipped:
            yield from _code(child)


def _of(node: ast.AST, places: _Places) -> Iterator[Mutation]:
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY and not _joins(left, right):
            yield from places.between(left, right, *_BINARY[type(op)])
        case ast.AugAssign(target=target, op=op, value=value) if type(op) in _BINARY and not _joins(value):
            operator, other = _BINARY[type(op)]
            yield from places.between(target, value, f"{operator}=", f"{other}=")
        case ast.Compare():
            operands = pairwise([node.left, *node.comparators])
            for (left, right), sign in zip(operands, node.ops, strict=True):
                yield from places.between(left, right, *_COMPARED[type(sign)])
        case ast.BoolOp():
            turned = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in pairwise(node.values):
                yield from places.between(left, right, *turned)
        case ast.UnaryOp(op=ast.Not()):
            yield places.replaced(places.start(node), "not ", "")
        case ast.Constant(value=bool()):
            yield places.replaced(places.start(node), str(node.value), str(not node.value))
        case ast.Constant(value=int() | float() as number):
            written = places.text[places.start(node) : places.end(node)]
            for moved in (number + 1, number - 1):
                if moved >= 0 and moved != number:
                    yield places.replaced(places.start(node), written, repr(moved))
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            start = places.start(node)
            yield places.replaced(start, places.text[start : places.end(node)], "return None")


def _joins(*operands: ast.expr) -> bool:
    """Return whether texts or lists are joined, of which every other operator is refused at once."""
    return any(isinstance(o, _TEXT) or (isinstance(o, ast.Constant) and isinstance(o.value, str)) for o in operands)
