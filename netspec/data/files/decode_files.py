"""Files of users as arrays: read and decoded many at once, in threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.checks import shape_text
from netspec.data.files.forms import FileForm, PictureForm
from netspec.data.files.picture_files import mask_of, size_of
from netspec.data.rows import Rows
from netspec.data.types import Decoding, DownloadProgress
from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.sources.files.kinds import FileKind
from netspec.sources.files.libsndfile import SoundfileMissingError
from netspec.sources.trees import Read, Tree
from netspec.system.memory import free_memory

__all__ = [
    "Decoded",
    "bad_files",
    "cut_notice",
    "decode_all",
    "decode_in_pieces",
    "in_threads",
    "mask_beside",
    "mask_contents",
    "needed_memory",
    "require_room",
    "skipped_notice",
]

_SHOWN = 3
_AHEAD = 8
"""Files that wait for each thread."""


@dataclass(frozen=True, eq=False, slots=True)
class Decoded:
    """Files that were read.

    Attributes:
        kept: the places, among those asked for, of the ones that could be read.
        images: the examples, (N, …), in memory or as rows that are read when they are needed.
        masks: (N, H, W) of values; None where there are none.
        digests: of what is in each file: equal files are equal examples.
        notices: what to say of them.
    """

    kept: NDArray[np.int64]
    images: NDArray[Any] | Rows
    masks: NDArray[np.int32] | None
    digests: tuple[bytes, ...]
    notices: tuple[str, ...] = field(default=())


def decode_all(
    tree: Tree,
    files: Sequence[str],
    masks: Sequence[str],
    form: FileForm,
    *,
    skip_bad: bool = False,
    progress: DownloadProgress | None = None,
) -> Decoded:
    """Return files, and the masks of pictures, as a network takes them; decoded in threads.

    Args:
        tree: where they lie.
        files: the names of the files.
        masks: the names of the masks of pictures, if they have some.
        form: what a file becomes.
        skip_bad: leave out what cannot be read.
        progress: called now and then with a name, how many are done, and how many there are.

    Raises:
        DataError: some cannot be read, or they do not fit in memory.
    """
    require_room(tree.name, len(files), form, masks=bool(masks))
    images = form.empty(len(files))
    values = np.empty((len(files), *form.shape[1:]), np.int32) if masks else None
    digests = [b""] * len(files)
    bad: dict[int, DataError] = {}
    cut: dict[int, str] = {}

    def one(at: int, read: Read) -> None:
        try:
            content = read()
            digests[at] = blake2b(content, digest_size=16).digest()
            images[at] = form.of(content, tree.shown(files[at]))
            if said := form.left_out(content, tree.shown(files[at])):
                cut[at] = said
            if values is not None:
                values[at] = mask_beside(content, contents[at], tree.shown(masks[at]), form)
        except SoundfileMissingError:
            raise
        except DataError as error:
            bad[at] = error

    contents = mask_contents(tree, masks, bad)
    with form.prepared():
        in_threads(tree, files, one, lambda done: progress(Decoding(tree.name), done, len(files)) if progress else None)
    if bad and (not skip_bad or len(bad) == len(files)):
        raise bad_files(tree, files, bad, form.kind)
    kept = np.array([at for at in range(len(files)) if at not in bad], np.int64)
    notices = (cut_notice(tree, files, cut, form.kind),) if cut else ()
    if bad:
        images, values = images[kept], values[kept] if values is not None else None
        notices = (skipped_notice(tree, bad, form.kind), *notices)
    return Decoded(kept, images, values, tuple(digests[at] for at in kept), notices)


def decode_in_pieces(
    tree: Tree, files: Sequence[str], form: FileForm, *, size: int
) -> Iterator[tuple[list[str], NDArray[Any], list[DataError], dict[int, str]]]:
    """Yield files so many at a time: what messages call them, (N, …), what is wrong with others, what is left out.

    What is left out, as `FileForm.left_out` says it, is by the place of the file among those that can be read.
    """
    files = tree.in_order(files)
    for start in range(0, len(files), size):
        some = files[start : start + size]
        images = form.empty(len(some))
        bad: dict[int, DataError] = {}
        cut: dict[int, str] = {}

        def one(at: int, read: Read, *, some: Any = some, images: Any = images, bad: Any = bad, cut: Any = cut) -> None:
            name = tree.shown(some[at])
            try:
                content = read()
                images[at] = form.of(content, name)
                if said := form.left_out(content, name):
                    cut[at] = said
            except SoundfileMissingError:
                raise
            except DataError as error:
                bad[at] = error

        with form.prepared():
            in_threads(tree, some, one, lambda done: None)
        kept = [at for at in range(len(some)) if at not in bad]
        left_out = {place: cut[at] for place, at in enumerate(kept) if at in cut}
        yield [tree.shown(some[at]) for at in kept], images[kept], [bad[at] for at in sorted(bad)], left_out


def mask_beside(content: bytes, mask: bytes, name: str, form: FileForm) -> NDArray[np.int32]:
    """Return the mask of a picture as the values of its pixels, in the size of the input.

    Args:
        content: of the file of the picture.
        mask: of the file of the mask.
        name: what messages call the mask.
        form: what the picture becomes.
    """
    assert isinstance(form, PictureForm)
    _, height, width = form.size
    found: NDArray[np.int32] = mask_of(mask, name, (height, width), form.resize, size_of(content))
    return found


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


def bad_files(tree: Tree, files: Sequence[str], bad: dict[int, DataError], kind: FileKind) -> DataError:
    """Return the error for files that cannot be read, by their places."""
    count = len(bad)
    if count == 1:
        (error,) = bad.values()
        said = error.message
    else:
        said = f"{count:,} of {plural(len(files), kind.one)} of {tree.name} cannot be read: {_named(bad)}"
    fix = "mend or remove " + ("it" if count == 1 else "them")
    return DataError(said, f"{fix}; `data … {{ on_bad skip }}` leaves such ones out" if count < len(files) else fix)


def skipped_notice(tree: Tree, bad: dict[int, DataError], kind: FileKind) -> str:
    """Return what to say of files that are left out."""
    return f"{plural(len(bad), kind.one)} of {tree.name} cannot be read and left out: {_named(bad)}"


def cut_notice(tree: Tree, files: Sequence[str], cut: dict[int, str], kind: FileKind) -> str:
    """Return what to say of files that are read in part."""
    first = min(cut)
    said = f"{len(cut):,} of {plural(len(files), kind.one)} of {tree.name} are read in part"
    return f"{said}: {tree.shown(files[first])} is {cut[first]}"


def _named(bad: dict[int, DataError]) -> str:
    first = [bad[at].message for at in sorted(bad)[:_SHOWN]]
    more = [f"{len(bad) - len(first):,} more"] if len(bad) > len(first) else []
    return listing([*first, *more], "and") if len(bad) > 1 else first[0]


def require_room(name: str, count: int, form: FileForm, *, masks: bool, of_masks: bool = False) -> None:
    """Raise DataError where files, with the masks of pictures or these alone, would not fit in memory."""
    needed, free = needed_memory(count, form, masks=masks, of_masks=of_masks), free_memory()
    if free is not None and needed > free:
        what = "their masks take" if of_masks else f"as {shape_text(form.shape)} they take"
        raise DataError(
            f"{name} has {plural(count, form.kind.one)}: {what} {_size(needed)} of memory while they are read, and "
            f"{_size(free)} are free",
            form.smaller if of_masks else f"{form.smaller}; `data … {{ streaming on }}` reads them batch by batch",
        )


def needed_memory(count: int, form: FileForm, *, masks: bool, of_masks: bool = False) -> int:
    """Return how many bytes files, with the masks of pictures or these alone, take in memory while they are loaded."""
    each = (0 if of_masks else form.nbytes) + 4 * prod(form.shape[1:]) * masks
    # Dividing them into parts, and handing them to the device, takes as much again.
    return 2 * count * each


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
