"""Mistakes that several arguments make together: a size with spaces in it, a `=` or a `;` that is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netspec.diagnostics.diagnostic import Diagnostic
from netspec.elaborate.bound_arguments import BoundArguments
from netspec.elaborate.suggestions import command_word, split_size
from netspec.syntax import ast
from netspec.syntax.printer import print_value

__all__ = ["JointMistake", "joint_mistake"]


@dataclass(frozen=True, slots=True)
class JointMistake:
    """A mistake that several arguments make together.

    Attributes:
        diagnostic: what is wrong.
        count: how many arguments it takes.
        key: the parameter whose value is among them.
    """

    diagnostic: Diagnostic
    count: int
    key: str = ""


def joint_mistake(
    bound: BoundArguments, arguments: Sequence[ast.Argument], at: int, blocks: Iterable[str], *, is_member: bool
) -> JointMistake | None:
    """Return the mistake that an argument makes with those behind it: `5 x 5`, `stride 2`, a `;` that is missing.

    Args:
        bound: what is bound so far.
        arguments: those of the line.
        at: the number of the argument.
        blocks: the blocks that are defined.
        is_member: whether these are the arguments of an argument, behind which no command can begin.
    """
    argument, following = arguments[at], arguments[at + 1] if at + 1 < len(arguments) else None
    if argument.key is not None:
        return None
    end, size = split_size(arguments, at)
    joint = following.value if following and end > at else None
    if isinstance(joint, ast.Word) and not bound.understands(joint.text):
        span, fix = argument.span.to(arguments[end].span), f"write `{size}`: the x touches both sides"
        return JointMistake(Diagnostic("E0203", "a size is written in one piece", span, fix=fix), end + 1 - at)
    if not isinstance(argument.value, ast.Word) or bound.understands(argument.value.text):
        return None
    word = argument.value.text
    if word in bound.parameters:
        if following is None or following.key is not None:
            return None
        message = f"`{word}` is an argument of `{bound.name.text}`, and takes its value with a `=`"
        fix = f"write `{word}={print_value(following.value)}`"
        return JointMistake(Diagnostic("E0203", message, argument.span, fix=fix), 2, word)
    kind = "" if is_member or bound.key_of(word) else command_word(word, blocks)
    if kind:
        message, fix = f"`{word}` is {kind} of its own", f"put `;` before `{word}`"
        return JointMistake(Diagnostic("E0203", message, argument.span, fix=fix), len(arguments) - at)
    return None
