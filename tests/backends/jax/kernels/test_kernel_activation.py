"""Activation functions against PyTorch, corners included, and their gradients at extremes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netspec.backends.jax.kernels.activation import FUNCTIONS, gated, prelu

EXTREMES = jnp.asarray([-1e30, -1e10, -1e4, -200.0, -88.0, 0.0, 88.0, 200.0, 1e4, 1e10, 1e30])
# The corners of the piecewise functions among them.
POINTS = np.concatenate([np.linspace(-8, 8, 33), [1e-3, -1e-3, 25.0, -25.0]]).astype(np.float32)
CASES = [(name, {}) for name in FUNCTIONS if name != "threshold"] + [
    ("threshold", {"threshold": -0.5, "value": 0.25}),
    ("celu", {"alpha": 0.3}),
    ("softshrink", {"limit": 2.5}),
    ("hardshrink", {"limit": 2.5}),
    ("gelu", {"approximate": True}),
    ("elu", {"alpha": 0.3}),
    ("leaky_relu", {"slope": 0.2}),
    ("clamp", {"min": -1.0, "max": 3.0}),
    ("clamp", {"max": 0.0}),
]


def torch_counterpart(torch, name, options):
    functional = torch.nn.functional
    special = {
        "identity": lambda x: x.clone(),
        "exp": torch.exp,
        "log": torch.log,
        "abs": torch.abs,
        "square": torch.square,
        "sqrt": torch.sqrt,
        "clamp": lambda x: torch.clamp(x, **options) if options else x.clone(),
        "ramp": lambda x: x * (x > 0) + 0.1 * x,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "hard_sigmoid": functional.hardsigmoid,
        "hard_swish": functional.hardswish,
        "hard_tanh": functional.hardtanh,
        "log_sigmoid": functional.logsigmoid,
        "softshrink": lambda x: functional.softshrink(x, options.get("limit", 0.5)),
        "hardshrink": lambda x: functional.hardshrink(x, options.get("limit", 0.5)),
        "softmin": lambda x: functional.softmin(x, -1),
        "softmax": lambda x: functional.softmax(x, -1),
        "log_softmax": lambda x: functional.log_softmax(x, -1),
        "gelu": lambda x: functional.gelu(x, approximate="tanh" if options.get("approximate") else "none"),
        "leaky_relu": lambda x: functional.leaky_relu(x, options.get("slope", 0.01)),
    }
    return special.get(name) or (lambda x: getattr(functional, name)(x, **options))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_values_and_gradients_equal_pytorch(torch, name, options):
    tx = torch.tensor(POINTS, requires_grad=True)
    ty = torch_counterpart(torch, name, options)(tx)
    seed = np.cos(np.arange(POINTS.size, dtype=np.float32))
    ty.backward(torch.tensor(seed))
    y, pull = jax.vjp(lambda x: FUNCTIONS[name](x, **options), jnp.asarray(POINTS))
    np.testing.assert_allclose(y, ty.detach().numpy(), rtol=3e-6, atol=2e-6)
    np.testing.assert_allclose(pull(jnp.asarray(seed))[0], tx.grad.numpy(), rtol=1e-5, atol=5e-6)


def functions():
    """All cases by what they are: tests compute them in one program, since compiling takes most of their time."""
    return {f"{name} {options}": partial(FUNCTIONS[name], **options) for name, options in CASES}


def test_gradients_at_extremes_are_finite():
    # Of what is below 0 there is no logarithm and no root.
    bounded = {name: f for name, f in functions().items() if name.split()[0] not in {"exp", "log", "sqrt"}}

    @jax.jit
    def computed(x):
        return {name: (f(x), jax.grad(lambda x, f=f: f(x).sum())(x)) for name, f in bounded.items()}

    # One value at a time, too: a softmax over all of them is another case than a softmax over one.
    for x in (EXTREMES, EXTREMES[:, None]):
        for name, (values, gradient) in computed(x).items():
            assert not np.isnan(values).any(), name
            assert np.isfinite(gradient).all(), name


def test_bfloat16_stays_and_each_row_is_computed_alone():
    x = jnp.asarray(POINTS[:36]).reshape(4, 9)
    for name, function in functions().items():
        assert jax.eval_shape(function, x.astype(jnp.bfloat16)).dtype == jnp.bfloat16, name
    together = jax.jit(lambda x: {name: f(x) for name, f in functions().items()})(x)
    alone = jax.jit(lambda x: {name: jnp.stack([f(row) for row in x]) for name, f in functions().items()})(x)
    for name, found in together.items():
        np.testing.assert_allclose(found, alone[name], rtol=1e-6, atol=1e-6, err_msg=name)


def test_softmax_takes_an_axis():
    x = jnp.asarray(POINTS[:36]).reshape(4, 9)
    np.testing.assert_allclose(FUNCTIONS["softmax"](x, axis=0).sum(0), 1, rtol=1e-6)
    np.testing.assert_allclose(jnp.exp(FUNCTIONS["log_softmax"](x, axis=0)).sum(0), 1, rtol=1e-6)


def test_trained_and_gated_ones_have_finite_gradients_at_extremes():
    slope = jnp.full(1, 0.25)
    assert bool(jnp.isfinite(jax.grad(lambda x, s: prelu(x, s).sum())(EXTREMES, slope)).all())
    pairs = jnp.concatenate([EXTREMES, EXTREMES[::-1]])
    gradient = jax.grad(lambda x: gated(x, FUNCTIONS["sigmoid"]).sum())(pairs)
    assert bool(jnp.isfinite(gradient).all())


def test_prelu_has_the_slope_at_zero():
    assert float(jax.grad(lambda x: prelu(x, jnp.asarray([0.25]))[0])(jnp.zeros(1))[0]) == 0.25
