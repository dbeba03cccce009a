"""Examples mixed with others of their batch: mixup and cutmix, with the shares of the labels that belong to that.

Sources: Zhang, Cisse, Dauphin & Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", 2018; Yun, Han, Oh et al.,
"CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", 2019.
"""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

import jax
import jax.numpy as jnp

from netspec.backends.jax.inputs.rectangles import Rectangles, inside
from netspec.backends.jax.kernels.shared import joined
from netspec.recipe.image_settings import Augment

__all__ = ["Mixture", "drawn", "mixed_images", "mixed_targets", "symmetric_beta"]


class Mixture(NamedTuple):
    """With what each example of a batch is mixed, and how.

    Attributes:
        partner: the place of the other one in the batch, (N,).
        own: the share of an image that stays its own where the two are added up (mixup), (N,); 1 where they are not.
        pasted: where the other image is pasted in (cutmix), (N,) each; of height 0 where it is not.
        share: the share of a label that stays its own, (N,).
    """

    partner: jax.Array
    own: jax.Array
    pasted: Rectangles
    share: jax.Array


def drawn(
    how: Augment,
    key: jax.Array,
    positions: jax.Array,
    *,
    batch: jax.Array | int,
    size: tuple[int, int],
    goes_on: jax.Array | bool = True,
) -> Mixture:
    """Return how the examples of a step are mixed.

    All have the partner that lies the same distance ahead of them in the batch, a distance drawn anew in each step.
    What share stays, and in which of the two ways it is mixed, each example draws for itself.

    Args:
        how: by what.
        key: of the step.
        positions: the places of the examples in the batch, (N,).
        batch: how many examples the batch has.
        size: height and width of the images.
        goes_on: whether anything is mixed still.
    """
    own_key = jax.random.fold_in(key, crc32(b" mix"))
    count = jnp.asarray(batch, jnp.int32)
    drawn_distance = jax.random.uniform(jax.random.fold_in(own_key, crc32(b"partner")))
    others = jnp.maximum(count - 1, 1)
    distance = 1 + jnp.minimum((drawn_distance * others).astype(jnp.int32), others - 1)
    partner = (positions + distance) % jnp.maximum(count, 1)
    numbers = jax.vmap(lambda p: jax.random.uniform(jax.random.fold_in(own_key, p), (7,)))(positions)
    pastes = jnp.full(len(positions), how.cutmix > 0)
    if how.mixup and how.cutmix:
        pastes = numbers[:, 0] < 0.5
    one = jnp.ones(len(positions))
    own = jnp.where(pastes, one, symmetric_beta(how.mixup, numbers[:, 1:3])) if how.mixup else one
    height, width = size
    none = jnp.zeros(len(positions))
    pasted = Rectangles(none, none, none, none)
    if how.cutmix:
        kept = jnp.where(pastes & goes_on, symmetric_beta(how.cutmix, numbers[:, 3:5]), 1)
        pasted = _around(numbers[:, 5:7], jnp.sqrt(1 - kept), size)
    own = jnp.where(goes_on, own, 1)
    return Mixture(partner, own, pasted, own * (1 - pasted.height * pasted.width / (height * width)))


def _around(places: jax.Array, side: jax.Array, size: tuple[int, int]) -> Rectangles:
    """Return rectangles of the images' proportions around a random pixel, as far as they lie within."""
    first, stop = [], []
    for axis, length in enumerate(size):
        middle = jnp.minimum(jnp.floor(places[:, axis] * length), length - 1)
        half = jnp.floor(length * side / 2)
        first.append(jnp.clip(middle - half, 0, length))
        stop.append(jnp.clip(middle + half, 0, length))
    return Rectangles(first[0], first[1], stop[0] - first[0], stop[1] - first[1])


def symmetric_beta(alpha: float, shares: jax.Array) -> jax.Array:
    """Return numbers of the distribution Beta(alpha, alpha), (N,), from two of 0..1 each, (N, 2).

    In closed form, as nothing is drawn again: Devroye, "Random Variate Generation in One Line of Code", 1996.
    """
    # Far enough from 0 for its logarithm.
    radius = jnp.expm1(-jnp.log(jnp.maximum(shares[:, 0], 2.0**-24)) / alpha)
    turn = jnp.cos(2 * jnp.pi * shares[:, 1])
    squared = radius * jnp.square(turn)
    spread = 1 / jnp.sqrt(1 + 1 / jnp.maximum(squared, 2.0**-126))
    return jnp.clip(0.5 + jnp.sign(turn) * spread / 2, 0, 1)


def mixed_images(x: jax.Array, mixture: Mixture, how: Augment, axis_name: str | None = None) -> jax.Array:
    """Return images mixed with those of their partners.

    Args:
        x: those of this device, (N, C, H, W) floats.
        mixture: of these.
        how: by what.
        axis_name: of the devices that share the batch.
    """
    other = joined(x, axis_name)[mixture.partner]
    return _pasted(_added(x, other, mixture.own, how), other, mixture, how)


def mixed_targets(
    y: jax.Array, mixture: Mixture, how: Augment, *, is_image: bool, axis_name: str | None = None
) -> jax.Array:
    """Return targets mixed as their images are: numbers and shares of classes by the shares of the two images.

    Args:
        y: (N, ...): floats, or class numbers at each pixel where nothing but cutmix mixes.
        mixture: of these.
        how: by what.
        is_image: whether there is one for each pixel, (N, H, W) or (N, C, H, W), which is then mixed as the pixel is.
        axis_name: of the devices that share the batch.
    """
    other = joined(y, axis_name)[mixture.partner]
    if not is_image:
        return _added(y, other, mixture.share)
    if how.mixup:
        y = _added(y, other, mixture.own, how)
    return _pasted(y, other, mixture, how)


def _added(x: jax.Array, other: jax.Array, own: jax.Array, how: Augment | None = None) -> jax.Array:
    """Return own · x + (1 - own) · other; exactly x where its own share is 1."""
    if how is not None and not how.mixup:
        return x
    share = own.reshape(-1, *(1,) * (x.ndim - 1)).astype(x.dtype)
    return jnp.where(share == 1, x, other + share * (x - other))


def _pasted(x: jax.Array, other: jax.Array, mixture: Mixture, how: Augment) -> jax.Array:
    """Return images with the rectangles of the others pasted in."""
    if not how.cutmix:
        return x
    height, width = x.shape[-2:]
    where = inside(mixture.pasted, (height, width))
    return jnp.where(where if x.ndim == 4 else where[:, 0], other, x)
