"""A look at a folder or an archive of sounds: rates, lengths, what is silent, clipped or damaged, some to be drawn."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.files.decode_files import in_threads
from netspec.data.files.picture_facts import spread
from netspec.data.files.sound_samples import decoded
from netspec.data.files.spectrogram import power
from netspec.data.types import Decoding, DownloadProgress
from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.sound_settings import Sound
from netspec.sources.files.kinds import SOUNDS
from netspec.sources.files.libsndfile import SoundfileMissingError
from netspec.sources.files.pictures import Labelled, Pictures, pictures_of
from netspec.sources.files.sound_headers import header_of
from netspec.sources.trees import Read, Tree, open_tree

__all__ = ["SoundFacts", "sketch", "sound_facts"]

_SILENT = 1e-4
"""Of full scale: what never gets louder is silent, -80 decibels."""
_FULL = 0.99
"""Three equal samples in a row at full scale are cut off, not reached."""
_WIDE, _WAVE, _HIGH = 96, 32, 48
"""Pixels of a sketch: across, of the waveform, and of the spectrogram under it."""
_LOOK, _FLOOR = 512, -80.0
"""Samples of a frame of it, and decibels that are white."""
_LONGEST = 60
"""Seconds of a sound that are looked at for silence and clipping."""


@dataclass(slots=True)
class SoundFacts:
    """What was seen of sounds.

    Attributes:
        found: the classes and parts.
        rates: how many sounds have each rate, in samples a second.
        forms: how many are written in each way, such as `16 bit`.
        channels: how many have each number of channels.
        seconds: how long each is, in order.
        silent: the names of those that are silent.
        clipped: of those that are cut off at full scale.
        bad: what is wrong with those that cannot be read.
        twice: the parts and names of sounds with the same content.
        images: sketches of some of the training part, (N, 3, H, W).
        drawn: the places of these in the training part.
    """

    found: Pictures
    rates: Counter[int] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)
    channels: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    clipped: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    twice: list[list[tuple[str, str]]] = field(default_factory=list)
    images: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 3, 1, 1), np.uint8))
    drawn: list[int] = field(default_factory=list)


def sound_facts(path: Path, name: str, progress: DownloadProgress | None = None) -> SoundFacts:
    """Return what there is to see in a folder or an archive of sounds; every sound is decoded.

    Raises:
        DataError: there are none, or they do not go together.
    """
    same: dict[bytes, list[tuple[str, str]]] = defaultdict(list)
    with open_tree(path, name) as tree:
        try:
            found = pictures_of(tree, kind=SOUNDS)
        except DataError:
            # What lies in no folders of classes is looked at too.
            found = pictures_of(tree, labelled=False, kind=SOUNDS)
        facts = SoundFacts(found)
        for part, labelled in found.parts.items():
            _look(tree, part, labelled, facts, same, progress)
    facts.seconds.sort()
    facts.twice = [sorted(group) for group in same.values() if len(group) > 1]
    return facts


def _look(
    tree: Tree,
    part: str,
    labelled: Labelled,
    facts: SoundFacts,
    same: dict[bytes, list[tuple[str, str]]],
    progress: DownloadProgress | None,
) -> None:
    files = labelled.files
    chosen = set(spread(labelled)) if part == "train" else set()
    seen: dict[int, tuple[Any, ...]] = {}
    bad: dict[int, str] = {}

    def one(at: int, read: Read) -> None:
        shown = tree.shown(files[at])
        try:
            content = read()
            header = header_of(content, shown)
            samples = decoded(content, header, shown, _LONGEST * header.rate)
        except SoundfileMissingError:
            raise
        except DataError as error:
            bad[at] = error.message
            return
        digest = blake2b(content, digest_size=16).digest()
        drawn = sketch(samples, header.rate) if at in chosen else None
        # How long an MP3 file is its header may only guess.
        seconds = (
            min(header.seconds, len(samples) / header.rate) if len(samples) < _LONGEST * header.rate else header.seconds
        )
        seen[at] = (digest, header, seconds, float(np.abs(samples).max()) < _SILENT, _is_clipped(samples), drawn)

    def told(done: int) -> None:
        if progress:
            progress(Decoding(tree.name), done, len(files))

    in_threads(tree, files, one, told)
    for at, (digest, header, seconds, silent, clipped, _) in sorted(seen.items()):
        same[digest].append((part, files[at]))
        facts.rates[header.rate] += 1
        facts.forms[header.form] += 1
        facts.channels[header.channels] += 1
        facts.seconds.append(seconds)
        facts.silent += [tree.shown(files[at])] if silent else []
        facts.clipped += [tree.shown(files[at])] if clipped else []
    facts.bad += [bad[at] for at in sorted(bad)]
    kept = [at for at in sorted(seen) if seen[at][-1] is not None]
    if kept:
        facts.drawn, facts.images = kept, np.stack([seen[at][-1] for at in kept])


def _is_clipped(samples: NDArray[np.float64]) -> bool:
    """Return whether some samples in a row are the same, at full scale."""
    flat = (np.diff(samples) == 0) & (np.abs(samples[1:]) >= _FULL)
    return bool((flat[1:] & flat[:-1]).any())


def sketch(samples: NDArray[np.float64], rate: int) -> NDArray[np.uint8]:
    """Return a waveform, and under it how loud each frequency is, 0 Hz at the bottom, as a picture, (3, H, W)."""
    picture = np.full((3, _WAVE + _HIGH, _WIDE), 255, np.uint8)
    for column, piece in enumerate(np.array_split(samples, _WIDE)):
        if len(piece):
            low, high = ((1 - np.clip([piece.max(), piece.min()], -1, 1)) / 2 * (_WAVE - 1)).round().astype(int)
            picture[:, low : high + 1, column] = np.array([[31], [119], [180]], np.uint8)
    padded = np.pad(samples, (0, max(0, _LOOK - len(samples))))
    hop = max(1, (len(padded) - _LOOK) // _WIDE)
    sound = Sound.model_construct(
        rate=rate, seconds=len(padded) / rate, window=1000 * _LOOK / rate, hop=1000 * hop / rate
    )
    loud = power(padded, sound)[1:]
    rows = np.stack([each.mean(axis=0) for each in np.array_split(loud, _HIGH)])[::-1]
    rows = rows[:, np.arange(_WIDE) * rows.shape[1] // _WIDE]
    shade = np.clip(10 * np.log10(np.maximum(rows, 1e-12)) / _FLOOR, 0, 1)
    picture[:, _WAVE:] = (255 * shade).astype(np.uint8)
    return picture
