"""Every convolution strategy against XLA's own convolution, and that one against PyTorch."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netspec.backends.jax.kernels import conv

FEW = settings(max_examples=8, deadline=None, derandomize=True, database=None)
PLAIN = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}


def normal(seed, shape, dtype=jnp.float32):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def value_and_gradients(convolve, x, kernel):
    @jax.jit
    def run(x, kernel):
        y, pull = jax.vjp(convolve, x, kernel)
        return y, *pull(jnp.cos(jnp.arange(y.size, dtype=jnp.float32)).reshape(y.shape).astype(y.dtype))

    return run(x, kernel)


def assert_close(actual, expected, tolerance=2e-5):
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.shape == e.shape
        assert a.dtype == e.dtype
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance * max(1.0, float(jnp.abs(e).max())))


@st.composite
def convolutions(draw, pointwise=False):
    pair = partial(st.tuples, *2 * (st.integers(1, 3),))
    groups = draw(st.integers(1, 3))
    window = (1, 1) if pointwise else draw(pair())
    edge = st.tuples(st.integers(0, 2), st.integers(0, 2))
    padding = ((0, 0), (0, 0)) if pointwise else draw(st.tuples(edge, edge))
    dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    size = [(window[a] - 1) * dilation[a] + draw(st.integers(1, 4)) for a in (0, 1)]
    inputs, outputs = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    x = normal(0, (draw(st.integers(1, 3)), *size, inputs))
    kernel = normal(1, (outputs, inputs // groups, *window))
    return x, kernel, {"stride": draw(pair()), "padding": padding, "dilation": dilation, "groups": groups}


@FEW
@given(convolutions())
def test_the_column_strategies_equal_direct_in_values_and_gradients(case):
    x, kernel, geometry = case
    expected = value_and_gradients(partial(conv.conv2d, strategy="direct", **geometry), x, kernel)
    for strategy in ("im2col", "hybrid"):
        actual = value_and_gradients(partial(conv.conv2d, strategy=strategy, **geometry), x, kernel)
        assert_close(actual, expected)


@FEW
@given(convolutions(pointwise=True))
def test_matmul_equals_direct_for_1x1_kernels(case):
    x, kernel, geometry = case
    expected = value_and_gradients(partial(conv.conv2d, strategy="direct", **geometry), x, kernel)
    actual = value_and_gradients(partial(conv.conv2d, strategy="matmul", **geometry), x, kernel)
    assert_close(actual, expected)


@FEW
@given(convolutions())
def test_direct_equals_pytorch_in_values_and_gradients(case):
    torch = pytest.importorskip("torch")
    x, kernel, geometry = case
    y, dx, dk = value_and_gradients(partial(conv.conv2d, strategy="direct", **geometry), x, kernel)
    (top, bottom), (left, right) = geometry["padding"]
    tx, tk = (torch.tensor(np.asarray(a), requires_grad=True) for a in (x.transpose(0, 3, 1, 2), kernel))
    padded = torch.nn.functional.pad(tx, (left, right, top, bottom))
    rest = {name: geometry[name] for name in ("stride", "dilation", "groups")}
    ty = torch.nn.functional.conv2d(padded, tk, **rest)
    seed = jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)
    ty.backward(torch.tensor(np.asarray(seed.transpose(0, 3, 1, 2))))
    expected = (ty.detach().permute(0, 2, 3, 1), tx.grad.permute(0, 2, 3, 1), tk.grad)
    assert_close((y, dx, dk), tuple(jnp.asarray(t.numpy()) for t in expected))


@pytest.mark.parametrize("strategy", conv.STRATEGIES)
def test_vmap_equals_a_loop_over_models(strategy):
    x, kernels = normal(0, (3, 2, 5, 5, 2)), normal(1, (3, 4, 2, 1, 1))

    def both(x, kernel):
        return value_and_gradients(partial(conv.conv2d, strategy=strategy, **PLAIN), x, kernel)

    looped = [both(x[i], kernels[i]) for i in range(3)]
    assert_close(jax.vmap(both)(x, kernels), tuple(jnp.stack(parts) for parts in zip(*looped, strict=True)))


@pytest.mark.parametrize("strategy", conv.STRATEGIES)
def test_bfloat16_stays_bfloat16_and_near_float32(strategy):
    x, kernel = normal(0, (2, 6, 6, 8), jnp.bfloat16), normal(1, (4, 8, 1, 1), jnp.bfloat16)
    run = partial(value_and_gradients, partial(conv.conv2d, strategy=strategy, **PLAIN))
    narrow, wide = run(x, kernel), run(x.astype(jnp.float32), kernel.astype(jnp.float32))
    assert all(a.dtype == jnp.bfloat16 for a in narrow)
    assert_close(tuple(a.astype(jnp.float32) for a in narrow), wide, tolerance=0.03)


def test_an_unknown_strategy_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'fft'.*direct, im2col"):
        conv.conv2d(normal(0, (1, 3, 3, 1)), normal(1, (1, 1, 1, 1)), strategy="fft", **PLAIN)


def test_matmul_refuses_a_window_it_cannot_express():
    with pytest.raises(ValueError, match="1 x 1"):
        conv.conv2d(normal(0, (1, 3, 3, 1)), normal(1, (1, 1, 2, 2)), strategy="matmul", **PLAIN)


@FEW
@given(convolutions(), st.sampled_from(["cpu", "gpu", "tpu"]))
def test_the_chosen_strategy_exists_and_is_direct_off_the_cpu(case, platform):
    x, kernel, geometry = case
    chosen = conv.choose(platform, x.shape, kernel.shape, **geometry)
    assert chosen in conv.STRATEGIES
    assert platform == "cpu" or chosen == "direct"
    conv.conv2d(x, kernel, strategy=chosen, **geometry)
