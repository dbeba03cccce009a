"""Text to AST: LALR with the tree built inside the parse, all syntax errors in one go."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeVar

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.parsers.lalr_analysis import Shift

from netspec.diagnostics.diagnostic import Diagnostic, Source, Span, SpecError
from netspec.syntax import ast, errors, tables

__all__ = ["MAX_BYTES", "MAX_DIGITS", "MAX_NESTING", "MAX_PARTS", "MAX_WORD", "parse", "read_source"]

MAX_BYTES = 1_000_000
MAX_NESTING = 64
MAX_TOKENS = 100_000
"""A spec has at most so many words and signs: reading them is what takes time."""

MAX_DIGITS = 18
MAX_WORD = 200
MAX_STRING = 1_000
MAX_PARTS = 10_000
"""So many arguments has a command or a call, so many bodies a command, so many extents a size."""

_MAX_ERRORS = 50

# The tree builder's callbacks get tokens and children only; what they must know of the parse they find here.
_current: ContextVar[_Parse] = ContextVar("_current")

_T = TypeVar("_T")


class _Parse:
    """What one parse gathers beside the tree."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.comments: list[ast.Comment] = []
        self.diagnostics: list[Diagnostic] = []
        self.depth: dict[int, int] = {}

    def span(self, token: Token) -> Span:
        line, column = token.line or 1, token.column or 1
        return Span(self.source, line, column, token.end_line or line, token.end_column or column + 1)

    def nest(self, node: _T, children: list[Any], span: Span) -> _T:
        """Note how deeply `node` nests, once per node, so that a flood of brackets is an error, not a crash."""
        depth = 1 + max((self.depth.pop(id(child), 0) for child in children), default=0)
        self.depth[id(node)] = depth
        if depth == MAX_NESTING + 1:
            self.note(errors.too_deep(span, MAX_NESTING))
        return node

    def note(self, diagnostic: Diagnostic) -> None:
        """Keep a mistake; of a flood of them, the first."""
        if len(self.diagnostics) <= _MAX_ERRORS:
            self.diagnostics.append(diagnostic)

    def few(self, parts: Sequence[Any], what: str) -> None:
        """Note that a command has more parts than any network needs."""
        if len(parts) > MAX_PARTS:
            self.note(errors.too_many(parts[MAX_PARTS].span, what, MAX_PARTS))

    def text(self, token: Token, limit: int) -> str:
        """Return the text of a word or a string, which is no longer than any name."""
        if len(token) > limit:
            self.note(errors.too_long(self.span(token), limit))
            return "too_long"
        return str(token)


def parse(source: Source) -> ast.File:
    """Parse a source text.

    Returns:
        The tree, with comments.

    Raises:
        SpecError: with every syntax error of the text.
    """
    problem = errors.unreadable(source, MAX_BYTES) or errors.unwieldy(source, MAX_TOKENS)
    if problem:
        raise SpecError([problem])
    text, deceptions = errors.deceptive(source)
    state = _Parse(source)
    token = _current.set(state)
    try:
        # A final newline closes the last command also when the text forgot it.
        commands: Any = _parser().parse(text + "\n", on_error=_recover)
    except UnexpectedInput as error:
        # Recovery has run out of input; what was wrong first is already noted.
        state.diagnostics = state.diagnostics or [errors.from_lark(error, source)]
        raise SpecError([*deceptions, *errors.folded(state.diagnostics, source)]) from None
    finally:
        _current.reset(token)
    if deceptions or state.diagnostics:
        raise SpecError([*deceptions, *errors.folded(state.diagnostics, source)])
    return ast.File(source, commands, tuple(state.comments))


def read_source(name: str, data: bytes) -> Source:
    """Decode the bytes of a spec file.

    Raises:
        SpecError: when they are not UTF-8 text.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SpecError([errors.not_text(Source(name, ""), error.start)]) from None
    return Source(name, text.replace("\r\n", "\n"))


def _recover(error: UnexpectedInput) -> bool:
    """Note a syntax error, then go on with the next command, so that one file's errors come in one go."""
    state = _current.get()
    state.note(errors.from_lark(error, state.source))
    if len(state.diagnostics) > _MAX_ERRORS or not hasattr(error, "interactive_parser"):
        return False
    parser: Any = error.interactive_parser
    token: Token | None = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        return False
    if token is not None and token.type == "LBRACE":
        _skip_body(parser, state.source.text)
    elif token is None or token.type not in {"_SEP", "RBRACE"}:
        # The lexer goes on right behind the bad token or character: skip what is left of the command.
        lexer = parser.lexer_thread.state
        text, at = state.source.text, lexer.line_ctr.char_pos
        while at < len(text) and text[at] not in ";\n{}":
            at += 1
        lexer.line_ctr.feed(Token("SKIPPED", text[lexer.line_ctr.char_pos : at]))
    where = parser.lexer_thread.state.line_ctr
    # A command broken off where a value belongs is completed, or the next line would become that value.
    for _ in range(MAX_NESTING):
        if _takes(parser, "_SEP"):
            break
        filler = next((kind for kind in ("INT", "RPAR", "NAME") if _takes(parser, kind)), None)
        if filler is None:
            break
        # It stands where the reading has come to: what is made of it must have a place in the text.
        lines = state.source.lines
        line, column = (where.line, where.column) if where.line <= len(lines) else (len(lines), len(lines[-1]) + 1)
        parser.feed_token(Token(filler, "0", line=line, column=column, end_line=line, end_column=column + 1))
    if token is not None and token.type == "RBRACE" and _takes(parser, "RBRACE"):
        # The command is complete now: its body may end.
        parser.feed_token(token)
    return True


def _takes(parser: Any, kind: str) -> bool:
    """Return whether a token of this kind may come next.

    As `kind in parser.accepts()`, which asks for every kind there is, each on a copy of the whole parser: much too slow
    to be asked for each of many open parentheses. The states alone tell: reduce until the token is shifted, or refused.
    """
    table, stack = parser.parser_state.parse_conf.states, list(parser.parser_state.state_stack)
    while kind in table[stack[-1]]:
        action, rule = table[stack[-1]][kind]
        if action is Shift:
            return True
        del stack[len(stack) - len(rule.expansion) :]
        stack.append(table[stack[-1]][rule.origin.name][1])
    return False


def _skip_body(parser: Any, text: str) -> None:
    """Go on behind a body that no command owns, and what follows on its line, so that this is no mistake of its own."""
    lexer = parser.lexer_thread.state
    at, depth = lexer.line_ctr.char_pos, 1
    while at < len(text) and (depth or text[at] not in ";\n}#"):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    lexer.line_ctr.feed(Token("SKIPPED", text[lexer.line_ctr.char_pos : at]))


@cache
def _parser() -> Lark:
    return tables.load(transformer=_TreeBuilder(), lexer_callbacks={"COMMENT": _keep_comment})


def _keep_comment(token: Token) -> Token:
    state = _current.get()
    state.comments.append(ast.Comment(str(token), state.span(token)))
    return token


class _TreeBuilder(Transformer[Token, Any]):
    """One method for each rule of the grammar; `c` are its children, tokens or finished nodes."""

    def start(self, c: list[Any]) -> tuple[ast.Command, ...]:
        return tuple(c)

    def command(self, c: list[Any]) -> ast.Command:
        name, *rest = (_name(x) if isinstance(x, Token) else x for x in c)
        label = rest.pop() if rest and isinstance(rest[-1], ast.Name) else None
        arguments = tuple(x for x in rest if isinstance(x, ast.Argument))
        bodies = tuple(x for x in rest if isinstance(x, ast.Body))
        if name.text != "for":
            _single(arguments)
        _current.get().few(arguments, "arguments")
        _current.get().few(bodies, "bodies")
        last = label or (max(rest, key=_end) if rest else name)
        node = ast.Command(name, arguments, bodies, label, name.span.to(last.span))
        return _nest_like(node, list(bodies))

    def body(self, c: list[Any]) -> ast.Body:
        span = _span(c[0]).to(_span(c[-1]))
        return _current.get().nest(ast.Body(tuple(c[1:-1]), span), c[1:-1], span)

    def positional(self, c: list[Any]) -> ast.Argument:
        return ast.Argument(None, c[0], "=", c[0].span)

    def keyword(self, c: list[Any]) -> ast.Argument:
        key = _name(c[0])
        return ast.Argument(key, c[1], "=", key.span.to(c[1].span))

    def comparison(self, c: list[Any]) -> ast.Argument:
        key = _name(c[0])
        return ast.Argument(key, c[2], str(c[1]), key.span.to(c[2].span))

    def integer(self, c: list[Token]) -> ast.Integer:
        span = _span(c[0])
        if len(c[0]) > MAX_DIGITS:
            _current.get().note(errors.too_many_digits(span, MAX_DIGITS))
            return ast.Integer(1, span)
        return ast.Integer(int(c[0]), span)

    def decimal(self, c: list[Token]) -> ast.Decimal:
        if len(c[0]) > 2 * MAX_DIGITS:
            _current.get().note(errors.too_many_digits(_span(c[0]), 2 * MAX_DIGITS))
            return ast.Decimal("0.1", _span(c[0]))
        return ast.Decimal(str(c[0]), _span(c[0]))

    def quantity(self, c: list[Token]) -> ast.Quantity:
        if len(c[0]) > MAX_DIGITS:
            _current.get().note(errors.too_many_digits(_span(c[0]), MAX_DIGITS))
            return ast.Quantity("1k", _span(c[0]))
        return ast.Quantity(str(c[0]), _span(c[0]))

    def string(self, c: list[Token]) -> ast.String:
        return ast.String(_current.get().text(c[0], MAX_STRING).strip('"'), _span(c[0]))

    def word(self, c: list[Token]) -> ast.Word:
        return ast.Word(_current.get().text(c[0], MAX_WORD), _span(c[0]))

    def negative(self, c: list[Any]) -> ast.Negative:
        span = _span(c[0]).to(c[1].span)
        return _current.get().nest(ast.Negative(c[1], span), c[1:], span)

    def not_(self, c: list[Any]) -> ast.Not:
        span = _span(c[0]).to(c[1].span)
        return _current.get().nest(ast.Not(c[1], span), c[1:], span)

    def size(self, c: list[Any]) -> ast.Size:
        _current.get().few(c, "extents")
        return ast.Size(tuple(c), c[0].span.to(c[-1].span))

    def range(self, c: list[Any]) -> ast.Range:
        return ast.Range(c[0], c[1], c[0].span.to(c[1].span))

    def tuple(self, c: list[Any]) -> ast.Tuple:
        span = _span(c[0]).to(_span(c[-1]))
        _current.get().few(c[1:-1], "values")
        return _current.get().nest(ast.Tuple((*c[1:-1],), span), c[1:-1], span)

    def call(self, c: list[Any]) -> ast.Call:
        name = _name(c[0])
        span = name.span.to(_span(c[-1]))
        _single(c[1:-1])
        _current.get().few(c[1:-1], "arguments")
        return _current.get().nest(ast.Call(name, tuple(c[1:-1]), span), [a.value for a in c[1:-1]], span)

    def group(self, c: list[Any]) -> ast.Group:
        span = _span(c[0]).to(_span(c[2]))
        return _current.get().nest(ast.Group(c[1], span), [c[1]], span)

    def binary(self, c: list[Any]) -> ast.Binary:
        span = c[0].span.to(c[2].span)
        # A chain 1+1+1+… leans left as deep as it is long.
        return _current.get().nest(ast.Binary(str(c[1]), c[0], c[2], span), [c[0], c[2]], span)


def _single(arguments: Sequence[ast.Argument]) -> None:
    """Note tuples, which only `for` takes: elsewhere `(5, 5)` is how another language writes a size or a call."""
    first = next((a.value for a in arguments if isinstance(a.value, ast.Tuple)), None)
    if first:
        state = _current.get()
        mistake = errors.tuple_elsewhere(first, state.source)
        # What else is wrong in the same parentheses is wrong for the same reason.
        state.diagnostics = [d for d in state.diagnostics if not errors.goes_with(d, mistake)]
        state.note(mistake)


def _nest_like(node: _T, children: list[Any]) -> _T:
    """Pass the children's depth on: a command is as deep as its bodies, only brackets count."""
    depth = _current.get().depth
    deepest = max((depth.pop(id(child), 0) for child in children), default=0)
    if deepest:
        depth[id(node)] = deepest
    return node


def _span(token: Token) -> Span:
    return _current.get().span(token)


def _name(token: Token) -> ast.Name:
    # A label in quotes is the full name of a node in a block: `as "res_1/conv_1"`.
    return ast.Name(
        _current.get().text(token, MAX_STRING if token.type == "STRING" else MAX_WORD).strip('"'), _span(token)
    )


def _end(node: Any) -> tuple[int, int]:
    return (node.span.end_line, node.span.end_column)
