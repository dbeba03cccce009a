"""What `compile { }` asks for: its words are the strategies, and decide; measured times come before expected."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

import netspec as ns
from netspec import ops
from netspec.graph.trace import trace
from netspec.ir.recipe import Compile
from netspec.passes import Mode, optimize
from netspec.planning import LAYOUTS, STRATEGIES, OpInstance, Overrides, Plan, Strategy, Timings, make_plan
from netspec.planning.explain import explain
from netspec.schema.definition import parameters

NET = "input 3x12x12\nconv 8 3x3 relu; pool 2\nconv 8 1x1; pool 3x3 stride=2\nfc 10 softmax\n"
FIELDS = {"conv": ops.Conv, "deconv": ops.ConvTranspose, "pool": ops.MaxPool}


def planned(text: str, *, timings: Timings | None = None, platform: str = "cpu", **sets: str) -> dict[str, list[str]]:
    """Return, for each node, what was decided for its operations."""
    network = ns.parse(text, set={f"compile.{key}": value for key, value in sets.items()})
    graph = optimize(trace(network), Mode.TRAINING)
    overrides = Overrides.of(network.compile)
    plan: Plan = make_plan(graph, platform=platform, batch=32, gradient=True, overrides=overrides, timings=timings)
    found: dict[str, list[str]] = {}
    for line in explain(graph, plan, platform=platform, batch=32, gradient=True, timings=timings):
        found.setdefault(line.node, []).append(f"{line.strategy} {line.layout}, {line.why}".strip())
    return found


def test_the_words_are_those_of_the_planning() -> None:
    words = {p.name: set(p.choices) for p in parameters(Compile)}
    assert {FIELDS[name] for name in FIELDS} == set(STRATEGIES)
    for name, op in FIELDS.items():
        assert words[name] == {"auto", *STRATEGIES[op]}
    assert words["layout"] == {"auto", *LAYOUTS}
    assert set(words) == {*FIELDS, "layout", "autotune"}
    assert Overrides.of(Compile()) == Overrides()


def test_a_wish_decides_where_it_can() -> None:
    found = planned(NET, conv="matmul", pool="reshape")
    assert found["conv_2"][0].startswith("matmul ")
    assert found["conv_2"][0].endswith("asked for")
    assert found["conv_1"][0].endswith("not matmul: its kernel is not 1x1 without padding")
    assert found["pool_1"][0].startswith("reshape ")
    assert found["pool_2"][0].endswith("not reshape: its windows overlap, leave gaps or reach into padding")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_asked_for_is_had_where_it_can_be(layout: str) -> None:
    for said in planned(NET, layout=layout).values():
        for line in said:
            assert f"{layout}, asked for" in line or f"not {layout}" in line
    assert f"{layout}, asked for" in planned(NET, layout=layout)["pool_1"][0]


def test_without_wishes_all_is_expected() -> None:
    assert {line.rpartition(", ")[2] for said in planned(NET).values() for line in said} == {"expected"}


def test_measured_times_are_believed_and_not_compared_with_expected_ones() -> None:
    slow = {Strategy("im2col", LAYOUTS["batch_last"]): 1e9}

    def timings(instance: OpInstance) -> Mapping[Strategy, float]:
        return {**slow, Strategy("direct", LAYOUTS["channels_first"]): 1e6} if isinstance(instance.op, ops.Conv) else {}

    found = planned(NET, timings=timings)
    assert found["conv_1"][0] == "direct channels_first, measured"
    assert found["pool_1"][0].endswith("expected")
    # What is asked for was not measured: then the expected times decide between its layouts.
    assert planned(NET, timings=timings, conv="winograd")["conv_1"][0] == "winograd batch_last, asked for"


def test_the_next_best_is_of_another_strategy() -> None:
    network = ns.parse(NET)
    graph = optimize(trace(network), Mode.TRAINING)
    plan = make_plan(graph, platform="cpu", batch=32, gradient=True)
    for line in explain(graph, plan, platform="cpu", batch=32, gradient=True):
        assert bool(line.next_best) == bool(line.strategy)
        assert not line.strategy or not line.next_best.startswith(f"{line.strategy},")


def test_no_times_are_made_up_where_only_a_preference_is_known() -> None:
    graph = optimize(trace(ns.parse(NET)), Mode.TRAINING)
    plan = make_plan(graph, platform="gpu", batch=32, gradient=True)
    lines = list(explain(graph, plan, platform="gpu", batch=32, gradient=True))
    assert {(line.microseconds, line.next_best) for line in lines} == {(None, "")}
    assert {line.layout for line in lines} == {"channels_last"}


def test_a_model_computes_as_it_is_asked_to() -> None:
    model = ns.compile(ns.parse(NET, set={"compile.conv": "direct", "compile.layout": "channels_first"}))
    strategies = [c.strategy for c in model.plan(4, gradient=False).decisions]
    assert strategies[0] == Strategy("direct", LAYOUTS["channels_first"])
    same = ns.compile(ns.parse(NET))
    x = [[[[0.5] * 12] * 12] * 3]
    np.testing.assert_allclose(model.forward(model.init(), x), same.forward(same.init(), x), atol=1e-5)
