"""Networks drawn from the registries: text, IR and JSON say the same; and garbage ends in diagnostics."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Literal, get_args, get_origin

import annotated_types
import jsonschema
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationError

from netspec.compiler import Analysis, analyze
from netspec.diagnostics.diagnostic import Source
from netspec.ir.data_source import DataSource
from netspec.ir.network import Budget, Init, Input, Network, Node, Output
from netspec.ir.recipe import Recipe
from netspec.ir.text import resolved_text
from netspec.layers import LAYERS
from netspec.layers.merge import Concat
from netspec.recipe.class_weights import as_weights
from netspec.recipe.initializers import INITIALIZERS
from netspec.recipe.losses import LOSSES, MeanSquaredError
from netspec.recipe.optimizers import OPTIMIZERS
from netspec.recipe.schedules import SCHEDULES
from netspec.recipe.settings import as_ahead
from netspec.schema.definition import Definition, _leaves, parameters
from netspec.schema.registry import OneOf
from netspec.schema.types import Words

# --- any valid value of any field, from its annotation alone ------------------------------------------------------

_TEXTS = ["mnist", "digits", "some/folder", "a b.npz", "x-1"]


def instances(cls: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Any valid instance of a definition; those that contradict themselves are left out."""
    fields = {
        name: st.one_of(
            st.just(info.get_default(call_default_factory=True, validated_data={})),
            value(info.annotation, info.metadata),
        )
        if not info.is_required()
        else value(info.annotation, info.metadata)
        for name, info in cls.model_fields.items()
        if name != "kind"
    }

    def make(values: dict[str, Any]) -> Any:
        try:
            return cls(**values)
        except ValidationError as error:
            # What a model validator refuses (`off` with `buffer=`) is fair; a field's own value is not.
            if any(e["loc"] for e in error.errors()):
                raise
            return None

    return st.fixed_dictionaries(fields).map(make).filter(lambda made: made is not None)


def value(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    leaves = _leaves(annotation)
    families = [cls for part in (*leaves, *metadata) if isinstance(part, OneOf) for cls in part.registry.entries]
    classes = families or [leaf for leaf in leaves if isinstance(leaf, type) and issubclass(leaf, Definition)]
    choices: list[st.SearchStrategy[Any]] = [instances(c) for c in classes]
    words = next((part for part in (*leaves, *metadata) if isinstance(part, Words)), None)
    if words is not None:
        return st.sampled_from(sorted(words))
    weights = any(isinstance(part, AfterValidator) and part.func is as_weights for part in leaves)
    ranges = any(isinstance(part, BeforeValidator) and part.func is as_ahead for part in (*leaves, *metadata))
    bounds = [*metadata, *(leaf for leaf in leaves if not isinstance(leaf, type))]
    for leaf in leaves:
        if leaf is type(None):
            choices.append(st.none())
        elif leaf is bool:
            choices.append(st.booleans())
        elif leaf is str:
            numbers = any("pattern" in str(bound) and "0-9e" in str(bound) for bound in bounds)
            texts = ["1 2.5", "a=2 b=0.5"] if weights else ["0.5", "0.1 0.2 0.3"] if numbers else _TEXTS
            choices.append(st.sampled_from(texts))
        elif leaf is int:
            choices.append(integers(bounds))
        elif leaf is float:
            choices.append(floats(bounds))
        elif get_origin(leaf) is Literal:
            choices.append(st.sampled_from(get_args(leaf)))
        elif get_origin(leaf) is tuple and ranges:
            choices.append(st.sampled_from([(1.0, 2.0), (3.0, 24.0)]))
        elif get_origin(leaf) is tuple:
            choices.append(pairs(get_args(leaf), bounds))
    assert choices, f"no strategy for {annotation}"
    return st.one_of(choices)


def limits(bounds: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    flat = [c for b in bounds for c in (getattr(b, "metadata", None) or [b])]
    for bound in flat:
        for kind, key in (
            (annotated_types.Gt, "gt"),
            (annotated_types.Ge, "ge"),
            (annotated_types.Lt, "lt"),
            (annotated_types.Le, "le"),
        ):
            if isinstance(bound, kind):
                found[key] = getattr(bound, key)
    return found


def integers(bounds: list[Any]) -> st.SearchStrategy[int]:
    at = limits(bounds)
    low = max(at.get("ge", 0), at.get("gt", -1) + 1)
    return st.integers(low, max(9, 2 * low))


def floats(bounds: list[Any]) -> st.SearchStrategy[float]:
    at = limits(bounds)
    # Where a field is a number of things or a share of them, the bounds of both are known here: a share is in both.
    low = max(at.get("ge", -1e30), at.get("gt", -1e30))
    high = min(at.get("le", 1e30), at.get("lt", 1e30))
    return st.floats(low, high, exclude_min=at.get("gt") == low, exclude_max=at.get("lt") == high, allow_nan=False)


def pairs(parts: tuple[Any, ...], bounds: list[Any]) -> st.SearchStrategy[Any]:
    if parts[0] is float:
        checks = [b.func for b in bounds if isinstance(b, AfterValidator) and isinstance(b.func, partial)]
        within = checks[0].keywords if checks else {"low": -1e30, "high": 1e30}
        ends = st.floats(within["low"], within["high"], allow_nan=False)
        return st.tuples(ends, ends).filter(lambda p: p[0] != p[1]).map(lambda p: tuple(sorted(p)))
    if str in _leaves(parts[0]):
        return st.lists(st.sampled_from(["price", "a b", "log"]), min_size=1, max_size=2, unique=True).map(tuple)
    lowest = 0 if limits(_leaves(parts[0])).get("ge") == 0 else 1
    return st.tuples(st.integers(lowest, 9), st.integers(lowest, 9))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    layers = draw(st.lists(st.sampled_from(LAYERS.entries).flatmap(instances), min_size=1, max_size=5))
    inputs = draw(st.sampled_from([("input",), ("input",), ("photo",), ("left", "right")]))
    sources = [*inputs]
    nodes: list[Node] = []
    for i, layer in enumerate(layers):
        name = draw(st.sampled_from([f"node_{i}", f"{layer.canonical()}_{i + 1}", f"N{i}", f"res_{i}/conv_1"]))
        # Most layers read the one before; some go on from elsewhere, and merging ones read more besides.
        first = draw(st.sampled_from([sources[-1], sources[-1], *sources]))
        least, most = (1, 2) if layer.merges else (0, 1 if layer.second else 0)
        others = draw(st.lists(st.sampled_from(sources), min_size=least, max_size=most))
        alike = [node.name for node in nodes if type(node.layer) is type(layer)]
        share = draw(st.none() | st.sampled_from(alike)) if alike and layer.has_weights else None
        nodes.append(Node(name=name, layer=layer, inputs=(first, *others), share=share))
        sources.append(name)
    read = {source for node in nodes for source in node.inputs}
    unread = [name for name in sources[:-1] if name not in read]
    outputs = []
    if draw(st.booleans()) and not set(unread) & set(inputs):
        ends = [*unread, sources[-1]]
        names = [draw(st.sampled_from([name, f"out_{at}"])) for at, name in enumerate(ends)]
        options = {"weight": st.sampled_from([1.0, 0.25]), "target": st.none() | st.sampled_from(["y", "a b"])}
        for name, end in zip(names, ends, strict=True):
            more = {key: draw(values) for key, values in options.items()}
            outputs.append(Output(name=name, node=end, loss=draw(st.none() | instances(MeanSquaredError)), **more))
    elif unread:
        nodes.append(Node(name="all", layer=Concat(), inputs=(sources[-1], *unread)))
    shape = draw(st.sampled_from([(1, 28, 28), (3, 8, 9), (64,), (1, 8, 8), (720,), (28, 28), (6, 5)]))
    tokens = draw(st.none() | st.integers(1, 10**9)) if len(shape) == 1 else None
    return Network(
        name="t",
        inputs=tuple(Input(name=name, shape=shape, tokens=tokens) for name in inputs),
        nodes=tuple(nodes),
        outputs=tuple(outputs),
        init=draw(instances(Init)),
        data=draw(st.none() | instances(DataSource)),
        recipe=draw(instances(Recipe)),
        budgets=tuple(draw(st.lists(instances(Budget), max_size=2))),
    )


# --- the properties ----------------------------------------------------------------------------------------------

SCHEMA = jsonschema.Draft202012Validator(Network.model_json_schema())


@settings(max_examples=30)
@given(networks())
def test_json_there_and_back(net: Network) -> None:
    text = net.model_dump_json()
    assert Network.model_validate_json(text) == net
    SCHEMA.validate(json.loads(text))


@settings(max_examples=30)
@given(networks())
def test_resolved_text_there_and_back(net: Network) -> None:
    # Shapes may not fit; what is said of them must then be all that is wrong.
    text = resolved_text(net)
    found = analyze(Source("t.net", text))
    shapes = {"E0301", "E0302", "E0303", "E0304", "E0305", "E0307", "E0309", "E0310", "E0315"}
    fits = {*shapes, "E0308", "E0311", "E0318", "E0402", "E0501"}
    assert {d.code for d in found.diagnostics} <= fits, text
    if not found.diagnostics:
        assert found.network == net
        assert found.network is not None
        assert resolved_text(found.network) == text


@given(st.sampled_from(LAYERS.entries).flatmap(instances), st.sampled_from([(6, 99, 98), (6, 99), (6,)]))
def test_every_layer_there_and_back(layer: Any, shape: tuple[int, ...]) -> None:
    node = Node(name="a", layer=layer, inputs=("input",) * (1 + layer.merges))
    tokens = 50 if layer.reads_tokens and len(shape) == 1 else None
    net = Network(name="t", input=shape, tokens=tokens, nodes=(node,))
    found = analyze(Source("t.net", resolved_text(net)))
    assume(not found.diagnostics)
    assert found.network == net


def _vocabulary() -> list[str]:
    families: list[Any] = [INITIALIZERS, LOSSES, OPTIMIZERS, SCHEDULES]
    words = {*LAYERS, *(n for f in families for n in f), *(p.name for p in parameters(Recipe))}
    words |= {p.name for cls in (*LAYERS.entries, DataSource) for p in parameters(cls)}
    words |= {w for cls in LAYERS.entries for p in parameters(cls) for w in p.choices}
    words |= {"input", "tokens", "let", "init", "data", "train", "else", "as", "mnist", "digits", "off", "w"}
    signs = [
        "{",
        "}",
        "(",
        ")",
        "=",
        ",",
        ";",
        "\n",
        "\n",
        "\n",
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "..",
        "<",
        '"',
        "#",
        "x",
    ]
    numbers = [
        "0",
        "1",
        "3",
        "20",
        "-1",
        "0.5",
        "1e-3",
        "1e999",
        "5x5",
        "1x28x28",
        "-1..1",
        "1..0",
        "100k",
        "(w*2)",
        '"s"',
    ]
    return sorted(words) + (signs + numbers) * 4


VOCABULARY = _vocabulary()


def is_an_analysis(found: Analysis) -> None:
    assert (found.network is None) == bool(found.diagnostics)
    for d in found.diagnostics:
        assert d.message
        assert d.render()
        json.dumps(d.to_json())


@given(st.lists(st.sampled_from(VOCABULARY), max_size=40).map(" ".join))
def test_garbage_in_the_words_of_the_language(text: str) -> None:
    is_an_analysis(analyze(Source("t.net", text)))


_LINE = st.builds(
    lambda name, words: " ".join([name, *words]),
    st.sampled_from([*LAYERS, "input", "data", "init", "let w =", "let w = 3", "train {", "}", "data mnist {"]),
    st.lists(
        st.sampled_from([w for w in VOCABULARY if w not in '{}()\n;#"'])
        | st.builds(
            "{}={}".format, st.sampled_from(["pad", "init", "lr", "w", "stride", "range"]), st.sampled_from(VOCABULARY)
        ),
        max_size=4,
    ),
)


@given(st.lists(_LINE, min_size=1, max_size=8).map("\n".join))
def test_lines_that_are_nearly_right(text: str) -> None:
    is_an_analysis(analyze(Source("t.net", "input 1x28x28\n" + text)))


@settings(max_examples=30)
@given(networks(), st.data())
def test_one_wrong_character_in_a_resolved_spec(net: Network, data: st.DataObject) -> None:
    text = resolved_text(net)
    at = data.draw(st.integers(0, len(text) - 1))
    char = data.draw(st.sampled_from('x0=-"{}()#\n;. ,'))
    is_an_analysis(analyze(Source("t.net", text[:at] + char + text[at + 1 :])))
