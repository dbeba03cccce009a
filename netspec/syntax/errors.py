"""What the parser could not read, said in words: Lark's exceptions become diagnostics E0101 to E0116."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate, islice
from operator import itemgetter
from typing import TYPE_CHECKING

from lark import Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from netspec.diagnostics.diagnostic import Diagnostic, Source, Span, listing
from netspec.diagnostics.visible import BIDI, BREAKS, CONTROLS, INVISIBLE, ascii_twin, described, visible

if TYPE_CHECKING:
    from netspec.syntax import ast
    from netspec.syntax.foreign import Dialect

__all__ = [
    "deceptive",
    "folded",
    "from_lark",
    "goes_with",
    "not_text",
    "too_deep",
    "too_large",
    "too_long",
    "too_many",
    "too_many_digits",
    "tuple_elsewhere",
    "unreadable",
    "unwieldy",
]

_EXPECTED = {
    "NAME": "a name",
    "INT": "a number",
    "DECIMAL": "",
    "QUANTITY": "",
    "MINUS": "",
    "STRING": "",
    "LPAR": "",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "RPAR": "`)`",
    "EQUAL": "`=`",
    "COMMA": "`,`",
    "_SEP": "the end of the line",
    "PLUS": "an operator",
}

# What is said of a sign where the line itself does not tell more.
_HINTS = {
    ",": "arguments are separated by spaces: `conv 20 5x5 relu`",
    "(": "arguments follow the name without parentheses: `conv 20 5x5`; in `normal(0.01)` the `(` touches the name",
    "'": 'strings stand in double quotes: "text"',
    '"': "close the string on the same line",
    "`": "names stand without quotes: `relu`",
    "“": 'strings stand in double quotes: "text"',
    "”": 'strings stand in double quotes: "text"',
    "‘": 'strings stand in double quotes: "text"',
    "×": "write the letter x: `5x5`",
    "−": "write the hyphen of the keyboard: `-1`",
    "–": "write the hyphen of the keyboard: `-1`",
    ".": "write decimals with a digit on both sides: `1.0`",
    "=": "write `key=value`, one value for each key; a setting takes no `=`: `epochs 5`",
    "/": "comments begin with `#`; arithmetic stands in parentheses",
    "//": "comments begin with `#`; arithmetic stands in parentheses",
    "\\": "a command stands on one line, with nothing at its end",
    "^": "powers are written out: `(2 * 2)`",
    "$": "a spec is data: it reads no variables of the shell",
    "@": "comments begin with `#`",
}


_LINE = 400  # More of a line is not looked at to tell a format by it.
_USUAL = "a command is a name, then its arguments: `conv 20 5x5 relu`"


def from_lark(error: UnexpectedInput, source: Source) -> Diagnostic:
    """Return the diagnostic for one of Lark's syntax errors."""
    if isinstance(error, UnexpectedToken):
        return _token(error, error.token, source)
    assert isinstance(error, UnexpectedCharacters)
    return _character(error, source)


def folded(diagnostics: list[Diagnostic], source: Source) -> list[Diagnostic]:
    """Say once that the text is of another format, in place of each line of it that does not parse."""
    for index, first in enumerate(diagnostics):
        found = _foreign(first, source)
        if found:
            dialect, fix = found
            said = replace(first, message=f"this looks like {dialect.called}, which is no .net spec", fix=fix)
            # What belongs to the other format is mended with it.
            rest = [
                d
                for d in diagnostics[index + 1 :]
                if not d.span or not dialect.line.match(source.line(d.span.line)[:_LINE])
            ]
            return [*diagnostics[:index], said, *rest]
    return diagnostics


def _foreign(diagnostic: Diagnostic, source: Source) -> tuple[Dialect, str] | None:
    if diagnostic.span is None or diagnostic.code not in {"E0101", "E0103", "E0105"}:
        return None
    line = diagnostic.span.line
    from netspec.syntax.foreign import foreign  # noqa: PLC0415 - a text that is right needs none of its tables

    return foreign("\n".join(text[:_LINE] for text in source.lines[line - 1 : line + 30]))


def _advice(source: Source, line: int, column: int, found: str) -> str:
    """Return how the command at a place would be right."""
    text = source.line(line)
    at = column - 1
    start = 1 + max(text.rfind(sign, 0, at) for sign in ";{}")
    end = min((i for sign in ";{}#" if (i := text.find(sign, at + 1)) >= 0), default=len(text))
    end += text[end : end + 1] == "{"  # The body itself is another matter, but not that there is one.
    from netspec.syntax.foreign import advice  # noqa: PLC0415

    return advice(text[start:end], at - start) or _HINTS.get(found, _USUAL)


def _character(error: UnexpectedCharacters, source: Source) -> Diagnostic:
    span = Span(source, error.line, error.column, error.line, error.column + 1)
    text = source.line(error.line)
    char = text[error.column - 1] if error.column <= len(text) else " "
    if char == '"':
        return Diagnostic("E0102", "this string is not closed", span, fix=_HINTS['"'])
    shown = f"`{char}`" if char.isascii() and char.isprintable() else described(char)
    if not char.isascii() and visible(char) == char and not unicodedata.combining(char):
        shown = f"`{char}`, {shown},"
    fix = _advice(source, error.line, error.column, char)
    return Diagnostic("E0101", f"the character {shown} has no meaning here", span, fix=fix)


def _token(error: UnexpectedToken, token: Token, source: Source) -> Diagnostic:
    if token.type == "$END":
        return _unclosed(source)
    line, column = token.line or 1, token.column or 1
    span = Span(source, line, column, token.end_line or line, token.end_column or column + 1)
    accepts = set(error.accepts or ())
    if token.type == "RBRACE" and "_SEP" in accepts:
        return Diagnostic("E0104", "this `}` closes nothing", span, fix="remove it, or open a body with `{` before it")
    # A value may begin with a name too: behind a `=` the body is what is out of place.
    if token.type == "LBRACE" and "NAME" in accepts and not accepts & {"LBRACE", "INT"}:
        return Diagnostic(
            "E0105",
            "a body needs a command before it",
            span,
            fix="put `{` on the line of its command: `train {`",
        )
    if token.type == "_SEP":
        span = Span(source, line, column, line, column + 1)
    fix = _advice(source, line, column, str(token))
    return Diagnostic("E0103", _found(token) + _expected(accepts), span, fix=fix)


def _found(token: Token) -> str:
    return "the line ends here" if token.type == "_SEP" and token != ";" else f"unexpected `{token}`"


def _expected(accepts: set[str]) -> str:
    if {"INT", "NAME"} <= accepts and "_SEP" not in accepts:
        return ", where a value should follow"
    # A second value in parentheses is rarer than what goes on with the first.
    accepts = accepts - {"COMMA"} if "PLUS" in accepts else accepts
    words = [w for t in sorted(accepts) if (w := _EXPECTED.get(t, ""))]
    return f", where {listing(words)} should follow" if 0 < len(words) <= 3 else ""


_CLOSES = {"{": "}", "(": ")"}


def _unclosed(source: Source) -> Diagnostic:
    """Point at the innermost brace or parenthesis that is never closed."""
    opened: list[tuple[str, Span]] = []
    for number, text in enumerate(source.lines, 1):
        code = _code(text)
        for column, char in enumerate(code, 1):
            if char in _CLOSES:
                opened.append((char, Span(source, number, column, number, column + 1)))
            elif opened and char == _CLOSES[opened[-1][0]]:
                opened.pop()
    # A brace goes before a parenthesis: it is what keeps the text from ending.
    braces = [found for found in opened if found[0] == "{"] or opened
    if not braces:
        number = len(source.lines)
        column = len(source.lines[-1]) + 1
        return Diagnostic(
            "E0103",
            "the text ends in the middle of a command",
            Span(source, number, column, number, column + 1),
            fix=_USUAL,
        )
    char, span = braces[-1]
    return Diagnostic("E0106", f"this `{char}` is never closed", span, fix=f"add the missing `{_CLOSES[char]}`")


def _code(line: str) -> str:
    """Blank out strings and the comment of a line, keeping columns."""
    out, quoted = [], False
    for char in line:
        if char == '"':
            quoted = not quoted
        if char == "#" and not quoted:
            break
        out.append(" " if quoted else char)
    return "".join(out)


# --- characters that deceive ---------------------------------------------------------------------------------------

_LONE_CR = r"\r(?!\n|\Z)"
# Few texts need more than the first of these, so the others are compiled where one does.
_IN_STRING = re.compile(f"[{BIDI}{BREAKS}{CONTROLS}{INVISIBLE}]|{_LONE_CR}")
_IN_COMMENT = f"[{BIDI}{BREAKS}{CONTROLS}]|{_LONE_CR}"
_QUOTED = r'"[^"\n]*"?|#[^\n]*'
# In between, a word with anything foreign in it is one mistake, and one invisible character is one. Words are looked at
# from their beginnings only, or one of a megabyte would be looked at from each of its letters.
_IN_CODE = (
    f"(?P<hidden>[{BIDI}])|(?P<blank>[{BREAKS}]|{_LONE_CR}|(?=[^\x00-\x7f])\\s)"
    f"|(?P<word>(?<![\\w{INVISIBLE}])[A-Za-z0-9_{INVISIBLE}]*(?:[{INVISIBLE}]|(?=[^\x00-\x7f])\\w)[\\w{INVISIBLE}]*)"
)


def deceptive(source: Source, limit: int = 50) -> tuple[str, list[Diagnostic]]:
    """Find the characters that make a text look other than what it says.

    Returns:
        A text of the same length with harmless characters in their places, so that the rest can be parsed, and a
        diagnostic for each of them, at most `limit`.
    """
    text = source.text
    # A mark at the very beginning only says that the file is UTF-8.
    text = " " + text[1:] if text.startswith("\ufeff") else text
    if text.isascii() and not _IN_STRING.search(text):
        return text, []
    in_code, in_comment = re.compile(_IN_CODE), re.compile(_IN_COMMENT)
    found: list[re.Match[str]] = []
    at = 0
    for quoted in re.finditer(_QUOTED, text):
        found += in_code.finditer(text, at, quoted.start())
        found += (in_comment if quoted[0][0] == "#" else _IN_STRING).finditer(text, *quoted.span())
        at = quoted.end()
    found += in_code.finditer(text, at)
    starts = [0, *accumulate(len(line) + 1 for line in source.lines)]
    pieces, done = [], 0
    for match in found:
        # Only a word is anything to the parser: a twin as long as it, else a word at all.
        twin = ascii_twin(match[0]) if match.lastgroup == "word" else " "
        pieces += [text[done : match.start()], twin if twin and len(twin) == len(match[0]) else "_" * len(match[0])]
        done = match.end()
    return "".join([*pieces, text[done:]]), [_deceives(m, source, starts) for m in found[:limit]]


def _deceives(match: re.Match[str], source: Source, starts: list[int]) -> Diagnostic:
    line = bisect_right(starts, match.start())
    column = match.start() - starts[line - 1] + 1
    span = Span(source, line, column, line, column + len(match[0]))
    hidden = next((c for c in match[0] if _IN_STRING.match(c)), None)
    if hidden and not re.match(f"[{BREAKS}\r]", hidden):
        message = f"{described(hidden)} cannot be seen and makes the text look other than what it says"
        twin = ascii_twin(match[0]) if len(match[0]) > 1 else None
        return Diagnostic("E0112", message, span, fix=f"remove it: `{twin}`" if twin else "remove it")
    if match.lastgroup != "word":
        fix = "write a plain space"
        if re.match(f"[{BREAKS}\r]", match[0]):
            fix = "end lines with a newline"
        return Diagnostic("E0114", f"{described(match[0])} is no blank of the language", span, fix=fix)
    foreign = {c: column + at for at, c in reversed(list(enumerate(match[0][:200]))) if not c.isascii()}
    first = sorted(foreign.items(), key=itemgetter(1))[:3]
    named = [f"{described(c)} in column {at}" for c, at in first] + ["others"] * (len(foreign) > 3)
    twin = ascii_twin(match[0])
    label = re.search(r"\bas\s+$", source.line(line)[: column - 1])
    free = (
        "a label has the letters a to z, digits and _" if label else "any letter may stand in comments and in strings"
    )
    fix = f"did you mean `{twin}`?" if twin else free
    what = "a letter or digit" if len(foreign) == 1 else "letters or digits"
    return Diagnostic("E0113", f"this word has {what} beyond ASCII: {listing(named, 'and')}", span, fix=fix)


def unreadable(source: Source, max_bytes: int) -> Diagnostic | None:
    """Return a diagnostic when the text cannot be a spec at all: too large, binary, empty."""
    start = Span(source, 1, 1, 1, 2)
    if len(source.text.encode("utf-8", "surrogatepass")) > max_bytes:
        return too_large(max_bytes)
    if "\0" in source.text:
        return not_text(source, source.text.index("\0"), "NUL")
    if not any(_code(line).strip(" \t\ufeff;\r\f") for line in source.lines):
        return Diagnostic(
            "E0108", f"{source.name} is empty", start, fix="a spec has at least one layer: `fc 10 softmax`"
        )
    return None


_TOKEN = re.compile(r"""[A-Za-z_]+|[0-9]+|"[^"\n]*"?|(?P<comment>\#[^\n]*)|[^\s]|\n""")


def unwieldy(source: Source, limit: int) -> Diagnostic | None:
    """Return a diagnostic when a text has more words and signs than could be read in a moment."""
    if len(source.text) <= limit:
        return None
    tokens = (token for token in _TOKEN.finditer(source.text) if token.lastgroup is None)
    beyond = next(islice(tokens, limit, None), None)
    if beyond is None:
        return None
    line = source.text.count("\n", 0, beyond.start()) + 1
    column = beyond.start() - source.text.rfind("\n", 0, beyond.start())
    span = Span(source, line, column, line, column + 1)
    return Diagnostic("E0115", f"the spec has more than {limit:,} words and signs", span, fix="use `repeat` and blocks")


def too_many(span: Span, what: str, limit: int) -> Diagnostic:
    """Return the diagnostic for a command with too many parts."""
    return Diagnostic("E0115", f"these are more than {limit:,} {what}", span, fix="use several commands")


def too_long(span: Span, limit: int) -> Diagnostic:
    """Return the diagnostic for a name or a string too long to be one."""
    return Diagnostic("E0116", f"this has more than {limit:,} characters", span, fix="choose a shorter name")


def too_large(max_bytes: int) -> Diagnostic:
    """Return the diagnostic for a file that is too large to be a spec."""
    return Diagnostic("E0107", f"the spec has more than {max_bytes:,} bytes", fix="give a .net file")


def not_text(source: Source, offset: int, what: str = "not UTF-8 text") -> Diagnostic:
    """Return the diagnostic for a binary file, in which a byte is what no text has."""
    return Diagnostic(
        "E0109",
        f"{source.name} is not a text file (byte {offset} is {what})",
        fix="give a .net file; a trained model is used with `netspec predict` and `netspec eval`",
    )


def tuple_elsewhere(value: ast.Tuple, source: Source) -> Diagnostic:
    """Return the diagnostic for several values in parentheses where one belongs: at the first comma."""
    line, before = value.span.line, value.items[0].span.end_column
    column = source.line(line).index(",", before - 1) + 1
    fix = _advice(source, line, column, ",")
    span = Span(source, line, column, line, column + 1)
    return Diagnostic("E0103", "unexpected `,`, where an operator or `)` should follow", span, fix=fix)


def goes_with(diagnostic: Diagnostic, first: Diagnostic) -> bool:
    """Return whether a syntax error is one of the same command, behind the first one."""
    one, two = first.span, diagnostic.span
    if one is None or two is None or diagnostic.code != "E0103" or one.line != two.line or two.column < one.column:
        return False
    return ";" not in _code(one.source.line(one.line))[one.column - 1 : two.column - 1]


def too_deep(span: Span, limit: int) -> Diagnostic:
    """Return the diagnostic for brackets nested beyond the limit."""
    return Diagnostic("E0110", f"this is nested deeper than {limit} levels", span)


def too_many_digits(span: Span, limit: int) -> Diagnostic:
    """Return the diagnostic for a number too long to mean anything."""
    return Diagnostic("E0111", f"this number has more than {limit} digits", span)
