"""Bad pictures, arrays, archives and folders: each must be one error that names the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from netspec.data import read_examples, read_image
from netspec.data.arrays.arrays import read_idx_folder, read_npz
from netspec.diagnostics.diagnostic import DataError
from promises.bad_files import FORMATS, Write, archives, arrays, folders, good_picture, pictures
from promises.damage import KINDS, damaged
from promises.frame import Effort, Found

__all__ = ["measure"]

_SHAPE = (1, 4, 3)


def measure(effort: Effort) -> Found:
    """Read all of the corpus, and then pictures with damage at random, which may also be read."""
    kinds: list[tuple[str, Iterable[tuple[str, Write]], Callable[[Path], Any]]] = [
        (".png", pictures(), partial(read_image, shape=_SHAPE)),
        (".npy", arrays(), partial(read_examples, shape=_SHAPE)),
        (".npz", archives(), read_npz),
        ("", folders(), read_idx_folder),
    ]
    wrong, count = [], 0
    for number, (suffix, corpus, read) in enumerate(kinds):
        for what, write in corpus:
            path = effort.folder / f"{number}-{count}{suffix}"
            write(path)
            said = _outcome(read, path)
            count += 1
            if said != "refused":
                wrong.append(f"{what}: {said}")
    flips, read_all_the_same = effort.of(20_000, 60), 0
    rng, path = Random(effort.seed), effort.folder / "damaged"
    whole = {kind: good_picture(kind) for kind in FORMATS}
    for _ in range(flips):
        kind = rng.choice(FORMATS)
        path.write_bytes(damaged(whole[kind], rng.choice(KINDS), rng))
        said = _outcome(partial(read_image, shape=_SHAPE), path)
        read_all_the_same += said == "read"
        if said not in ("refused", "read"):
            wrong.append(f"a damaged {kind}: {said}")
    return Found(
        done=f"{count} bad pictures, arrays, archives and folders; {flips:,} pictures of {len(FORMATS)} formats with "
        "damage at random",
        figure=f"{len(wrong)} errors that were not clear{_listed(wrong)}; all {count} refused, "
        f"{flips - read_all_the_same:,} of the damaged pictures too, the others still show something",
        kept=not wrong,
    )


def _outcome(read: Callable[[Path], Any], path: Path) -> str:
    try:
        read(path)
    except DataError as error:
        return "refused" if str(path) in error.message else f"the error names no file: {error.message}"
    except Exception as error:  # what else comes out is what the promise is about
        return f"{type(error).__name__}: {error}"
    return "read"


def _listed(wrong: list[str]) -> str:
    return f" ({'; '.join(wrong[:5])})" if wrong else ""
