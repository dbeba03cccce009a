"""Weights by name as modules: what stands under one name belongs to one layer."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.diagnostics.visible import visible
from netspec.formats.into_spec.units import group_of
from netspec.formats.into_spec.weights import Weight
from netspec.formats.reading import Array
from netspec.ops import Shape, format_shape

__all__ = ["Module", "by_numbers", "common_prefixes", "modules_of"]

_PARTS = re.compile(
    r"weight|bias|running_mean|running_var|gamma|beta|kernel|scale|offset|mean|variance|slope|vector|table"
    r"|relative_position_bias_table|(weight|bias)_(ih|hh)(_l\d+)?(_reverse)?|(in|out|[qkv])_proj_(weight|bias)"
)
_PROJECTION = re.compile(r"(.*)[._/]((?:in|out|[qkv])_proj_(?:weight|bias))")
_STEM = re.compile(r"(.*[^._/])_(weight|bias)")
"""Parameters of one module that are a layer of their own, such as `qkv_weight` and `qkv_bias`."""
_LAYER = re.compile(r"_l(\d+)")


@dataclass(frozen=True, eq=False, slots=True)
class Turned:
    """A weight whose rows are columns in the file."""

    given: Weight

    @property
    def name(self) -> str:
        """What the file calls it."""
        return self.given.name

    @property
    def shape(self) -> Shape:
        """Its shape as a layer has it."""
        return self.given.shape[::-1]

    @property
    def place(self) -> Hashable:
        """Where in the file its numbers are."""
        return self.given.place

    def array(self) -> Array:
        """Return its numbers as a layer has them."""
        return self.given.array().T


@dataclass(eq=False, slots=True)
class Module:
    """What stands under one name.

    Attributes:
        name: as the file has it.
        group: which part of a layer it is, where the name is that of the layer.
        parts: the arrays by the last part of their names; several are one behind the other.
    """

    name: str
    group: str
    parts: dict[str, list[Weight]] = field(default_factory=dict)

    def key(self, prefix: str = "") -> str:
        """Return its name without a prefix, for comparison."""
        name = re.sub(r"[./]", "_", self.name.removeprefix(prefix))
        return f"{name}_{self.group}" if self.group else name

    def shapes(self) -> dict[str, Shape]:
        """Return the shapes of its arrays."""
        return {part: _joined([weight.shape for weight in weights]) for part, weights in self.parts.items()}

    def __str__(self) -> str:
        shapes = [f"{part} {format_shape(s)}".strip() for part, s in self.shapes().items()]
        return f"{visible(self.name[:100])}: {', '.join(shapes)}"

    def without(self, tied: Sequence[Weight]) -> Module | None:
        """Return it without some weights; None where nothing is left."""
        left_out = set(map(id, tied))
        parts = {part: own for part, own in self.parts.items() if not left_out.issuperset(map(id, own))}
        return Module(self.name, self.group, parts) if parts else None


def _joined(shapes: Sequence[Shape]) -> Shape:
    first = shapes[0]
    return (sum(shape[0] for shape in shapes), *first[1:]) if len(shapes) > 1 else first


def modules_of(weights: Mapping[str, Weight], *, attention: bool) -> list[Module]:
    """Return the modules of some weights, in the order in which they come first.

    Args:
        weights: by name.
        attention: whether to make one of those that compute queries, keys and values.
    """
    found: dict[tuple[str, str], Module] = {}
    turned = any(_is_turned(name, weight) for name, weight in weights.items())
    for name, given in weights.items():
        weight = Turned(given) if turned and _OF_GPT2.search(name) else given
        module, part, group, layer = _split(name)
        made = found.setdefault((module, f"{group} {layer}"), Module(f"{module}{layer}", group))
        made.parts[part] = [weight]
    modules = _both_ways(list(found.values()))
    return _projections(modules) if attention else modules


_OF_GPT2 = re.compile(r"\bc_(attn|fc|proj|q_attn)\.weight$")


def _is_turned(name: str, weight: Weight) -> bool:
    """Return whether a weight says that those of its file are inputs x outputs, as in Hugging Face's GPT-2.

    Others have the same names and outputs x inputs; queries, keys and values in one tell which it is.
    """
    return name.endswith("c_attn.weight") and len(weight.shape) == 2 and weight.shape[1] == 3 * weight.shape[0]


def _split(name: str) -> tuple[str, str, str, str]:
    """Return the module of a weight, what it is of it, which part that belongs to, and the number of the layer."""
    if match := _PROJECTION.fullmatch(name):
        return match[1], match[2], group_of(match[2]), ""
    at = max(name.rfind("."), name.rfind("/"))
    module, part = name[: max(at, 0)], name[at + 1 :]
    if at < 0 or not _PARTS.fullmatch(part):
        stem = _STEM.fullmatch(name)
        return (stem[1], stem[2], "", "") if stem else (name, "", "", "")
    layer = _LAYER.search(part)
    suffix = f".l{layer[1]}" if layer and layer[1] != "0" else ""
    group = group_of(part)
    return module, _LAYER.sub("", part), "" if group == "slope" else group, suffix


def _both_ways(modules: list[Module]) -> list[Module]:
    """Join a recurrence with the one of the same name that goes backward."""
    by_name = {module.name: module for module in modules}
    kept = []
    for module in modules:
        other = by_name.get(module.name.removesuffix("_reverse"))
        if other is not None and other is not module and "weight_hh" in module.parts and "weight_hh" in other.parts:
            other.parts |= {f"{part}_reverse": weights for part, weights in module.parts.items()}
        else:
            kept.append(module)
    return kept


_TRIPLES = (("q", "k", "v"), ("q_proj", "k_proj", "v_proj"), ("query", "key", "value"), ("to_q", "to_k", "to_v"))


def _projections(modules: list[Module]) -> list[Module]:
    """Join the modules that compute queries, keys and values of one attention."""
    places: dict[tuple[str, str], Module] = {}
    numbers = {id(module): number for number, module in enumerate(modules)}
    for module in modules:
        parent, _, name = module.name.rpartition(".")
        places[parent, name] = module
    joined: dict[int, Module | None] = {}
    for (parent, name), module in places.items():
        triple = next((names for names in _TRIPLES if names[0] == name), None)
        own = [places.get((parent, each)) for each in triple] if triple else []
        three = [each for each in own if each is not None]
        shapes = [each.shapes() for each in three]
        if len(three) < 3 or any(s != shapes[0] for s in shapes) or not shapes[0].keys() <= {"weight", "bias"}:
            continue
        parts = {part: [w for each in three for w in each.parts[part]] for part in shapes[0]}
        first = min(three, key=lambda each: numbers[id(each)])
        joined |= {id(each): None for each in three}
        joined[id(first)] = Module(f"{module.name} {triple[1]} {triple[2]}" if triple else "", "", parts)
    return [made for module in modules if (made := joined.get(id(module), module)) is not None]


_MOST_PREFIXES = 40
"""Words that all names may begin with; each prefix is kept, and that of a very long name would be a file by itself."""


def common_prefixes(modules: Sequence[Module]) -> list[str]:
    """Return what may be left out at the beginning of all names: nothing, `module.`, `module.model.` and so on."""
    found = [""]
    while modules and len(found) <= _MOST_PREFIXES:
        heads = {module.name[len(found[-1]) :].partition(".")[0] for module in modules}
        longer = f"{found[-1]}{heads.pop()}."
        if heads or not all(module.name.startswith(longer) for module in modules):
            break
        found.append(longer)
    return found


def by_numbers(one: Module, other: Module) -> bool:
    """Return whether two names differ first in a number, so that it says which comes before the other."""
    words = [re.split(r"(\d+)|[./]", module.name) for module in (one, other)]
    pair = next(((a, b) for a, b in zip(*words, strict=False) if a != b), ("", ""))
    return all(word is not None and word.isdigit() for word in pair)
