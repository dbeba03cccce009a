"""Blocks that are alike as one definition: a class or a function, with arguments for what they differ in."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netspec.formats.program import Program
from netspec.formats.python.blocks import Use, all_uses
from netspec.formats.python.expressions import bare
from netspec.formats.python.unify import unified
from netspec.ops import Shape

__all__ = ["Block", "Blocks"]

_INDEX = re.compile(r"\[([^\[\]\n]*:[^\[\]\n]*)\]")
"""An index with a part from one number to another."""
_KEYWORD = re.compile(r"\w+=(?=\S)")

_DOCUMENTED = 78
"""What stands in a line of a docstring is so long at most."""


@dataclass(frozen=True, slots=True)
class Block:
    """What a use of a block calls: its definition, and the values of the arguments."""

    name: str
    arguments: tuple[str, ...]
    values: tuple[str, ...]


class Blocks:
    """The blocks of a program, defined.

    Attributes:
        of: what each use calls.
        texts: of the definitions, those that others use before these.
    """

    def __init__(
        self,
        program: Program,
        render: Callable[[Use, Blocks], str],
        name: Callable[[str], str],
        taken: set[str],
        finish: Callable[[str, Sequence[str]], str] = lambda text, _: text,
        channels_last: Callable[[Use], Sequence[bool]] = lambda _: (),
    ) -> None:
        """Define all blocks.

        Args:
            program: structured.
            render: returns the text of a block: `@NAME@` in place of its name, `@ARGUMENTS@` of those behind the
                others, `@DOC@` of what it says of itself.
            name: returns how the language writes the name of a kind.
            taken: names that nothing may have.
            finish: returns the whole text of a definition, given its arguments.
            channels_last: returns whether the channels (or features) lie last in what a block reads, each, and in what
                it makes; nowhere unless given.
        """
        self.of: dict[Use, Block] = {}
        self.texts: list[str] = []
        self._roles: dict[str, tuple[str, ...]] = {}
        names = {*taken, *dir(builtins)}
        for kind, uses in _families(all_uses(program)):
            texts = [render(use, self) for use in uses]
            reserved = {*taken, *re.findall(r"[A-Za-z_]\w*", _KEYWORD.sub("", texts[0]))}
            for definition in unified(texts, self._roles, reserved):
                called = _free(name(kind), names)
                members = [uses[i] for i in definition.members]
                self._roles[called] = definition.arguments
                for use, values in zip(members, definition.values or [()] * len(members), strict=True):
                    self.of[use] = Block(called, definition.arguments, values)
                text = definition.text.replace("@NAME@", called).replace(
                    "@DOC@", _doc(kind, members, channels_last(members[0]))
                )
                more = "".join(f", {argument}: {_type(values)}" for argument, values in definition.typed())
                whole = finish(text, definition.arguments).replace("@ARGUMENTS@", more)
                self.texts.append(_INDEX.sub(_spaced, bare(whole)))


def _families(uses: Sequence[Use]) -> list[tuple[str, list[Use]]]:
    """Return the blocks that are written as one definition if they can, each with the name of its kind."""
    kinds: dict[object, str] = {}
    for use in uses:
        if use.kind:
            kinds.setdefault(use.key, use.kind)
    found: dict[object, tuple[str, list[Use]]] = {}
    for use in uses:
        kind = use.kind or kinds.get(use.key) or (use.name if len(use.name) > 2 else "block")
        found.setdefault((use.key, kind if use.kind else kinds.get(use.key)), (kind, []))[1].append(use)
    return list(found.values())


def _spaced(found: re.Match[str]) -> str:
    """Return an index as a formatter has it: with spaces around a colon where a bound is more than a name."""
    parts = []
    for part in found[1].split(","):
        begin, colon, end = (each.strip() for each in part.partition(":"))
        plain = not colon or part.count(":") > 1 or (re.fullmatch(r"-?\w*", begin) and re.fullmatch(r"-?\w*", end))
        parts.append(part.strip() if plain else f"{begin} : {end}".strip())
    return f"[{', '.join(parts)}]"


def _free(name: str, taken: set[str]) -> str:
    found, count = name, 1
    while found in taken:
        count += 1
        found = f"{name}_{count}" if name.islower() else f"{name}{count}"
    taken.add(found)
    return found


def _type(values: Sequence[str]) -> str:
    return "int" if all(value.isdigit() for value in values) else "float"


def _doc(kind: str, uses: Sequence[Use], lasts: Sequence[bool]) -> str:
    """Return what blocks do, in words: what flows in and out, with the sizes where all have the same."""
    name, shapes = kind.replace("_", " "), _shapes(uses, lasts)
    said = f"{name[:1].upper()}{name[1:]}: {shapes}."
    if len(said) <= _DOCUMENTED:
        return said
    return f"{name[:1].upper()}{name[1:]}.\n\n    {shapes}\n    "


def _shapes(uses: Sequence[Use], lasts: Sequence[bool]) -> str:
    ways = [[i.shape for i in use.inner.inputs] + [use.inner.outputs[0].shape] for use in uses]
    *given, made = (_shape({way[at] for way in ways}, last=at < len(lasts) and lasts[at]) for at in range(len(ways[0])))
    return f"{', '.join(given)} → {made}"


def _shape(shapes: set[Shape], *, last: bool) -> str:
    shape = next(iter(shapes))
    axes = (
        [str(size) for size in shape]
        if len(shapes) == 1
        else {1: ["D"], 2: ["D", "L"], 3: ["C", "H", "W"]}.get(len(shape), ["…"])
    )
    return f"(N, {', '.join([*axes[1:], axes[0]] if last else axes)})"
