"""Batch normalization against the formula differentiated by JAX, and against PyTorch."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netspec.backends.jax.kernels.norm import batch_norm_inference, batch_norm_train

FEW = settings(max_examples=6, deadline=None, derandomize=True, database=None)
EPSILON = 1e-3


def arrays(shape, seed=0):
    rng = np.random.default_rng(seed)
    draws = rng.normal(1, 2, shape), rng.normal(size=shape[-1]), rng.normal(size=shape[-1])
    return tuple(jnp.asarray(a, jnp.float32) for a in draws)


def by_formula(x, scale, offset):
    axes = tuple(range(x.ndim - 1))
    mean, var = x.mean(axes), x.var(axes)
    return (x - mean) / jnp.sqrt(var + EPSILON) * scale + offset, mean, var


@jax.jit
def kernel(x, scale, offset):
    return batch_norm_train(x, scale, offset, epsilon=EPSILON)


@partial(jax.jit, static_argnums=0)
def everything(functions, *inputs):
    """Values and gradients of each function, the gradients of the returned statistics included, in one program."""
    found = []
    for function in functions:
        values, pull = jax.vjp(function, *inputs)
        found.append((values, pull(tuple(jnp.cos(jnp.arange(v.size, dtype=v.dtype)).reshape(v.shape) for v in values))))
    return found


@jax.jit
def normalized_with_gradients(x, scale, offset, seed):
    y, pull = jax.vjp(lambda *inputs: kernel(*inputs)[0], x, scale, offset)
    return y, *pull(seed)


def assert_close(actual, expected, tolerance=2e-4):
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.shape == e.shape
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance)


SHAPES = st.one_of(
    st.tuples(st.integers(2, 6), st.integers(1, 4)),
    st.tuples(st.integers(2, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
)


@FEW
@given(SHAPES)
def test_values_and_gradients_equal_the_formula(shape):
    inputs = arrays(shape)
    assert_close(*everything((kernel, by_formula), *inputs))


@FEW
@given(SHAPES)
def test_training_equals_pytorch(torch, shape):
    x, scale, offset = arrays(shape)
    channels_first = jnp.moveaxis(x, -1, 1)
    tensors = [torch.tensor(np.asarray(a), requires_grad=True) for a in (channels_first, scale, offset)]
    ty = torch.nn.functional.batch_norm(tensors[0], None, None, tensors[1], tensors[2], training=True, eps=EPSILON)
    seed = jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape)
    ty.backward(torch.tensor(np.asarray(jnp.moveaxis(seed, -1, 1))))
    y, dx, dscale, doffset = normalized_with_gradients(x, scale, offset, seed)
    actual = (jnp.moveaxis(y, -1, 1), jnp.moveaxis(dx, -1, 1), dscale, doffset)
    assert_close(actual, (ty.detach().numpy(), *(t.grad.numpy() for t in tensors)))


def test_inference_with_the_statistics_of_the_batch_equals_training():
    x, scale, offset = arrays((3, 4, 4, 2))
    y, mean, var = kernel(x, scale, offset)
    assert_close(batch_norm_inference(x, scale, offset, mean, var, epsilon=EPSILON), y, 1e-5)


def test_a_mean_far_from_zero_does_not_cancel():
    x = 1e4 + arrays((64, 3))[0]
    _, _, var = kernel(x, jnp.ones(3), jnp.zeros(3))
    np.testing.assert_allclose(var, np.asarray(x, np.float64).var(0), rtol=1e-3)


def test_bfloat16_keeps_float32_statistics():
    x, scale, offset = arrays((8, 4, 4, 3))
    y, mean, var = kernel(x.astype(jnp.bfloat16), scale, offset)
    assert (y.dtype, mean.dtype, var.dtype) == (jnp.bfloat16, jnp.float32, jnp.float32)
    assert_close(y.astype(jnp.float32), kernel(x, scale, offset)[0], 0.05)
    dx = jax.grad(lambda x: kernel(x, scale, offset)[0].astype(jnp.float32).std())(x.astype(jnp.bfloat16))
    assert dx.dtype == jnp.bfloat16
    assert bool(jnp.isfinite(dx).all())


def test_constant_channels_stay_finite():
    x = jnp.full((4, 2, 2, 3), 7.0)
    ((values, gradients),) = everything((kernel,), x, jnp.ones(3), jnp.zeros(3))
    assert all(bool(jnp.isfinite(a).all()) for a in jax.tree.leaves((values, gradients)))
    np.testing.assert_array_equal(values[0], 0)


def test_vmap_and_jit_equal_a_loop():
    x, scale, offset = arrays((3, 5, 2))
    batched = jax.jit(jax.vmap(lambda x: everything((kernel,), x, scale, offset)))(x)
    looped = [everything((kernel,), part, scale, offset) for part in x]
    assert_close(batched, jax.tree.map(lambda *parts: jnp.stack(parts), *looped))
