"""Losses from logits and raw outputs, in float32 or wider, whatever the dtype of the network.

Outputs are (N, K), or (N, K, ...) with positions behind the classes or numbers. What compares classes gives one number
for each position, (N, ...); what compares numbers one for each output, (N, K, ...). The `_of_probabilities` pair is for
a network whose last operation is neither a softmax nor a sigmoid that could be fused into the loss.
"""

import jax
import jax.numpy as jnp

# The nearest neighbors of 0 and 1 worth telling apart in float32; also Keras's choice.
PROBABILITY_EPSILON = 1e-7
_TINY = 1e-30


def softmax_cross_entropy(
    logits: jax.Array, labels: jax.Array, *, smoothing: float = 0.0, weights: jax.Array | None = None
) -> jax.Array:
    """-log softmax(logits)[label], in nats.

    Args:
        logits: scores before any softmax, (N, K, ...).
        labels: the right class at each position, integers in 0 .. K-1, (N, ...); the range is checked elsewhere.
        smoothing: the share of each target that is spread evenly over all classes.
        weights: of the classes, (K,); each position's loss is multiplied by that of its label.

    Returns:
        (N, ...), at least 0.
    """
    log_probabilities = jax.nn.log_softmax(_wide(logits), axis=1)
    if weights is not None:
        log_probabilities = log_probabilities * along(weights, logits)
    right = -_pick(log_probabilities, labels)
    if not smoothing:
        return right
    return (1 - smoothing) * right - smoothing * log_probabilities.mean(1)


def softmax_cross_entropy_of_shares(
    logits: jax.Array, shares: jax.Array, *, smoothing: float = 0.0, weights: jax.Array | None = None
) -> jax.Array:
    """-the sum over the classes of share · log softmax(logits), in nats; arguments as above, but shares (N, K, ...)."""
    log_probabilities = jax.nn.log_softmax(_wide(logits), axis=1)
    if weights is not None:
        log_probabilities = log_probabilities * along(weights, logits)
    t = _like(shares, logits)
    if smoothing:
        t = (1 - smoothing) * t + smoothing / logits.shape[1]
    return -(t * log_probabilities).sum(1)


def sigmoid_binary_cross_entropy(logits: jax.Array, targets: jax.Array, *, pos_weight: float = 1.0) -> jax.Array:
    """-(w t log p + (1 - t) log(1 - p)) for p = sigmoid(logits), in nats.

    Args:
        logits: scores before any sigmoid, (N, K, ...).
        targets: probabilities of "yes", of the same shape, or (N,) when there is one output for each example.
        pos_weight: w.

    Returns:
        (N, K, ...), at least 0.

    Raises:
        ValueError: if the shapes do not match.
    """
    z, t = _wide(logits), _like(targets, logits)
    if pos_weight == 1:
        return jax.nn.softplus(z) - z * t
    return (1 - t) * z + (1 + (pos_weight - 1) * t) * jax.nn.softplus(-z)


def sigmoid_focal(logits: jax.Array, targets: jax.Array, *, gamma: float, alpha: float | None) -> jax.Array:
    """Binary cross-entropy times (1 - probability of what is right)^gamma; arguments as above, (N, K, ...)."""
    z, t = _wide(logits), _like(targets, logits)
    wrong = jax.nn.sigmoid(z) * (1 - t) + jax.nn.sigmoid(-z) * t
    values = _power(wrong, gamma) * (jax.nn.softplus(z) - z * t)
    return values if alpha is None else values * (alpha * t + (1 - alpha) * (1 - t))


def softmax_focal(logits: jax.Array, shares: jax.Array, *, gamma: float, alpha: float | None) -> jax.Array:
    """The sum over the classes of share · (1 - p)^gamma · -log p, for p = softmax(logits) and shares (N, K, ...)."""
    log_probabilities = jax.nn.log_softmax(_wide(logits), axis=1)
    values = _power(-jnp.expm1(log_probabilities), gamma) * -log_probabilities
    return (1.0 if alpha is None else alpha) * jnp.where(shares == 0, 0, _like(shares, logits) * values).sum(1)


def hinge(scores: jax.Array, shares: jax.Array, *, margin: float) -> jax.Array:
    """The sum over the classes of (1 - share) · max(score - Σ share · score + margin, 0), (N, ...).

    For the rows of 0 and 1 that class numbers are, that is the sum over the wrong classes, each against the right one.
    """
    z, t = _wide(scores), _like(shares, scores)
    right = (t * z).sum(1, keepdims=True)
    return ((1 - t) * jax.nn.relu(z - right + margin)).sum(1)


def dice(probabilities: jax.Array, targets: jax.Array, *, smooth: float, counted: jax.Array | None = None) -> jax.Array:
    """1 - (2·Σpt + smooth) / (Σp + Σt + smooth), summed over the positions, then the mean over K.

    Args:
        probabilities: (N, K, ...); without positions the sums go over K.
        targets: of the same shape, or (N,) when there is one output for each example.
        smooth: added above and below.
        counted: the positions that count as 1, others as 0, (N, ...).

    Returns:
        (N,), from 0 to 1.
    """
    p, t = _wide(probabilities), _like(targets, probabilities)
    if counted is not None and p.ndim > 2:
        p, t = p * counted[:, None], t * counted[:, None]
    axes = tuple(range(2, p.ndim)) or (1,)
    overlap, total = (p * t).sum(axes), p.sum(axes) + t.sum(axes)
    found = 1 - (2 * overlap + smooth) / (total + smooth)
    return found.mean(1) if found.ndim == 2 else found


def squared_error(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """(output - target)^2.

    Args:
        outputs: (N, ...).
        targets: of the same shape, or (N,) when there is one output for each example.

    Returns:
        Of the shape of the outputs, at least 0.

    Raises:
        ValueError: if the shapes do not match.
    """
    return jnp.square(_wide(outputs) - _like(targets, outputs))


def absolute_error(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """|output - target|; shapes as for `squared_error`."""
    return jnp.abs(_wide(outputs) - _like(targets, outputs))


def huber(outputs: jax.Array, targets: jax.Array, *, delta: float) -> jax.Array:
    """d²/2 for a difference d up to delta, else delta·(|d| - delta/2); shapes as for `squared_error`."""
    d = jnp.abs(_wide(outputs) - _like(targets, outputs))
    near = jnp.minimum(d, delta)
    return near * (d - near / 2)


def quantile(outputs: jax.Array, targets: jax.Array, *, q: float) -> jax.Array:
    """q·d where the target is larger by d, else (q - 1)·d; shapes as for `squared_error`."""
    d = _like(targets, outputs) - _wide(outputs)
    return jnp.where(d >= 0, q * d, (q - 1) * d)


def poisson(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """exp(output) - target·output; shapes as for `squared_error`."""
    z = _wide(outputs)
    return jnp.exp(z) - _like(targets, outputs) * z


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


def along(values: jax.Array, like: jax.Array) -> jax.Array:
    """Numbers for the classes, (K,), in as many axes as (N, K, ...) has."""
    return values.reshape(1, -1, *(1,) * (like.ndim - 2))


def picked(values: jax.Array, labels: jax.Array) -> jax.Array:
    """Picks values[labels[n, ...]], (N, ...), from numbers for the classes, (K,)."""
    table = jnp.broadcast_to(along(values, labels[:, None]), (labels.shape[0], len(values), *labels.shape[1:]))
    return _pick(table, labels)


def picked_shares(shares: jax.Array, labels: jax.Array) -> jax.Array:
    """Picks shares[n, labels[n, ...], ...], (N, ...), from shares of classes, (N, K, ...)."""
    return _pick(shares, labels)


def _power(base: jax.Array, exponent: float) -> jax.Array:
    """base^exponent, with gradients also where the base is 0 and the exponent below 1."""
    return jnp.power(jnp.maximum(base, _TINY), exponent) if exponent else jnp.ones_like(base)


def _wide(values: jax.Array) -> jax.Array:
    """Widens half precision: a loss summed in bfloat16 keeps two or three digits."""
    return values.astype(jnp.promote_types(values.dtype, jnp.float32))


def _pick(table: jax.Array, labels: jax.Array) -> jax.Array:
    """Picks table[n, labels[n, ...], ...], (N, ...), from a table (N, K, ...)."""
    # A comparison, not an index: its gradient is another fused comparison, where an index would scatter.
    chosen = labels[:, None] == along(jnp.arange(table.shape[1], dtype=labels.dtype), table)
    return jnp.where(chosen, table, 0).sum(1)


def _like(targets: jax.Array, outputs: jax.Array) -> jax.Array:
    """The targets in the shape of the outputs; only axes of size one may differ."""
    if targets.shape != outputs.shape and targets.shape != outputs.shape[:1] * (outputs.size == outputs.shape[0]):
        raise ValueError(f"targets {targets.shape} do not match outputs {outputs.shape}")
    return _wide(targets).reshape(outputs.shape)


def _mean_over_outputs(errors: jax.Array) -> jax.Array:
    """(N, ...) -> (N,)."""
    return errors.reshape(errors.shape[0], -1).mean(-1)
