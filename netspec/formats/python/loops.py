"""Blocks that follow each other as one operation, which a program writes as a loop."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from netspec.formats.program import Program
from netspec.formats.python.blocks import Use
from netspec.formats.python.definitions import Block, Blocks
from netspec.formats.python.expressions import base_of
from netspec.graph.graph import Operation
from netspec.ops import Op

__all__ = ["Loop", "looped", "members_of", "turns"]

_VARIED = 3
"""So many blocks at least are in a loop over values."""


@dataclass(eq=False)
class Loop(Op):
    """Blocks, each of which reads what the one before hands on, and otherwise the same.

    Attributes:
        uses: the blocks.
        flow: the place of what is handed on among what they read.
    """

    uses: tuple[Use, ...]
    flow: int


def alike(uses: Sequence[Use], blocks: Blocks) -> bool:
    """Return whether a loop can be over blocks: of one definition, and one argument at most differs."""
    called = [blocks.of[use] for use in uses]
    if len({each.name for each in called}) > 1:
        return False
    return sum(len(set(column)) > 1 for column in zip(*(each.values for each in called), strict=True)) <= 1


def turns(called: Sequence[Block]) -> tuple[str, str]:
    """Return the argument that a loop is over, and its values; without one the number of rounds."""
    for name, column in zip(called[0].arguments, zip(*(each.values for each in called), strict=True), strict=True):
        if len(set(column)) > 1:
            return name, _values(column)
    return "", f"range({len(called)})"


def _values(said: Sequence[str]) -> str:
    """Return values as a range, as a part that is repeated, or one by one."""
    for length in range(1, len(said) // 2 + 1):
        if len(said) % length == 0 and list(said) == list(said[:length]) * (len(said) // length):
            return f"{_values(said[:length])} * {len(said) // length}"
    if all(re.fullmatch(r"\d+", value) for value in said) and len(said) > 2:
        numbers = list(map(int, said))
        steps = {b - a for a, b in pairwise(numbers)}
        if len(steps) == 1 and (step := steps.pop()) > 0:
            return f"range({numbers[0]}, {numbers[-1] + step}{f', {step}' if step > 1 else ''})"
    return f"({', '.join(said)})"


def looped(program: Program, blocks: Blocks, fits: Callable[[Sequence[Use], int], bool]) -> Program:
    """Return a program with a loop where blocks follow each other that are alike."""
    operations: list[Operation] = []
    waiting = list(program.graph.operations)
    while waiting:
        run = [waiting.pop(0)]
        flow = -1
        while waiting and isinstance(run[0].op, Use):
            place = _flow(program, run[-1], waiting[0])
            uses = [o.op for o in (*run, waiting[0]) if isinstance(o.op, Use)]
            names = {use.name for use in uses}
            if (
                place < 0
                or flow not in (-1, place)
                or len(names) < len(uses)
                or not (alike(uses, blocks) and fits(uses, place))
            ):
                break
            flow = place
            run.append(waiting.pop(0))
        called = [blocks.of[o.op] for o in run if isinstance(o.op, Use)]
        if len(run) > 1 and (len(run) >= _VARIED or not turns(called)[0]):
            last, members = run[-1], tuple(o.op for o in run if isinstance(o.op, Use))
            paths = tuple(path for o in run for path in o.parameters)
            operations.append(replace(last, op=Loop(members, flow), inputs=run[0].inputs, parameters=paths))
        else:
            operations += run
    return replace(program, graph=replace(program.graph, operations=tuple(operations)))


def members_of(program: Program) -> dict[Use | Loop, str]:
    """Return a name for each block and each loop on a level, by their kinds and in their order."""
    found = [o.op for o in program.graph.operations if isinstance(o.op, Use | Loop)]
    firsts = {op: op.uses[0].name if isinstance(op, Loop) else op.name for op in found}
    names = dict.fromkeys(firsts.values())
    bases = Counter(map(base_of, names))
    counts: Counter[str] = Counter()
    said = {}
    for name in names:
        base = base_of(name)
        counts[base] += 1
        said[name] = name if name == base else base if bases[base] == 1 else f"{base}_{counts[base]}"
    return {op: said[name] for op, name in firsts.items()}


def _flow(program: Program, before: Operation, after: Operation) -> int:
    """Return the place at which a block reads what the one before hands on, and nothing else differs; -1 otherwise."""
    if not isinstance(after.op, Use) or len(before.inputs) != len(after.inputs):
        return -1
    places = [i for i, value in enumerate(after.inputs) if value == before.output]
    if len(places) != 1 or program.only_reader(before.output) is not after:
        return -1
    others = [i for i in range(len(after.inputs)) if i != places[0]]
    return places[0] if all(before.inputs[i] == after.inputs[i] for i in others) else -1
