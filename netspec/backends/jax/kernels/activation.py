"""Activation functions by name, elementwise except the two softmaxes, defined as in PyTorch.

Where a function has a corner, its derivative there is PyTorch's too: 0 for relu at 0 and for a clipped value
on the bound.  Corners are therefore written with `where`: `maximum` would split the gradient in halves.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
import jax.numpy as jnp


def identity(x: jax.Array) -> jax.Array:
    """`x`."""
    return x


def relu(x: jax.Array) -> jax.Array:
    """max(x, 0)."""
    return jax.nn.relu(x)


def relu6(x: jax.Array) -> jax.Array:
    """min(max(x, 0), 6) (Krizhevsky, 2010)."""
    return _clip(x, 0, 6)


def leaky_relu(x: jax.Array, *, slope: float = 0.01) -> jax.Array:
    """`x` where positive, slope * x elsewhere (Maas et al., 2013)."""
    return jnp.where(x > 0, x, slope * x)


def prelu(x: jax.Array, slope: jax.Array) -> jax.Array:
    """`x` where positive, slope * x elsewhere, the slope of a shape that meets that of `x` (He et al., 2015)."""
    return jnp.where(x > 0, x, slope * x)


def threshold(x: jax.Array, *, threshold: float, value: float = 0.0) -> jax.Array:
    """`x` where above the threshold, the value elsewhere."""
    return jnp.where(x <= threshold, jnp.asarray(value, x.dtype), x)


def elu(x: jax.Array, *, alpha: float = 1.0) -> jax.Array:
    """`x` where positive, alpha * (exp(x) - 1) elsewhere (Clevert et al., 2016)."""
    # The inner choice keeps exp from overflowing on the side that is not taken: inf * 0 would poison its
    # gradient.
    return jnp.where(x > 0, x, alpha * jnp.expm1(jnp.where(x > 0, 0, x)))


def celu(x: jax.Array, *, alpha: float = 1.0) -> jax.Array:
    """`x` where positive, alpha * (exp(x / alpha) - 1) elsewhere (Barron, 2017)."""
    return jnp.where(x > 0, x, alpha * jnp.expm1(jnp.where(x > 0, 0, x) / alpha))


def selu(x: jax.Array) -> jax.Array:
    """The `elu` function scaled so that unit variance is a fixed point (Klambauer et al., 2017)."""
    return 1.0507009873554804934193349852946 * elu(x, alpha=1.6732632423543772848170429916717)


def gelu(x: jax.Array, *, approximate: bool = False) -> jax.Array:
    """`x` times the normal distribution function, by erf or the tanh formula (Hendrycks and Gimpel, 2016)."""
    if not approximate:
        return jax.nn.gelu(x, approximate=False)
    # tanh has long been exactly 1 at the bound; beyond it the cube's derivative would overflow to inf * 0.
    bounded = _clip(x, -10, 10)
    return 0.5 * x * (1 + jnp.tanh(0.7978845608028654 * (bounded + 0.044715 * bounded**3)))


def silu(x: jax.Array) -> jax.Array:
    """`x` * sigmoid(x), also called swish (Elfwing et al., 2018)."""
    return jax.nn.silu(x)


def mish(x: jax.Array) -> jax.Array:
    """`x` * tanh(softplus(x)) (Misra, 2019)."""
    return x * jnp.tanh(softplus(x))


def softplus(x: jax.Array) -> jax.Array:
    """log(1 + exp(x)), without overflow."""
    return jax.nn.softplus(x)


def softsign(x: jax.Array) -> jax.Array:
    """`x` / (1 + |x|)."""
    return x / (1 + jnp.abs(x))


def sigmoid(x: jax.Array) -> jax.Array:
    """1 / (1 + exp(-x))."""
    return jax.nn.sigmoid(x)


def log_sigmoid(x: jax.Array) -> jax.Array:
    """log(1 / (1 + exp(-x))), without overflow or log(0)."""
    return -softplus(-x)


def hard_sigmoid(x: jax.Array) -> jax.Array:
    """relu6(x + 3) / 6 (Howard et al., 2019)."""
    return relu6(x + 3) / 6


def hard_swish(x: jax.Array) -> jax.Array:
    """`x` * relu6(x + 3) / 6 (Howard et al., 2019)."""
    return x * hard_sigmoid(x)


def tanh(x: jax.Array) -> jax.Array:
    """The hyperbolic tangent."""
    return jnp.tanh(x)


def tanhshrink(x: jax.Array) -> jax.Array:
    """`x` - tanh(x)."""
    return x - jnp.tanh(x)


def softshrink(x: jax.Array, *, limit: float = 0.5) -> jax.Array:
    """`x` moved towards 0 by the limit, 0 within it (Donoho, 1995)."""
    return jnp.where(x > limit, x - limit, jnp.where(x < -limit, x + limit, 0))


def hardshrink(x: jax.Array, *, limit: float = 0.5) -> jax.Array:
    """`x`, and 0 where |x| is at most the limit."""
    return jnp.where((x >= -limit) & (x <= limit), 0, x)


def hard_tanh(x: jax.Array) -> jax.Array:
    """`x` clipped to [-1, 1]."""
    return _clip(x, -1, 1)


def exp(x: jax.Array) -> jax.Array:
    """`e` to the x; overflows to infinity above about 88.7 in float32."""
    return jnp.exp(x)


def log(x: jax.Array) -> jax.Array:
    """The natural logarithm: -infinity of 0, NaN of what is below."""
    return jnp.log(x)


def absolute(x: jax.Array) -> jax.Array:
    """|x|, with gradient 0 at 0, where JAX's own has 1."""
    return x * jax.lax.stop_gradient(jnp.sign(x))


def square(x: jax.Array) -> jax.Array:
    """`x` * `x`."""
    return jnp.square(x)


def sqrt(x: jax.Array) -> jax.Array:
    """The square root: NaN of what is below 0, with an infinite gradient at 0."""
    return jnp.sqrt(x)


def clamp(x: jax.Array, *, min: float | None = None, max: float | None = None) -> jax.Array:
    """`x` within [min, max], with gradient 1 on the bounds."""
    x = x if min is None else jnp.where(x < min, jnp.asarray(min, x.dtype), x)
    return x if max is None else jnp.where(x > max, jnp.asarray(max, x.dtype), x)


def ramp(x: jax.Array) -> jax.Array:
    """1.1 * x where positive, 0.1 * x elsewhere (Darknet)."""
    return jnp.where(x > 0, 1.1 * x, 0.1 * x)


def gated(x: jax.Array, gate: Callable[[jax.Array], jax.Array], *, axis: int = -1) -> jax.Array:
    """The first half of an axis times a function of the second half (Dauphin et al., 2017, with sigmoid)."""
    values, controls = jnp.split(x, 2, axis=axis)
    return values * gate(controls)


def softmax(x: jax.Array, *, axis: int = -1) -> jax.Array:
    """exp(x) divided by its sum over one axis, without overflow."""
    return jax.nn.softmax(_wide(x), axis=axis).astype(x.dtype)


def softmin(x: jax.Array, *, axis: int = -1) -> jax.Array:
    """The softmax of -x."""
    return softmax(-x, axis=axis)


def log_softmax(x: jax.Array, *, axis: int = -1) -> jax.Array:
    """The logarithm of softmax over one axis, without overflow or log(0)."""
    return jax.nn.log_softmax(_wide(x), axis=axis).astype(x.dtype)


def _wide(values: jax.Array) -> jax.Array:
    """Widens half precision: sums of exponentials need more digits than it has."""
    return values.astype(jnp.promote_types(values.dtype, jnp.float32))


FUNCTIONS: Mapping[str, Callable[..., jax.Array]] = MappingProxyType(
    {
        "identity": identity,
        "relu": relu,
        "relu6": relu6,
        "leaky_relu": leaky_relu,
        "threshold": threshold,
        "elu": elu,
        "celu": celu,
        "selu": selu,
        "gelu": gelu,
        "silu": silu,
        "mish": mish,
        "softplus": softplus,
        "softsign": softsign,
        "sigmoid": sigmoid,
        "log_sigmoid": log_sigmoid,
        "hard_sigmoid": hard_sigmoid,
        "hard_swish": hard_swish,
        "tanh": tanh,
        "tanhshrink": tanhshrink,
        "softshrink": softshrink,
        "hardshrink": hardshrink,
        "hard_tanh": hard_tanh,
        "ramp": ramp,
        "exp": exp,
        "log": log,
        "abs": absolute,
        "square": square,
        "sqrt": sqrt,
        "clamp": clamp,
        "softmax": softmax,
        "softmin": softmin,
        "log_softmax": log_softmax,
    }
)


OVER_CHANNELS = frozenset({"softmax", "softmin", "log_softmax"})
"""Those that are taken over an axis, which they are told."""


def _clip(x: jax.Array, low: float, high: float) -> jax.Array:
    """`x` within [low, high], with gradient 0 on the bounds."""
    return jnp.where(x <= low, low, jnp.where(x >= high, high, x))
