"""Where the preparation of examples goes: into `data` where its dataset is known, else into the first weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.formats.caffe.data import Preparation, dataset_of
from netspec.formats.reading import Piece, Place, Stored
from netspec.formats.sketch import Sketch, make
from netspec.layers.base import Layer

__all__ = ["prepare"]

_CIFAR = (0.4914, 0.4822, 0.4465)
_IMAGENET = (104.0, 117.0, 123.0)


def prepare(sketch: Sketch, prepared: Preparation | None, *, weights: bool, autoencoder: bool) -> None:
    """Say in the spec, or put into the weights, what Caffe does to bytes before the first layer."""
    shapes = list(sketch.made.inputs.values())
    if len(shapes) != 1 or len(shapes[0]) != 3:
        return
    channels = shapes[0][0]
    if prepared is None:
        if weights:
            sketch.unknown(
                Place(sketch.made.name),
                "no file says how pixels become numbers",
                "give the training net too, whose transform_param says it; --partial takes them as 0..1",
            )
        return
    last = sketch.made.pieces[-1].shape if sketch.made.pieces and not autoencoder else ()
    dataset = dataset_of(prepared.source, shapes[0], last[0] if last else 0)
    blue_first = channels == 3 and "cifar" not in prepared.source
    means = _means(sketch, prepared, dataset, channels, weights=weights)
    if blue_first:
        means = means[::-1]
    settings = _settings(prepared, means)
    augment = ["flip"] if prepared.mirror else []
    if dataset and len(sketch.made.outputs) < 2:
        if augment:
            settings["augment"] = " ".join(augment)
        if autoencoder:
            settings["target"] = "input"
        sketch.made.data = (dataset, settings)
        if blue_first and weights:
            sketch.unknown(prepared.place, "whether the colors are blue, green, red", "compare a picture")
        return
    if weights:
        _into_weights(sketch, prepared, means, channels, blue_first=blue_first)
        return
    if augment:
        settings["augment"] = " ".join(augment)
    if settings:
        inside = "; ".join(f"{name} {value}" for name, value in settings.items())
        sketch.made.remarks += [
            "Caffe's data layer, for a folder of pictures, one folder for each class:",
            f'data "pictures" {{ {inside} }}',
        ]


def _means(sketch: Sketch, prepared: Preparation, dataset: str, channels: int, *, weights: bool) -> tuple[float, ...]:
    """Return the mean of each channel, as Caffe orders them; those of a known dataset where their file is not here."""
    means = prepared.means
    if prepared.mean_file:
        stands = ""
        if dataset == "cifar10":
            means, stands = tuple(255 * m for m in _CIFAR), "the mean of each channel of CIFAR-10"
        elif channels == 3 and (
            "imagenet" in prepared.source or "ilsvrc" in prepared.source or "ilsvrc" in prepared.mean_file
        ):
            means, stands = _IMAGENET, "the mean of each channel of ImageNet (104, 117, 123)"
        if stands:
            sketch.note(f"the mean image {prepared.mean_file} is not among the files: {stands} stands for it")
        elif weights:
            sketch.unknown(prepared.place, f"the mean image {prepared.mean_file}", "give that file too")
        else:
            sketch.note(
                f"the mean image {prepared.mean_file} is not among the files: `normalize channels` is what people write"
            )
    if len(means) not in {0, 1, channels}:
        sketch.unknown(prepared.place, f"{len(means)} means for {channels} channels")
        return ()
    return means * channels if len(means) == 1 else means


def _settings(prepared: Preparation, means: tuple[float, ...]) -> dict[str, str]:
    """Return the settings of `data` that do the same; none where 0..1 does."""
    divisor = 1 / prepared.scale if prepared.scale else 1.0
    divisor = round(divisor) if abs(divisor - round(divisor)) < 1e-5 * divisor else float(f"{divisor:.7g}")
    if not any(means):
        return {} if divisor == 255 else {"scale": f"divisor={divisor}"}
    std = f"{divisor / 255:.7g}"
    if len(set(means)) == 1:
        return {"normalize": f"mean={means[0] / 255:.7g}" + ("" if std == "1" else f" std={std}")}
    shown = " ".join(f"{m / 255:.6g}" for m in means)
    return {"normalize": f'means="{shown}" stds="{" ".join([std] * len(means))}"'}


def _into_weights(
    sketch: Sketch, prepared: Preparation, means: tuple[float, ...], channels: int, *, blue_first: bool
) -> None:
    """Put scale, means and the order of colors into the first kernels: pixels as 0..1, red first, give the same."""
    readers = [piece for piece in sketch.made.pieces if "input" in piece.inputs]
    if any("kernel" in r.weights and "kernel" not in r.arrays for r in readers):
        return  # Weights of another network, which is said already.
    factor = 255 * prepared.scale
    shift = tuple(-m * prepared.scale for m in means) or (0.0,) * channels
    if not all(
        "kernel" in r.arrays and getattr(r.layer, "groups", 1) == 1 and r.layer.canonical() in {"conv", "fc"}
        for r in readers
    ):
        sketch.unknown(
            prepared.place,
            "how pixels become numbers: the first layer is no plain convolution",
            "`data { normalize … }`",
        )
        return
    before = any(shift) and any(_padded(r.layer) or "bias" not in r.arrays for r in readers)
    for reader in readers:
        kernel = reader.arrays["kernel"]
        array = kernel.array.astype(np.float64)
        by_channel = array if reader.layer.canonical() == "conv" else array.reshape(len(array), channels, -1)
        by_channel = by_channel[:, ::-1] if blue_first else by_channel
        reader.arrays["kernel"] = Stored(
            (by_channel * factor).reshape(array.shape).astype(np.float32),
            kernel.source + ", with the scale of pixels in it",
        )
        if any(shift) and not before:
            _shifted(reader, by_channel, shift)
    if before:
        _before(sketch, readers, factor, shift)
    if blue_first:
        sketch.note("Caffe's pictures are blue, green, red: the first kernel is turned to red, green, blue")
    sketch.note(
        "scale and means of the pixels are part of the first weights: examples are 0..1, as netspec makes them of bytes"
    )


def _padded(layer: Layer) -> bool:
    pad = getattr(layer, "pad", "valid")
    return pad != "valid" and any(pad)


def _shifted(reader: Piece, kernel: NDArray[Any], shift: tuple[float, ...]) -> None:
    """Put means into a bias, where no zeros of a padding are in the way."""
    sums = kernel.reshape(*kernel.shape[:2], -1).sum(axis=2) @ np.array(shift)
    bias = reader.arrays["bias"]
    reader.arrays["bias"] = Stored(
        (bias.array + sums).astype(np.float32), bias.source + ", with the means of pixels in it"
    )


def _before(sketch: Sketch, readers: list[Piece], factor: float, shift: tuple[float, ...]) -> None:
    """Put a layer before the first ones that subtracts the means: padding with zeros comes after it.

    The kernels have the factor already, so that it adds shift / factor to pixels of 0..1.
    """
    shape = sketch.made.inputs["input"]
    layer = make("scale", bias=True)
    made = sketch.add(layer, ["input"], "preparation", readers[0].place)
    sketch.made.pieces.remove(made)
    sketch.made.pieces.insert(0, made)
    made.keep = True
    for reader in readers:
        reader.inputs = tuple(made.name if source == "input" else source for source in reader.inputs)
    sketch.give(made, {"scale": np.ones(shape[0]), "bias": np.array(shift) / factor}, "the means of pixels")
    sketch.made.top.append(("freeze", made.name, ""))
    sketch.note(
        f"a frozen layer `scale bias` of {2 * shape[0]} numbers subtracts the means, for the padding comes after that"
    )
