"""What reads pictures, each in a process of its own: `python benchmarks/loading/ways.py`, told on standard input.

Standard output is one line of JSON: examples a second, processor time of the process and its children for a thousand of
them, and the peak of their resident memory, pages that they share counted once.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["WAYS"]

_SPEC = """\
data DATA { streaming STREAMING }
input SHAPE
conv 8 7x7 stride=4 relu; pool 2; conv 16 3x3 relu; globalpool; fc 2 softmax
train { batch 64; epochs EPOCHS; checkpoint off; evaluate batch=64 }
"""


class _Watch:
    """Measures processor time and resident memory of this process and its children, while it is entered."""

    def __init__(self) -> None:
        self.peak = 0
        self._over = threading.Event()

    def __enter__(self) -> _Watch:
        self._began, self._used = time.perf_counter(), sum(os.times()[:4])
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds, self.used = time.perf_counter() - self._began, sum(os.times()[:4]) - self._used
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        over = False
        while not over:
            over = self._over.wait(0.1)
            self.peak = max(self.peak, sum(map(_resident, _family(os.getpid()))))

    def said(self, count: int, **more: float) -> dict[str, float]:
        """Return what was measured while so many examples were read."""
        own = {"examples a second": count / self.seconds, "processor s for 1,000": 1000 * self.used / count}
        return {**own, "peak memory, MiB": self.peak / 2**20, **more}


def _family(process: int) -> Iterator[int]:
    yield process
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _resident(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
        return 1024 * next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def netspec_reads(path: Path, shape: tuple[int, int, int], batch: int, cache: str) -> dict[str, float]:
    """Read as a streamed training does: what is in the cache already, or decoding each time."""
    os.environ["NETSPEC_PICTURE_CACHE"] = cache
    from netspec.data.files.forms import PictureForm  # noqa: PLC0415
    from netspec.data.files.picture_files import picture_of  # noqa: PLC0415
    from netspec.data.files.streamed_pictures import look_through  # noqa: PLC0415
    from netspec.data.prefetch import Ring  # noqa: PLC0415
    from netspec.data.rows import Rows  # noqa: PLC0415
    from netspec.sources.files.pictures import pictures_of  # noqa: PLC0415
    from netspec.sources.trees import open_tree  # noqa: PLC0415

    tree = open_tree(path, str(path))
    files = pictures_of(tree, test=None, labelled=True).train.files
    if cache == "off":
        rows: Any = _Decoding(lambda at: picture_of(tree.read(files[at]), "", shape, "crop", is_quiet=True)[0], shape)
    else:
        rows = look_through(tree, files, (), PictureForm(shape, "crop")).images
        assert isinstance(rows, Rows)
    order = _order(len(files))
    with _Watch() as watch:
        batches = (order[i : i + batch] for i in range(0, len(order), batch))
        ring = Ring(rows, batches, 8, lambda array, at: array)
        while len(ring):
            ring.take()
    return watch.said(len(files))


class _Decoding:
    """Pictures as rows that are decoded whenever they are read."""

    dtype = np.dtype(np.uint8)

    def __init__(self, decode: Callable[[int], NDArray[np.uint8]], shape: tuple[int, int, int]) -> None:
        self._decode, self.shape = decode, (0, *shape)

    def fill(self, at: int, out: NDArray[Any]) -> None:
        out[...] = self._decode(at)


def _order(count: int) -> NDArray[np.int64]:
    return np.random.default_rng(0).permutation(count)


class _Files:
    """A dataset as PyTorch and grain take it: Pillow decodes, resizes and cuts out the center; a process each."""

    def __init__(self, path: Path, shape: tuple[int, int, int]) -> None:
        self.path, self.shape = path, shape
        self._archive: tuple[int, ZipFile] | None = None
        if path.is_file():
            with ZipFile(path) as archive:
                names = archive.namelist()
        else:
            names = [str(file.relative_to(path)) for file in path.rglob("*.jpg")]
        self.names = sorted(name for name in names if name.startswith("train/") and name.endswith(".jpg"))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, at: int) -> NDArray[np.uint8]:
        with Image.open(BytesIO(self._content(self.names[at]))) as image:
            side = self.shape[1]
            scale = side / min(image.size)
            if scale != 1:
                size = tuple(max(side, round(scale * length)) for length in image.size)
                image = image.resize(size, Image.Resampling.BICUBIC)  # type: ignore[assignment,arg-type] # noqa: PLW2901
            left, top = ((length - side) // 2 for length in image.size)
            pixels = np.asarray(image.convert("RGB").crop((left, top, left + side, top + side)))
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def _content(self, name: str) -> bytes:
        if not self.path.is_file():
            return (self.path / name).read_bytes()
        # A file that is open in two processes has one place where it is read.
        if self._archive is None or self._archive[0] != os.getpid():
            self._archive = (os.getpid(), ZipFile(self.path))
        return self._archive[1].read(name)


def torch_reads(path: Path, shape: tuple[int, int, int], batch: int, _: str) -> dict[str, float]:
    """Read with PyTorch's DataLoader."""
    import torch  # noqa: PLC0415

    files: Any = _Files(path, shape)
    loader = torch.utils.data.DataLoader(files, batch_size=batch, shuffle=True, num_workers=2, persistent_workers=False)
    with _Watch() as watch:
        count = sum(len(images) for images in loader)
    assert count == len(files)
    return watch.said(count)


def grain_reads(path: Path, shape: tuple[int, int, int], batch: int, _: str) -> dict[str, float]:
    """Read with grain's DataLoader."""
    grain: Any = import_module("grain.python")
    # Its workers ask for options of the command line, which only a program of absl has.
    import_module("absl.flags").FLAGS.mark_as_parsed()
    files = _Files(path, shape)
    sampler = grain.IndexSampler(len(files), shuffle=True, seed=0, num_epochs=1, shard_options=grain.NoSharding())
    operations = [grain.Batch(batch, drop_remainder=False)]
    loader = grain.DataLoader(data_source=files, sampler=sampler, operations=operations, worker_count=2)
    with _Watch() as watch:
        count = sum(len(images) for images in loader)
    return watch.said(count)


def netspec_trains(path: Path, shape: tuple[int, int, int], epochs: int, streaming: str) -> dict[str, float]:
    """Train: examples a second of the epochs behind the first one, which compiles; of the only one where it is that."""
    import netspec as ns  # noqa: PLC0415

    spec = _SPEC.replace("STREAMING", streaming).replace("SHAPE", "x".join(map(str, shape)))
    spec = spec.replace("EPOCHS", str(epochs)).replace("DATA", f'"{path.name}"')
    file = path.parent / f"{path.name}-{streaming}-{shape[1]}.net"
    file.write_text(spec, encoding="utf-8")
    seconds, waited, count = 0.0, 0.0, 0
    with _Watch() as watch:
        for event in ns.train(ns.load(file)):
            if isinstance(event, ns.Started):
                count = event.train
            if isinstance(event, ns.Epoch) and (event.epoch > 1 or epochs == 1):
                seconds, waited = seconds + event.seconds, waited + event.seconds * event.data_wait
    found = watch.said(
        count * epochs, **{"waiting for data, %": 100 * waited / seconds, "seconds in all": watch.seconds}
    )
    return {**found, "examples a second": count * max(1, epochs - 1) / seconds}


WAYS = {way.__name__: way for way in (netspec_reads, torch_reads, grain_reads, netspec_trains)}


def main() -> None:
    """Measure one way, and write what was found."""
    job = json.loads(sys.stdin.read())
    random.seed(0)
    found = WAYS[job["way"]](Path(job["path"]), tuple(job["shape"]), job["count"], job["how"])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
