"""A graph computed by any plan: every layout and every strategy gives the same outputs, gradients and state."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import netspec as ns
from netspec import ops
from netspec.backends.jax.emit import run_graph
from netspec.graph.graph import Graph
from netspec.graph.trace import trace
from netspec.layers import LAYERS
from netspec.passes import Mode, optimize
from netspec.planning import LAYOUTS, STRATEGIES, Overrides, Plan, make_plan
from netspec.planning.plan import op_instances

RANDOM = ("dropout 0.3", "noise 0.2")


def arrays(graph: Graph, seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    random, trees = np.random.default_rng(seed), ({}, {})
    for p in graph.parameters.values():
        node, _, name = p.path.rpartition("/")
        values = random.uniform(0.5, 1.5, p.shape) if "variance" in name else random.normal(size=p.shape) * 0.3
        trees[0 if p.trainable else 1].setdefault(node, {})[name] = jnp.asarray(values, jnp.float32)
    return trees


def examples(graph: Graph, batch: int) -> jax.Array:
    random = np.random.default_rng(1)
    if graph.tokens:
        return jnp.asarray(random.integers(0, graph.tokens, (batch, *graph.input)), jnp.int32)
    return jnp.asarray(random.normal(size=(batch, *graph.input)), jnp.float32)


def computed(graph: Graph, plans: list[Plan], batch: int) -> list[Any]:
    """Outputs, gradients and the state after one step by each plan, in one program: it is compiling that takes long."""
    params, state = arrays(graph)
    x = examples(graph, batch)

    def step(params: Any, x: jax.Array, plan: Plan) -> Any:
        def loss(params: Any) -> Any:
            values, after = run_graph(
                graph, params, state, x, wanted=(graph.output,), plan=plan, train=True, rng=jax.random.key(3)
            )
            out = values[graph.output]
            weights = jnp.cos(jnp.arange(out.size, dtype=jnp.float32)).reshape(out.shape)
            return jnp.sum(out * weights), (out, after)

        return jax.value_and_grad(loss, has_aux=True)(params)

    found = jax.jit(lambda params, x: [step(params, x, plan) for plan in plans])(params, x)
    return [(out, grads, after) for (_, (out, after)), grads in found]


def assert_same(actual: Any, expected: Any, tolerance: float = 2e-4) -> None:
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.shape == e.shape
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance * max(1.0, float(jnp.abs(e).max())))


def plan_for(graph: Graph, batch: int, **overrides: str) -> Plan:
    return make_plan(graph, platform="cpu", batch=batch, gradient=True, overrides=Overrides(**overrides))


def graph_of(text: str) -> Graph:
    return optimize(trace(ns.parse(text)), Mode.TRAINING)


TEXTS = [
    *sorted({f"input {cls.example_input}\n{cls.example}\ntrain {{ loss mse }}" for cls in LAYERS.entries}),
    *(f"input 3x6x5\nconv 4 3 pad=1; {layer}; fc 3" for layer in RANDOM),
    *(f"input 6x7\nconv 4 3; {layer}; globalpool" for layer in RANDOM),
    "input 4x9x9\ndepthwise 3 stride=2 pad=1 relu; conv 6 1 groups=2; globalpool max; fc 3",
    "input 4x8x8\nconv 6 3 pad=1 as a; globalpool; fc 6 sigmoid as s; multiply a s; fc 2",
    "input 2x7x7\nbranch { conv 2 1 } { pool 3 stride=1 pad=1; conv 3 3 pad=same } concat; batchnorm; fc 2",
    "input 3x6x5\nconv 6 3 as a; globalpool as m; from a; subtract m; channelshuffle 2; part 2 of=3; globalpool sum",
    "input 3x6x5\nupsample 2 bicubic align_corners; avgpool 3 pad=1 count_padding; conv 4 1 as a; tanh; dot a",
    "input 3x9\nconv 4 3 pad=causal dilation=2; depthwise 2 pad=causal as a; sigmoid; cosine_similarity a; fc 2",
    "input 12\nreshape 3x2x2; conv 4 2 pad=1; flatten; fc 3 softmax",
]


@pytest.mark.parametrize("text", TEXTS)
def test_no_layout_changes_a_result(text: str) -> None:
    graph = graph_of(text)
    plain = plan_for(graph, 3, layout="channels_last", conv="direct", pool="reduce_window")
    # Sequences have few layouts: what is the same plan again need not be computed again.
    others = {strategies(plan): plan for plan in (plan_for(graph, 3, layout=layout) for layout in LAYOUTS)}
    others.pop(strategies(plain), None)
    if others:
        expected, *found = computed(graph, [plain, *others.values()], 3)
        for actual in found:
            assert_same(actual, expected)


def strategies(plan: Plan) -> tuple[Any, ...]:
    return tuple(decision.strategy for decision in plan.decisions)


def plain_text(strategy: str) -> str:
    layer = {"matmul": "conv 4 1", "taps": "depthwise 3 pad=1", "columns": "deconv 4 3 stride=2"}.get(
        strategy, "conv 4 3 pad=1; pool 2"
    )
    return f"input {'3x4x9x9' if strategy == 'slices' else '3x9x9'}\n{layer}; fc 2"


@pytest.mark.parametrize(
    ("op", "strategy"), [(op, strategy) for op, names in STRATEGIES.items() for strategy in names], ids=str
)
def test_no_strategy_changes_a_result(op: type[ops.Op], strategy: str) -> None:
    graph = graph_of(plain_text(strategy))
    wish = {ops.Conv: "conv", ops.ConvTranspose: "deconv", ops.MaxPool: "pool"}[op]
    plan = plan_for(graph, 3, **{wish: strategy})
    if any(isinstance(operation.op, op) for operation in graph.operations):
        assert strategy in {decision.strategy.name for decision in plan.decisions}
    plain = plan_for(graph, 3, layout="channels_last", conv="direct", deconv="direct", pool="reduce_window")
    assert_same(*computed(graph, [plan, plain], 3))


def test_a_plan_holds_for_any_batch_size_and_a_user_may_map_over_it() -> None:
    net = ns.parse("input 2x6x6\nconv 4 3 relu; pool 2; fc 3 softmax")
    model = ns.compile(net, "cpu")
    variables = model.init(0)
    x = examples(model.graph, 8)
    whole = model.apply(variables, x)
    np.testing.assert_allclose(jax.vmap(lambda one: model.apply(variables, one[None])[0])(x), whole, atol=1e-5)
    np.testing.assert_allclose(model.apply(variables, x[:1]), whole[:1], atol=1e-5)


def test_every_operation_of_a_problem_is_numbered_like_the_graph() -> None:
    graph = graph_of("input 2x6x6\nconv 4 3 relu; conv 4 3; fc 3")
    found = op_instances(graph, 5, gradient=True)
    assert [p.op for p in found] == [o.op for o in graph.operations]
    convolutions = [p for p in found if isinstance(p.op, ops.Conv)]
    assert [p.input_gradient for p in convolutions] == [False, True]
