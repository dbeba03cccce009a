"""What of a network a training moves: which weights are frozen, until when, and how fast the others move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

from netspec.diagnostics.diagnostic import Diagnostic, Places, listing, plural
from netspec.graph.graph import Graph
from netspec.ir.network import Freeze, Network, parts_of
from netspec.ir.text import part_text

__all__ = ["Parts", "check_parts", "check_until", "learning_values", "parts"]

_T = TypeVar("_T")

_ALWAYS = 0
"""Epochs for which what is never frozen is frozen."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a training moves.

    Attributes:
        frozen: the arrays that stay as they are, parameters and running averages, by path: after how many epochs they
            are trained; None for never.
        factors: what the learning rate is multiplied by, of the arrays of which that is not 1.
    """

    frozen: Mapping[str, int | None]
    factors: Mapping[str, float]

    def ends(self) -> tuple[int, ...]:
        """Return the epochs after which something begins to be trained, in their order."""
        return tuple(sorted({until for until in self.frozen.values() if until is not None}))

    def phase(self, epoch: int) -> int:
        """Return in which part of the training an epoch lies, from 0: within one the same arrays are frozen."""
        return sum(epoch > end for end in self.ends())

    def frozen_in(self, phase: int) -> frozenset[str]:
        """Return the arrays that are frozen in a part of the training."""
        begun = self.ends()[:phase]
        return frozenset(path for path, until in self.frozen.items() if until is None or until not in begun)

    @property
    def forever(self) -> frozenset[str]:
        """The arrays that are never trained."""
        return frozenset(path for path, until in self.frozen.items() if until is None)

    def frozen_count(self, graph: Graph) -> int:
        """Return how many of the numbers of a graph that training could move are frozen when it begins."""
        return sum(p.size for p in graph.parameters.values() if p.trainable and p.path in self.frozen)


def parts(network: Network, graph: Graph) -> Parts:
    """Return what a training of a network moves; of all that is said of an array, what names it most closely holds."""
    if not (network.freeze or network.rates):
        return Parts({}, {})
    users, said = _users(graph), _said(network)
    factors = {r.part: r.factor for r in network.rates}
    frozen, rates = {}, {}
    for path in graph.parameters:
        froze = _closest(users[path], said)
        if froze and froze[1]:
            frozen[path] = froze[1].until
        rate = _closest(users[path], factors)
        if rate and rate[1] != 1 and graph.parameters[path].trainable:
            rates[path] = rate[1]
    return Parts(frozen, rates)


def _said(network: Network) -> dict[str | None, Freeze | None]:
    """Return of each part that is named how it is frozen; None where it is not."""
    said: dict[str | None, Freeze | None] = {f.part: f for f in network.freeze}
    return said | dict.fromkeys(network.unfreeze)


def _users(graph: Graph) -> dict[str, list[str]]:
    """Return the nodes that use each array: the one that owns it first, then those that share it."""
    users = {path: [path.rpartition("/")[0]] for path in graph.parameters}
    for operation in graph.operations:
        for path in operation.parameters:
            if path in users and operation.node not in users[path]:
                users[path].append(operation.node)
    return users


def _closest(users: Iterable[str], said: Mapping[str | None, _T]) -> tuple[str | None, _T] | None:
    """Return what is said of the closest part that some nodes are in, and that part; None where nothing is."""
    # A layer is closer than the block it is in, that is closer than the blocks around it, and all than the whole.
    for level in zip_longest(*map(parts_of, users)):
        found = next((part for part in level if part is not None and part in said), None)
        if found is not None:
            return found, said[found]
    return (None, said[None]) if None in said else None


def learning_values(graph: Graph, frozen: Iterable[str]) -> frozenset[int]:
    """Return the values that depend on what is trained: the backward pass goes through these alone."""
    still, found = frozenset(frozen), set[int]()
    for operation in graph.operations:
        own = any(path not in still and graph.parameters[path].trainable for path in operation.parameters)
        if own or not found.isdisjoint(operation.inputs):
            found.add(operation.output)
    return frozenset(found)


# --- what cannot be meant -----------------------------------------------------------------------------------------


def check_parts(network: Network, graph: Graph, places: Places) -> Iterator[Diagnostic]:
    """Yield what is said of parts and has no effect, or leaves nothing to train."""
    if not (network.freeze or network.unfreeze or network.rates):
        return
    found, users, said = parts(network, graph), _users(graph), _said(network)
    # Of thousands of parts each looks at its own arrays only.
    owned: dict[str | None, dict[str, None]] = {None: dict.fromkeys(users)}
    for path, nodes in users.items():
        for around in (around for node in nodes for around in parts_of(node)):
            owned.setdefault(around, {})[path] = None
    for command, part in [
        *(("freeze", f.part) for f in network.freeze),
        *(("unfreeze", part) for part in network.unfreeze),
        *(("rate", r.part) for r in network.rates),
    ]:
        own = [*owned.get(part, ())]
        wrong = _without_effect(command, part, own, found, graph)
        if command == "unfreeze" and not wrong:
            # Without this line, is any of it frozen?
            said.pop(part)
            thawed = [path for path in own if path not in found.frozen]
            if not any((closest := _closest(users[path], said)) and closest[1] for path in thawed):
                wider = listing([f"`freeze {part_text(f.part)}`" for f in network.freeze][:4], "and")
                fix = f"what is frozen here: {wider}" if network.freeze else "say first what is: `freeze all`"
                wrong = f"`{part_text(part)}` is not frozen, so that `unfreeze` changes nothing", fix
            said[part] = None
        if wrong:
            yield _at(f"{command} {part or 'all'}", "E0332", wrong, places)
    for froze in network.freeze:
        late = _past_end(froze, network.recipe.epochs)
        if late:
            yield _at(f"freeze {froze.part or 'all'}", "E0332", late, places)
    still = found.frozen_in(0)
    trained = [p for p in graph.parameters.values() if p.trainable]
    if trained and all(p.path in still for p in trained):
        last = network.all_outputs[0].node
        owners = [p.path.rpartition("/")[0] for p in trained]
        head = next((part for part in parts_of(last) if any(part in parts_of(o) for o in owners)), owners[-1])
        when = f" for the first {plural(found.ends()[0], 'epoch')}" if found.ends() else ""
        message = f"everything is frozen{when}: there is nothing to train"
        first = network.freeze[0].part or "all"
        named = next((part for part in parts_of(head) if any(f.part == part for f in network.freeze)), None)
        fix = f"train the last layer: `unfreeze {part_text(head)}`"
        if named is not None:
            fix = f"train the last layer: leave `freeze {part_text(named)}` out"
        yield _at(f"freeze {first}", "E0331", (message, fix), places)


def check_until(network: Network) -> list[str]:
    """Return notices of parts that the training ends before it comes to train them."""
    epochs = network.recipe.epochs
    late = [f for f in network.freeze if f.until is not None and f.until >= epochs]
    return [
        f"`{part_text(f.part)}` stays frozen: `until={f.until}` is the end of the training, or after it" for f in late
    ]


def _past_end(froze: Freeze, epochs: int) -> tuple[str, str] | None:
    if froze.until is None or froze.until < epochs:
        return None
    message = f"`until={froze.until}` is the end of the training, which has `epochs {epochs}`, or after it"
    fewer = f"say `until={epochs - 1}` or less, or leave" if epochs > 1 else "train for more epochs, or leave"
    return message, f"{fewer} `until=` out: then it stays frozen"


def _without_effect(
    command: str, part: str | None, own: list[str], found: Parts, graph: Graph
) -> tuple[str, str] | None:
    """Return that a command changes nothing, and what would be right; None where it does change something."""
    trained = [path for path in own if graph.parameters[path].trainable]
    if not trained:
        return f"`{part_text(part)}` has no weights, so that `{command}` changes nothing", _with_weights(part, graph)
    if command == "rate" and found.forever.issuperset(trained):
        return (
            f"`{part_text(part)}` is frozen, so that no learning rate moves it",
            f"leave `rate {part_text(part)}` out",
        )
    return None


def _with_weights(part: str | None, graph: Graph) -> str:
    """Return which layers have weights, near one that has none."""
    owners = list(dict.fromkeys(path.rpartition("/")[0] for path in graph.parameters))
    around = (part or "").rpartition("/")[0]
    near = [o for o in owners if around and around in parts_of(o)] or owners
    return f"weights have {listing([part_text(o) for o in near[:6]], 'and')}" if near else "the network has none at all"


def _at(command: str, code: str, wrong: tuple[str, str], places: Places) -> Diagnostic:
    place = places.get(command)
    return Diagnostic(code, wrong[0], place.span if place else None, fix=wrong[1], related=place.uses if place else ())
