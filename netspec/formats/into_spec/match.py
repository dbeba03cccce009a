"""The weights of a file and the layers of a spec: what goes where, or everything that does not fit."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.diagnostics.visible import visible
from netspec.formats.into_spec.fit import Fit, fit, is_kin
from netspec.formats.into_spec.modules import Module, common_prefixes, modules_of
from netspec.formats.into_spec.order import Found, aligned, by_classes, by_order
from netspec.formats.into_spec.units import Unit, units_of
from netspec.formats.into_spec.weights import State, Weight
from netspec.formats.reading import Array, ModelImportError
from netspec.graph.graph import Graph
from netspec.ir.network import Network

__all__ = ["Matched", "matched_weights"]

_MOST = 20_000
_SHOWN = 50


@dataclass(eq=False, slots=True)
class Matched:
    """What goes where.

    Attributes:
        taken: the fit of each unit that has one, and the name of its module, by the node.
        fresh: the units that nothing is taken for.
        unused: the modules that are left over.
        notes: for the terminal.
    """

    taken: list[tuple[Unit, Module, Fit]] = field(default_factory=list)
    fresh: list[Unit] = field(default_factory=list)
    unused: list[Module] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that are taken, by path."""
        return {f"{unit.node}/{part}": t.array() for unit, _, found in self.taken for part, t in found.items()}

    def sources(self) -> dict[str, str]:
        """Return the modules that the arrays of each node came from."""
        names: dict[str, list[str]] = {}
        for unit, module, _ in self.taken:
            names.setdefault(unit.node, []).append(module.name)
        return {node: ", ".join(own) for node, own in names.items()}


def matched_weights(network: Network, graph: Graph, state: State, spec: str, *, partial: bool = False) -> Matched:
    """Return which weights of a file go into which layers of a network.

    Args:
        network: as the spec declares it.
        graph: its operations.
        state: the weights.
        spec: the name of the spec, for messages.
        partial: whether layers may begin fresh, and weights be left over, where they do not fit.

    Raises:
        ModelImportError: when something does not fit, or could go into two places; all of it is named.
    """
    units = units_of(network, graph)
    if not units:
        raise ModelImportError(f"{spec} has no layers with weights", "give the spec of the network of these weights")
    modules = modules_of(state.weights, attention=any(unit.group == "in_proj" for unit in units))
    if max(len(units), len(modules)) > _MOST:
        raise ModelImportError(f"{state.file} has {len(modules):,} modules; at most {_MOST:,} can be")
    return _Matching(units, modules, state, spec, partial=partial).matched()


class _Matching:
    def __init__(self, units: list[Unit], modules: list[Module], state: State, spec: str, *, partial: bool) -> None:
        self.units, self.modules, self.state, self.spec, self.partial = units, modules, state, spec, partial
        self.known: dict[tuple[Hashable, Hashable], bool] = {}
        self.kinds: list[Hashable] = [
            (unit.key if unit.kind == "position" else unit.kind, tuple(unit.parts.items())) for unit in units
        ]
        self.shapes = _shapes(modules)
        self.notes: list[str] = []
        self.named = self.by_name()
        read = {number for unit in units for number in unit.reads}
        self.ends = {number for number in range(len(units)) if number not in read}

    def fits(self, unit: int, module: int) -> bool:
        """Return whether a unit can be a module: what is asked once of each two shapes."""
        kind = self.kinds[unit], self.shapes[module]
        if kind not in self.known:
            self.known[kind] = fit(self.units[unit], self.modules[module]) is not None
        return self.known[kind]

    def fits_or_ends(self, unit: int, module: int) -> bool:
        """Return whether a unit can be a module; what gives an output may be of another size."""
        return self.fits(unit, module) or (unit in self.ends and is_kin(self.units[unit], self.modules[module]))

    def fits_named(self, unit: int, module: int) -> bool:
        """Return whether a unit can be a module, where those of one name belong together."""
        own = self.named.get(unit)
        return self.fits(unit, module) and (own == module if own is not None else module not in self.named.values())

    def by_name(self) -> dict[int, int]:
        """Return the modules that are called as the layers are, with the prefix left out that makes most of them so."""
        best: dict[int, int] = {}
        for prefix in common_prefixes(self.modules):
            keys: dict[str, list[int]] = {}
            for number, module in enumerate(self.modules):
                keys.setdefault(module.key(prefix), []).append(number)
            found = {n: own[0] for n, unit in enumerate(self.units) if len(own := keys.get(unit.key, [])) == 1}
            best = found if len(found) > len(best) else best
        return best

    def matched(self) -> Matched:
        """Return what goes where; by name where all names agree, else by order, else raise an error that says why."""
        fitting = {u: m for u, m in self.named.items() if self.fits(u, m)}
        if len(fitting) == len(self.units):
            return self.made(fitting)
        found = self.search()
        if len(found.ways) == 1:
            return self.checked(found.ways[0])
        by_name = 2 * len(self.named) > len(self.units)
        if len(found.ways) > 1 or (found.unclear and not by_name):
            raise self.unclear(found)
        if by_name:
            return self.made(fitting)
        if part := self.part(fitting):
            if self.partial:
                return self.made(part)
            raise self.refusal(part, possible=True)
        raise self.refusal(aligned(len(self.units), len(self.modules), self.fits), possible=False)

    def part(self, fitting: dict[int, int]) -> dict[int, int]:
        """Return what goes where with `--partial`: by order but for what gives the outputs, or by name."""
        count = len(self.modules)
        ways = by_order(self.units, count, self.fits_or_ends, rest=True).ways if self.state.ordered else []
        by_place = {u: m for u, m in ways[0].items() if self.fits(u, m)} if len(ways) == 1 else {}
        return max(by_place, fitting, self.without_heads() if len(by_place) < len(self.units) else {}, key=len)

    def without_heads(self) -> dict[int, int]:
        """Return what goes where if further heads are left out that only a training needs, as GoogLeNet's `aux1`."""
        prefix = common_prefixes(self.modules)[-1]
        names = [module.name.removeprefix(prefix).lower() for module in self.modules]
        kept = [number for number, name in enumerate(names) if not name.startswith("aux")]
        if len(kept) == len(names):
            return {}
        rest = _Matching(self.units, [self.modules[n] for n in kept], self.state, self.spec, partial=False)
        ways = rest.ways().ways
        return {u: kept[m] for u, m in ways[0].items()} if len(ways) == 1 else {}

    def search(self) -> Found:
        """Return the ways in which all modules are all units, by order and shape; tied weights may count once."""
        found = self.ways()
        tied = self.tied()
        if found.ways or found.unclear or not tied:
            return found
        before = self.modules
        self.use([kept for module in before if (kept := module.without(tied)) is not None])
        once = self.ways()
        if not once.ways:
            self.use(before)
            return found
        names = ", ".join(visible(weight.name[:100]) for weight in tied)
        self.notes.append(f"tied weights are taken once: {names} is left out")
        return once

    def use(self, modules: list[Module]) -> None:
        """Go on with other modules."""
        self.modules, self.shapes = modules, _shapes(modules)
        self.named = self.by_name()

    def ways(self) -> Found:
        fits, count = self.fits, len(self.modules)
        if self.state.ordered:
            found = by_order(self.units, count, fits)
            if len(found.ways) > 1 and self.named:
                chosen = by_order(self.units, count, self.fits_named)
                found = chosen if chosen.ways else found
            if found.ways:
                return found
        found = by_classes(self.units, self.modules, fits, ordered=self.state.ordered)
        if found.ways:
            other = "has its modules in another order: those of one shape are taken one after the other"
            none = "keeps no order: modules of one shape are taken by the numbers in their names"
            self.notes.append(f"{self.state.file} {other if self.state.ordered else none}")
        return found

    def tied(self) -> list[Weight]:
        """Return the weights that are the same numbers as one before them."""
        seen: set[Hashable] = set()
        found = []
        for weight in (w for module in self.modules for own in module.parts.values() for w in own):
            if weight.place in seen:
                found.append(weight)
            seen.add(weight.place)
        return found

    def checked(self, way: dict[int, int]) -> Matched:
        """Return what goes where by order; names that say something else are an error."""
        for unit, module in self.named.items():
            if way[unit] != module and self.fits(unit, module):
                name = visible(self.modules[way[unit]].name[:100])
                raise ModelImportError(
                    f"`{self.units[unit].node}` of {self.spec} is {visible(self.modules[module].name[:100])} of "
                    f"{self.state.file} by its name, and {name} by its place",
                    "label the layers as the modules are called, all or none of them",
                )
        return self.made(way)

    def made(self, way: Mapping[int, int]) -> Matched:
        found = Matched(notes=[*self.state.notes, *self.notes])
        for number, unit in enumerate(self.units):
            own = fit(unit, self.modules[way[number]]) if number in way else None
            if own is None:
                found.fresh.append(unit)
            else:
                found.taken.append((unit, self.modules[way[number]], own))
        used, tied = set(way.values()), self.tied()
        left = [module for number, module in enumerate(self.modules) if number not in used]
        found.unused = [module for module in left if module.without(tied) is not None]
        if len(found.unused) < len(left):
            names = ", ".join(visible(module.name[:100]) for module in left if module not in found.unused)
            found.notes.append(f"tied weights are taken once: {names} is left out")
        if (found.fresh or found.unused) and not self.partial:
            raise self.refusal(way, possible=bool(found.taken))
        _note_stand_ins(found)
        return found

    def unclear(self, found: Found) -> ModelImportError:
        """Return the error that says what could be exchanged."""
        if found.unclear:
            one, other = (visible(name[:100]) for name in found.unclear)
        else:
            first, second = found.ways
            units = [self.units[n].node for n in sorted(first) if first[n] != second[n]]
            one, other = units[0], next((name for name in units if name != units[0]), units[0])
        fix = f"label the layers of {self.spec} as the modules are called: `conv 8 3x3 as NAME`"
        if not self.state.ordered:
            return ModelImportError(
                f"{self.state.file} keeps no order, and its names do not say which of `{one}` and `{other}`, "
                "which have the same shapes, comes first",
                f"{fix}; or give a .pth of the same weights, which keeps their order",
            )
        return ModelImportError(
            f"the order of {self.state.file} does not say which of its weights are `{one}` and which `{other}`, "
            "for both have the same shapes",
            fix,
        )

    def refusal(self, way: Mapping[int, int], *, possible: bool) -> ModelImportError:
        """Return the error that names all that does not fit."""
        missing = [n for n in range(len(self.units)) if n not in way]
        used, tied = set(way.values()), self.tied()
        left = [n for n, m in enumerate(self.modules) if n not in used and m.without(tied) is not None]
        lines = []
        # What is called the same, or stands in its place, is said beside it.
        places = dict(zip(missing, left, strict=False)) if len(missing) == len(left) and way else {}
        for unit in missing:
            module = self.named.get(unit, places.get(unit, -1))
            there = f"; in its place there is {self.modules[module]}" if module in left else ": nothing in the file"
            left = [n for n in left if n != module]
            lines.append(f"  {self.spec}, {self.units[unit]}{there}")
        rest = [f"  {self.state.file}, {self.modules[n]}: no layer of the spec" for n in left]
        lines = [*_first(lines, "layers"), *_first(rest, "modules")]
        fix = "give the spec of the network that these weights are of"
        if possible and not self.partial:
            fix = f"--partial takes what fits; the {'other layers begin fresh' if missing else 'rest is left out'}"
        return ModelImportError("\n".join([f"the weights do not fit {self.spec}:", *lines]), fix)


def _first(lines: Sequence[str], noun: str) -> list[str]:
    """Return some lines, and how many more there are."""
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"  and {more:,} more {noun}"] if more > 0 else [])]


def _shapes(modules: Sequence[Module]) -> list[Hashable]:
    """Return of each module what decides whether it can be a layer; a parameter alone may say it by its name."""
    return [(m.name if "" in m.parts else "", tuple(m.shapes().items()), *map(len, m.parts.values())) for m in modules]


def _note_stand_ins(found: Matched) -> None:
    """Note that normalizations get what they do not have in the file."""
    units = [unit.node for unit, _, own in found.taken if any(not taken.weights for taken in own.values())]
    if units:
        names: Sequence[str] = list(dict.fromkeys(units))
        shown = ", ".join(names[:3]) + (" …" if names[3:] else "")
        found.notes.append(f"{shown}: the file has no scale or offset for it; 1 and 0 stand for them")
