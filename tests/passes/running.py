"""Running a graph as it is declared and as the passes leave it, with variables that are no special case."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from examples_of import inputs_of

import netspec as ns
from netspec.backends.jax.emit import run_graph
from netspec.backends.jax.model import Variables
from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.passes import Mode, optimize
from netspec.planning import Overrides, make_plan


def some_variables(graph: Graph, seed: int = 0) -> Variables:
    """Return normal kernels, scales of both signs, biases and averages away from 0, variances away from 0."""
    rng = np.random.default_rng(seed)
    trees: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for p in graph.parameters.values():
        node, _, name = p.path.rpartition("/")
        spread = 1 / np.sqrt(p.fans[0]) if p.role == "kernel" else 1
        values = rng.normal(size=p.shape, scale=spread)
        values = 0.3 + np.square(values) if name == "variance" else values
        trees[0 if p.trainable else 1].setdefault(node, {})[name] = jnp.asarray(values)
    return Variables(*trees)


Results = dict[str, Any]

PLAIN = Overrides(conv="direct", deconv="direct", layout="channels_last")


def results(graphs: list[Graph], variables: Variables, x: Any, mode: Mode) -> list[Results]:
    """Return what each graph gives, all in one program: compiling takes most of the time of these tests."""
    return jax.jit(lambda params, x: [_results(g, Variables(params, variables.state), x, mode) for g in graphs])(
        variables.params, x
    )


def _results(graph: Graph, variables: Variables, x: Any, mode: Mode) -> Results:
    """Return the outputs, their logits, the new state, and the gradients of a weighted sum of the outputs."""
    train = mode is Mode.TRAINING
    # The plain way throughout, so that passes alone make a difference.
    plan = make_plan(graph, platform="cpu", batch=len(jax.tree.leaves(x)[0]), gradient=True, overrides=PLAIN)
    given, read = ([getattr(o, which) for o in graph.outputs] for which in ("index", "logits"))

    def weighted(params: Any, x: Any) -> tuple[jax.Array, Any]:
        wanted = (*given, *read)
        values, state = run_graph(
            graph, params, variables.state, x, wanted=wanted, plan=plan, train=train, rng=jax.random.key(7)
        )
        outs, logits = ([values[index] for index in indices] for indices in (given, read))
        total = sum(jnp.sum(out * jnp.cos(jnp.arange(out.size, dtype=out.dtype)).reshape(out.shape)) for out in outs)
        return jnp.asarray(total), (outs, logits, state)

    moving = all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in jax.tree.leaves(x))
    grad = jax.grad(weighted, argnums=(0, 1) if moving else 0, has_aux=True)
    grads, (out, logits, state) = grad(variables.params, x)
    return {"output": out, "logits": logits, "state": state, "gradients": grads}


def compare(network: Network, mode: Mode, check: Callable[[float, Any, Any], None], seed: int = 0) -> Graph:
    """Check the results of the declared graph beside those of the optimized one, which is returned."""
    declared = network.graph()
    optimized = optimize(declared, mode)
    # Rounding, which batch normalization of nearly equal values makes much of, is not what is looked for.
    with jax.enable_x64(True):
        x = jax.tree.map(_wide, inputs_of(network, 3, np.random.default_rng(seed)))
        variables = some_variables(declared, seed)
        expected, found = results([declared, optimized], variables, x, mode)
    if any(o.logits != o.index for o in optimized.outputs):
        del expected["logits"], found["logits"]
    for kind, values in expected.items():
        # Gradients that are 0 but for rounding, such as a bias's before batch normalization, are small beside others.
        scale = max([1e-3, *(float(np.abs(leaf).max(initial=0)) for leaf in jax.tree.leaves(values))])
        jax.tree.map(partial(check, scale), found[kind], values)
    return optimized


def _wide(array: Any) -> jax.Array:
    return jnp.asarray(array, jnp.float64 if array.dtype.kind == "f" else array.dtype)


def nearly(scale: float, found: Any, expected: Any) -> None:
    """Assert equality up to the rounding of float64, measured by the largest value of its kind."""
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9 * scale)


def exactly(scale: float, found: Any, expected: Any) -> None:
    del scale
    np.testing.assert_array_equal(found, expected)


def optimized(text: str, mode: Mode) -> Graph:
    return optimize(ns.parse(text).graph(), mode)
