"""Losses of vectors, parts of the outputs of a network: distances, angles, a distribution, an alignment.

Vectors lie along axis 1 of outputs (N, K) or (N, K, ...); there is one number for each position, (N, ...), in float32
or wider.
"""

import jax
import jax.numpy as jnp

__all__ = ["contrastive", "cosine_distance", "ctc", "kl_of_normal", "triplet"]

_EPSILON = 1e-12
_OFFSET = 1e-6


def cosine_distance(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """1 - cos of the angle between outputs and targets, as PyTorch's CosineEmbeddingLoss takes it."""
    a, b = _wide(outputs), _wide(targets)
    lengths = (jnp.square(a).sum(1) + _EPSILON) * (jnp.square(b).sum(1) + _EPSILON)
    return 1 - (a * b).sum(1) / jnp.sqrt(lengths)


def contrastive(outputs: jax.Array, together: jax.Array, *, margin: float) -> jax.Array:
    """d²/2 where two belong together, 1, and max(margin - d, 0)²/2 where they do not, 0.

    Args:
        outputs: the distance d, (N, 1, ...), or the two vectors one behind the other.
        together: (N, ...).
        margin: how far apart is far enough.
    """
    z, t = _wide(outputs), _wide(together)
    if z.shape[1] == 1:
        square, distance = jnp.square(z[:, 0]), z[:, 0]
    else:
        a, b = jnp.split(z, 2, axis=1)
        square = jnp.square(a - b).sum(1)
        # The root has no gradient at 0: two that are equal are pushed nowhere.
        distance = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
    return (t * square + (1 - t) * jnp.square(jnp.maximum(margin - distance, 0))) / 2


def triplet(outputs: jax.Array, *, margin: float) -> jax.Array:
    """max(d(anchor, same) - d(anchor, other) + margin, 0), the three one behind the other, as PyTorch takes it."""
    anchor, same, other = jnp.split(_wide(outputs), 3, axis=1)
    near, far = (jnp.sqrt(jnp.square(anchor - x + _OFFSET).sum(1)) for x in (same, other))
    return jnp.maximum(near - far + margin, 0)


def kl_of_normal(outputs: jax.Array) -> jax.Array:
    """½·Σ(exp(v) + m² - 1 - v): the first half of the outputs are means m, the second logarithms v of variances."""
    mean, log_variance = jnp.split(_wide(outputs), 2, axis=1)
    return (jnp.exp(log_variance) + jnp.square(mean) - 1 - log_variance).sum(1) / 2


def ctc(logits: jax.Array, targets: jax.Array, *, blank: int, counted: jax.Array | None = None) -> jax.Array:
    """-log of the probability of all alignments of a target, divided by its length.

    Args:
        logits: (N, classes, length).
        targets: (N, at most so many), whole numbers; those below 0 only fill up.
        blank: the class that stands for nothing.
        counted: 1 for the positions that are there, 0 for padding behind them, (N, length).

    Returns:
        (N,); very large where a target is too long for its positions.
    """
    import optax  # noqa: PLC0415 - it takes long to import, and only this loss needs it

    paddings = jnp.zeros((logits.shape[0], logits.shape[2]), jnp.float32) if counted is None else 1 - counted
    filled = (targets < 0).astype(jnp.float32)
    values: jax.Array = optax.ctc_loss(
        jnp.moveaxis(_wide(logits), 1, 2), paddings, jnp.maximum(targets, 0), filled, blank_id=blank
    )
    return values / jnp.maximum((1 - filled).sum(1), 1)


def _wide(values: jax.Array) -> jax.Array:
    return values.astype(jnp.promote_types(values.dtype, jnp.float32))
