"""Flipped bits in datasets whose content is pinned: MNIST's IDX files, packed and not, and the bundled digits."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np

from netspec.data.arrays import idx
from netspec.data.builtin import digits
from netspec.data.builtin.mnist import MNIST
from netspec.diagnostics.diagnostic import DataError
from promises.frame import Effort, Found

__all__ = ["measure"]

_CAUGHT, _HARMLESS, _SILENT = "caught", "harmless", "loaded as other data"
_NONE = "no MNIST under NETSPEC_DATA: files made for this stand in for it"


@dataclass(frozen=True, slots=True)
class _Case:
    """A file on disk, how it is read, what it holds, and how many flips it gets for each ten of all."""

    path: Path
    read: Callable[[], Any]
    content: Sequence[bytes]
    share: int


def measure(effort: Effort) -> Found:
    """Flip one bit at a time, read, and flip it back."""
    rng = Random(effort.seed)
    stand_in = MNIST.locate() is None
    cases = [*_idx_cases(effort.folder, _stand_ins(rng) if stand_in else _contents()), *_digits(effort.folder)]
    tries, shares = effort.of(10_000, 100), sum(case.share for case in cases)
    came: Counter[str] = Counter()
    for case in cases:
        for _ in range(-(-tries * case.share // shares)):
            came[_flipped(case, rng.randrange(8 * case.path.stat().st_size))] += 1
    for case in cases:
        assert _held(case.read()) == case.content, "every flip was flipped back"
    others = {what: count for what, count in came.items() if what not in (_CAUGHT, _HARMLESS, _SILENT)}
    return Found(
        done=f"{came.total():,} flipped bits in {len(cases)} files: those of MNIST, packed and unpacked, and "
        "the bundled digits" + (f" ({_NONE})" if stand_in else ""),
        figure=f"{came[_SILENT]} {_SILENT}; {came[_CAUGHT]:,} caught; {came[_HARMLESS]} in fields of gzip that mean "
        "nothing, such as its date: the data was right" + (f"; {others}" if others else ""),
        kept=not came[_SILENT] and not others,
    )


def _flipped(case: _Case, bit: int) -> str:
    """Flip a bit of a file, read it, flip it back, and return what came of it."""
    with case.path.open("r+b") as stream:
        stream.seek(bit // 8)
        (byte,) = stream.read(1)
        stream.seek(bit // 8)
        stream.write(bytes([byte ^ 1 << bit % 8]))
        stream.flush()
        try:
            return _HARMLESS if _held(case.read()) == case.content else _SILENT
        except DataError as error:
            return _CAUGHT if str(case.path) in error.message else "the message does not name the file"
        except Exception as error:  # what else comes out is what the promise is about
            return type(error).__name__
        finally:
            stream.seek(bit // 8)
            stream.write(bytes([byte]))


def _held(read: Any) -> list[bytes]:
    """Return the bytes of what was read: an array, or the two splits of a dataset."""
    if isinstance(read, np.ndarray):
        return [read.tobytes()]
    return [array.tobytes() for split in read for array in (split.images, split.labels)]


def _contents() -> dict[str, bytes]:
    """Return MNIST's four files, unpacked."""
    folder, found = MNIST.locate(), {}
    assert folder is not None
    for name in idx.NAMES:
        path = idx.find(folder, name)
        assert path is not None
        data = path.read_bytes()
        found[name] = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    return found


def _stand_ins(rng: Random) -> dict[str, bytes]:
    """Return four small IDX files."""
    shapes = [(300, 28, 28), (300,), (100, 28, 28), (100,)]
    found = {}
    for name, shape in zip(idx.NAMES, shapes, strict=True):
        head = bytes([0, 0, 8, len(shape)]) + b"".join(extent.to_bytes(4, "big") for extent in shape)
        found[name] = head + rng.randbytes(int(np.prod(shape)))
    return found


def _idx_cases(folder: Path, contents: dict[str, bytes]) -> list[_Case]:
    """Return each file unpacked and packed; of the large ones, which take long to read, fewer bits are flipped."""
    cases = []
    for name, content in contents.items():
        large = len(content) > 10_000_000
        for suffix, data in (("", content), (".gz", gzip.compress(content, 6))):
            path = folder / (name + suffix)
            path.write_bytes(data)
            values = content[4 + 4 * content[3] :]
            cases.append(_Case(path, _reader(path, content), [values], 1 if large else 3))
    return cases


def _reader(path: Path, content: bytes) -> Callable[[], Any]:
    digest = hashlib.sha256(content).hexdigest()
    return lambda: idx.read_idx(path, dimensions=content[3], sha256=digest)


def _digits(folder: Path) -> list[_Case]:
    path = folder / digits.FILE.name
    path.write_bytes(digits.FILE.read_bytes())

    def read() -> Any:
        with patch.object(digits, "FILE", path):
            return digits.load()

    return [_Case(path, read, _held(digits.load()), 6)]
