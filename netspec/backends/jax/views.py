"""The views of an image: the image as it is, and its moved and mirrored copies, whose mean is what inference gives."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from netspec.recipe.settings import Views

__all__ = ["mean_of_views", "views_of"]


def views_of(x: jax.Array, how: Views, background: float) -> jax.Array:
    """Return all views of each image: (N, C, H, W) becomes (views, N, C, H, W), the images as they are first.

    `background` comes in from outside.
    """
    height, width = x.shape[2:]
    edge = ((0, 0), (0, 0), (how.shift, how.shift), (how.shift, how.shift))
    padded = jnp.pad(x, edge, constant_values=background)
    moves = sorted(range(-how.shift, how.shift + 1), key=abs)
    places = [(how.shift + down, how.shift + right) for down in moves for right in moves]
    seen = [padded[:, :, down : down + height, right : right + width] for down, right in places]
    return jnp.stack(seen + [image[..., ::-1] for image in seen if how.flip])


def mean_of_views(function: Callable[[jax.Array], jax.Array], x: jax.Array, how: Views, background: float) -> jax.Array:
    """Return the mean of a function of images over their views, (N, ...).

    Views of few images are computed in one go; of many, one view after the other, so that they take no more memory than
    the images as they are.
    """
    views = views_of(x, how, background)
    if how.together(len(x)) > len(x):
        made = function(views.reshape(-1, *x.shape[1:]))
        return made.reshape(len(views), len(x), *made.shape[1:]).mean(0)
    return jax.lax.map(function, views).mean(0)
