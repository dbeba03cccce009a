"""Every convolution strategy against XLA's own convolution, and that one against PyTorch."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netspec import ops
from netspec.backends.jax.kernels import conv, deconv, pool, winograd
from netspec.backends.jax.kernels.arrange import convert
from netspec.planning import CHANNELS_FIRST, CHANNELS_LAST, STRATEGIES, OpInstance

FEW = settings(max_examples=4, deadline=None, derandomize=True, database=None)
PLAIN = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}


def normal(seed, shape, dtype=jnp.float32):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def value_and_gradients(convolve, x, kernel):
    return all_of([convolve], x, kernel)[0]


def all_of(ways, x, kernel):
    """Values and gradients of each way, computed in one program: compiling takes most of the time of these tests."""

    @jax.jit
    def run(x, kernel):
        found = []
        for convolve in ways:
            y, pull = jax.vjp(convolve, x, kernel)
            found.append((y, *pull(jnp.cos(jnp.arange(y.size, dtype=jnp.float32)).reshape(y.shape).astype(y.dtype))))
        return found

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


def in_layout(x, layout):
    """Channels last to a layout."""
    return convert(x, CHANNELS_LAST, layout)


def everywhere(x, kernel, geometry):
    """All strategies to compute a convolution: those that the planner knows of."""
    shapes = ((x.shape[3], *x.shape[1:3]),), (kernel.shape,)
    op = ops.Conv(**geometry)
    instance = OpInstance(op, len(x), *shapes, op.shape(*shapes[0], *shapes[1]), gradient=True, input_gradient=True)
    return list(instance.strategies())


def convolution(geometry, strategy):
    run = partial(conv.conv2d, **geometry, strategy=strategy.name, layout=strategy.layout)

    def convolve(x, kernel):
        return convert(run(in_layout(x, strategy.layout), kernel), strategy.layout, CHANNELS_LAST)

    return convolve


def check_every_way(case, least):
    x, kernel, geometry = case
    strategies = everywhere(*case)
    assert least <= {strategy.name for strategy in strategies}
    found = all_of([convolution(geometry, strategy) for strategy in strategies], x, kernel)
    expected = found[next(i for i, strategy in enumerate(strategies) if strategy.layout == CHANNELS_LAST)]
    for actual in found:
        assert_close(actual, expected)


@FEW
@given(convolutions())
def test_every_way_equals_direct_in_values_and_gradients(case):
    check_every_way(case, {"im2col"})


@FEW
@given(convolutions(pointwise=True))
def test_every_way_equals_direct_for_1x1_kernels(case):
    check_every_way(case, {"im2col", "matmul"})


@st.composite
def dense_convolutions(draw):
    """Stride 1, no dilation, kernels 3 to 5 wide: what winograd computes, with rows that tiles fill and do not fill."""
    edge = st.tuples(st.integers(0, 2), st.integers(0, 2))
    window = draw(st.integers(1, 4)), draw(st.integers(3, 5))
    size = [n + draw(st.integers(0, 8)) for n in window]
    groups = draw(st.integers(1, 2))
    inputs, outputs = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    x = normal(0, (draw(st.integers(1, 3)), *size, inputs))
    padding = draw(st.tuples(edge, edge))
    geometry = {"stride": (1, 1), "padding": padding, "dilation": (1, 1), "groups": groups}
    return x, normal(1, (outputs, inputs // groups, *window)), geometry


@pytest.mark.slow
@FEW
@given(dense_convolutions())
def test_every_way_equals_direct_at_stride_1(case):
    check_every_way(case, {"direct", "im2col", "winograd"})


@st.composite
def depthwise_convolutions(draw):
    _, kernel, geometry = draw(convolutions())
    channels = draw(st.integers(2, 4))
    window = kernel.shape[2:]
    size = [(n - 1) * d + draw(st.integers(1, 5)) for n, d in zip(window, geometry["dilation"], strict=True)]
    x = normal(0, (draw(st.integers(1, 3)), *size, channels))
    return x, normal(1, (channels, 1, *window)), {**geometry, "groups": channels}


@FEW
@given(depthwise_convolutions())
def test_every_way_equals_direct_for_depthwise_kernels(case):
    check_every_way(case, {"im2col", "taps"})


@pytest.mark.parametrize("width", winograd.WIDTHS)
def test_the_matrices_of_winograd_filter_exactly(width):
    """y_i = sum_j d_(i+j) g_j, to the last bits of float64, and no number in them is large."""
    outputs, of_kernel, of_inputs = winograd.transforms(width)
    random = np.random.default_rng(width)
    d, g = random.normal(size=winograd.TILE + width - 1), random.normal(size=width)
    expected = [d[i : i + width] @ g for i in range(winograd.TILE)]
    np.testing.assert_allclose(outputs.T @ ((of_kernel @ g) * (of_inputs @ d)), expected, rtol=0, atol=1e-12)
    assert max(np.abs(m).max() for m in (outputs, of_kernel, of_inputs)) <= 16


@pytest.mark.parametrize("width", winograd.WIDTHS)
def test_winograd_is_as_precise_as_im2col(width):
    """Against float64: at most a few times the error of the plain sum, and within 5e-6 of the largest value."""
    x, kernel = normal(0, (16, 3, 40, 8)), normal(1, (8, 16, 3, width))
    exact = conv_in_float64(np.asarray(x), np.asarray(kernel))
    got = winograd.winograd(x, kernel, ((0, 0), (0, 0)))
    assert float(np.abs(got - exact).max() / np.abs(exact).max()) < 5e-6


def conv_in_float64(x, kernel):
    """(I, H, W, N) and (O, I, kh, kw), no padding, by NumPy."""
    windows = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), kernel.shape[2:], axis=(1, 2))
    return np.einsum("ihwnab,oiab->ohwn", windows, kernel.astype(np.float64))


@FEW
@given(convolutions())
def test_direct_equals_pytorch_in_values_and_gradients(torch, case):
    x, kernel, geometry = case
    assume("direct" in {strategy.name for strategy in everywhere(*case)})
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


POINTWISE = ["direct", "im2col", "matmul"]


@pytest.mark.parametrize("strategy", POINTWISE)
def test_vmap_equals_a_loop_over_models(strategy):
    x, kernels = normal(0, (3, 2, 5, 5, 2)), normal(1, (3, 4, 2, 1, 1))

    def both(x, kernel):
        return value_and_gradients(partial(conv.conv2d, strategy=strategy, **PLAIN), x, kernel)

    looped = [both(x[i], kernels[i]) for i in range(3)]
    assert_close(jax.vmap(both)(x, kernels), tuple(jnp.stack(parts) for parts in zip(*looped, strict=True)))


@pytest.mark.parametrize("strategy", POINTWISE)
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


@pytest.mark.parametrize("strategy", ["im2col", "matmul", "winograd", "taps"])
def test_what_needs_another_layout_says_so(strategy):
    with pytest.raises(ValueError, match=r"channels first|batch last"):
        conv.conv2d(normal(0, (1, 1, 3, 3)), normal(1, (1, 1, 1, 1)), strategy=strategy, layout=CHANNELS_FIRST, **PLAIN)


def test_the_planner_knows_the_strategies_there_are():
    assert STRATEGIES[ops.Conv] == (*conv.STRATEGIES, "slices")
    assert STRATEGIES[ops.ConvTranspose] == tuple(deconv.STRATEGIES)
    assert STRATEGIES[ops.MaxPool] == tuple(pool.STRATEGIES)
