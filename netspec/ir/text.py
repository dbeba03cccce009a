"""Network to text: a spec that says everything, every default written out, and parses to the same Network."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from netspec.ir.data_source import DataSource
from netspec.ir.network import INPUT, Input, Network, Node, Output
from netspec.ir.recipe import Compile, Recipe
from netspec.layers.base import Layer
from netspec.recipe.catalog import find
from netspec.schema.definition import Definition, parameters
from netspec.schema.registry import Registry
from netspec.syntax.printer import print_label

__all__ = ["input_text", "layer_text", "others_text", "part_text", "resolved_text", "shared_text", "value_text"]

_PATH = re.compile(r"/|[^\d.][^.]*\.|\.[^\d]")
"""What is no plain word and no number, such as the path of a file: it stands in quotes."""


def resolved_text(network: Network) -> str:
    """Return the spec with every default written out."""
    lines = [*map(input_text, network.inputs), f"init {_arguments(network.init, every=True)}"]
    # Of several inputs none is the one that flows on by itself.
    previous = network.inputs[0].name if len(network.inputs) == 1 else ""
    for node in network.nodes:
        if node.inputs[0] != previous:
            lines.append(f"from {print_label(node.inputs[0])}")
        words = [
            node.layer.canonical(),
            _arguments(node.layer, every=True),
            *shared_text(node),
            *others_text(node.layer, map(print_label, node.inputs[1:])),
        ]
        lines.append(" ".join([w for w in words if w] + ["as", print_label(node.name)]))
        previous = node.name
    lines += map(_output, network.outputs)
    lines += [f'weights "{network.weights}"'] if network.weights else []
    lines += [f"freeze {part_text(f.part)}" + (f" until={f.until}" if f.until else "") for f in network.freeze]
    lines += [f"unfreeze {part_text(part)}" for part in network.unfreeze]
    lines += [f"rate {part_text(r.part)} {_number(r.factor)}" for r in network.rates]
    if network.data:
        lines.append(_data(network.data))
    lines.append("train {\n" + _settings(network.recipe) + "}")
    lines.append("compile {\n" + _settings(network.compile) + "}")
    lines += [f"assert {b.quantity} {b.relation} {_number(b.limit)}" for b in network.budgets]
    return "\n".join(lines) + "\n"


def _number(number: float) -> str:
    """Return a number in digits the language reads: Python's `1e+20` it does not."""
    return repr(number).replace("e+", "e")


def input_text(given: Input) -> str:
    """Return an input as a spec says it: `input 1x28x28`, `input 64 tokens=1000`, `input 1 columns=age as facts`."""
    words = [f"input {value_text(given.shape)}"]
    words += [f"tokens={given.tokens}"] if given.tokens else []
    words += [f"mask={given.mask}"] if given.mask is not None else []
    words += [f"columns={print_label(column)}" for column in given.columns]
    return " ".join(words + ([] if given.name == INPUT else ["as", print_label(given.name)]))


def shared_text(node: Node) -> list[str]:
    """Return what a layer says of the weights that it shares, if it does: `share="a/conv_1"`."""
    return [f"share={print_label(node.share)}"] if node.share else []


def others_text(layer: Layer, names: Iterable[str]) -> list[str]:
    """Return what a layer says of what it reads beside what flows in: `stem`, or `memory=stem`."""
    return [f"{layer.second}={name}" if layer.second else name for name in names]


def part_text(part: str | None) -> str:
    """Return a part as a spec names it: `stem`, `"stage_1/conv_1"`, `all` for the whole network."""
    return "all" if part is None else f'"{part}"' if part == "all" else print_label(part)


def _output(output: Output) -> str:
    """Return an output as a spec says it: `output age loss=mse weight=0.1 target=years`."""
    words = [f"output {print_label(output.node)}"]
    words += [f"loss={value_text(output.loss)}"] if output.loss else []
    words += [f"weight={_number(output.weight)}"]
    words += [f"target={print_label(output.target)}"] if output.target else []
    return " ".join(words + ([] if output.name == output.node else ["as", print_label(output.name)]))


def layer_text(layer: Definition) -> str:
    """Return a layer, an optimizer … in the shortest words that mean it, as a person would: `conv 20 5x5 relu`."""
    return f"{layer.canonical()} {_arguments(layer, every=False)}".strip()


def _arguments(definition: Definition, *, every: bool) -> str:
    words, in_order = [], True
    for p in parameters(type(definition)):
        value = getattr(definition, p.name)
        if p.name in definition.later and value == p.default:
            continue
        # What a number is says more than that it is the default: `dropout 0.5`.
        number = p.positional and isinstance(value, int | float) and not isinstance(value, bool)
        if value is None or (not every and not p.required and value == p.default and not number):
            # A number without a key would be taken for the one that is left out.
            in_order = in_order and not p.positional
            continue
        if not every and isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]:
            # A person writes `pool 2` for 2x2; on a sequence the one number is all there is.
            value = value[0]
        if isinstance(value, bool):
            words.append(p.name if value else f"no{p.name}")
        elif (p.positional and (in_order or isinstance(value, str))) or (not every and isinstance(value, Definition)):
            words.append(value_text(value, every=every))
        else:
            words.append(f"{p.name}={value_text(value, every=every)}")
    return " ".join(words)


def value_text(value: Any, *, every: bool = True) -> str:
    """Return a value as the language writes it, with its own arguments: every one, or those that say something."""
    match value:
        case Definition():
            inner = ", ".join(
                f"{p.name}={value_text(v)}"
                for p in parameters(type(value))
                if (v := getattr(value, p.name)) is not None
                and ((every and p.name not in value.later) or p.required or v != p.default)
            )
            return f"{value.canonical()}({inner})" if inner else value.canonical()
        case bool():
            return "true" if value else "false"
        case (float(), float()):
            return f"{value[0]!r}..{value[1]!r}"
        case tuple() if all(isinstance(name, str) for name in value):
            return " ".join(map(print_label, value))
        case tuple():
            return "x".join(map(str, value))
        case str() if " " in value or "=" in value or _PATH.search(value):
            return f'"{value}"'
        case _:
            return str(value) if isinstance(value, str) else repr(value)


def _data(data: DataSource) -> str:
    names = " else ".join(_dataset(n) for n in (data.name, data.fallback) if n)
    return f"data {names} {{\n{_settings(data, skip=('name', 'fallback'))}}}"


def _dataset(name: str) -> str:
    return name if find(name) else f'"{name}"'


def _settings(definition: DataSource | Recipe | Compile, skip: tuple[str, ...] = ()) -> str:
    lines = []
    for p in parameters(type(definition)):
        value = getattr(definition, p.name)
        if p.name in skip or value is None or value == ():
            continue
        if p.takes_names and len(value) == 1 and value[0] in p.choices:
            # Without the quotes it would be the choice.
            lines.append(f'  {p.name} "{value[0]}"\n')
            continue
        if p.takes_words and isinstance(value, str) and value not in p.choices:
            # A name of the user's: one that is no plain word stands in quotes.
            lines.append(f"  {p.name} {print_label(value)}\n")
            continue
        lines.append(f"  {p.name} {_setting(p.members, value)}".rstrip() + "\n")
    return "".join(lines)


def _setting(members: Registry[Definition], value: Any) -> str:
    if not isinstance(value, Definition):
        return value_text(value)
    arguments = _arguments(value, every=True)
    goes_without_saying = members.names == (value.canonical(),)
    return arguments if goes_without_saying else f"{value.canonical()} {arguments}"
