"""The choice of strategies and layouts, without JAX."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netspec as ns
from netspec import ops
from netspec.graph.graph import Graph
from netspec.graph.trace import trace
from netspec.passes import Mode, optimize
from netspec.planning import BATCH_LAST, CHANNELS_FIRST, CHANNELS_LAST, LAYOUTS, Overrides, make_plan
from netspec.planning.cost import conversion, expected
from netspec.planning.op_instance import OpInstance, Strategy
from netspec.planning.plan import _options, _Pricing, op_instances

LENET = "input 1x28x28\nconv 20 5 relu; pool 2\nconv 50 5 relu; pool 2\nfc 10 softmax"


def graph_of(text: str) -> Graph:
    return optimize(trace(ns.parse(text)), Mode.TRAINING)


def strategies(graph: Graph, op: type[ops.Op], **how: object) -> list[str]:
    plan = make_plan(graph, **{"platform": "cpu", "batch": 64, "gradient": True, **how})
    pairs = zip(graph.operations, plan.decisions, strict=True)
    return [decision.strategy.name for operation, decision in pairs if isinstance(operation.op, op)]


def test_volumes_are_convolved_as_is_fastest() -> None:
    """Measured at these sizes, with gradients: of one channel 42 ms by im2col, 76 by slices; of 16 then 56 and 40."""
    graph = graph_of("input 1x16x32x32; conv 16 3 pad=same; pool 2; conv 32 3 pad=same; fc 3 softmax")
    assert strategies(graph, ops.Conv, batch=16) == ["im2col", "slices"]


@pytest.mark.parametrize("rank", [2, 3, 4])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_a_layout_is_an_order_of_the_axes_that_its_fields_agree_with(layout, rank):
    order = layout.axes(rank)
    assert sorted(order) == list(range(rank))
    assert order[layout.batch] == 0
    assert order[layout.channels] == 1
    assert rank == 2 or order[layout.space] == 2


def test_lenet_is_trained_with_the_batch_last():
    plan = make_plan(graph_of(LENET), platform="cpu", batch=64, gradient=True)
    assert {decision.strategy.layout for decision in plan.decisions} == {BATCH_LAST}
    assert strategies(graph_of(LENET), ops.Conv)[1] == "winograd"


def test_many_images_are_convolved_and_pooled_in_one_program_where_no_gradient_follows():
    graph = optimize(trace(ns.parse(LENET)), Mode.INFERENCE)
    plan = make_plan(graph, platform="cpu", batch=1024, gradient=False)
    assert {decision.strategy.layout for decision in plan.decisions} == {CHANNELS_LAST}
    assert strategies(graph, ops.Conv, batch=1024, gradient=False) == ["direct", "direct"]
    assert strategies(graph, ops.MaxPool, batch=1024, gradient=False) == ["reduce_window", "reduce_window"]


def test_a_convolution_is_pooled_only_where_nothing_else_reads_it():
    text = "input 1x28x28; conv 8 5 as c; pool 2; deconv 8 2 stride=2; add c; pool 2; fc 10"
    graph = optimize(trace(ns.parse(text)), Mode.INFERENCE)
    listed = op_instances(graph, 4, gradient=False)
    assert not any(instance.pooled for instance in listed)
    lenet = optimize(trace(ns.parse(LENET)), Mode.INFERENCE)
    assert sum(instance.pooled for instance in op_instances(lenet, 4, gradient=False)) == 2
    assert not any(instance.pooled for instance in op_instances(lenet, 4, gradient=True))


def test_a_gpu_keeps_to_its_own_convolutions_with_the_channels_last():
    graph = graph_of(LENET)
    plan = make_plan(graph, platform="gpu", batch=64, gradient=True)
    assert {decision.strategy.layout for decision in plan.decisions} == {CHANNELS_LAST}
    assert strategies(graph, ops.Conv, platform="gpu") == ["direct", "direct"]


def test_pointwise_convolutions_are_matrix_products_and_depthwise_ones_sums_of_taps():
    graph = graph_of("input 32x16x16\nconv 64 1; depthwise 3 pad=1; conv 32 1; globalpool; fc 10")
    assert strategies(graph, ops.Conv) == ["matmul", "taps", "matmul"]


def test_what_is_asked_for_is_done_where_it_can_be_and_the_plan_says_where_not():
    graph = graph_of("input 4x16x16\nconv 8 3 stride=2; conv 8 3; fc 10")
    plan = make_plan(graph, platform="cpu", batch=8, gradient=True, overrides=Overrides(conv="winograd"))
    chosen = [c for o, c in zip(graph.operations, plan.decisions, strict=True) if isinstance(o.op, ops.Conv)]
    assert chosen[0].why == "not winograd: it has a stride or a dilation"
    assert (chosen[1].strategy.name, chosen[1].why) == ("winograd", "asked for")


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_that_is_asked_for_is_taken_wherever_it_can_be(name):
    graph = graph_of(LENET)
    plan = make_plan(graph, platform="cpu", batch=8, gradient=True, overrides=Overrides(layout=name))
    others = [
        operation.op
        for operation, decision in zip(graph.operations, plan.decisions, strict=True)
        if decision.strategy.layout.name != name
    ]
    assert all(isinstance(op, ops.MatMul) for op in others)


def test_measured_times_are_believed_before_expected_ones():
    graph = graph_of(LENET)
    slow = Strategy("reduce_window", CHANNELS_LAST)

    def timings(instance: OpInstance) -> dict[Strategy, float]:
        return {slow: 1.0} if isinstance(instance.op, ops.MaxPool) else {}

    plan = make_plan(graph, platform="cpu", batch=64, gradient=True, timings=timings)
    pools = [c for o, c in zip(graph.operations, plan.decisions, strict=True) if isinstance(o.op, ops.MaxPool)]
    assert [(c.strategy, c.why) for c in pools] == [(slow, "measured")] * 2


def test_moving_a_value_between_orders_of_the_same_memory_costs_nothing():
    assert conversion((1, 28, 28), 64, CHANNELS_FIRST, CHANNELS_LAST, gradient=True) == 0
    assert conversion((8, 4, 4), 1, CHANNELS_FIRST, BATCH_LAST, gradient=True) == 0
    assert conversion((8, 4, 4), 2, CHANNELS_FIRST, BATCH_LAST, gradient=True) > 0


LINES = st.lists(
    st.sampled_from(["conv 4 3 pad=1", "conv 8 1", "relu", "batchnorm", "pool 3 stride=1 pad=1", "pixelunshuffle 1"]),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(LINES, st.sampled_from([1, 16]), st.booleans())
def test_the_plan_of_a_chain_is_near_the_best_of_all_plans(lines, batch, gradient):
    """Against every combination of layouts: never more than a tenth above the least sum."""
    graph = graph_of("input 4x8x8\n" + "\n".join(lines))
    options = [_options(p, "cpu", Overrides(), None) for p in op_instances(graph, batch, gradient=gradient)]
    pricing = _Pricing(graph, options, batch, gradient)
    if 3 ** len(options) > 20_000:
        return
    best = min(pricing.total(layouts) for layouts in itertools.product(*options))
    plan = make_plan(graph, platform="cpu", batch=batch, gradient=gradient)
    assert pricing.total([decision.strategy.layout for decision in plan.decisions]) <= 1.1 * best + 1


def test_every_way_has_a_finite_cost_on_every_platform():
    text = "input 4x9x9\nconv 8 3; deconv 8 3 stride=2; depthwise 3; conv 8 3 groups=2; pool 3 stride=2; fc 5 softmax"
    for instance in op_instances(graph_of(text), 2, gradient=True):
        for strategy in instance.strategies():
            for platform in ("cpu", "gpu", "tpu"):
                assert 0 < expected(instance, strategy, platform) < 1e9


def test_the_key_of_a_problem_tells_apart_all_that_decides_its_speed():
    graph = graph_of(LENET)
    keys = {
        p.key for batch in (1, 64) for gradient in (False, True) for p in op_instances(graph, batch, gradient=gradient)
    }
    assert len(keys) == 4 * len(graph.operations)


def test_planning_needs_no_jax():
    code = "import sys, netspec.planning; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
