"""Preview of a spec's `augment`: a picture of its training images."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from netspec import report
from netspec.backends.jax.inputs.augment import augmented, stream
from netspec.data.types import Dataset
from netspec.diagnostics.diagnostic import NetspecError
from netspec.ir.network import Network

__all__ = ["draw_augmented"]

_EXAMPLES, _DRAWS = 6, 9


def draw_augmented(network: Network, dataset: Dataset, path: Path) -> Path:
    """Draw the first training images, each as it is and then as nine places of the first batch would see it.

    Args:
        network: says how.
        dataset: in the shape of the network's input.
        path: the PNG file to write.

    Raises:
        NetspecError: when the network's data is not augmented.
    """
    how = network.data.augment if network.data else None
    if how is None:
        raise NetspecError(f"{network.name} has no `augment`", "for example `data mnist { augment rotate=10 shift=2 }`")
    if len(network.inputs) > 1 or len(network.all_outputs) > 1:
        raise NetspecError(
            f"{network.name} has several inputs or outputs, and this picture is of one image and its label",
            "draw a network of one of each",
        )
    images = np.asarray(dataset.train.images[:_EXAMPLES])
    key = stream(jax.random.fold_in(jax.random.key(network.recipe.seed), 0))
    repeated = jnp.repeat(jnp.asarray(images), _DRAWS, axis=0)
    drawn = np.asarray(augmented(repeated, how, key, jnp.arange(len(repeated))))
    if images.dtype == np.uint8:
        drawn = drawn.round().astype(np.uint8)
    rows = drawn.reshape(len(images), _DRAWS, *images.shape[1:])
    shown = np.concatenate([images[:, None], rows], axis=1).reshape(-1, *images.shape[1:])
    labels = [dataset.labels[label] for label in dataset.train.labels[:_EXAMPLES]]
    names = [text for label in labels for text in (label, *[""] * _DRAWS)]
    title = f"{dataset.name} as {network.name} augments it"
    return report.draw_grid(shown, names, path, title=title, subtitle="left: as it is", columns=_DRAWS + 1)
