"""Laws over every layer and every member of the recipe, parametrised over the registries, so a new one is covered."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import netspec as ns
from netspec import ops
from netspec.backends import initial
from netspec.backends.jax.emit import EMITTERS, MERGERS
from netspec.backends.jax.kernels import activation
from netspec.backends.jax.model import Model, Variables
from netspec.backends.jax.train import optimizers, schedules
from netspec.backends.jax.train.objective import example_losses
from netspec.graph.graph import Parameter
from netspec.ir.recipe import Recipe
from netspec.layers import ACTIVATIONS, LAYERS
from netspec.recipe.initializers import INITIALIZERS
from netspec.recipe.losses import LOSSES
from netspec.recipe.optimizers import OPTIMIZERS
from netspec.recipe.schedules import SCHEDULES
from netspec.schema.definition import Definition, parameters

layers = pytest.mark.parametrize("cls", LAYERS.entries, ids=lambda c: c.canonical())


def family(members: Any) -> Any:
    return pytest.mark.parametrize("cls", members.entries, ids=lambda c: c.canonical())


@cache
def model(cls: type) -> Model:
    return ns.compile(ns.parse(f"input {cls.example_input}\n{cls.example}\ntrain {{ loss mse }}"), "cpu")


def batch(m: Model, size: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if m.graph.tokens:
        return rng.integers(0, m.graph.tokens, (size, *m.graph.input)).astype(np.int32)
    return rng.normal(size=(size, *m.graph.input)).astype(np.float32)


def required(cls: type[Definition]) -> dict[str, Any]:
    values = {"std": 0.5, "range": (-0.5, 0.5), "value": 0.25, "every": 2.0, "at": "1 2.5", "gamma": 0.5}
    return {p.name: values[p.name] for p in parameters(cls) if p.required}


OF_POSITIVE = {"log", "sqrt"}
"""Layers whose example has a line before them, which makes its values positive."""


# --- layers --------------------------------------------------------------------------------------------------------


@layers
def test_the_example_is_of_this_layer_and_compiles(cls: type) -> None:
    net = ns.parse(f"input {cls.example_input}\n{cls.example}\ntrain {{ loss mse }}")
    assert type(net.nodes[-1].layer) is cls
    assert len(net.nodes) == 1 or cls.merges or cls.canonical() in OF_POSITIVE


@layers
def test_it_is_exported_for_any_number_of_examples(cls: type) -> None:
    m = model(cls)
    variables, x = m.init(0), batch(m, 3)
    (n,) = export.symbolic_shape("n")
    open_batch = jax.ShapeDtypeStruct((n, *m.graph.input), x.dtype)
    targets = jax.ShapeDtypeStruct((n, *m.graph.shape(m.graph.logits)), np.float32)

    @jax.jit
    def all_three(variables: Variables, x: jax.Array, y: jax.Array) -> tuple[jax.Array, ...]:
        return m.apply(variables, x), m.forward(variables, x), m.loss(variables, x, y)

    exported = export.export(all_three)(variables, open_batch, targets)
    assert [aval.shape[:1] for aval in exported.out_avals] == [(n,), (n,), ()]
    applied, forwarded, _ = exported.call(variables, x, np.zeros((3, *targets.shape[1:]), np.float32))
    expected = m.forward(variables, x)
    np.testing.assert_allclose(applied, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(forwarded, expected, rtol=1e-4, atol=1e-5)


@layers
def test_no_examples_give_no_outputs(cls: type) -> None:
    m = model(cls)
    shape = (0, *m.graph.shape(m.graph.output))
    variables, none = m.init(0), batch(m, 0)
    assert m.forward(variables, none).shape == jax.eval_shape(m.apply, variables, none).shape == shape
    assert all(not len(found) for found in jax.eval_shape(m.features, variables, none).values())


@layers
def test_every_argument_is_described(cls: type) -> None:
    assert cls.__doc__
    for p in parameters(cls):
        assert p.description


@layers
def test_the_traced_shape_is_the_computed_one(cls: type) -> None:
    m = model(cls)
    variables = m.init(0)
    x = batch(m, 3)
    assert m.forward(variables, x).shape == (3, *m.graph.shape(m.graph.output))
    for node, found in jax.eval_shape(m.features, variables, x).items():
        if node != "input":
            assert found.shape == (3, *m.graph.shape(m.graph.nodes[node]))
    for p in m.graph.parameters.values():
        node, _, name = p.path.rpartition("/")
        assert variables[0 if p.trainable else 1][node][name].shape == p.shape


@layers
def test_an_example_alone_is_a_row_of_its_batch(cls: type) -> None:
    m = model(cls)
    variables = m.init(1)
    x = batch(m, 3)
    together = np.asarray(m.forward(variables, x))
    assert np.isfinite(together).all()
    for i in range(3):
        np.testing.assert_allclose(m.forward(variables, x[i : i + 1])[0], together[i], rtol=2e-5, atol=2e-6)


@layers
def test_the_gradient_is_that_of_finite_differences(cls: type) -> None:
    # With respect to the input (of numbers that can move) and all parameters, along one random direction, in double
    # precision.
    m = model(cls)
    rng = np.random.default_rng(3)
    with jax.enable_x64(True):
        variables = jax.tree.map(lambda a: jnp.asarray(rng.normal(0.7, 0.3, a.shape)), m.init(2))
        x = batch(m, 2, seed=5)
        moving = () if m.graph.tokens else (jnp.asarray(x.astype(np.float64)),)
        weights = jnp.asarray(rng.normal(size=(2, *m.graph.shape(m.graph.output))))

        def scalar(params: Any, *moved: jax.Array) -> jax.Array:
            # What is declared, before any pass.
            values, _ = m._run(
                m.graph, Variables(params, variables.state), *(moved or (jnp.asarray(x),)), (m.graph.output,)
            )
            return jnp.sum(weights * values[m.graph.output])

        point = (variables.params, *moving)
        if not jax.tree.leaves(point):
            return  # Of tokens, without weights, nothing can move.
        way = jax.tree.map(lambda a: jnp.asarray(rng.normal(size=a.shape)), point)
        computed = jax.jit(jax.value_and_grad(scalar, argnums=tuple(range(len(point)))))
        _, gradient = computed(*point)
        along = sum(float(jnp.vdot(g, w)) for g, w in zip(jax.tree.leaves(gradient), jax.tree.leaves(way), strict=True))

        def moved(step: float) -> float:
            return float(computed(*jax.tree.map(lambda a, w: a + step * w, point, way))[0])

        step = 1e-6
        difference = (moved(step) - moved(-step)) / (2 * step)
    assert abs(along) > 1e-3, "a gradient of nothing proves nothing"
    assert along == pytest.approx(difference, rel=1e-5, abs=1e-6)


# --- costs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "input 64\nfc 32 nobias; fc 10 nobias",
        "input 3x12x12\nconv 8 3 nobias",
        "input 3x12x12\nconv 8 3 stride=2 nobias; fc 10 nobias",
        "input 1x28x28\nconv 20 5 nobias; conv 50 5 nobias; fc 10 nobias",
        "input 4x9x9\nconv 8 3 groups=2 nobias; fc 5 nobias",
        "input 4x9x9\nconv 8 3 dilation=2 nobias; fc 5 nobias",
        "input 32x20\nfc 64 pointwise nobias; fc 10 nobias",
        "input 16x12x12\nfc 64 pointwise nobias; fc 10 nobias",
        "input 64x16\nattention 2 nobias",
        "input 64x16\ncrop 8 as m; from input; attention 2 memory=m nobias",
        "input 32x8x8\nattention 2 window=4 nobias",
        # One step: XLA does not know how often a loop runs.
        "input 64x1\nlstm 128",
        "input 64x1\ngru 128 nobias",
        "input 64x1\nrnn 128 bidirectional last",
    ],
)
def test_counted_flops_are_those_of_xla(text: str) -> None:
    # Within 2 %: XLA also counts index arithmetic of reshapes, and adds k·k − 1 times where we count k·k.
    # The plain way: others are chosen because they need fewer operations.
    m = ns.compile(ns.parse(f"{text}\ncompile {{ conv direct; layout channels_last }}"), "cpu")
    size = 16
    cost = m.lower(size).compile().cost_analysis()
    cost = cost[0] if isinstance(cost, list) else cost
    assert cost["flops"] == pytest.approx(size * m.graph.flops, rel=0.02)


# --- every name has an implementation ------------------------------------------------------------------------------


def test_every_operation_has_an_emitter() -> None:
    # What is imported when first used is looked for where it is, or one that nothing uses would not be seen.
    modules = [import_module(f"netspec.ops.{m.name}") for m in pkgutil.iter_modules(ops.__path__)]
    found = [c for module in modules for c in vars(module).values() if isinstance(c, type)]
    classes = {c for c in found if issubclass(c, ops.Op) and c is not ops.Op}
    # What operations share with each other is no operation.
    known = {c for c in classes if not c.__name__.startswith("_")}
    assert {*EMITTERS, *MERGERS} == known
    assert not set(EMITTERS) & set(MERGERS)
    assert {c.__name__ for c in known} <= set(ops.__all__)


@family(ACTIVATIONS)
def test_every_activation_has_a_kernel(cls: type) -> None:
    # Those of their own operation, trained or gated, have an emitter by the law above.
    last = model(cls).graph.operations[-1].op
    assert type(last) is not ops.Activation or last.function in activation.FUNCTIONS


@family(OPTIMIZERS)
def test_every_optimizer_takes_a_step_downhill(cls: Any) -> None:
    assert cls in optimizers.OPTIMIZERS
    transformation = optimizers.transformation(Recipe(optimizer=cls()), 10, 1)
    params = {"w": jnp.asarray([1.0, -2.0])}
    state = transformation.init(params)
    for step in range(3):
        updates, state = transformation.update(params, state, params, step)
        params = {"w": params["w"] + updates["w"]}
    assert 0 < params["w"][0] < 1
    assert -2 < params["w"][1] < 0


@family(SCHEDULES)
def test_every_schedule_is_a_finite_rate(cls: Any) -> None:
    assert cls in schedules.SCHEDULES
    for warmup in (0.0, 0.5):
        schedule = cls(**required(cls), warmup=warmup)
        rate = schedules.learning_rate(Recipe(schedule=schedule), 10, 3)
        rates = [float(rate(step)) for step in range(30)]
        assert all(0 <= r <= 0.001 * 1.0001 for r in rates)
        assert max(rates) > 0.0005
        assert (rates[0] == 0) == (warmup > 0)


@family(INITIALIZERS)
def test_every_initializer_draws_from_seed_and_path(cls: Any) -> None:
    assert cls in initial._DRAW
    made = cls(**required(cls))

    def drawn(path: str, seed: int) -> np.ndarray:
        return initial.draw(Parameter(path, (64, 16, 3, 3), "kernel", (144, 576), made), seed)

    a = drawn("conv_1/kernel", 0)
    assert a.shape == (64, 16, 3, 3)
    assert a.dtype == np.float32
    assert np.isfinite(a).all()
    np.testing.assert_array_equal(a, drawn("conv_1/kernel", 0))
    random = np.ptp(a) > 0
    assert np.array_equal(a, drawn("conv_1/kernel", 1)) != random
    assert np.array_equal(a, drawn("conv_2/kernel", 0)) != random


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("xavier_uniform", 2 / (144 + 576)),
        ("xavier_normal", 2 / (144 + 576)),
        ("he_uniform", 2 / 144),
        ("he_normal", 2 / 144),
        ("lecun_uniform", 1 / 144),
        ("lecun_normal", 1 / 144),
        ("torch", 1 / (3 * 144)),
        ("normal(0.5, mean=1)", 0.25),
        ("uniform(-1..3)", 16 / 12),
    ],
)
def test_initializers_have_the_variance_of_their_papers(name: str, variance: float) -> None:
    layer: Any = ns.parse(f"input 16x9x9\nconv 64 3 init={name}").nodes[0].layer
    drawn = initial.draw(Parameter("a/kernel", (64, 16, 3, 3), "kernel", (144, 576), layer.init), 0)
    assert drawn.var() == pytest.approx(variance, rel=0.06)


def _peaked(y: Any) -> Any:
    return 20 * jax.nn.one_hot(y, 3, axis=1) - 10


_LABELS = jnp.asarray([0, 2, 1], jnp.int32)
_NUMBERS = jnp.asarray([[1.0, 2, 3], [4, 5, 7], [1, 1, 2]])
_APART = jnp.asarray([[5.0, 0, 5, 0, 0, 5], [1, 9, 1, 9, 8, 1], [0, 7, 0, 7, 7, 0]])
_ALIGNED = jnp.asarray([[1, 1, 0, 2], [1, 2, 0, 0], [2, 0, 2, 0]], jnp.int32)
RIGHT_AND_WRONG = {
    **dict.fromkeys(
        ("cross_entropy", "binary_cross_entropy", "focal", "hinge", "dice"), (_LABELS, _peaked(_LABELS), None)
    ),
    **dict.fromkeys(("mse", "mae", "huber", "quantile", "cosine"), (_NUMBERS, _NUMBERS, _NUMBERS[:, ::-1] + 1)),
    "poisson": (_NUMBERS, jnp.log(_NUMBERS), jnp.log(_NUMBERS) + 1),
    "contrastive": (jnp.asarray([1, 1, 1]), _APART[:, :4], _APART[:, 2:]),
    "triplet": (_LABELS, _APART, jnp.roll(_APART, 2, axis=1)),
    "kl": (_LABELS, jnp.zeros((3, 4)), _APART / 9),
    "ctc": (jnp.asarray([[1, 2], [1, 2], [2, 2]]), _peaked(_ALIGNED), _peaked((_ALIGNED + 1) % 3)),
}
"""Of each loss: targets, outputs that are right, and outputs that are wrong."""


@family(LOSSES)
def test_every_loss_is_lowest_where_the_outputs_are_right(cls: Any) -> None:
    y, right, wrong = RIGHT_AND_WRONG[cls.canonical()]
    wrong = _peaked((y + 1) % 3) if wrong is None else wrong
    low, high = (example_losses(cls(), outputs, y) for outputs in (right, wrong))
    assert low.shape == (3,)
    assert bool((low < high - 0.05).all())
    slope = jax.grad(lambda z: example_losses(cls(), z, y).sum())(right)
    assert bool(jnp.isfinite(slope).all())
    if cls.canonical() not in {"mae", "quantile", "poisson"}:
        # An absolute difference is not smooth there, a count has a loss wherever it is.
        assert float(low.max()) < 0.01 or cls.canonical() == "dice"
        assert float(jnp.abs(slope).max()) < 0.05


@family(LOSSES.only("cross_entropy", "binary_cross_entropy", "mse"))
def test_every_loss_is_the_mean_over_examples_and_outputs(cls: Any) -> None:
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32))
    y = jnp.asarray([0, 2, 1, 1], jnp.int32)
    z, hot = np.asarray(logits, np.float64), np.eye(3)[np.asarray(y)]
    by_hand = {
        "cross_entropy": -(hot * (z - np.log(np.exp(z).sum(1, keepdims=True)))).sum(1),
        "binary_cross_entropy": -(hot * np.log(1 / (1 + np.exp(-z))) + (1 - hot) * np.log(1 / (1 + np.exp(z)))).mean(1),
        "mse": ((z - hot) ** 2).mean(1),
    }
    np.testing.assert_allclose(example_losses(cls(), logits, y), by_hand[cls.canonical()], rtol=1e-5)
