"""The views of an image: the image as it is, and its moved and mirrored copies, whose mean is what inference gives."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np

from netspec.recipe.image_settings import Views

__all__ = ["mean_of_views", "views_of"]


def views_of(x: jax.Array, how: Views, background: jax.Array | float) -> jax.Array:
    """Return all views of each image: (N, C, H, W) becomes (views, N, C, H, W), the images as they are first.

    `background` comes in from outside.
    """
    padded = _padded(x, how, background)
    return jax.vmap(lambda offset: _view(padded, x.shape, offset))(_offsets(how))


def mean_of_views(
    function: Callable[[jax.Array], jax.Array], x: jax.Array, how: Views, background: jax.Array | float
) -> jax.Array:
    """Return the mean of a function of images over their views, (N, ...).

    Views of few images are computed in one go; of many, one view after the other, so that they take no more memory than
    the images as they are.
    """
    if isinstance(x.shape[0], int) and how.together(len(x)) > len(x):
        made = function(views_of(x, how, background).reshape(-1, *x.shape[1:]))
        return made.reshape(how.count, len(x), *made.shape[1:]).mean(0)
    padded = _padded(x, how, background)
    return jax.lax.map(lambda offset: function(_view(padded, x.shape, offset)), _offsets(how)).mean(0)


def _offsets(how: Views) -> np.ndarray:
    """Return what is seen in each view, (views, 3): the first row and column within the frame, and whether mirrored."""
    moves = sorted(range(-how.shift, how.shift + 1), key=abs)
    offsets = [
        (how.shift + down, how.shift + right, m) for m, down, right in product(range(1 + how.flip), moves, moves)
    ]
    return np.array(offsets, np.int32)


def _padded(x: jax.Array, how: Views, background: jax.Array | float) -> jax.Array:
    edge = ((0, 0), (0, 0), (how.shift, how.shift), (how.shift, how.shift))
    if jnp.ndim(background):
        # Each channel has its own.
        inside = jnp.pad(jnp.ones((1, 1, *x.shape[2:]), bool), edge)
        return jnp.where(inside, jnp.pad(x, edge), background)
    return jnp.pad(x, edge, constant_values=background)


def _view(padded: jax.Array, shape: tuple[int, ...], offset: jax.Array) -> jax.Array:
    down, right, mirrored = offset
    view = jax.lax.dynamic_slice(padded, (0, 0, down, right), shape)
    return jnp.where(mirrored, view[..., ::-1], view)
