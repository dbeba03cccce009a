"""Preview of a spec's `augment`: a picture of its training images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from netspec import report
from netspec.backends.jax.inputs import mix
from netspec.backends.jax.inputs.augment import augmented, moved_targets, stream
from netspec.backends.jax.inputs.prepare import at_each_pixel
from netspec.data.types import Dataset
from netspec.diagnostics.diagnostic import NetspecError
from netspec.ir.network import Network
from netspec.recipe.image_settings import Augment
from netspec.recipe.losses import CrossEntropy
from netspec.workflows.shown import as_pictures

__all__ = ["draw_augmented"]

_EXAMPLES, _DRAWS = 6, 9


def draw_augmented(network: Network, dataset: Dataset, path: Path) -> Path:
    """Draw the first training images, each as it is and then as nine places of the first batch would see it.

    Of several inputs the images of an example stand one below the other; below an image with a class for each pixel
    stand these.

    Args:
        network: says how.
        dataset: in the shape of the network's inputs.
        path: the PNG file to write.

    Raises:
        NetspecError: when the network's data is not augmented, or its images are of different sizes.
    """
    how = network.data.augment if network.data else None
    if how is None:
        raise NetspecError(f"{network.name} has no `augment`", "for example `data mnist { augment rotate=10 shift=2 }`")
    key = jax.random.fold_in(jax.random.key(network.recipe.seed), 0)
    rows = [(name, *_rows(planes, drawn)) for name, planes, drawn in _drawn(network, dataset, how, key)]
    # Grey images stand beside colored ones.
    most = max(plain.shape[1] for _, plain, _ in rows)
    rows = [(name, _with_channels(plain, most), _with_channels(drawn, most)) for name, plain, drawn in rows]
    if len({drawn.shape[2:] for _, _, drawn in rows}) > 1:
        raise NetspecError(
            f"the images of {network.name}'s inputs have different sizes, and this picture is of one size",
            "draw a network with one of these inputs",
        )
    count = len(rows[0][1])
    shown = [np.concatenate([plain[at][None], drawn[at]]) for at in range(count) for _, plain, drawn in rows]
    labels = [_label(dataset, at) for at in range(count)]
    first = [f"{name}: {labels[at]}".strip(": ") for at in range(count) for name, _, _ in rows]
    names = [text for label in first for text in (label, *[""] * _DRAWS)]
    title = f"{dataset.name} as {network.name} augments it"
    images = np.concatenate(shown)
    return report.draw_grid(images, names, path, title=title, subtitle="left: as it is", columns=_DRAWS + 1)


def _rows(images: NDArray[Any], drawn: jax.Array) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return images, and what is drawn of each, (N, draws, C, H, W), in the same type."""
    made = np.asarray(drawn)
    if images.dtype == np.uint8:
        made = made.round().astype(np.uint8)
    return images, made.reshape(len(images), _DRAWS, *images.shape[1:])


def _with_channels(images: NDArray[Any], count: int) -> NDArray[Any]:
    """Return grey images with the same values in so many channels; others as they are."""
    return np.repeat(images, count, axis=-3) if images.shape[-3] == 1 else images


def _drawn(
    network: Network, dataset: Dataset, how: Augment, key: jax.Array
) -> Iterator[tuple[str, NDArray[Any], jax.Array]]:
    """Yield the images of each input with its name, "" for the only one, and what is drawn; then their masks."""
    given = dataset.train.images
    for source in network.inputs:
        if not network.varies(source.shape):
            continue
        images = np.asarray((given[source.name] if isinstance(given, dict) else given)[:_EXAMPLES])
        own = jax.random.fold_in(key, crc32(source.name.encode())) if isinstance(given, dict) else key
        repeated = jnp.repeat(jnp.asarray(images), _DRAWS, axis=0)
        places, size = jnp.arange(len(repeated)), (source.shape[-2], source.shape[-1])
        drawn = augmented(repeated, how, stream(own), places, network.data.sound if network.data else None)
        mixture = mix.drawn(how, key, places, batch=len(places), size=size) if how.mixes else None
        if mixture:
            drawn = mix.mixed_images(drawn, mixture, how)
        yield source.name if isinstance(given, dict) else "", *_as_shown(network, source.shape, images, drawn)
        labels = dataset.train.labels
        if isinstance(given, dict) or isinstance(labels, dict) or not at_each_pixel(labels.shape, size):
            continue
        loss = network.stated_loss(network.all_outputs[0].name)
        outside = loss.ignore if isinstance(loss, CrossEntropy) else None
        planes = jnp.repeat(jnp.asarray(labels[:_EXAMPLES]), _DRAWS, axis=0)
        moved = moved_targets(planes, how, stream(own), places, size=size, outside=outside)
        if mixture:
            moved = mix.mixed_targets(moved.astype(jnp.float32), mixture, how, is_image=True)
        yield "its mask", *_painted(labels[:_EXAMPLES], np.asarray(moved), images)


def _as_shown(
    network: Network, shape: tuple[int, ...], images: NDArray[Any], drawn: jax.Array
) -> tuple[NDArray[Any], jax.Array]:
    """Return the examples of an input, and what is drawn of them, as pictures."""
    if len(shape) == 3 and not (network.data and network.data.sound):
        return images, drawn
    return as_pictures(network, images, shape), jnp.asarray(as_pictures(network, np.asarray(drawn), shape))


def _painted(masks: NDArray[Any], moved: NDArray[Any], like: NDArray[Any]) -> tuple[NDArray[Any], jax.Array]:
    """Return masks before and afterwards as images like others, from black to white."""
    low, high = float(masks.min()), float(masks.max())
    top = 255 if like.dtype == np.uint8 else 1

    def painted(values: NDArray[Any]) -> NDArray[Any]:
        values = values if values.ndim == 4 else values[:, None]
        shade = ((values[:, :1] - low) / max(high - low, 1e-9)).clip(0, 1) * top
        return np.repeat(shade, like.shape[1], axis=1).astype(like.dtype)

    return painted(masks), jnp.asarray(painted(moved))


def _label(dataset: Dataset, at: int) -> str:
    """Return what an example is, in words: its class, or its numbers; nothing where there are many."""
    labels = dataset.train.labels
    if isinstance(labels, dict):
        found = {name: _value(values[at], ()) for name, values in labels.items()}
        return ", ".join(f"{name} {text}" for name, text in found.items() if text)
    return _value(labels[at], dataset.labels)


def _value(value: Any, names: tuple[str, ...]) -> str:
    array = np.asarray(value)
    if array.size != 1:
        return ""
    if array.dtype.kind in "iu" and 0 <= int(array.item()) < len(names):
        return names[int(array.item())]
    return f"{array.item():g}"
