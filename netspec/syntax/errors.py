"""What the parser could not read, said in words: Lark's exceptions become diagnostics E0101 to E0109."""

from __future__ import annotations

from lark import Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from netspec.diagnostics import Diagnostic, Source, Span, listing

__all__ = ["from_lark", "not_text", "too_deep", "too_large", "too_many_digits", "unreadable"]

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

_HINTS = {
    ",": "arguments are separated by spaces: `conv 20 5x5 relu`",
    ":": "write `key=value`, without a colon",
    "(": "arguments follow the name without parentheses: `conv 20 5x5`; in `normal(0.01)` the `(` touches the name",
    "[": "sizes are written `5x5`, without brackets",
    "'": 'strings stand in double quotes: "text"',
    '"': "close the string on the same line",
    "×": "write the letter x: `5x5`",
    ".": "write decimals with a digit on both sides: `1.0`",
    "/": "comments begin with `#`; arithmetic stands in parentheses",
    "$": "a spec is data: it reads no variables of the shell",
    "@": "comments begin with `#`",
}


def from_lark(error: UnexpectedInput, source: Source) -> Diagnostic:
    """Return the diagnostic for one of Lark's syntax errors."""
    if isinstance(error, UnexpectedToken):
        return _token(error, error.token, source)
    assert isinstance(error, UnexpectedCharacters)
    return _character(error, source)


def _character(error: UnexpectedCharacters, source: Source) -> Diagnostic:
    span = Span(source, error.line, error.column, error.line, error.column + 1)
    text = source.line(error.line)
    char = text[error.column - 1] if error.column <= len(text) else " "
    if char == '"':
        return Diagnostic("E0102", "this string is not closed", span, fix=_HINTS['"'])
    shown = f"`{char}`" if char.isprintable() else f"U+{ord(char):04X}"
    return Diagnostic("E0101", f"the character {shown} has no meaning here", span, fix=_HINTS.get(char, ""))


def _token(error: UnexpectedToken, token: Token, source: Source) -> Diagnostic:
    if token.type == "$END":
        return _unclosed(source)
    line, column = token.line or 1, token.column or 1
    span = Span(source, line, column, token.end_line or line, token.end_column or column + 1)
    if token.type == "RBRACE" and "_SEP" in (error.accepts or ()):
        return Diagnostic("E0104", "this `}` closes nothing", span, fix="remove it, or open a body with `{` before it")
    if token.type == "LBRACE" and "NAME" in error.accepts and "LBRACE" not in error.accepts:
        return Diagnostic(
            "E0105",
            "a body needs a command before it",
            span,
            fix="put `{` on the line of its command: `train {`",
        )
    at_end = token.type == "_SEP"
    found = "the line ends here" if at_end and token != ";" else f"unexpected `{token}`"
    if at_end:
        span = Span(source, line, column, line, column + 1)
    words = [w for t in sorted(error.accepts or ()) if (w := _EXPECTED.get(t, ""))]
    expected = f", where {listing(words)} should follow" if 0 < len(words) <= 3 else ""
    if {"INT", "NAME"} <= set(error.accepts or ()) and "_SEP" not in error.accepts:
        expected = ", where a value should follow"
    fix = _HINTS.get(str(token), "")
    if token == "=":
        fix = "write `key=value`, one value for each key; a setting takes no `=`: `epochs 5`"
    return Diagnostic("E0103", found + expected, span, fix=fix)


def _unclosed(source: Source) -> Diagnostic:
    """Point at the innermost brace that is never closed."""
    opened: list[Span] = []
    for number, text in enumerate(source.lines, 1):
        code = _code(text)
        for column, char in enumerate(code, 1):
            if char == "{":
                opened.append(Span(source, number, column, number, column + 1))
            elif char == "}" and opened:
                opened.pop()
    span = opened[-1] if opened else None
    return Diagnostic("E0106", "this `{` is never closed", span, fix="add the missing `}`")


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


def unreadable(source: Source, max_bytes: int) -> Diagnostic | None:
    """Return a diagnostic when the text cannot be a spec at all: too large, binary, empty."""
    start = Span(source, 1, 1, 1, 2)
    if len(source.text.encode("utf-8", "surrogatepass")) > max_bytes:
        return too_large(max_bytes)
    if "\0" in source.text:
        return not_text(source, source.text.index("\0"))
    if not any(_code(line).strip(" \t\ufeff;\r\f") for line in source.lines):
        return Diagnostic(
            "E0108", f"{source.name} is empty", start, fix="a spec has at least one layer: `fc 10 softmax`"
        )
    return None


def too_large(max_bytes: int) -> Diagnostic:
    """Return the diagnostic for a file that is too large to be a spec."""
    return Diagnostic("E0107", f"the spec has more than {max_bytes:,} bytes", fix="give a .net file")


def not_text(source: Source, offset: int) -> Diagnostic:
    """Return the diagnostic for a binary file."""
    return Diagnostic(
        "E0109",
        f"{source.name} is not a text file (byte {offset} is not UTF-8 text)",
        fix="give a .net file; a trained model is used with `netspec predict` and `netspec eval`",
    )


def too_deep(span: Span, limit: int) -> Diagnostic:
    """Return the diagnostic for brackets nested beyond the limit."""
    return Diagnostic("E0110", f"this is nested deeper than {limit} levels", span)


def too_many_digits(span: Span, limit: int) -> Diagnostic:
    """Return the diagnostic for a number too long to mean anything."""
    return Diagnostic("E0111", f"this number has more than {limit} digits", span)
