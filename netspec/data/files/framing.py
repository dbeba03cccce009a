"""Finding what is drawn in a picture, and giving it the place, size and contrast that a dataset's own images have.

The images of MNIST and its kind show one thing, bright on black, scaled and centered by rule. A photograph of a pen on
paper shows the same thing somewhere, dark on an unevenly lit ground. The ground is estimated and divided out, what
stands out from it is separated by Otsu's threshold, small specks and what runs off the picture are left out, and the
rest is scaled and centered by the dataset's rule.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from netspec.data.files.pieces import chosen, pieces
from netspec.recipe.catalog import Framing

__all__ = ["framed", "is_framed"]

_SIDE = 320  # pixels of the longer side while looking
_COARSE = 100  # the same while looking for what is dark and what is light
_REACH = 84  # the width of the widest stroke that is not taken for ground
_MUCH = 0.1  # the share of a picture that a drawing rarely fills
_FAINT = 0.08  # contrast, in shares of the ground's brightness, below which nothing counts as drawn

Grey: TypeAlias = NDArray[np.floating[Any]]


def framed(
    picture: Image.Image, framing: Framing, size: tuple[int, int], *, invert: bool | None
) -> NDArray[np.uint8] | None:
    """Return what is drawn, bright on black, framed as a dataset frames it; None where nothing is found.

    Args:
        picture: of the mode `L`.
        framing: the rule of the dataset.
        size: height and width of its images.
        invert: whether the picture is dark on light; None looks.
    """
    values = _looked_at(picture)
    dark = _dark_on_light(values) if invert is None else invert
    found = _found(values, dark)
    if invert is None and (found is None or found[1].mean() > _MUCH):
        # So much may be the paper on a dark table: then what is drawn on it fills less of its box.
        other = _found(values, not dark)
        if other and (found is None or _fill(other[1]) < 0.25 * _fill(found[1])):
            dark, found = not dark, other
    if found is None:
        return None
    ink, mask = found
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    longer = max(np.ptp(rows), np.ptp(columns)) + 1
    if longer < _SIDE / 4 and max(picture.size) > _SIDE:
        # So small that it is worth a closer look, at it and what is around it.
        scale = max(picture.size) / _SIDE
        around = (columns[0] - longer, rows[0] - longer, columns[-1] + longer, rows[-1] + longer)
        most = (*picture.size, *picture.size)
        closer = picture.crop(tuple(int(np.clip(n * scale, 0, end)) for n, end in zip(around, most, strict=True)))  # type: ignore[arg-type]
        seen = framed(closer, framing, size, invert=dark)
        if seen is not None:
            return seen
    # A frame around it, for what thickens it.
    grown = np.pad(_soft(ink, mask)[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], _SIDE // 8)
    drawn = _cut(_thickened(grown, framing.stroke))
    return None if drawn is None else _placed(drawn, framing, size)


def is_framed(picture: Image.Image, framing: Framing, size: tuple[int, int]) -> bool:
    """Return whether a picture shows a drawing as the dataset does already, as an image of it that was enlarged does.

    Args:
        picture: of the mode `L`.
        framing: the rule of the dataset.
        size: height and width of its images.
    """
    if abs(picture.height * size[1] - picture.width * size[0]) > 0.02 * picture.height * size[1]:
        return False
    values = _looked_at(picture)
    border = np.concatenate([values[0], values[-1], values[1:-1, 0], values[1:-1, -1]])
    values = 1 - values if np.median(border) > 0.5 else values
    drawn = values > 0.5
    if values.max() < 0.8 or np.median(values) > 0.2 or not 0.1 < drawn.mean() < 0.5 or drawn[:, [0, -1]].mean() > 0.1:
        return False
    share = framing.box / max(size)
    ends = [np.flatnonzero(drawn.any(axis=axis))[[0, -1]] / (drawn.shape[1 - axis] - 1) for axis in (0, 1)]
    centered = all(abs(first + last - 1) < 0.2 for first, last in ends)
    return centered and abs(max(last - first for first, last in ends) - share) < 0.08


def _looked_at(picture: Image.Image) -> Grey:
    """Return the picture in a size that is quick to look through, in 0..1, without the noise of single pixels."""
    scale = _SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    filter_ = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    smooth = picture.resize(size, filter_).filter(ImageFilter.GaussianBlur(1))
    return np.asarray(smooth, np.float32) / 255


def _found(values: Grey, dark: bool) -> tuple[Grey, NDArray[np.bool_]] | None:
    """Return how much each pixel stands out from the ground, and where something is drawn; None where nothing is."""
    ink = _ink(values if dark else 1 - values, divide=dark)
    mask = _mask(ink)
    return None if mask is None else (ink, mask)


def _fill(mask: NDArray[np.bool_]) -> float:
    """Return which share of its box a mask fills."""
    return float(
        mask.sum() / (np.ptp(np.flatnonzero(mask.any(axis=1))) + 1) / (np.ptp(np.flatnonzero(mask.any(axis=0))) + 1)
    )


def _dark_on_light(values: Grey) -> bool:
    """Return whether what is drawn is darker than the ground: what stands out most from what is around it says so."""
    border = np.concatenate([values[0], values[-1], values[1:-1, 0], values[1:-1, -1]])
    low, high = np.percentile(values, [0.5, 99.5])
    if np.ptp(np.percentile(border, [10, 90])) < 0.2 * (high - low):
        # In even light, and with nothing at the border, that is the ground.
        return bool(np.median(border) > (low + high) / 2)
    scale = _COARSE / max(values.shape)
    height, width = (max(1, round(n * scale)) for n in values.shape)
    coarse = _image(values).resize((width, height), Image.Resampling.BOX)
    ground = np.asarray(coarse.filter(ImageFilter.MedianFilter(_COARSE // 4)), np.float32)
    cubes = ((np.asarray(coarse, np.float32) - ground) / 255) ** 3
    if abs(cubes.sum()) > 0.3 * np.abs(cubes).sum():
        return bool(cubes.sum() < 0)
    # Strokes so thick that they are taken for the ground: then the border tells.
    return bool(np.median(border) > np.percentile(values, [2, 98]).mean())


def _ink(values: Grey, *, divide: bool) -> Grey:
    """Return how much darker than the ground each pixel is, in 0..1.

    Args:
        values: dark on light.
        divide: take it as a share of the ground, as shadows on paper need.
    """
    # A closing: the brightest around each pixel, then the darkest of those. It fills strokes, and keeps shadows and
    # their edges.
    ground = 1 - _brightest(1 - _brightest(values))
    darker = ground - values
    return np.clip(darker / np.maximum(ground, 0.1) if divide else darker, 0, 1).astype(np.float32)


def _brightest(values: Grey) -> Grey:
    """Return the largest value in the square of `_REACH` pixels around each pixel."""
    for axis in (0, 1):
        padded = np.pad(values, [(_REACH // 2,) * 2 if a == axis else (0, 0) for a in (0, 1)], constant_values=0)
        padded, done = np.moveaxis(padded, axis, 0), 1
        while done < _REACH + 1:
            step = min(done, _REACH + 1 - done)
            padded = np.maximum(padded[:-step], padded[step:])
            done += step
        values = np.moveaxis(padded, 0, axis)
    return values


def _image(values: Grey) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8))


def _mask(ink: Grey) -> NDArray[np.bool_] | None:
    """Return where something is drawn; None where nothing is."""
    threshold = _otsu(ink)
    if not (ink > threshold).any():
        return None
    peak = max(float(np.percentile(ink[ink > threshold], 90)), float(np.percentile(ink, 99.8)))
    if peak < _FAINT:
        return None
    # The lines of ruled paper stand out too, but less than what is written on them.
    mask = ink > max(threshold, 0.45 * peak)
    kept: NDArray[np.bool_] = np.zeros_like(mask)
    for piece in chosen(pieces(mask, ink), mask.shape):
        kept |= piece.mask(mask.shape)
    return kept


def _otsu(ink: Grey) -> float:
    """Return the threshold that leaves the least variance within the two parts."""
    counts, edges = np.histogram(ink, bins=256, range=(0, 1))
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = counts.sum() - below
    sums = np.cumsum(counts * centers)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    return float(edges[1:-1][np.nan_to_num(between).argmax()])


def _soft(ink: Grey, mask: NDArray[np.bool_]) -> Grey:
    """Return what is drawn in 0..1 with full contrast, edges a little soft; all else is 0."""
    near = np.asarray(Image.fromarray(mask).convert("L").filter(ImageFilter.MaxFilter(3))) > 0
    peak = float(np.percentile(ink[mask], 75))
    low = 0.25 * peak
    return np.where(near, np.clip((ink - low) / (0.85 * peak - low), 0, 1), 0).astype(np.float32)


def _thickened(drawn: Grey, stroke: float) -> Grey:
    """Return strokes as thick as the dataset's where they are thinner; `stroke` is a share of the longer side."""
    mask = drawn > 0.5
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return drawn
    inside = np.asarray(Image.fromarray(mask).convert("L").filter(ImageFilter.MinFilter(3))) > 0
    edge = int(mask.sum() - inside.sum())
    width = 2 * mask.sum() / max(edge, 1)
    longer = max(np.ptp(rows), np.ptp(columns)) + 1
    # A filter of 2 n + 1 pixels adds n on each side; the square of a large one would show, so small ones are repeated.
    missing = round((stroke * longer - width) / 2)
    image = _image(drawn)
    for _ in range(missing):
        image = image.filter(ImageFilter.MaxFilter(3))
    return np.asarray(image, np.float32) / 255


def _cut(drawn: Grey) -> Grey | None:
    rows, columns = np.flatnonzero((drawn > 0.5).any(axis=1)), np.flatnonzero((drawn > 0.5).any(axis=0))
    return drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else None


def _placed(drawn: Grey, framing: Framing, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return an image of the dataset's size with what is drawn in it."""
    box = framing.box
    scale = box / max(drawn.shape)
    height, width = (max(1, round(n * scale)) for n in drawn.shape)
    small = np.asarray(_image(drawn).resize((width, height), Image.Resampling.BOX), np.float32)
    small *= 255 / max(float(small.max()), 1)
    center = [(n - 1) / 2 for n in small.shape]
    if framing.center == "mass":
        at = np.indices(small.shape)
        center = [float((small * at[axis]).sum() / small.sum()) for axis in (0, 1)]
    # The middle of an even size lies between two pixels; by mass MNIST takes the one behind it.
    middle = [n / 2 if framing.center == "mass" else (n - 1) / 2 for n in size]
    top, left = (
        int(np.clip(np.floor(m - c + 0.5), 0, n - s))
        for m, c, n, s in zip(middle, center, size, small.shape, strict=True)
    )
    canvas = np.zeros(size, np.uint8)
    canvas[top : top + height, left : left + width] = np.rint(small)
    return canvas
