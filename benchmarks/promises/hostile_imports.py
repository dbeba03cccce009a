"""Files of other programs made to do harm: each is refused or read; no code runs, nothing is written or followed."""

from __future__ import annotations

import contextlib
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from netspec.diagnostics.diagnostic import NetspecError
from netspec.workflows.import_model import import_model
from promises.bad_imports import Case, Files, caffe, caffe_files, darknet, darknet_files
from promises.bad_keras import hdf5, keras, keras_files
from promises.bad_onnx import onnx, onnx_files
from promises.bad_torch import TRACE, holes, torch, torch_files
from promises.damage import KINDS, damaged
from promises.frame import ROOT, Effort, Found
from promises.memory import outcomes

__all__ = ["measure"]

_MOST = 512.0
"""MiB that an import may take."""

_LONGEST = 8_000
"""Letters of a message."""

_AT_ONCE = 500

_FOREIGN = ROOT / "tests" / "formats" / "foreign"


class _Given(NamedTuple):
    """What is imported, and whether the rest is written where not everything is understood."""

    folder: Path
    names: Sequence[str]
    rest: bool


def measure(effort: Effort) -> Found:
    """Import all of the corpus, and good files damaged at random, in processes whose memory is looked at."""
    inside = effort.folder / "a" / "b"
    inside.mkdir(parents=True)
    np.full((2, 3, 3, 3), 7, np.float32).tofile(inside / "secret.bin")
    cases = [case for case in _corpus() if not (effort.short and case.long)]
    given = [_written(inside / f"{index}", case) for index, case in enumerate(cases)]
    before = _files(effort.folder)
    said, slowest, grown = outcomes(_outcome, given)
    wrong = [
        f"{case.what}: {own}"
        for case, own in zip(cases, said, strict=False)
        if own not in ({case.must} if case.must else {"read", "refused"})
    ]
    if len(said) < len(cases):
        wrong.append(f"{len(cases) - len(said)} were not reached")
    count, read, good = effort.of(3_000, 40), 0, _good()
    for start in range(0, count, _AT_ONCE):
        seeds = [f"{effort.seed}:{i}" for i in range(start, min(start + _AT_ONCE, count))]
        own, seconds, memory = outcomes(partial(_of_seed, inside / "random", good), seeds)
        slowest, grown = max(slowest, seconds), max(grown, memory)
        read += own.count("read")
        wrong += [f"seed {seeds[i]}: {each}" for i, each in enumerate(own) if each not in {"read", "refused"}]
    wrong += [f"{path.name} was written" for path in sorted(_files(effort.folder) - before)]
    return Found(
        done=f"{len(cases)} imports of Caffe, Darknet, Keras, {'ONNX, ' if find_spec('onnx') else ''}PyTorch and "
        "safetensors: pickles that would run commands, code in layers, sizes that lie, bombs, loops, deep nesting, "
        f"links and data outside of the folder; {count:,} imports of good files with damage at random",
        figure=f"{len(wrong)} that ran, wrote or followed something, or ended in an error that was not clear"
        f"{_listed(wrong)}; {said.count('refused')} of the {len(cases)} refused, {said.count('read')} read; "
        f"{count - read:,} of the damaged ones refused; memory grew by {grown:.0f} MiB at most, the slowest took "
        f"{slowest:.1f} s",
        kept=not wrong and grown < _MOST,
    )


def _corpus() -> Iterator[Case]:
    """Yield all cases; the first imports what a network with weights needs."""
    yield from caffe()
    yield from darknet()
    yield from keras()
    if find_spec("onnx") is not None:
        yield from onnx()
    yield from torch()
    for name in ("net.prototxt", "net.cfg", "net.json", "net.h5", "net.keras", "net.onnx"):
        yield Case(f"64 GiB of hole as {name}", {name: b""}, "refused", holes(name))
        for what, put in _NO_FILES.items():
            yield Case(f"{what} as {name}", {name: b""}, "refused", partial(_instead, name, put))
    for name in ("w.pth", "w.safetensors"):
        yield Case(f"64 GiB of hole as {name}", {"net.net": b"input 5\nfc 3\n", name: b""}, "refused", holes(name))


_NO_FILES: Mapping[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    **({"a pipe that nobody writes to": os.mkfifo} if hasattr(os, "mkfifo") else {}),
}


def _instead(name: str, put: Callable[[Path], object], folder: Path) -> None:
    (folder / name).unlink()
    put(folder / name)


def _written(folder: Path, case: Case) -> _Given:
    folder.mkdir()
    for name, data in case.files.items():
        (folder / name).write_bytes(data() if callable(data) else data)
    if case.beside is not None:
        case.beside(folder)
    return _Given(folder, list(case.files), rest=True)


def _good() -> Sequence[Files]:
    """Return good files, each list of them those of one network."""
    found: list[Files] = [caffe_files(), darknet_files(), keras_files()]
    found += [torch_files(form) for form in ("zip", "legacy", "safetensors")]
    if find_spec("onnx") is not None:
        found.append(onnx_files())
    if find_spec("h5py") is not None:
        found.append({"net.h5": hdf5()})
    return [*found, *({path.name: path.read_bytes()} for path in sorted(_FOREIGN.iterdir()) if path.suffix != ".net")]


def _of_seed(folder: Path, good: Sequence[Files], seed: str) -> str:
    rng = Random(seed)
    files = dict(rng.choice(good))
    name = rng.choice([name for name in files if not name.endswith(".net")])
    files[name] = damaged(files[name], rng.choice(KINDS), rng)
    given = _written(folder, Case("damage at random", files))
    said = _outcome(given._replace(rest=rng.random() < 0.5))
    new = _files(folder) - {folder / each for each in files}
    shutil.rmtree(folder)
    return said if not new else f"{sorted(path.name for path in new)} were written"


def _outcome(given: _Given) -> str:
    """Return what came of an import; what it may write is taken away, and all else stays to be seen."""
    out = given.folder / "out.net"
    try:
        with contextlib.chdir(given.folder), warnings.catch_warnings():
            warnings.simplefilter("error")
            import_model([given.folder / name for name in given.names], out=out, partial=given.rest, force=True)
        said = "read"
    except NetspecError as error:
        text = str(error)
        clear = 0 < len(text) < _LONGEST and text.replace("\n", "").isprintable()
        said = "refused" if clear else f"the error is not clear: {text[:200]!r}"
    except BaseException as error:  # what else comes out is what the promise is about
        return f"{type(error).__name__}: {error}"[:200]
    if os.path.lexists(given.folder / TRACE):
        return "code has run"
    written = [path for path in (out, out.with_suffix(".safetensors")) if path.exists()]
    if said == "refused" and written:
        return "it is refused, and written"
    for path in written:
        path.unlink()
    return said


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file() or path.is_symlink()}


def _listed(wrong: Sequence[str]) -> str:
    return f" ({'; '.join(wrong[:5])})" if wrong else ""
