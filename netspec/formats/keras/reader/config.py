"""The JSON that says a network: its layers, and what each use of a layer reads, in the forms of Keras 1, 2 and 3."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netspec.formats.reading import ModelImportError
from netspec.formats.sketch import MAX_PIECES

__all__ = [
    "MAX_CONFIG",
    "MODELS",
    "Call",
    "Entry",
    "Net",
    "Ref",
    "class_of",
    "net_of",
    "parsed",
    "version_of",
    "word_of",
]

MAX_CONFIG = 50_000_000
_MAX_VALUES = 3_000_000
_MAX_NESTED = 16

MODELS = {"Sequential", "Model", "Functional", "Container"}
"""Classes that are made of layers: Keras' own, at different times."""


@dataclass(frozen=True, slots=True)
class Ref:
    """One output of one use of a layer."""

    layer: str
    use: int
    tensor: int


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a layer.

    Attributes:
        reads: what it reads, in order.
        named: what it reads by a keyword.
        options: other keywords.
        number: one that it is given beside one value.
        after: whether that stands behind the value.
        odd: what it is given beside, that nothing is known of.
    """

    reads: tuple[Ref, ...] = ()
    named: Mapping[str, Ref] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    number: float | None = None
    after: bool = True
    odd: str = ""


@dataclass(eq=False, slots=True)
class Entry:
    """A layer as the file has it.

    Attributes:
        kind: its class.
        name: its own.
        config: its arguments.
        calls: its uses; none in a chain, where each layer reads the one before it.
        foreign: the name of a class that is not Keras' own; empty for one that is.
        net: what it is made of, where it is a model.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    calls: tuple[Call, ...] = ()
    foreign: str = ""
    net: Net | None = None


@dataclass(eq=False, slots=True)
class Net:
    """A network: a chain of layers, or layers that say what they read."""

    name: str
    layers: Sequence[Entry]
    chain: bool
    inputs: tuple[Ref, ...] = ()
    outputs: tuple[Ref, ...] = ()
    build_shape: Sequence[Any] | None = None


def parsed(data: bytes, file: str) -> dict[str, Any]:
    """Return an object of JSON; raises ModelImportError for what is none, or holds more than a network does."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ModelImportError(f"{file} is no text", "a network of Keras is JSON, or an .h5 or .keras file") from None
    if len(text) > MAX_CONFIG or sum(text.count(mark) for mark in ",[{") > _MAX_VALUES:
        raise ModelImportError(f"{file} holds more than any network that people have written", "is it a model?")
    try:
        found = json.loads(text)
        # What an older Keras saved is a text in JSON.
        found = json.loads(found) if isinstance(found, str) else found
    except json.JSONDecodeError as error:
        raise ModelImportError(f"{file}, line {error.lineno}: this is no JSON", "is it a model of Keras?") from None
    except (ValueError, RecursionError):
        raise ModelImportError(f"{file} is no JSON that can be read", "is it a model of Keras?") from None
    if not isinstance(found, dict):
        raise ModelImportError(f"{file} is no network of Keras", "`model.to_json()` writes one")
    return found


def version_of(*texts: object) -> tuple[int, int]:
    """Return the first two numbers of the first version that is said; zeros where none is."""
    for text in texts:
        if isinstance(text, str) and (match := re.match(r"(\d{1,3})\.(\d{1,3})", text)):
            return int(match[1]), int(match[2])
    return 0, 0


def net_of(found: Mapping[str, Any], file: str, depth: int = 0) -> Net:
    """Return the network that an object says, with those in it; raises ModelImportError where it says none."""
    kind, config = word_of(found.get("class_name")), found.get("config")
    foreign = class_of(found)
    if kind not in MODELS or foreign:
        what = f"is a model of the class {(foreign or kind)[:100]!r}" if kind else "is no network of Keras"
        raise ModelImportError(
            f"{file} {what}" + (", whose code is not in the file" if kind else ""),
            "Sequential and functional models can be read: save it as one",
        )
    if depth > _MAX_NESTED:
        raise ModelImportError(f"{file} has more than {_MAX_NESTED} models in each other")
    if kind == "Sequential":
        layers = config if isinstance(config, list) else config.get("layers") if isinstance(config, dict) else None
        whole = config if isinstance(config, dict) else {}
        shape = whole.get("build_input_shape")
        return Net(
            str(whole.get("name", "")),
            _entries(layers, file, depth),
            chain=True,
            build_shape=shape if isinstance(shape, list) else None,
        )
    if not isinstance(config, dict):
        raise ModelImportError(f"{file}: a model has no `config`", "copy it again from where it was whole")
    return Net(
        str(config.get("name", "")),
        _entries(config.get("layers"), file, depth),
        chain=False,
        inputs=tuple(_refs(config.get("input_layers"), file)),
        outputs=tuple(_refs(config.get("output_layers"), file)),
    )


def word_of(said: object) -> str:
    """Return a text of the file; empty for what is none."""
    return said if isinstance(said, str) else ""


def class_of(found: Mapping[str, Any]) -> str:
    """Return the name of a class that is not Keras' own; empty for one that is, as far as the file says."""
    registered, module = found.get("registered_name"), found.get("module")
    if isinstance(registered, str) and ">" in registered and not registered.lower().startswith("keras>"):
        return registered
    if isinstance(module, str) and module.split(".")[0] not in {"keras", "tf_keras", "builtins", "tensorflow"}:
        return f"{module}.{found.get('class_name')}"
    return ""


def _entries(layers: object, file: str, depth: int) -> list[Entry]:
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise ModelImportError(f"{file}: a model has no `layers`", "copy it again from where it was whole")
    if len(layers) > MAX_PIECES:
        raise ModelImportError(f"{file} has {len(layers):,} layers; at most {MAX_PIECES:,} can be")
    made = [_entry(layer, file, depth) for layer in layers]
    names = [entry.name for entry in made if entry.name]
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise ModelImportError(f"{file}: two layers are called {twice[:100]!r}", "this was not saved by Keras")
    return made


def _entry(layer: Mapping[str, Any], file: str, depth: int) -> Entry:
    kind, config = word_of(layer.get("class_name")), layer.get("config")
    net = None
    if kind in MODELS and not class_of(layer):
        net = net_of(layer, file, depth + 1)
    if not kind or not (isinstance(config, dict) or net):
        raise ModelImportError(f"{file}: a layer has no `class_name` or no `config`", "copy the file again")
    whole = config if isinstance(config, dict) else {}
    name = layer.get("name") or whole.get("name") or ""
    nodes = layer.get("inbound_nodes") or []
    if not isinstance(name, str) or not isinstance(nodes, list):
        raise ModelImportError(f"{file}: a layer is damaged", "copy the file again from where it was whole")
    calls = tuple(_call(node, file) for node in nodes)
    return Entry(kind, name, whole, calls, class_of(layer), net)


def _call(node: object, file: str) -> Call:
    """Return a use of a layer, in any of the forms that there were."""
    if isinstance(node, dict):
        return _modern_call(node, file)
    if isinstance(node, list) and node and isinstance(node[0], str):
        node = [node]
    if not isinstance(node, list):
        raise ModelImportError(f"{file}: what a layer reads is damaged", "copy the file again")
    reads: list[Ref] = []
    options: dict[str, Any] = {}
    named: dict[str, Ref] = {}
    odd = ""
    for each in node:
        if isinstance(each, list) and each and each[0] == "_CONSTANT_VALUE":
            odd = "a constant"
            continue
        reads += _refs(each, file)
        further = each[3] if isinstance(each, list) and len(each) > 3 else {}
        for key, value in further.items() if isinstance(further, dict) else ():
            if _is_ref(value):
                named[key] = _ref(value)
            elif isinstance(value, list) and any(map(_is_ref, value)):
                odd = f"{key}="
            else:
                options[key] = value
    return Call(tuple(reads), named, options, odd=odd)


def _modern_call(node: Mapping[str, Any], file: str) -> Call:
    args, kwargs = node.get("args", []), node.get("kwargs", {})
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise ModelImportError(f"{file}: what a layer reads is damaged", "copy the file again")
    reads: list[Ref] = []
    odd = ""
    number: float | None = None
    after = True
    for each in _leaves(args):
        if isinstance(each, Ref):
            reads.append(each)
        elif isinstance(each, int | float) and not isinstance(each, bool) and number is None and abs(each) < 1e30:
            number, after = float(each), bool(reads)
        elif each is not None:
            odd = repr(each)[:60]
    named: dict[str, Ref] = {}
    options: dict[str, Any] = {}
    for key, value in kwargs.items():
        found = list(_leaves([value]))
        if len(found) == 1 and isinstance(found[0], Ref):
            named[key] = found[0]
        elif any(isinstance(each, Ref) for each in found):
            odd = f"{key}="
        else:
            options[key] = value
    return Call(tuple(reads), named, options, number, after, odd)


def _leaves(values: Sequence[Any]) -> Iterator[Any]:
    """Yield what stands in lists: values that the network makes as Ref, all others as they are."""
    for value in values:
        if isinstance(value, list):
            yield from _leaves(value)
        elif isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            history = value.get("config", {}).get("keras_history") if isinstance(value.get("config"), dict) else None
            yield _ref(history) if _is_ref(history) else "a value without a history"
        else:
            yield value


def _is_ref(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) >= 3
        and isinstance(value[0], str)
        and all(isinstance(number, int) and 0 <= number < 1_000_000 for number in value[1:3])
    )


def _ref(value: Any) -> Ref:
    return Ref(value[0], value[1], value[2])


def _refs(value: object, file: str) -> Iterator[Ref]:
    """Yield what a list, or the values of an object, refer to."""
    if _is_ref(value):
        yield _ref(value)
    elif isinstance(value, dict):
        for _, each in sorted(value.items()):
            yield from _refs(each, file)
    elif isinstance(value, list):
        for each in value:
            yield from _refs(each, file)
    else:
        raise ModelImportError(f"{file}: what a model reads or gives is damaged", "copy the file again")
