"""AST to text: one canonical spelling for each tree, so that text → AST → text → AST is the identity."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.syntax import ast

__all__ = ["INDENT", "in_text_order", "print_argument", "print_commands", "print_label", "print_value"]

INDENT = "  "
"""What a body is moved to the right by."""


def print_commands(commands: Iterable[ast.Command], depth: int = 0) -> str:
    """Return the text of some commands, one a line, each line ended."""
    return "".join(f"{INDENT * depth}{_command(c, depth)}\n" for c in commands)


def print_label(label: str) -> str:
    """Return a label, in quotes where it is no plain name: that of a node in a block, and one that is wrong."""
    plain = label.isascii() and label.isidentifier() and label != "as"
    return label if plain else f'"{label}"'


def print_value(value: ast.Value) -> str:
    """Return the text of one value."""
    match value:
        case ast.Integer():
            return str(value.value)
        case ast.Decimal() | ast.Quantity() | ast.Word():
            return value.text
        case ast.String():
            return f'"{value.value}"'
        case ast.Negative():
            return f"-{print_value(value.operand)}"
        case ast.Group():
            return f"({_expression(value.expression)})"
        case ast.Not():
            return f"(not {_expression(value.operand)})"
        case ast.Tuple():
            return f"({', '.join(_expression(item) for item in value.items)})"
        case ast.Size():
            return "x".join(print_value(e) for e in value.extents)
        case ast.Range():
            return f"{print_value(value.low)}..{print_value(value.high)}"
        case ast.Call():
            return f"{value.name.text}({', '.join(print_argument(a) for a in value.arguments)})"
        case ast.Binary():
            return f"({_expression(value)})"


def in_text_order(command: ast.Command) -> list[ast.Argument | ast.Body]:
    """Return arguments and bodies in the order of the text: arguments may follow a body, `branch { } { } concat`."""
    parts: list[ast.Argument | ast.Body] = [*command.arguments, *command.bodies]
    return sorted(parts, key=lambda part: (part.span.line, part.span.column))


def _expression(value: ast.Value) -> str:
    # The parser leans left and groups explicitly, so operands print as they stand.
    if isinstance(value, ast.Binary):
        return f"{_expression(value.left)} {value.operator} {_expression(value.right)}"
    if isinstance(value, ast.Not):
        return f"not {_expression(value.operand)}"
    return print_value(value)


def print_argument(argument: ast.Argument) -> str:
    """Return the text of one argument."""
    if argument.key is None:
        return print_value(argument.value)
    joint = "=" if argument.relation == "=" else f" {argument.relation} "
    return f"{argument.key.text}{joint}{print_value(argument.value)}"


def _command(command: ast.Command, depth: int) -> str:
    parts = in_text_order(command)
    words = [command.name.text, *(_body(p, depth) if isinstance(p, ast.Body) else print_argument(p) for p in parts)]
    if command.label:
        words += ["as", print_label(command.label.text)]
    return " ".join(words)


def _body(body: ast.Body, depth: int) -> str:
    if not body.commands:
        return "{ }"
    return "{\n" + print_commands(body.commands, depth + 1) + INDENT * depth + "}"
