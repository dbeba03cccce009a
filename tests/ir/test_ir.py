"""The Network: strict types, wiring, JSON there and back, and a published schema that its dumps obey."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

import netspec as ns
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network, Node
from netspec.ir.recipe import Recipe
from netspec.layers.dense import Dense
from netspec.recipe.metrics import metric_of, output_of
from netspec.system.resources import specs_folder

SPECS = sorted(specs_folder().rglob("*.net"))


@cache
def written() -> str:
    return ns.parse("input 1x8x8\nconv 4 3 relu; fc 10 softmax\ndata digits").model_dump_json()


def form(**changes: Any) -> dict[str, Any]:
    """The JSON form of a small network, with some parts replaced."""
    return {**json.loads(written()), **changes}


def node(**changes: Any) -> dict[str, Any]:
    return {"name": "a", "layer": {"kind": "fc", "units": 3}, "inputs": ["input"], **changes}


def given(*shapes: Any) -> list[dict[str, Any]]:
    return [{"name": f"in_{i}" if i else "input", "shape": shape} for i, shape in enumerate(shapes)]


def layer(**fields: Any) -> dict[str, Any]:
    return form(nodes=[node(layer=fields)])


def read(value: dict[str, Any]) -> Network:
    return Network.model_validate_json(json.dumps(value))


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_json_there_and_back(path: Path) -> None:
    net = ns.load(path)
    assert Network.model_validate_json(net.model_dump_json()) == net
    assert Network.model_validate_json(net.model_dump_json(indent=2)) == net
    assert Network.model_validate(net.model_dump()) == net


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    """The JSON schema, made once: it describes every layer."""
    found = Network.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_the_schema_describes_the_dumps(path: Path, schema: jsonschema.Draft202012Validator) -> None:
    schema.validate(json.loads(ns.load(path).model_dump_json()))


@pytest.mark.parametrize(
    "bad",
    [
        form(extra=1),
        form(inputs=[]),
        form(inputs=given([])),
        form(nodes=[]),
        layer(kind="nosuch"),
        layer(kind="fc", units="3"),
        layer(kind="fc", units=0),
        layer(kind="fc", units=3, more=1),
        form(nodes=[node(name="1x")]),
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(
    bad: dict[str, Any], schema: jsonschema.Draft202012Validator
) -> None:
    with pytest.raises(ValidationError):
        read(bad)
    assert not schema.is_valid(bad)


def test_a_network_of_format_1_is_read() -> None:
    now = form()
    (one,) = now.pop("inputs")
    before = {**now, "format": 1, "input": one["shape"], "tokens": None}
    del before["outputs"]
    assert read(before) == Network.model_validate(before) == read(form())


def test_the_one_input_is_replaced_as_before() -> None:
    net = ns.parse("input 64 tokens=1000\nembedding 8\nfc 3").model_copy(update={"input": (32,), "tokens": 10})
    assert (net.input, net.tokens, net.graph().input) == ((32,), 10, (32,))


def test_a_small_json_is_enough() -> None:
    net = read({"input": [4], "nodes": [node()]})
    assert net == Network(input=(4,), nodes=(Node(name="a", layer=Dense(units=3), inputs=("input",)),))
    assert net.recipe == Recipe()
    assert net.name == "network"


@pytest.mark.parametrize(
    "bad",
    [
        layer(kind="fc", units="3"),
        layer(kind="fc", units=True),
        layer(kind="fc", units=3.0),
        layer(kind="fc", units=None),
        layer(kind="fc"),
        layer(units=3),
        layer(kind="fc", units=3, bias=1),
        layer(kind="fc", units=3, bias="true"),
        layer(kind="fc", units=3, activation="relu"),
        layer(kind="fc", units=3, activation={"kind": "fc", "units": 3}),
        layer(kind="fc", units=3, init={"kind": "normal"}),
        layer(kind="fc", units=3, init={"kind": "normal", "std": "1"}),
        layer(kind="broken"),
        layer(kind="conv", filters=3, kernel=[3, 3, 3, 3]),
        layer(kind="conv", filters=3, kernel=[3, True]),
        layer(kind="conv", filters=3, kernel="3x3"),
        layer(kind="conv", filters=3, kernel=3, pad="sames"),
        layer(kind="dropout", rate=1),
        layer(kind="dropout", rate=True),
        form(inputs=given(["1", 8, 8])),
        form(inputs=given([1, 8, True])),
        form(inputs=given(8)),
        form(inputs=given([1, 8, 8], [4])),
        form(inputs=2 * given([1, 8, 8])),
        form(inputs=[{"shape": [8], "mask": 0}]),
        form(inputs=[{"shape": [8], "tokens": 3, "mask": 3}]),
        form(input=[1, 8, 8]),
        form(format=1, input=[1, 8, 8]),
        form(format=1, inputs=None, input=[1, 8, True]),
        form(format=3),
        form(outputs=[{"name": "a", "node": "nowhere"}]),
        form(outputs=[{"name": "input", "node": "fc_1"}]),
        form(outputs=2 * [{"name": "a", "node": "fc_1"}]),
        form(outputs=[{"name": "a", "node": "conv_1"}]),
        form(outputs=[{"name": "a", "node": "fc_1", "weight": 0}]),
        form(nodes=[node(share="a")]),
        form(nodes=[node(share="input")]),
        form(nodes=[node(share="b"), node(name="b", inputs=["a"])]),
        form(format="1"),
        form(name=""),
        form(name=3),
        form(surprise={}),
        form(recipe={"kind": "train", "epochs": "3"}),
        form(recipe={"kind": "train", "epoch": 3}),
        form(recipe={"kind": "train", "optimizer": "adam"}),
        form(recipe={"kind": "data"}),
        form(data={"kind": "data", "name": ""}),
        form(data={"kind": "data", "name": "a", "scale": {"kind": "scale"}}),
        form(nodes=[node(name="a b")]),
        form(nodes=[node(name="../x")]),
        form(nodes=[node(name="a\n")]),
        form(nodes=[node(name="")]),
        form(nodes=[node(inputs=[])]),
        form(nodes=[node(inputs=["b"])]),
        form(nodes=[node(inputs=["a"])]),
        form(nodes=[node(), node()]),
        form(nodes=[node(name="input")]),
        form(nodes=[node(inputs=["b"]), node(name="b")]),
    ],
    ids=lambda b: json.dumps({k: v for k, v in b.items() if v != form().get(k)})[:70],
)
def test_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(bad)


@pytest.mark.parametrize("text", ['{"input": [4], "nodes": [', "[]", "null", '{"input": [1e999], "nodes": []}'])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Network.model_validate_json(text)


def test_a_network_is_frozen() -> None:
    net = read(form())
    for thing, field in (
        (net, "inputs"),
        (net.nodes[0], "name"),
        (net.recipe, "epochs"),
        (net.nodes[0].layer, "filters"),
    ):
        with pytest.raises(ValidationError):
            setattr(thing, field, 3)


def test_scale_and_normalize_contradict() -> None:
    both = {"scale": {"kind": "scale", "divisor": 2}, "normalize": {"kind": "normalize"}}
    with pytest.raises(ValidationError, match="keep one"):
        DataSource.model_validate_json(json.dumps({"name": "a", **both}))


def test_graph_is_that_of_trace() -> None:
    net = read(form())
    assert net.graph().parameter_count == 4 * 9 + 4 + 144 * 10 + 10


def test_token_numbers_are_one_row() -> None:
    net = ns.parse("input 64 tokens=1000\nembedding 8\nfc 3")
    assert net.tokens == 1000
    assert Network.model_validate_json(net.model_dump_json()) == net
    for wrong in ({"shape": (8, 8)}, {"tokens": 0}, {"tokens": True}):
        with pytest.raises(ValidationError):
            Network.model_validate({**net.model_dump(), "inputs": ({**net.inputs[0].model_dump(), **wrong},)})


def test_what_came_later_is_not_in_the_json_where_it_is_the_default() -> None:
    plain = json.loads(ns.parse("input 4; fc 3 softmax; train { loss cross_entropy }").model_dump_json())["recipe"]
    assert plain["loss"] == {"kind": "cross_entropy"}
    assert "metrics" not in plain
    text = 'input 4; fc 3 softmax; train { loss cross_entropy smoothing=0.1 class_weights="1 2 0.5"; metrics f1 top2 }'
    net = ns.parse(text)
    said = json.loads(net.model_dump_json())["recipe"]
    assert said["loss"] == {"kind": "cross_entropy", "smoothing": 0.1, "class_weights": "1 2 0.5"}
    assert said["metrics"] == {"kind": "metrics", "top2": True, "f1": True}
    assert Network.model_validate_json(net.model_dump_json()) == net


@pytest.mark.parametrize(
    ("word", "good"),
    [("val_f1", True), ("test_age_mae", True), ("train_loss", True), ("val_f2", False), ("f1", False), (3, False)],
)
def test_a_measurement_is_a_split_and_a_metric(word: Any, good: bool) -> None:
    value = form(recipe={"kind": "train", "best": word})
    if good:
        assert read(value).recipe.best == word
    else:
        with pytest.raises(ValidationError):
            read(value)


@pytest.mark.parametrize(
    ("word", "outputs", "output", "metric"),
    [
        ("val_entity_f1", (), "", "entity_f1"),
        ("val_entity_f1", ("entity", "kind"), "entity", "f1"),
        ("val_kind_entity_f1", ("entity", "kind"), "kind", "entity_f1"),
        ("test_f1_micro", ("f1",), "", "f1_micro"),
        ("test_age_mae", ("age",), "age", "mae"),
        ("test_f1_loss", ("f1", ""), "f1", "loss"),
        ("train_loss", ("",), "", "loss"),
    ],
)
def test_a_measurement_is_of_the_output_that_there_is(
    word: str, outputs: tuple[str, ...], output: str, metric: str
) -> None:
    assert (output_of(word, outputs), metric_of(word, outputs)) == (output, metric)
