"""Folders of pictures, some of them damaged: each picture is trained on or named, none is lost in silence."""

from __future__ import annotations

import io
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from promises.bad_files import FORMATS
from promises.damage import KINDS, damaged
from promises.frame import Effort, Found
from promises.loading import loaded, network_for

__all__ = ["measure"]

_CLASSES = ("cat", "dog", "owl")
_EACH = 12

_SUFFIXES = {"JPEG": ".jpg", "TIFF": ".tif"}


def measure(effort: Effort) -> Found:
    """Load folders with some damaged pictures, with both settings of `on_bad`."""
    rounds, wrong, damages, skipped = effort.of(400, 6), [], 0, 0
    for number in range(rounds):
        rng = Random(f"{effort.seed}:{number}")
        folder = effort.folder / str(number)
        count, hurt = _written(folder, rng)
        damages += hurt
        skip, stop = (loaded(folder, network_for(bad, len(_CLASSES))) for bad in ("skip", "stop"))
        skipped += skip.named
        wrong += [f"round {number}: {each}" for each in _wrong(count, hurt, skip.named, skip.trained)]
        if skip.said != "read":
            wrong.append(f"round {number}: {skip.said}")
        # A single one is named by its own error.
        as_said = stop.said == "refused" and skip.named in {stop.named, 1}
        if not (as_said if skip.named else stop.said == "read" and stop.trained == count):
            wrong.append(f"round {number}: `on_bad stop`: {stop.said}, with {stop.named} named and {skip.named} bad")
    return Found(
        done=f"{rounds:,} folders of {len(_CLASSES) * _EACH} pictures of {len(FORMATS)} formats, {damages:,} of them "
        "with damage at random; each loaded with `on_bad skip` and `on_bad stop`",
        figure=f"{len(wrong)} lost, counted wrong, or errors that were not clear{_listed(wrong)}; {skipped:,} could "
        f"not be read and were named and counted, {damages - skipped:,} of the damaged ones still show something",
        kept=not wrong,
    )


def _wrong(count: int, hurt: int, named: int, trained: int) -> list[str]:
    if trained + named != count:
        return [f"{count} pictures, {trained} trained on and {named} named"]
    return [f"{named} named, and {hurt} damaged"] if named > hurt else []


def _written(folder: Path, rng: Random) -> tuple[int, int]:
    """Write good pictures and some that are damaged; return how many there are, and how many of them are damaged."""
    hurt = 0
    for name in _CLASSES:
        (folder / name).mkdir(parents=True)
        for i in range(_EACH):
            kind = rng.choice(FORMATS)
            content = _picture(rng, kind)
            if i >= 4 and rng.random() < 0.3:  # some of each class stay
                content, hurt = damaged(content, rng.choice(KINDS), rng), hurt + 1
            (folder / name / f"{i}{_SUFFIXES.get(kind, '.' + kind.lower())}").write_bytes(content)
    return len(_CLASSES) * _EACH, hurt


def _picture(rng: Random, kind: str) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(rng.randrange(2**32)).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def _listed(wrong: list[str]) -> str:
    return f" ({'; '.join(wrong[:5])})" if wrong else ""
