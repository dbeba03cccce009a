"""Rounds of operations that are repeated without a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netspec.graph.graph import Operation
from netspec.ops import Bias, Scale

__all__ = ["Round", "rounds_of"]

_LONG = 5
"""So many operations at least, beside those of biases, has what is repeated three times."""
_LONGER = 8
"""So many has what is there only twice."""
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Round:
    """Where the operations of each round begin and end, and the value that each hands on."""

    parts: tuple[tuple[int, int], ...]
    exits: tuple[int, ...]


def rounds_of(operations: Sequence[Operation], wanted: frozenset[int], readers: Mapping[str, int]) -> list[Round]:
    """Return the repetitions, in their order."""
    found: list[Round] = []
    at = 0
    while at < len(operations):
        best = _best(operations, at, wanted, readers)
        if best:
            found.append(best)
            at = best.parts[-1][1]
        else:
            at += 1
    return found


def _best(operations: Sequence[Operation], at: int, wanted: frozenset[int], readers: Mapping[str, int]) -> Round | None:
    kinds = [(type(o.op), getattr(o.op, "key", ()), len(o.parameters)) for o in operations]
    for length in range(_LONG, min(_LONGEST, (len(operations) - at) // 2) + 1):
        if kinds[at : at + length] != kinds[at + length : at + 2 * length]:
            continue
        parts: list[tuple[int, int]] = []
        exits: list[int] = []
        begin = at
        while kinds[begin : begin + length] == kinds[at : at + length]:
            out = _exit(operations, begin, begin + length, wanted, readers)
            like = not parts or _wiring(operations, begin, length, exits[-1]) == _wiring(operations, at, length, None)
            if out is None or not like:
                break
            parts.append((begin, begin + length))
            exits.append(out)
            begin += length
        if _splits(kinds, at, length):
            continue
        size = sum(not isinstance(o.op, Bias | Scale) for o in operations[at : at + length])
        if (len(parts) >= 3 and size >= _LONG) or (len(parts) >= 2 and size >= _LONGER):
            return Round(tuple(parts), tuple(exits))
    return None


def _splits(kinds: Sequence[tuple[object, ...]], at: int, length: int) -> bool:
    """Return whether rounds would begin within a row of blocks that are alike."""
    first, *_, last = kinds[at : at + length]
    return bool(first[1]) and (first == last or (at > 0 and kinds[at - 1] == first))


def _exit(
    operations: Sequence[Operation], begin: int, end: int, wanted: frozenset[int], readers: Mapping[str, int]
) -> int | None:
    """Return the value that operations hand on; None unless it is one, and their weights are read by them alone."""
    members = operations[begin:end]
    outside = {v for o in (*operations[:begin], *operations[end:]) for v in o.inputs} | wanted
    exits = [o.output for o in members if o.output in outside]
    paths = [path for o in members for path in o.parameters]
    if len(exits) != 1 or not paths or any(readers[path] != paths.count(path) for path in paths):
        return None
    return exits[0] if exits[0] == members[-1].output else None


def _wiring(operations: Sequence[Operation], begin: int, length: int, before: int | None) -> list[tuple[object, ...]]:
    """Return what each operation of a round reads: one of the round, what the one before hands on, or a value."""
    members = operations[begin : begin + length]
    own = {o.output: i for i, o in enumerate(members)}
    first = before if before is not None else _flowing(members, own)
    return [tuple(own.get(v, "before" if v == first else ("value", v)) for v in o.inputs) for o in members]


def _flowing(members: Sequence[Operation], own: Mapping[int, int]) -> int | None:
    return next((v for o in members for v in o.inputs if v not in own), None)
