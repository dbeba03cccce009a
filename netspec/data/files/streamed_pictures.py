"""Pictures that are not all in memory: each is decoded once when they are looked through, and read when it is needed.

The first look decodes every picture in threads, into a file of the cache where there is room for that. It is needed in
any case: a hash of each file divides the data, damaged ones are to be known before a training begins, and the record of
a run has a hash of all pixels. What it found out is kept, so that the next training begins at once.
"""

from __future__ import annotations

import hashlib
import json
import warnings
import weakref
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.files.decode_files import (
    Decoded,
    bad_files,
    cut_notice,
    in_threads,
    mask_beside,
    mask_contents,
    require_room,
    skipped_notice,
)
from netspec.data.files.forms import FileForm
from netspec.data.files.picture_cache import PictureCache, open_cache
from netspec.data.rows import Rows
from netspec.data.types import Decoding, DownloadProgress
from netspec.diagnostics.diagnostic import DataError
from netspec.sources.files.libsndfile import SoundfileMissingError
from netspec.sources.trees import Read, Tree, is_packed

__all__ = ["PictureSource", "look_through"]

_FORMAT = 1
"""Of what is kept: another number, and everything is decoded anew."""

_SPAN = 2.0**64
_LEFT_OUT = "left out"
"""Under which what of files is no part of their examples is kept."""


class PictureSource:
    """Picture files as rows: from the cache where they are kept, else decoded anew.

    Args:
        tree: where the files lie; it stays open.
        files: their names.
        form: what a file becomes.
        cache: what is kept of them.
        key: what they are, as a text.
    """

    def __init__(self, tree: Tree, files: Sequence[str], form: FileForm, cache: PictureCache, key: str) -> None:
        self.tree, self.files, self.form, self.cache, self.key = tree, tuple(files), form, cache, key
        self.shape: tuple[int, ...] = form.shape
        self.dtype: np.dtype[Any] = form.dtype
        weakref.finalize(self, cache.close)

    def read(self, number: int, out: NDArray[Any]) -> None:
        """Write one picture into an array; raises DataError where it is no longer what it was."""
        if self.cache.read(number, out):
            return
        content = self.tree.read(self.files[number])
        digest = _digest(content)
        if digest != self.cache.entries[number]["digest"].tobytes():
            raise DataError(
                f"{self.tree.shown(self.files[number])} is not what it was when the training began",
                "put it back, and go on",
            )
        # It was decoded before, so that it is known to be safe; that Pillow warns of it was silenced then.
        pixels = self.form.of(content, self.tree.shown(self.files[number]))
        out[:] = pixels
        if self.cache.keeps_rows:
            self.cache.write(number, digest, int(self.cache.entries[number]["draw"]), pixels)

    def look(self, number: int, content: bytes) -> None:
        """Decode a picture for the first time, and keep what is known of it."""
        pixels = self.form.of(content, self.tree.shown(self.files[number]))
        draw = blake2b(pixels.tobytes(), digest_size=8, person=b"validation").digest()
        self.cache.write(number, _digest(content), int.from_bytes(draw, "big"), pixels)

    def places(self, numbers: NDArray[np.int64]) -> list[float]:
        """Return where pictures lie in the draw for validation."""
        return [int(draw) / _SPAN for draw in self.cache.entries["draw"][numbers].tolist()]

    def remembered(self, key: str) -> str | None:
        """Return a text that was kept."""
        return self.cache.remembered(key)

    def remember(self, key: str, text: str) -> None:
        """Keep a text."""
        self.cache.remember(key, text)


def look_through(
    tree: Tree,
    files: Sequence[str],
    masks: Sequence[str],
    form: FileForm,
    *,
    skip_bad: bool = False,
    progress: DownloadProgress | None = None,
) -> Decoded:
    """Return what `decode_all` does, the pictures as rows that are read when they are needed; masks are in memory.

    Raises:
        DataError: some cannot be read, or their masks do not fit in memory.
    """
    require_room(tree.name, len(files), form, masks=bool(masks), of_masks=True)
    key = _key(tree, files, form)
    cache = open_cache(key, len(files), form.nbytes)
    source = PictureSource(tree, files, form, cache, key)
    if is_packed(tree.path.name) and not cache.keeps_rows:
        raise DataError(
            f"{tree.name} can only be read from its beginning to its end, and the {form.kind.one}s cannot be kept "
            f"decoded: {cache.reason}",
            "unpack it, or make a .zip of it, which is read in any order",
        )
    values = np.empty((len(files), *form.shape[1:]), np.int32) if masks else None
    bad: dict[int, DataError] = {}
    wanted = [at for at in range(len(files)) if values is not None or not _is_there(source, at)]
    contents = mask_contents(tree, masks, bad)

    cut = _left_out(source)

    def one(place: int, read: Read) -> None:
        at = wanted[place]
        try:
            content = read()
            if not _is_there(source, at):
                source.look(at, content)
                if said := form.left_out(content, tree.shown(files[at])):
                    cut[at] = said
            if values is not None:
                values[at] = mask_beside(content, contents[at], tree.shown(masks[at]), form)
        except SoundfileMissingError:
            raise
        except DataError as error:
            bad[at] = error

    def told(done: int) -> None:
        if progress:
            progress(Decoding(tree.name), done + len(files) - len(wanted), len(files))

    if wanted:
        with form.prepared():
            in_threads(tree, [files[at] for at in wanted], one, told)
    if bad and (not skip_bad or len(bad) == len(files)):
        raise bad_files(tree, files, bad, form.kind)
    kept = np.array([at for at in range(len(files)) if at not in bad], np.int64)
    notices = [skipped_notice(tree, bad, form.kind)] if bad else []
    if cut:
        source.remember(_LEFT_OUT, json.dumps(cut))
        notices.append(cut_notice(tree, files, cut, form.kind))
    if not cache.keeps_rows:
        warnings.filterwarnings("ignore", module=r"PIL\b")
        notices.append(f"{tree.name}: {form.kind.one}s are decoded anew in each epoch: {cache.reason}")
    digests = tuple(cache.entries[at]["digest"].tobytes() for at in kept)
    return Decoded(kept, Rows(source, kept), None if values is None else values[kept], digests, tuple(notices))


def _left_out(source: PictureSource) -> dict[int, str]:
    """Return what of files is no part of their examples, by their places, as it was seen when they were decoded."""
    try:
        kept = json.loads(source.remembered(_LEFT_OUT) or "{}")
        return {int(at): str(said) for at, said in kept.items() if 0 <= int(at) < len(source.files)}
    except (ValueError, AttributeError):
        return {}  # what is kept was damaged: it is a note, no more


def _is_there(source: PictureSource, at: int) -> bool:
    """Return whether nothing needs to be decoded to know a picture."""
    if not source.cache.knows(at):
        return False
    # What can be read forward only is not decoded in another order later.
    return not is_packed(source.tree.path.name) or source.cache.read(at, np.empty(source.shape, source.dtype))


def _key(tree: Tree, files: Sequence[str], form: FileForm) -> str:
    """Return a hash of which files they are, as they are now, and of how they are decoded.

    The times of a file change with what is in it, so that it does not need to be read for that.
    """
    found = hashlib.sha256(f"{_FORMAT} {form.key} {tree.path.resolve()}\n".encode())
    archive = tree.path if tree.path.is_file() else None
    if archive:
        found.update(_state(archive))
    for file in files:
        found.update(f"{file}\0".encode("utf-8", "surrogateescape"))
        if not archive:
            found.update(_state(tree.path / file))
    return found.hexdigest()[:32]


def _state(path: Path) -> bytes:
    try:
        now = path.stat()
    except OSError:
        return b"?"
    return f"{now.st_size} {now.st_mtime_ns} {now.st_ctime_ns}\n".encode()


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()
