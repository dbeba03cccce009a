"""The rates of each version of JAX, and plans that a run recorded: found again, or not taken."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

import netspec as ns
from netspec.graph.graph import Graph
from netspec.graph.trace import trace
from netspec.passes import Mode, optimize
from netspec.planning import Plan, make_plan, rates
from netspec.planning.rates import FIRST, Rates, rates_for, rates_here, rates_of_version
from netspec.planning.record import plan_lines, recorded_plan

NET = "input 3x12x12\nconv 8 3x3 relu\nconv 8 1x1; pool 3x3 stride=2\nfc 10 softmax\n"


def graph_of(text: str) -> Graph:
    return optimize(trace(ns.parse(text)), Mode.TRAINING)


def planned(graph: Graph, found: Rates) -> Plan:
    return make_plan(graph, platform="cpu", batch=16, gradient=True, rates=found)


def recorded(graph: Graph, lines: list[str], found: Rates = FIRST) -> Plan | None:
    return recorded_plan(graph, lines, platform="cpu", batch=16, gradient=True, rates=found)


@pytest.mark.parametrize(
    ("jax", "version"),
    [
        ("0.9.1", "1"),
        ("0.10.2", "1"),
        ("0.11.4", "1"),
        ("0.12.0.1", "2"),
        ("0.13.0.dev20270101", "2"),
        ("1.0", "2"),
        ("unknown", "2"),
    ],
)
def test_a_version_has_the_rates_of_the_newest_one_measured_before_it(
    jax: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rates._BY_JAX, (0, 12), replace(FIRST, version="2"))
    assert rates_for(jax).version == version
    assert rates_of_version(version) is rates_for(jax)


def test_recorded_versions_are_known_for_ever() -> None:
    assert rates_of_version("1") is FIRST
    # Runs that recorded no version were planned with these numbers.
    assert Rates("1", 220e3, 16e3, 64e6, 3.0, 0.7, 0.5, 0.4, 2.5) == FIRST
    assert rates_of_version("of a newer netspec") is None


def test_those_of_the_installed_jax_are_found_without_importing_it() -> None:
    code = "import sys; from netspec.planning import rates_here; rates_here(); sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert rates_here() in map(rates_for, ("0.10.0", "0.12.0"))


FAST, SLOW = (replace(FIRST, version=str(r), direct=r, direct_back=r, direct_alone=r) for r in (1e3, 1e-3))


def test_a_recorded_plan_is_found_again_whatever_would_be_chosen_now() -> None:
    graph = graph_of(NET)
    slow, fast = planned(graph, SLOW), planned(graph, FAST)
    assert plan_lines(graph, slow) != plan_lines(graph, fast)
    assert recorded(graph, plan_lines(graph, slow), SLOW) == slow
    again = recorded(graph, plan_lines(graph, slow), FAST)
    assert again
    assert plan_lines(graph, again) == plan_lines(graph, slow)


def test_words_of_every_reason_are_found_again() -> None:
    text = NET.replace("fc 10", "conv 8 3x3 stride=2; fc 10")
    network = ns.parse(text, set={"compile.conv": "winograd", "compile.pool": "reshape"})
    model = ns.compile(network)
    lines = model.plan_lines(16, gradient=True)
    assert any("not reshape: its windows overlap, leave gaps or reach into padding" in line for line in lines)
    again = recorded(model.training, lines)
    assert again
    assert plan_lines(model.training, again) == lines


def test_lines_of_another_graph_or_of_unknown_strategies_are_no_plan() -> None:
    graph = graph_of(NET)
    lines = plan_lines(graph, planned(graph, FIRST))
    assert recorded(graph, lines)
    assert not recorded(graph, lines[1:])
    assert not recorded(graph, [*lines[1:], lines[0]])
    assert not recorded(graph, ["", *lines[1:]])
    name = lines[0].partition(":")[0]
    # The first convolution is no 1x1, and there is no such strategy, or layout.
    for said in ("matmul, batch_last", "magic, batch_last", "direct, sideways"):
        assert not recorded(graph, [f"{name}: {said}, expected", *lines[1:]])
