"""The Network: strict types, wiring, JSON there and back, and a published schema that its dumps obey."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

import netspec as ns
from netspec.ir.network import DataSource, Network, Node, Recipe
from netspec.layers.dense import Dense
from netspec.system.resources import specs_folder

SPECS = sorted(specs_folder().rglob("*.net"))


def form(**changes: Any) -> dict[str, Any]:
    """The JSON form of a small network, with some parts replaced."""
    made = json.loads(ns.parse("input 1x8x8\nconv 4 3 relu; fc 10 softmax\ndata digits").model_dump_json())
    return {**made, **changes}


def node(**changes: Any) -> dict[str, Any]:
    return {"name": "a", "layer": {"kind": "fc", "units": 3}, "inputs": ["input"], **changes}


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
        form(input=[]),
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
        layer(kind="conv", filters=3, kernel=[3, 3, 3]),
        layer(kind="conv", filters=3, kernel=[3, True]),
        layer(kind="conv", filters=3, kernel="3x3"),
        layer(kind="conv", filters=3, kernel=3, pad="sames"),
        layer(kind="dropout", rate=1),
        layer(kind="dropout", rate=True),
        form(input=["1", 8, 8]),
        form(input=[1, 8, True]),
        form(input=8),
        form(format=2),
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
        (net, "input"),
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
    for wrong in ({"input": (8, 8)}, {"tokens": 0}, {"tokens": True}):
        with pytest.raises(ValidationError):
            Network.model_validate({**net.model_dump(), **wrong})
