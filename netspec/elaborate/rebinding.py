"""Whether a `let` in a body, whose name has a value already, does what it says: bodies keep nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from netspec.elaborate.scope import Block, Scope
from netspec.layers import LAYERS
from netspec.syntax import ast

__all__ = ["Opened", "lost", "read_behind"]


class Opened:
    """Commands that are being run, of a file or of a body, the scope they are in, and which one it is just now."""

    def __init__(self, commands: Sequence[ast.Command], scope: Scope) -> None:
        self.commands, self.scope, self.at = commands, scope, 0


def lost(
    command: ast.Command, name: str, opened: Sequence[Opened], blocks: Mapping[str, Block]
) -> tuple[str, str] | None:
    """Return why a `let` in a body does not do what it says, and what would be right; None where all is well.

    A name of the body's own is well, also one that hides a name from outside for the rest of the body. It is lost where
    nothing behind it in the body reads it, and in a `repeat` that reads the name from outside first, as if each round
    went on with it.

    Args:
        command: the `let`, whose name has a value already.
        name: the name.
        opened: all that is being run, the innermost last.
        blocks: the blocks that are known here.
    """
    scope = opened[-1].scope
    inner = [frame for frame in opened if frame.scope is scope]
    before = [c for frame in inner for c in frame.commands[: frame.at]]
    behind = [c for frame in inner for c in frame.commands[frame.at + 1 :]]
    if name in scope.values.maps[0]:
        if _read(name, behind, blocks):
            return None
        return (
            f"nothing behind it reads `{name}`, and with the `}}` it ends",
            "remove it, or move it above what reads it",
        )
    owner = next((f.commands[f.at] for f in reversed(opened) if f.scope is not scope), command)
    if owner.name.text in {"repeat", "for"} and _read(name, [command, *before], blocks):
        why = f"each round begins again with the `{name}` from outside"
        return why, f"write the rounds out: `block part({name}) {{ … }}`, and a `part` with each value"
    if _read(name, behind, blocks):
        return None
    return f"with the `}}` it ends, and `{name}` is again what it is outside", "give it another name"


def read_behind(name: str, opened: Sequence[Opened], blocks: Mapping[str, Block]) -> bool:
    """Return whether what stands behind a body reads a name that the body gives a value of its own.

    What stands behind the use of a block is another matter: a block is read by itself.
    """
    scope = opened[-1].scope
    outer = [frame for frame in opened if frame.scope is not scope]
    owners = {frame.commands[frame.at].name.text for frame in outer[-1:]}
    return owners <= {"repeat", "for", "if", "residual", "branch"} and any(
        _read(name, frame.commands[frame.at + 1 :], blocks) for frame in outer
    )


def _read(name: str, commands: Iterable[ast.Command], blocks: Mapping[str, Block]) -> bool:
    return any(_reads(name, command, blocks) for command in commands)


def _reads(name: str, command: ast.Command, blocks: Mapping[str, Block]) -> bool:
    """Return whether a command, or one in its bodies, reads a name; what it includes, or a block, is given credit."""
    kind = command.name.text
    layer = LAYERS.get(kind)
    used = blocks.get(kind)
    if kind == "include" or (used and _read(name, used.body.commands, {})):
        return True
    # The words of these are labels.
    labels = kind == "from" or (layer and layer.merges)
    words = () if labels else (w for a in command.arguments for w in _words(a.value))
    return name in words or any(_read(name, body.commands, blocks) for body in command.bodies)


def _words(value: ast.Value) -> Iterator[str]:
    """Yield the words in a value that may be names."""
    match value:
        case ast.Word():
            yield value.text
        case ast.Negative() | ast.Not():
            yield from _words(value.operand)
        case ast.Group():
            yield from _words(value.expression)
        case ast.Binary():
            yield from _words(value.left)
            yield from _words(value.right)
        case ast.Size():
            for extent in value.extents:
                yield from _words(extent)
        case ast.Tuple():
            for item in value.items:
                yield from _words(item)
        case ast.Range():
            yield from _words(value.low)
            yield from _words(value.high)
        case ast.Call():
            for argument in value.arguments:
                yield from _words(argument.value)
        case _:
            pass
