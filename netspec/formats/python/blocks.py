"""A program in blocks: what a spec wrote as a block, or repeats, becomes one operation of what is around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from netspec.formats.program import Input, Output, Program
from netspec.formats.python.expressions import base_of
from netspec.formats.python.repeats import Round, rounds_of
from netspec.graph.graph import Graph, Operation
from netspec.ops import Activation, Bias, Op, Scale, Shape, ValidPositions

__all__ = ["Use", "all_uses", "structured"]

_PROJECTIONS = {"in_proj", "out_proj"}
"""Of attention: linear layers of their own."""
_REPEATED = "block"
"""What is repeated without a name is called so."""


@dataclass(eq=False)
class Use(Op):
    """A block where it is used.

    Attributes:
        name: of its weights among those of what is around it.
        kind: what it is called wherever it is used; empty where only a label is known.
        inner: its operations; their names and arrays are those within it.
    """

    name: str
    kind: str
    inner: Program
    key: tuple[object, ...] = field(default=())


def structured(program: Program) -> Program:
    """Return a program whose blocks are operations; the names of all others are as short as they can be."""
    shapes: dict[int, Shape] = {i: given.shape for i, given in enumerate(program.inputs)}
    shapes |= {o.output: o.shape for o in program.graph.operations}
    level = _Level(program, shapes, frozenset(o.value for o in program.outputs))
    # What is padding is known from the inputs: all that look at it read the same value.
    names = {i: given.name for i, given in enumerate(program.inputs)}
    valid = [
        replace(o, node=_valid_name(o, names)) for o in program.graph.operations if isinstance(o.op, ValidPositions)
    ]
    others = [o for o in program.graph.operations if not isinstance(o.op, ValidPositions)]
    made = _named(program, level.folded([*valid, *others], 0))
    _name_inputs(all_uses(made))
    return made


def all_uses(program: Program) -> list[Use]:
    """Return all blocks of a program, those within others before these."""
    found: list[Use] = []
    for operation in program.graph.operations:
        if isinstance(operation.op, Use):
            found += [*all_uses(operation.op.inner), operation.op]
    return found


class _Level:
    """What folds the operations of one level."""

    def __init__(self, program: Program, shapes: Mapping[int, Shape], wanted: frozenset[int]) -> None:
        self.program, self.shapes, self.wanted = program, shapes, wanted
        self.readers = Counter(path for o in program.graph.operations for path in dict.fromkeys(o.parameters))
        self.names = {i: given.name for i, given in enumerate(program.inputs)}

    def folded(self, operations: list[Operation], depth: int) -> list[Operation]:
        """Return operations, those of each scope below as one, and those of each round of a repetition."""
        scopes = dict.fromkeys(scope for o in operations if (scope := _scope(o, depth)))
        shared = self._shared(operations, depth)
        for scope in scopes:
            operations = self._fold(operations, scope, depth, shared)
        found = rounds_of(operations, self.wanted, self.readers)
        number = sum(len(each.parts) for each in found)
        for each in reversed(found):
            number -= len(each.parts)
            operations = self._fold_rounds(operations, each, depth, number)
        return operations

    def _shared(self, operations: Sequence[Operation], depth: int) -> dict[tuple[str, ...], int]:
        """Return how often scopes with exactly the same weights are there."""
        by_scope: dict[str, list[str]] = {}
        for o in operations:
            if scope := _scope(o, depth):
                by_scope.setdefault(scope, []).extend(o.parameters)
        return Counter(tuple(paths) for paths in by_scope.values())

    def _fold(
        self, operations: list[Operation], scope: str, depth: int, shared: Mapping[tuple[str, ...], int]
    ) -> list[Operation]:
        """Return operations with those of a scope as one; as they are where that cannot be."""
        members = [o for o in operations if _scope(o, depth) == scope]
        own = {o.output for o in members}
        exits = own & ({value for o in operations if o.output not in own for value in o.inputs} | self.wanted)
        paths = [path for o in members for path in o.parameters]
        alone = all(self.readers[path] == paths.count(path) * shared.get(tuple(paths), 1) for path in paths)
        works = [o for o in members if not isinstance(o.op, Bias | Scale | Activation)]
        homes = {"/".join(path.split("/")[: depth + 1]) for path in paths if path.count("/") > depth + 1}
        if len(exits) != 1 or len(homes) != 1 or not alone or len(works) < 2:
            return operations
        first, last = (operations.index(members[at]) for at in (0, -1))
        between = [o for o in operations[first:last] if o.output not in own]
        if any(own & {*o.inputs} for o in between):
            return operations
        (home,), (output,) = homes, exits
        kept = _Level(self.program, self.shapes, frozenset(exits)).folded(members, depth + 1)
        name = home.split("/")[-1]
        if len(kept) == 1 and isinstance(kept[0].op, Use):
            # A block that is only another one is that.
            only = kept[0].op
            use = replace(kept[0], op=Use(name, only.kind, only.inner, only.key), node=scope)
            return [*operations[:first], *between, use, *operations[last + 1 :]]
        kind = base_of(name) if base_of(name) != name else ""
        use = self._use(kept, output, name, kind, scope, depth + 1)
        return [*operations[:first], *between, use, *operations[last + 1 :]]

    def _fold_rounds(self, operations: list[Operation], found: Round, depth: int, number: int) -> list[Operation]:
        """Return operations with each round as one; `number` rounds are there before these."""
        uses = []
        for (begin, end), output in zip(found.parts, found.exits, strict=True):
            members = operations[begin:end]
            number += 1
            name = f"{_REPEATED}_{number}"
            node = "/".join([*members[0].node.split("/")[:depth], name])
            uses.append(self._use(members, output, name, _REPEATED, node, depth))
        return [*operations[: found.parts[0][0]], *uses, *operations[found.parts[-1][1] :]]

    def _use(self, members: list[Operation], output: int, name: str, kind: str, node: str, levels: int) -> Operation:
        """Return the operation that uses a block, whose names lie so many levels deep."""
        own = {o.output for o in members}
        reads = tuple(dict.fromkeys(v for o in members for v in o.inputs if v not in own))
        numbers = {value: i for i, value in enumerate((*reads, *(o.output for o in members)))}

        def within(name: str) -> str:
            return "/".join(name.split("/")[levels:])

        local = [
            replace(
                o,
                inputs=tuple(numbers[v] for v in o.inputs),
                output=numbers[o.output],
                node=within(o.node),
                parameters=tuple(map(within, o.parameters)),
            )
            for o in members
        ]
        paths = [path for o in members for path in o.parameters]
        inputs = tuple(Input(self._name(v), self.shapes[v], "floats") for v in reads)
        shape = self.shapes[output]
        inner = replace(
            self.program,
            name=name,
            graph=replace(self.program.graph, operations=()),
            inputs=inputs,
            outputs=(Output("output", numbers[output], shape),),
            arrays={within(path): self.program.arrays[path] for path in paths},
        )
        use = Use(name, kind, _named(inner, local))
        use.key = _key(use.inner)
        return Operation(use, reads, tuple(paths), output, shape, node, 0)

    def _name(self, value: int) -> str:
        """Return what a value is called: by an input, a label, or nothing."""
        made = next((o for o in self.program.graph.operations if o.output == value), None)
        if made is None:
            return self.names[value]
        if isinstance(made.op, ValidPositions):
            return _valid_name(made, self.names)
        name = made.node.split("/")[-1]
        return "" if base_of(name) != name or "/" in made.node else name


def _valid_name(operation: Operation, names: Mapping[int, str]) -> str:
    """Return what the positions that are no padding are called."""
    return "valid" if len(names) == 1 else f"{names[operation.inputs[0]]}_valid"


def _scope(operation: Operation, depth: int) -> str:
    """Return the scope of an operation below a level; nothing for one on the level itself."""
    parts = operation.node.split("/")
    return "/".join(parts[: depth + 1]) if len(parts) > depth + 1 else ""


def _named(program: Program, operations: Sequence[Operation]) -> Program:
    """Return a program of operations with names of one part: without a number where no other has the same base."""
    nodes: list[str] = []
    for o in operations:
        nodes += [o.op.name] if isinstance(o.op, Use) else [path.rpartition("/")[0] for path in o.parameters]
        nodes.append(o.node if not isinstance(o.op, Use) else o.op.name)
    flat = {node: node.replace("/", "_") for node in dict.fromkeys(nodes)}
    counts = Counter(base_of(name) for name in flat.values())
    plain = {name for name in flat.values() if base_of(name) == name}
    taken: dict[str, int] = Counter()
    names: dict[str, str] = {}
    for node, name in flat.items():
        base = base_of(name)
        taken[base] += name != base
        if name == base or base in plain:
            names[node] = name
        else:
            names[node] = base if counts[base] == 1 else f"{base}_{taken[base]}"

    def path_of(path: str) -> str:
        node, _, part = path.rpartition("/")
        projection, _, kind = part.rpartition("_")
        if projection in _PROJECTIONS:
            return f"{names[node]}_{projection}/{'kernel' if kind == 'weight' else kind}"
        return f"{names[node]}/{part}"

    arrays: dict[str, NDArray[Any]] = {}
    made = []
    for o in operations:
        if isinstance(o.op, Use):
            o.op.name = names[o.op.name]
            made.append(replace(o, node=o.op.name if o.node.endswith(o.op.name) else o.node.replace("/", "_")))
            arrays |= {f"{o.op.name}/{path}": array for path, array in o.op.inner.arrays.items()}
        else:
            parameters = tuple(map(path_of, o.parameters))
            arrays |= {to: program.arrays[path] for path, to in zip(o.parameters, parameters, strict=True)}
            made.append(replace(o, node=names[o.node], parameters=parameters))
    graph: Graph = replace(program.graph, operations=tuple(made))
    return replace(program, graph=graph, arrays=dict(sorted(arrays.items())))


def _key(program: Program) -> tuple[object, ...]:
    """Return what blocks have in common that are written as one: all but numbers, and how many follow each other."""
    values: dict[int, int] = {}
    parts: list[object] = [len(program.inputs)]
    before: Operation | None = None
    for o in program.graph.operations:
        if before is not None and _follows(before, o):
            values[o.output] = values[before.output]
        else:
            said = (o.op.key, base_of(o.op.name)) if isinstance(o.op, Use) else (type(o.op), *o.parameters)
            values[o.output] = len(values) + len(program.inputs)
            parts.append((said, tuple(values.get(v, v) for v in o.inputs), values[o.output]))
        before = o
    return (*parts, values[program.outputs[0].value])


def _follows(before: Operation, after: Operation) -> bool:
    """Return whether a block is the one before once more, which reads what that hands on."""
    if not isinstance(before.op, Use) or not isinstance(after.op, Use) or before.op.key != after.op.key:
        return False
    if base_of(before.op.name) != base_of(after.op.name) or before.op.name == after.op.name:
        return False
    handed = [before.output if v == w else v for v, w in zip(before.inputs, after.inputs, strict=True) if v != w]
    return len(handed) == 1 and before.output in after.inputs


def _name_inputs(uses: Iterable[Use]) -> None:
    """Name what blocks read: the first `x`, the others as what is read is called wherever they are used."""
    families: dict[object, list[Use]] = {}
    for use in uses:
        families.setdefault(use.key, []).append(use)
    for members in families.values():
        count = len(members[0].inner.inputs)
        names = ["x"]
        for at in range(1, count):
            said = {use.inner.inputs[at].name for use in members}
            name = said.pop() if len(said) == 1 else ""
            names.append(name if name and name not in names else "skip" if at == 1 else f"skip_{at}")
        for use in members:
            inputs = tuple(replace(i, name=name) for i, name in zip(use.inner.inputs, names, strict=True))
            use.inner = replace(use.inner, inputs=inputs)
