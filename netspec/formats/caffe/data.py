"""How Caffe prepares examples: scale, means, crops, the order of colors; and which dataset it most likely is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netspec.formats.caffe.message import Message
from netspec.formats.reading import Array, Place
from netspec.ops import Shape
from netspec.recipe.catalog import find

__all__ = ["DATA_LAYERS", "Preparation", "dataset_of", "preparation_of", "shape_of"]

DATA_LAYERS = {"Data", "ImageData", "MemoryData", "HDF5Data", "WindowData", "DummyData", "Input"}

_PART = {"Data": "data_param", "ImageData": "image_data_param", "MemoryData": "memory_data_param"}

IMAGENET = 1_281_167
"""Pictures of the training part of ILSVRC 2012."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is done to bytes: (byte - mean) · scale, by channel.

    Attributes:
        place: where it is said.
        scale: the factor.
        means: of each channel, or one for all; empty for none.
        mean_file: the file that says the means, where they are not known.
        mirror: whether half of the pictures are mirrored in training.
        crop: the side of the square that is cut out at random; 0 for none.
        batch: examples of a step; 0 where it is not said.
        source: what the data is called.
    """

    place: Place
    scale: float
    means: tuple[float, ...]
    mean_file: str
    mirror: bool
    crop: int
    batch: int
    source: str


def preparation_of(layer: Message, mean: Message | None) -> Preparation:
    """Return what a data layer says."""
    part = layer.part(_PART.get(layer.get("type"), "data_param"), "Data")
    transform = layer.part("transform_param", "Transform")
    # Before 2014 the data's own part said it.
    if "transform_param" not in layer and any(n in part for n in ("scale", "mean_file", "crop_size", "mirror")):
        transform = part
    means = tuple(float(m) for m in transform.all("mean_value"))
    mean_file = transform.get("mean_file", "")
    if mean_file and mean is not None:
        means, mean_file = _channel_means(mean), ""
    return Preparation(
        place=layer.place,
        scale=float(transform.get("scale", 1.0)),
        means=means,
        mean_file=mean_file,
        mirror=bool(transform.get("mirror", False)),
        crop=max(int(transform.get("crop_size", 0)), 0),
        batch=max(int(part.get("batch_size", 0)), 0),
        source=f"{part.get('source', '')} {layer.get('name', '')}".lower(),
    )


def blob_array(blob: Message) -> Array:
    """Return the array of a blob in its shape; a flat one where the shape does not fit."""
    parts = blob.all("data") or blob.all("double_data")
    data = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if "shape" in blob:
        shape = tuple(blob.part("shape", "Shape").all("dim"))
    else:
        shape = tuple(blob.get(name, 1) for name in ("num", "channels", "height", "width"))
        while len(shape) > 1 and shape[0] == 1:
            shape = shape[1:]
    size = 1
    for n in shape:
        size *= n
    return data.reshape(shape) if size == data.size and all(n > 0 for n in shape) else data


def _channel_means(mean: Message) -> tuple[float, ...]:
    array = blob_array(mean)
    array = array.reshape(-1, *array.shape[-2:]) if array.ndim > 2 else array.reshape(1, -1)
    return tuple(float(m) for m in array.reshape(len(array), -1).mean(axis=1, dtype=np.float64))


def dataset_of(source: str, shape: Shape, outputs: int) -> str:
    """Return the built-in dataset that a source is most likely; empty for another.

    Args:
        source: what the file calls it.
        shape: of its examples.
        outputs: of the network; 0 for one that does not tell classes apart.
    """
    names = {
        "fashion": "fashion_mnist",
        "mnist": "mnist",
        "cifar100": "cifar100",
        "cifar-100": "cifar100",
        "cifar": "cifar10",
    }
    for word, name in names.items():
        if word in source:
            info = find(name)
            return name if info is not None and info.shape == shape and outputs in {0, len(info.labels)} else ""
    return ""


def shape_of(layer: Message, prepared: Preparation | None) -> Shape:
    """Return the shape of the examples of a data layer, as far as it can be known; empty where it cannot."""
    if layer.get("type") == "Input":
        dims = tuple(layer.part("input_param", "Input").part("shape", "Shape").all("dim"))
        return example(dims)
    if layer.get("type") == "MemoryData":
        part = layer.part("memory_data_param", "MemoryData")
        return tuple(int(part.get(n, 0)) for n in ("channels", "height", "width"))
    if prepared is None:
        return ()
    for word, shape in (("mnist", (1, 28, 28)), ("cifar", (3, 32, 32))):
        if word in prepared.source:
            crop = prepared.crop
            return (shape[0], crop, crop) if crop else shape
    if prepared.crop and (len(prepared.means) == 3 or "imagenet" in prepared.source or "ilsvrc" in prepared.source):
        return (3, prepared.crop, prepared.crop)
    return ()


def example(dims: Sequence[int]) -> Shape:
    """Return the shape of one example of a batch; axes of size 1 at the end of a row say nothing."""
    if len(dims) < 2 or any(n < 1 for n in dims):
        return ()
    shape = tuple(int(n) for n in dims[1:])
    return shape[:1] if len(shape) == 3 and shape[1:] == (1, 1) else shape if len(shape) <= 3 else ()
