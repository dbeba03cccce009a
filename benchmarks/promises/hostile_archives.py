"""Archives of pictures made to do harm: each is refused, or its pictures are read; nothing is written or followed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from promises.bad_archives import GOOD, archive, corpus, good_files
from promises.damage import KINDS, damaged
from promises.frame import Effort, Found
from promises.loading import loaded, network_for
from promises.memory import outcomes

__all__ = ["measure"]

_MOST = 512.0
"""MiB that an archive may take."""

_SECRET = 77
"""The value of all pixels of a picture outside, to which links lead."""

_ENDINGS = (".zip", ".zip", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz")

_AT_ONCE = 500


def measure(effort: Effort) -> Found:
    """Read all of the corpus, and archives damaged at random, in processes whose memory is looked at."""
    inside = effort.folder / "a" / "b" / "archives"
    inside.mkdir(parents=True)
    for folder in (effort.folder, effort.folder / "a", effort.folder / "a" / "b", inside):
        Image.new("RGB", (12, 12), (_SECRET,) * 3).save(folder / "secret.png")
    bad = [(what, inside / f"{i}{ending}", write) for i, (what, ending, write) in enumerate(corpus())]
    if effort.short:
        long = ("gigabyte", "000", ".tar")
        bad = [each for each in bad if not any(word in each[0] for word in long)]
    for _, path, write in bad:
        write(path)
    before = _files(effort.folder)
    said, slowest, grown = outcomes(_outcome, [path for _, path, _ in bad])
    wrong = [f"{what}: {own}" for (what, _, _), own in zip(bad, said, strict=False) if own not in {"read", "refused"}]
    if len(said) < len(bad):
        wrong.append(f"{len(bad) - len(said)} were not reached")
    count, read = effort.of(5_000, 30), 0
    for start in range(0, count, _AT_ONCE):
        seeds = [f"{effort.seed}:{i}" for i in range(start, min(start + _AT_ONCE, count))]
        own, seconds, memory = outcomes(partial(_of_seed, inside), seeds)
        slowest, grown = max(slowest, seconds), max(grown, memory)
        read += own.count("read")
        wrong += [f"seed {seeds[i]}: {each}" for i, each in enumerate(own) if each not in {"read", "refused"}]
    new = _files(effort.folder) - before - {inside / f"random{ending}" for ending in _ENDINGS}
    wrong += [f"{path.name} was written" for path in sorted(new)]
    kept = [f"{said.count('refused')} of the {len(bad)} refused", f"{said.count('read')} read but for what is bad"]
    return Found(
        done=f"{len(bad)} .zip, .tar and .tar.gz files: names that climb, links, devices, sizes that lie, bombs, "
        f"archives in archives, passwords; {count:,} archives of five kinds with damage at random",
        figure=f"{len(wrong)} errors that were not clear{_listed(wrong)}; {', '.join(kept)}, {count - read:,} of the "
        f"damaged ones refused; no file written, no link followed; memory grew by {grown:.0f} MiB at most, the slowest "
        f"took {slowest:.1f} s",
        kept=not wrong and grown < _MOST,
    )


def _of_seed(folder: Path, seed: str) -> str:
    rng = Random(seed)
    ending = rng.choice(_ENDINGS)
    path = folder / f"random{ending}"
    path.write_bytes(damaged(archive(good_files(), ending), rng.choice(KINDS), rng))
    return _outcome(path)


def _outcome(path: Path) -> str:
    """Return what came of an archive; what is read are the good pictures, and at most one beside them."""
    found = loaded(path, network_for("skip"))
    if found.dataset is None:
        return found.said
    if found.trained > GOOD + 1:
        return f"{found.trained} pictures are read"
    if any((np.asarray(part.images) == _SECRET).all(axis=(1, 2, 3)).any() for part in found.dataset.splits.values()):
        return "a link is followed"
    return "read"


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def _listed(wrong: list[str]) -> str:
    return f" ({'; '.join(wrong[:5])})" if wrong else ""
