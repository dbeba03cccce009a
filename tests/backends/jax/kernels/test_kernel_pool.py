"""Pooling strategies against XLA's reduce_window and PyTorch, ties and padding included."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netspec as ns
from netspec.backends.jax.kernels import pool

FEW = settings(max_examples=8, deadline=None, derandomize=True, database=None)
NONE = ((0, 0), (0, 0))


def value_and_gradient(function, x):
    return both_of([function], x)[0]


def both_of(functions, x):
    """Value and gradient of each function, computed in one program: compiling takes most of the time of these tests."""

    @jax.jit
    def run(x):
        found = []
        for function in functions:
            y, pull = jax.vjp(function, x)
            found.append((y, *pull(jnp.cos(jnp.arange(y.size, dtype=jnp.float32)).reshape(y.shape).astype(y.dtype))))
        return found

    return run(x)


def check_strategies(x, geometry, *strategies):
    assert_close(*both_of([partial(pool.max_pool2d, strategy=strategy, **geometry) for strategy in strategies], x))


def assert_close(actual, expected, tolerance=1e-5):
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.shape == e.shape
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance)


@st.composite
def poolings(draw, symmetric=False):
    window = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    edge = [(draw(st.integers(0, w // 2)), draw(st.integers(0, w // 2))) for w in window]
    if symmetric:
        edge = [(low, low) for low, _ in edge]
    size = [w + draw(st.integers(0, 4)) for w in window]
    # Few distinct values, so that most windows hold ties.
    values = np.random.default_rng(draw(st.integers(0, 9))).integers(-2, 2, (2, *size, 2))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return jnp.asarray(values, jnp.float32), {"window": window, "stride": stride, "padding": tuple(edge)}


def torch_pool(torch, function, x, geometry, **options):
    tx = torch.tensor(np.asarray(x.transpose(0, 3, 1, 2)), requires_grad=True)
    padding = tuple(low for low, _ in geometry["padding"])
    ty = function(tx, geometry["window"], geometry["stride"], padding, **options)
    n, c, h, w = ty.shape
    seed = np.cos(np.arange(ty.numel(), dtype=np.float32)).reshape(n, h, w, c)
    ty.backward(torch.tensor(seed.transpose(0, 3, 1, 2).copy()))
    return tuple(jnp.asarray(t.detach().permute(0, 2, 3, 1).numpy()) for t in (ty, tx.grad))


@FEW
@given(poolings())
def test_slices_equal_reduce_window_with_ties(case):
    x, geometry = case
    check_strategies(x, geometry, "slices", "reduce_window")


@FEW
@given(poolings())
def test_reshape_equals_reduce_window_with_ties_and_remainders(case):
    x, geometry = case
    geometry |= {"stride": geometry["window"], "padding": NONE}
    check_strategies(x, geometry, "reshape", "reduce_window")


@FEW
@given(poolings(symmetric=True))
def test_max_pool_equals_pytorch_with_ties(torch, case):
    x, geometry = case
    actual = value_and_gradient(partial(pool.max_pool2d, strategy="slices", **geometry), x)
    assert_close(actual, torch_pool(torch, torch.nn.functional.max_pool2d, x, geometry))


@FEW
@given(poolings(symmetric=True), st.booleans())
def test_avg_pool_equals_pytorch_without_counting_padding(torch, case, tiled):
    x, geometry = case
    if tiled:
        geometry |= {"stride": geometry["window"], "padding": NONE}
    actual = value_and_gradient(partial(pool.avg_pool2d, **geometry), x)
    function = torch.nn.functional.avg_pool2d
    assert_close(actual, torch_pool(torch, function, x, geometry, count_include_pad=False))


def test_avg_pool_with_uneven_padding_counts_only_the_image():
    y = pool.avg_pool2d(jnp.ones((1, 4, 5, 1)), window=(3, 2), stride=(1, 1), padding=((2, 0), (0, 1)))
    np.testing.assert_allclose(y, 1, rtol=1e-6)


@pytest.mark.parametrize("strategy", pool.STRATEGIES)
def test_the_first_of_equal_maxima_takes_the_whole_gradient(strategy):
    run = partial(pool.max_pool2d, window=(2, 2), stride=(2, 2), padding=NONE, strategy=strategy)
    dx = jax.grad(lambda x: run(x).sum())(jnp.ones((1, 2, 2, 1)))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 0], [0, 0]])


@pytest.mark.usefixtures("compiled_as_by_users")
@pytest.mark.parametrize(("window", "strategy"), [("3 stride=2", "slices"), ("2x3", "slices"), ("2", "reshape")])
def test_what_is_pooled_may_be_computed_anew(window, strategy):
    """A compiler computes a normalization once for the maximum, and again, rounded otherwise, for its gradient."""
    spec = f"input 3x20x20\nconv 32 3x3\nbatchnorm\npool {window}\nglobalpool; fc 10 softmax\n"
    x, y = jax.random.normal(jax.random.key(0), (3, 3, 20, 20)), jnp.arange(3)

    def gradients(name):
        model = ns.compile(f"{spec}compile {{ pool {name}; conv direct; layout channels_last }}", "cpu")
        found = model.backward(model.init(0), x, y, train=True, rng=jax.random.key(2))[1]
        # A bias before a normalization has a gradient of rounding alone.
        found["conv_1"].pop("bias")
        return found

    def check(found, expected):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * float(jnp.abs(expected).max()))

    jax.tree.map(check, gradients(strategy), gradients("reduce_window"))


@pytest.mark.parametrize("strategy", pool.STRATEGIES)
def test_vmap_equals_a_loop(strategy):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2, 5, 4, 2)), jnp.float32)
    run = partial(pool.max_pool2d, window=(2, 2), stride=(2, 2), padding=NONE, strategy=strategy)
    expected = [value_and_gradient(run, part) for part in x]
    actual = jax.vmap(partial(value_and_gradient, run))(x)
    assert_close(actual, tuple(jnp.stack(parts) for parts in zip(*expected, strict=True)))


@pytest.mark.parametrize("strategy", pool.STRATEGIES)
def test_bfloat16_stays_bfloat16(strategy):
    x = jnp.arange(32, dtype=jnp.bfloat16).reshape(1, 4, 4, 2)
    run = partial(pool.max_pool2d, window=(2, 2), stride=(2, 2), padding=NONE, strategy=strategy)
    y, dx = value_and_gradient(run, x)
    assert y.dtype == dx.dtype == jnp.bfloat16
    np.testing.assert_array_equal(y[0, :, :, 0].astype(jnp.float32), [[10, 14], [26, 30]])
    averaged = pool.avg_pool2d(x, window=(2, 2), stride=(1, 1), padding=((1, 1), (1, 1)))
    assert averaged.dtype == jnp.bfloat16


def test_global_pools_reduce_the_image():
    x = jnp.asarray(np.random.default_rng(0).integers(-2, 2, (2, 3, 4, 5)), jnp.float32)
    np.testing.assert_array_equal(pool.global_max(x), x.max((1, 2)))
    np.testing.assert_allclose(pool.global_mean(x), x.mean((1, 2)), rtol=1e-6)
    first = jax.grad(lambda x: pool.global_max(x).sum())(jnp.ones((1, 3, 2, 1)))
    np.testing.assert_array_equal(first.reshape(-1), [1, 0, 0, 0, 0, 0])


def test_impossible_requests_are_refused():
    x = jnp.ones((1, 4, 4, 1))
    with pytest.raises(ValueError, match="reshape needs"):
        pool.max_pool2d(x, window=(2, 2), stride=(1, 1), padding=NONE, strategy="reshape")
    with pytest.raises(ValueError, match="unknown pooling strategy 'heap'"):
        pool.max_pool2d(x, window=(2, 2), stride=(2, 2), padding=NONE, strategy="heap")
