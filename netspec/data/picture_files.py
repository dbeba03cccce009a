"""Picture files of users as arrays: brought to the size of a network's input, many at once in threads."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netspec.data.checks import shape_text
from netspec.data.decoding import decoded, opened, quiet
from netspec.data.images import border_color
from netspec.data.rows import Rows
from netspec.data.types import Decoding, DownloadProgress
from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.sources.trees import Read, Tree
from netspec.system.memory import free_memory

__all__ = [
    "Decoded",
    "Resize",
    "bad_pictures",
    "decode_all",
    "decode_in_pieces",
    "geometry",
    "in_threads",
    "mask_contents",
    "mask_of",
    "needed_memory",
    "picture_of",
    "require_picture_shape",
    "require_room",
    "size_of",
    "skipped_notice",
]

Resize: TypeAlias = Literal["crop", "center", "fit", "stretch"]
"""How a picture gets another size: see `DataSource.resize`."""

_SHOWN = 3
_AHEAD = 8
"""Pictures that wait for each thread."""


def require_picture_shape(shape: Sequence[int], what: str) -> None:
    """Raise DataError where an input is not that of pictures."""
    if len(shape) == 3 and shape[0] in (1, 3):
        return
    row = f"write `input 1x28x28`, channels x height x width: `fc` flattens it; here it is {shape_text(tuple(shape))}"
    raise DataError(f"{what} is pictures of 1 or 3 channels, which the input is not", row)


def picture_of(
    content: Path | bytes, name: str, shape: Sequence[int], resize: Resize, *, is_quiet: bool = False
) -> tuple[NDArray[np.uint8], str]:
    """Return a picture in the shape of an input, (C, H, W), and what should be known of it.

    Raises:
        DataError: it is no picture, damaged or huge.
    """
    channels, height, width = shape
    longest = 2 * max(height, width)
    picture, note = decoded(
        content, name, "L" if channels == 1 else "RGB", at_least=(longest, longest), is_quiet=is_quiet
    )
    pixels = _fitted(picture, (height, width), resize)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)), note


def _fitted(picture: Image.Image, size: tuple[int, int], resize: Resize) -> NDArray[np.uint8]:
    """Return a picture in another size, (H, W, C)."""
    height, width = size
    inner, box = geometry(picture.size, size, resize)
    scaled = np.asarray(picture.resize(inner, Image.Resampling.BICUBIC, box=box))
    scaled = scaled[..., None] if scaled.ndim == 2 else scaled
    if inner == (width, height):
        return scaled
    canvas = np.empty((height, width, scaled.shape[2]), np.uint8)
    canvas[:] = border_color(picture)
    top, left = (height - inner[1]) // 2, (width - inner[0]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = scaled
    return canvas


def geometry(
    own: tuple[int, int], size: tuple[int, int], resize: Resize
) -> tuple[tuple[int, int], tuple[float, float, float, float]]:
    """Return the width and height that a part of a picture gets, and the part: left, top, right, bottom."""
    width, height = own
    high, wide = size
    whole = (0.0, 0.0, float(width), float(height))
    if resize == "stretch":
        return (wide, high), whole
    if resize == "fit":
        scale = min(high / height, wide / width)
        return (min(wide, max(1, round(width * scale))), min(high, max(1, round(height * scale)))), whole
    scale = max(high / height, wide / width) * (_CENTER if resize == "center" else 1)
    across, down = min(float(width), wide / scale), min(float(height), high / scale)
    left, top = (width - across) / 2, (height - down) / 2
    return (wide, high), (left, top, left + across, top + down)


_CENTER = 8 / 7
"""So much larger than its size a picture becomes, of which `resize center` keeps the middle."""


def mask_of(content: bytes, name: str, size: tuple[int, int], resize: Resize, beside: tuple[int, int] | None) -> Any:
    """Return a mask as the values of its pixels, (H, W) of int32, each that of the nearest pixel.

    A palette's numbers, and grey values, are taken as they are; colors are numbers of 24 bits.

    Args:
        content: of the file.
        name: what messages call it.
        size: height and width of the input.
        resize: as the picture is resized.
        beside: width and height of its picture; None where that does not matter.

    Raises:
        DataError: it is no picture, or of another size than the picture.
    """
    picture = opened(content, name, is_quiet=True)
    if beside is not None and picture.size != beside:
        raise DataError(
            f"{name} has {picture.width}x{picture.height} pixels, and its picture {beside[0]}x{beside[1]}",
            "a mask has the size of its picture",
        )
    if picture.mode in {"1", "RGBA", "LA", "CMYK", "YCbCr", "HSV"}:
        picture = picture.convert({"1": "L", "LA": "L"}.get(picture.mode, "RGB"))
    inner, box = geometry(picture.size, size, resize)
    values = np.asarray(_nearest(picture, inner, box)).astype(np.int32)
    if values.ndim == 3:
        grey = (values == values[..., :1]).all()
        values = values[..., 0] if grey else (values[..., 0] << 16) + (values[..., 1] << 8) + values[..., 2]
    if inner == (size[1], size[0]):
        return values
    # Beside the picture lies the color of its border, beside the mask what its edge is.
    before = [(size[axis] - values.shape[axis]) // 2 for axis in (0, 1)]
    return np.pad(values, [(b, size[axis] - values.shape[axis] - b) for axis, b in enumerate(before)], mode="edge")


def _nearest(picture: Image.Image, inner: tuple[int, int], box: tuple[float, float, float, float]) -> NDArray[Any]:
    pixels = np.asarray(picture)
    left, top, right, bottom = box
    columns = np.floor(left + (np.arange(inner[0]) + 0.5) * (right - left) / inner[0]).astype(np.int64)
    rows = np.floor(top + (np.arange(inner[1]) + 0.5) * (bottom - top) / inner[1]).astype(np.int64)
    found: NDArray[Any] = pixels[rows.clip(0, len(pixels) - 1)][:, columns.clip(0, pixels.shape[1] - 1)]
    return found


@dataclass(frozen=True, eq=False, slots=True)
class Decoded:
    """Pictures that were read.

    Attributes:
        kept: the places, among those asked for, of the ones that could be read.
        images: (N, C, H, W) of bytes, in memory or as rows that are read when they are needed.
        masks: (N, H, W) of values; None where there are none.
        digests: of what is in each file: equal files are equal examples.
        notices: what to say of them.
    """

    kept: NDArray[np.int64]
    images: NDArray[np.uint8] | Rows
    masks: NDArray[np.int32] | None
    digests: tuple[bytes, ...]
    notices: tuple[str, ...] = field(default=())


def decode_all(
    tree: Tree,
    files: Sequence[str],
    masks: Sequence[str],
    shape: Sequence[int],
    resize: Resize,
    *,
    skip_bad: bool = False,
    progress: DownloadProgress | None = None,
) -> Decoded:
    """Return pictures, and their masks, as a network takes them; decoded in threads.

    Args:
        tree: where they lie.
        files: the names of the pictures.
        masks: the names of their masks, if they have some.
        shape: of the input.
        resize: how they get its size.
        skip_bad: leave out what cannot be read.
        progress: called now and then with a name, how many are done, and how many there are.

    Raises:
        DataError: some cannot be read, or they do not fit in memory.
    """
    require_picture_shape(shape, tree.name)
    channels, height, width = shape
    require_room(tree.name, len(files), shape, masks=bool(masks))
    images = np.empty((len(files), channels, height, width), np.uint8)
    values = np.empty((len(files), height, width), np.int32) if masks else None
    digests = [b""] * len(files)
    bad: dict[int, DataError] = {}

    def one(at: int, read: Read) -> None:
        try:
            content = read()
            digests[at] = blake2b(content, digest_size=16).digest()
            images[at], _ = picture_of(content, tree.shown(files[at]), shape, resize, is_quiet=True)
            if values is not None:
                beside = size_of(content)
                values[at] = mask_of(contents[at], tree.shown(masks[at]), (height, width), resize, beside)
        except DataError as error:
            bad[at] = error

    contents = mask_contents(tree, masks, bad)
    with quiet():
        in_threads(tree, files, one, lambda done: progress(Decoding(tree.name), done, len(files)) if progress else None)
    if bad and (not skip_bad or len(bad) == len(files)):
        raise bad_pictures(tree, files, bad)
    kept = np.array([at for at in range(len(files)) if at not in bad], np.int64)
    notices: tuple[str, ...] = ()
    if bad:
        images, values = images[kept], values[kept] if values is not None else None
        notices = (skipped_notice(tree, bad),)
    return Decoded(kept, images, values, tuple(digests[at] for at in kept), notices)


def decode_in_pieces(
    tree: Tree, files: Sequence[str], shape: Sequence[int], resize: Resize, *, size: int
) -> Iterator[tuple[list[str], NDArray[np.uint8], list[DataError]]]:
    """Yield pictures so many at a time: what messages call them, (N, C, H, W), and what is wrong with others."""
    files = tree.in_order(files)
    for start in range(0, len(files), size):
        some = files[start : start + size]
        images = np.empty((len(some), *shape), np.uint8)
        bad: dict[int, DataError] = {}

        def one(at: int, read: Read, *, some: Any = some, images: Any = images, bad: Any = bad) -> None:
            try:
                images[at], _ = picture_of(read(), tree.shown(some[at]), shape, resize, is_quiet=True)
            except DataError as error:
                bad[at] = error

        with quiet():
            in_threads(tree, some, one, lambda done: None)
        kept = [at for at in range(len(some)) if at not in bad]
        yield [tree.shown(some[at]) for at in kept], images[kept], [bad[at] for at in sorted(bad)]


def mask_contents(tree: Tree, masks: Sequence[str], bad: dict[int, DataError]) -> dict[int, bytes]:
    """Return what is in the files of masks: few bytes each."""
    found = {}
    for at, read in tree.each(masks):
        try:
            found[at] = read()
        except DataError as error:
            bad[at] = error
            found[at] = b""
    return found


def size_of(content: bytes) -> tuple[int, int]:
    """Return the width and height that a picture's file says, upright."""
    with Image.open(io.BytesIO(content)) as image:
        turned = image.getexif().get(0x0112, 1) in {5, 6, 7, 8}
        return (image.height, image.width) if turned else image.size


def in_threads(tree: Tree, files: Sequence[str], one: Callable[[int, Read], None], told: Callable[[int], None]) -> None:
    """Call a function on each file, a limited number of them ahead."""
    threads = min(16, os.cpu_count() or 1)
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for number, (at, read) in enumerate(tree.each(files)):
                waiting.append(pool.submit(one, at, read))
                if len(waiting) >= threads * _AHEAD:
                    waiting.popleft().result()
                if number % 64 == 0:
                    told(number)
            for future in waiting:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    told(len(files))


def bad_pictures(tree: Tree, files: Sequence[str], bad: dict[int, DataError]) -> DataError:
    """Return the error for pictures that cannot be read, by their places."""
    count = len(bad)
    if count == 1:
        (error,) = bad.values()
        said = error.message
    else:
        said = f"{count:,} of {plural(len(files), 'picture')} of {tree.name} cannot be read: {_named(bad)}"
    fix = "mend or remove " + ("it" if count == 1 else "them")
    return DataError(said, f"{fix}; `data … {{ on_bad skip }}` leaves such ones out" if count < len(files) else fix)


def skipped_notice(tree: Tree, bad: dict[int, DataError]) -> str:
    """Return what to say of pictures that are left out."""
    return f"{plural(len(bad), 'picture')} of {tree.name} cannot be read and left out: {_named(bad)}"


def _named(bad: dict[int, DataError]) -> str:
    first = [bad[at].message for at in sorted(bad)[:_SHOWN]]
    more = [f"{len(bad) - len(first):,} more"] if len(bad) > len(first) else []
    return listing([*first, *more], "and") if len(bad) > 1 else first[0]


def require_room(name: str, count: int, shape: Sequence[int], *, masks: bool) -> None:
    """Raise DataError where pictures, or masks where there are no channels, would not fit in memory."""
    needed, free = needed_memory(count, shape, masks=masks), free_memory()
    if free is not None and needed > free:
        what = f"as {shape_text(tuple(shape))} they take" if shape[0] else "their masks take"
        fix = "take a smaller input, such as `input 3x64x64`, or fewer pictures"
        raise DataError(
            f"{name} has {plural(count, 'picture')}: {what} {_size(needed)} of memory while they are read, and "
            f"{_size(free)} are free",
            f"{fix}; `data … {{ streaming on }}` reads them batch by batch" if shape[0] else fix,
        )


def needed_memory(count: int, shape: Sequence[int], *, masks: bool) -> int:
    """Return how many bytes pictures take in memory while they are loaded."""
    channels, height, width = shape
    # Dividing them into parts, and handing them to the device, takes as much again.
    return 2 * count * height * width * (channels + 4 * masks)


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
