"""Losses, one number for each example: (N,) in float32 or wider, whatever the dtype of the network.

The first three are for training from logits and raw outputs.  The `_of_probabilities` pair is for a network
whose last operation is neither a softmax nor a sigmoid that could be fused into the loss.
"""

import jax
import jax.numpy as jnp

# The nearest neighbors of 0 and 1 worth telling apart in float32; also Keras's choice.
PROBABILITY_EPSILON = 1e-7


def softmax_cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """-log softmax(logits)[label], in nats.

    Args:
        logits: scores before any softmax, (N, K).
        labels: the right class of each example, integers in 0 .. K-1, (N,); the range is checked elsewhere.

    Returns:
        (N,), at least 0.
    """
    log_probabilities = jax.nn.log_softmax(_wide(logits), axis=-1)
    return -_pick(log_probabilities, labels)


def sigmoid_binary_cross_entropy(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """-(t log p + (1 - t) log(1 - p)) for p = sigmoid(logits), the mean over outputs, in nats.

    Args:
        logits: scores before any sigmoid, (N, K).
        targets: probabilities of "yes", (N, K), or (N,) when K = 1.

    Returns:
        (N,), at least 0.

    Raises:
        ValueError: if the shapes do not match.
    """
    z, t = _wide(logits), _like(targets, logits)
    return _mean_over_outputs(jax.nn.softplus(z) - z * t)


def squared_error(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """(output - target)^2, the mean over outputs.

    Args:
        outputs: (N, ...).
        targets: of the same shape, or (N,) when there is one output for each example.

    Returns:
        (N,), at least 0.

    Raises:
        ValueError: if the shapes do not match.
    """
    return _mean_over_outputs(jnp.square(_wide(outputs) - _like(targets, outputs)))


def cross_entropy_of_probabilities(probabilities: jax.Array, labels: jax.Array) -> jax.Array:
    """-log probability of the label, in nats, the probability clipped to [1e-7, 1].

    A clipped probability has no gradient: where the network can end in a softmax, train from logits instead.

    Args:
        probabilities: (N, K), each row summing to 1 (not enforced).
        labels: as in `softmax_cross_entropy`, (N,).

    Returns:
        (N,), at least 0 and at most 16.12.
    """
    return -jnp.log(jnp.clip(_pick(_wide(probabilities), labels), PROBABILITY_EPSILON, 1))


def binary_cross_entropy_of_probabilities(probabilities: jax.Array, targets: jax.Array) -> jax.Array:
    """-(t log p + (1 - t) log(1 - p)), the mean over outputs, in nats, p clipped to [1e-7, 1 - 1e-7].

    Args:
        probabilities: of "yes", (N, K).
        targets: as in `sigmoid_binary_cross_entropy`, (N, K), or (N,) when K = 1.

    Returns:
        (N,), at least 0.

    Raises:
        ValueError: if the shapes do not match.
    """
    p = jnp.clip(_wide(probabilities), PROBABILITY_EPSILON, 1 - PROBABILITY_EPSILON)
    t = _like(targets, probabilities)
    return _mean_over_outputs(-(t * jnp.log(p) + (1 - t) * jnp.log1p(-p)))


def _wide(values: jax.Array) -> jax.Array:
    """Widens half precision: a loss summed in bfloat16 keeps two or three digits."""
    return values.astype(jnp.promote_types(values.dtype, jnp.float32))


def _pick(table: jax.Array, labels: jax.Array) -> jax.Array:
    """Picks table[n, labels[n]], (N,), from a table (N, K)."""
    # A comparison, not an index: its gradient is another fused comparison, where an index would scatter.
    chosen = labels[:, None] == jnp.arange(table.shape[-1], dtype=labels.dtype)
    return jnp.where(chosen, table, 0).sum(-1)


def _like(targets: jax.Array, outputs: jax.Array) -> jax.Array:
    """The targets in the shape of the outputs; only axes of size one may differ."""
    if targets.shape != outputs.shape and targets.shape != outputs.shape[:1] * (outputs.size == outputs.shape[0]):
        raise ValueError(f"targets {targets.shape} do not match outputs {outputs.shape}")
    return _wide(targets).reshape(outputs.shape)


def _mean_over_outputs(errors: jax.Array) -> jax.Array:
    """(N, ...) -> (N,)."""
    return errors.reshape(errors.shape[0], -1).mean(-1)
