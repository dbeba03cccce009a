"""The difference of two networks: layers, settings, costs, and which weights would carry over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from netspec.describe.align import align
from netspec.describe.outline import Row, outline
from netspec.graph.graph import Graph, Parameter
from netspec.graph.memory import inference_bytes, training_bytes
from netspec.graph.recipe_checks import used_batch
from netspec.ir.network import INPUT, Network, Node
from netspec.ir.text import part_text, value_text
from netspec.ops import Shape
from netspec.schema.definition import Definition, parameters

__all__ = ["Comparison", "LayerChange", "Reshaped", "Setting", "Status", "Totals", "Weights", "compare"]

Status = Literal["same", "added", "removed", "changed", "affected", "renamed"]
"""`affected`: it says the same, but its shape or cost follows from another change. `renamed`: only its name differs."""


_SECTIONS = ("input", "output", "weights", "freeze", "unfreeze", "rate", "init", "data", "train", "compile", "assert")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting with two values, in the words of the language; None where it is not set."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class LayerChange:
    """A layer before and after; None where it is not there. `arguments` are those that differ, `rewired` its inputs."""

    status: Status
    before: Row | None
    after: Row | None
    arguments: tuple[Setting, ...] = ()
    rewired: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """What a whole network costs: FLOPs of one example, bytes at the recipe's batch."""

    layers: int
    parameters: int
    flops: int
    training_bytes: int
    inference_bytes: int
    batch: int


@dataclass(frozen=True, slots=True)
class Reshaped:
    """An array that both networks have, with two shapes."""

    path: str
    before: Shape
    after: Shape


@dataclass(frozen=True, slots=True)
class Weights:
    """Which arrays of one network fit the other, by path: those of the same name and shape carry over.

    Attributes:
        carried: of the same name and shape.
        reshaped: of the same name and another shape.
        renamed: of the same shape, in a layer that has another name now: they do not carry over, but could.
        only_before: in the first network only.
        only_after: in the second one only.
        parameters: trained numbers that carry over.
        total: trained numbers of the second network.
    """

    carried: tuple[str, ...]
    reshaped: tuple[Reshaped, ...]
    renamed: tuple[tuple[str, str], ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    parameters: int
    total: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs, and the layers that do not, in their order. The names of the networks are not compared."""

    layers: tuple[LayerChange, ...]
    settings: tuple[Setting, ...]
    before: Totals
    after: Totals
    weights: Weights

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.settings and all(layer.status == "same" for layer in self.layers)


def compare(before: tuple[Network, Graph], after: tuple[Network, Graph]) -> Comparison:
    """Return what differs between two networks, each with its graph."""
    (one, one_graph), (other, other_graph) = before, after
    pairs = align(one.nodes, other.nodes)
    moved = {one.nodes[i].name: other.nodes[j].name for i, j in pairs if i is not None and j is not None}
    moved |= _moved_inputs(one, other)
    nodes = {n.name: n for n in one.nodes}, {n.name: n for n in other.nodes}
    rows = outline(one, one_graph), outline(other, other_graph)
    layers = []
    for i, j in pairs:
        old, new = None if i is None else rows[0][i], None if j is None else rows[1][j]
        if old is None or new is None:
            layers.append(LayerChange("added" if old is None else "removed", old, new))
            continue
        changed = _arguments(nodes[0][old.name], nodes[1][new.name])
        rewired = not _same_wiring(old, new, moved)
        layers.append(LayerChange(_status(old, new, rewired or bool(changed)), old, new, changed, rewired))
    return Comparison(
        tuple(layers),
        _differences(_settings(one, one_graph), _settings(other, other_graph), _SECTIONS),
        _totals(one, one_graph),
        _totals(other, other_graph),
        _weights(one_graph.parameters, other_graph.parameters, moved),
    )


def _moved_inputs(one: Network, other: Network) -> dict[str, str]:
    """Return which input of one network is which of the other: those of one name, or the only ones."""
    names = [i.name for i in one.inputs], [i.name for i in other.inputs]
    if len(names[0]) == len(names[1]) == 1:
        return {names[0][0]: names[1][0]}
    return {name: name for name in names[0] if name in names[1]}


# --- layers -------------------------------------------------------------------------------------------------------


def _status(old: Row, new: Row, changed: bool) -> Status:
    if changed:
        return "changed"
    if (old.shape, old.parameters, old.flops, old.bytes) != (new.shape, new.parameters, new.flops, new.bytes):
        return "affected"
    return "same" if old.name == new.name else "renamed"


def _same_wiring(old: Row, new: Row, moved: Mapping[str, str]) -> bool:
    """Return whether two layers read the same, or both the layer above, whichever that is."""
    return len(old.inputs) == len(new.inputs) and all(
        (source, now) == (old.above, new.above) or moved.get(source) == now
        for source, now in zip(old.inputs, new.inputs, strict=True)
    )


# --- arguments ----------------------------------------------------------------------------------------------------


def _differences(before: Mapping[str, str], after: Mapping[str, str], sections: Sequence[str]) -> tuple[Setting, ...]:
    """Return what differs, section by section, and within one by path."""
    paths = sorted({*before, *after}, key=lambda path: (sections.index(_section(path)), path.split(".")))
    pairs = [Setting(path, before.get(path), after.get(path)) for path in paths]
    return tuple(s for s in pairs if s.before != s.after)


def _section(path: str) -> str:
    """Return the first word of `train.optimizer.lr`, `assert params <`."""
    return path.partition(" ")[0].partition(".")[0]


def _arguments(old: Node, new: Node) -> tuple[Setting, ...]:
    before, after = (
        {"layer": node.layer.canonical(), **_flat(node.layer), **({"share": node.share} if node.share else {})}
        for node in (old, new)
    )
    fields = [p.name for node in (old, new) for p in parameters(type(node.layer))]
    return _differences(before, after, ["layer", *fields, "share"])


def _flat(definition: Definition, prefix: str = "") -> dict[str, str]:
    """Return every argument of a definition by its path, also those of the definitions in it."""
    found: dict[str, str] = {}
    for p in parameters(type(definition)):
        value, path = getattr(definition, p.name), f"{prefix}{p.name}"
        if value is None:
            continue
        if not isinstance(value, Definition):
            found[path] = value_text(value)
            continue
        # Where there is only one kind, it goes without saying.
        if p.members.names != (value.canonical(),):
            found[path] = value.canonical()
        found |= _flat(value, f"{path}.")
    return found


def _settings(network: Network, graph: Graph) -> dict[str, str]:
    """Return everything a network says beside its layers, by path; the loss as it is, stated or implied."""
    found: dict[str, str] = {}
    for given in network.inputs:
        path = "input" if given.name == INPUT else f"input {given.name}"
        found[path] = value_text(given.shape)
        found |= {f"{path}.{key}": str(v) for key in ("tokens", "mask") if (v := getattr(given, key)) is not None}
    for output, made in zip(network.outputs, graph.outputs, strict=bool(network.outputs)):
        path = f"output {output.name}"
        found |= {path: output.node, f"{path}.weight": value_text(output.weight), f"{path}.target": made.target}
        found[f"{path}.loss"] = value_text(made.loss)
    found |= {"weights": network.weights} if network.weights else {}
    for froze in network.freeze:
        found[f"freeze {part_text(froze.part)}"] = f"until={froze.until}" if froze.until else "yes"
    found |= {f"unfreeze {part_text(part)}": "yes" for part in network.unfreeze}
    found |= {f"rate {part_text(r.part)}": value_text(r.factor) for r in network.rates}
    found |= _flat(network.init, "init.")
    if network.data:
        found |= _flat(network.data, "data.")
    recipe = network.recipe
    if not network.outputs:
        recipe = recipe.model_copy(update={"loss": graph.loss})
    found |= _flat(recipe, "train.")
    found |= _flat(network.compile, "compile.")
    for budget in network.budgets:
        path = f"assert {budget.quantity} {budget.relation}"
        found[path] = ", ".join(filter(None, [found.get(path, ""), value_text(budget.limit)]))
    return found


def _totals(network: Network, graph: Graph) -> Totals:
    return Totals(
        len(network.nodes),
        graph.parameter_count,
        graph.flops,
        training_bytes(network, graph),
        inference_bytes(network, graph),
        used_batch(network),
    )


# --- weights ------------------------------------------------------------------------------------------------------


def _weights(before: Mapping[str, Parameter], after: Mapping[str, Parameter], moved: Mapping[str, str]) -> Weights:
    both = [path for path in after if path in before]
    carried = [path for path in both if before[path].shape == after[path].shape]
    reshaped = [path for path in both if before[path].shape != after[path].shape]
    renamed = []
    for path in before:
        node, _, name = path.rpartition("/")
        now = f"{moved.get(node, '')}/{name}"
        if now != path and now in after and before[path].shape == after[now].shape:
            renamed.append((path, now))
    return Weights(
        carried=tuple(carried),
        reshaped=tuple(Reshaped(p, before[p].shape, after[p].shape) for p in reshaped),
        renamed=tuple(renamed),
        only_before=tuple(path for path in before if path not in after),
        only_after=tuple(path for path in after if path not in before),
        parameters=sum(after[path].size for path in carried if after[path].trainable),
        total=sum(p.size for p in after.values() if p.trainable),
    )
