"""Recurrences over the steps of a sequence, from the state 0: LSTM, GRU, and the plain one.

The products with the inputs do not wait for the state: they are one matrix product over all steps, before the scan,
which then holds only the product with the state. Sources: Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997,
with the forget gate of Gers et al., 2000; Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder",
2014, in the form that PyTorch and cuDNN compute.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from netspec.backends.jax.kernels.arrange import dot_rows

__all__ = ["CELLS", "first_carry", "next_carry", "recurrence"]

Carry: TypeAlias = tuple[jax.Array, ...]
"""What goes from step to step, the state first; each (N, H)."""

Cell: TypeAlias = Callable[[Carry, jax.Array, jax.Array], Carry]
"""Carry, products with the input, products with the state (biases added) → the next carry."""


def recurrence(
    x: jax.Array,
    weight_ih: jax.Array,
    weight_hh: jax.Array,
    biases: Sequence[jax.Array],
    *,
    cell: str,
    reverse: bool = False,
    valid: jax.Array | None = None,
) -> jax.Array:
    """Go along a sequence.

    Args:
        x: (N, L, D).
        weight_ih: (gates·H, D), of the input.
        weight_hh: (gates·H, H), of the state.
        biases: none, or two of (gates·H,), of the input and of the state; one alone is that of the input.
        cell: which recurrence, a name in `CELLS`.
        reverse: begin at the last step.
        valid: (N, L, 1) of bool; at other steps, which are padding, the carry stays as it is. All steps unless given.

    Returns:
        (N, L, H), the state after each step, at the place of that step.
    """
    step, _ = CELLS[cell]
    count, _, _ = x.shape
    units = weight_hh.shape[1]
    none = jnp.zeros((), x.dtype)
    bias_ih, bias_hh, *_ = (*biases, none, none)
    projected = jnp.matmul(x, weight_ih.T, preferred_element_type=x.dtype) + bias_ih
    transposed = weight_hh.T

    def advance(carry: Carry, of_input: jax.Array) -> tuple[Carry, jax.Array]:
        of_state = jnp.matmul(carry[0], transposed, preferred_element_type=x.dtype) + bias_hh
        carry = step(carry, of_input, of_state)
        return carry, carry[0]

    def advance_where(carry: Carry, given: tuple[jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
        of_input, goes_on = given
        after, _ = advance(carry, of_input)
        carry = tuple(jnp.where(goes_on, new, old) for new, old in zip(after, carry, strict=True))
        return carry, carry[0]

    start = first_carry(cell, count, units, x.dtype)
    by_step = jnp.swapaxes(projected, 0, 1)
    if valid is None:
        _, states = lax.scan(advance, start, by_step, reverse=reverse)
    else:
        _, states = lax.scan(advance_where, start, (by_step, jnp.swapaxes(valid, 0, 1)), reverse=reverse)
    return jnp.swapaxes(states, 0, 1)


def first_carry(cell: str, count: int, units: int, dtype: DTypeLike) -> Carry:
    """Return the carry before the first step: zeros.

    Args:
        cell: which recurrence, a name in `CELLS`.
        count: of sequences.
        units: of the state.
        dtype: of the values.
    """
    return (jnp.zeros((count, units), dtype),) * CELLS[cell][1]


def next_carry(
    carry: Carry,
    x: jax.Array,
    weight_ih: jax.Array,
    weight_hh: jax.Array,
    biases: Sequence[jax.Array],
    *,
    cell: str,
    valid: jax.Array | None = None,
) -> Carry:
    """Return the carry after one more step, the state first.

    Args:
        carry: that before it.
        x: (N, D), what the step reads; weights, biases and cell are those of `recurrence`.
        weight_ih: of the input.
        weight_hh: of the state.
        biases: none, one or two.
        cell: which recurrence.
        valid: (N, 1) of bool; elsewhere the carry stays as it is. All sequences unless given.
    """
    none = jnp.zeros((), x.dtype)
    bias_ih, bias_hh, *_ = (*biases, none, none)
    after = CELLS[cell][0](carry, dot_rows(x, weight_ih) + bias_ih, dot_rows(carry[0], weight_hh) + bias_hh)
    if valid is None:
        return after
    return tuple(jnp.where(valid, new, old) for new, old in zip(after, carry, strict=True))


def _lstm(carry: Carry, of_input: jax.Array, of_state: jax.Array) -> Carry:
    i, f, g, o = jnp.split(of_input + of_state, 4, axis=-1)
    memory = jax.nn.sigmoid(f) * carry[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(memory), memory


def _gru(carry: Carry, of_input: jax.Array, of_state: jax.Array) -> Carry:
    r_x, z_x, n_x = jnp.split(of_input, 3, axis=-1)
    r_h, z_h, n_h = jnp.split(of_state, 3, axis=-1)
    # The reset gate multiplies the product with the state, its bias included.
    new = jnp.tanh(n_x + jax.nn.sigmoid(r_x + r_h) * n_h)
    keep = jax.nn.sigmoid(z_x + z_h)
    return ((1 - keep) * new + keep * carry[0],)


def _plain(function: Callable[[jax.Array], jax.Array]) -> Cell:
    return lambda _, of_input, of_state: (function(of_input + of_state),)


CELLS: Mapping[str, tuple[Cell, int]] = {
    "lstm": (_lstm, 2),
    "gru": (_gru, 1),
    "tanh": (_plain(jnp.tanh), 1),
    "relu": (_plain(jax.nn.relu), 1),
}
"""Each cell, and how many arrays it carries."""
