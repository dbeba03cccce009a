"""A starter spec for a folder or an archive of sounds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.recipe.sound_settings import Sound
from netspec.sources.file_kinds import SOUNDS
from netspec.sources.pictures import Pictures, pictures_of
from netspec.sources.sounds import Measured, measured
from netspec.sources.trees import open_tree

__all__ = ["spec_for_sounds"]

_SHOWN = 8
_UNEVEN = 3
"""So many times as many sounds may the largest class have as the smallest before classes are weighed."""
_BANDS, _FEWER = 40, (32, 24, 16, 8)
_LOW = 5
"""Bands, or frames, that are left at least where stages halve them."""


def spec_for_sounds(path: Path, name: str) -> str:
    """Return a commented spec that learns from sounds.

    Args:
        path: of the folder or archive.
        name: as the spec names it, relative to its own folder.

    Raises:
        DataError: there are no sounds, they do not go together, or none can be read.
    """
    with open_tree(path, name) as tree:
        found = pictures_of(tree, kind=SOUNDS)
        facts = measured(tree, found.train.files)
    if facts is None:
        raise DataError(f"none of the sounds of {name} can be read", f"`netspec data show {name}` says why")
    return _text(name, found, facts, _fitting(facts))


def _fitting(facts: Measured) -> Sound:
    """Return settings by which the sounds become spectrograms: fewer bands where their rate is low."""
    seconds = max(facts.seconds, 0.1)
    for bands in (_BANDS, *_FEWER):
        try:
            return Sound(rate=facts.rate, seconds=seconds, mel=bands)
        except ValueError:
            continue
    return Sound(rate=facts.rate, seconds=seconds, mel=2, window=100)


def _text(name: str, found: Pictures, facts: Measured, sound: Sound) -> str:
    counts = Counter(found.train.labels)
    shown = listing([*found.classes[:_SHOWN], *(["…"] if len(found.classes) > _SHOWN else [])], "and")
    notes = "".join(f"# {notice}." + chr(10) for notice in found.notices)
    rates = "all" if len(facts.rates) == 1 else "most"
    settings = [
        *([] if "validation" in found.parts else ["validation 15%"]),
        *([] if "test" in found.parts else ["test 20%"]),
    ]
    uneven = max(counts.values()) > _UNEVEN * min(counts.values())
    weights = "  loss cross_entropy class_weights=balanced  # the classes have very different numbers of sounds\n"
    _, bands, frames = sound.shape
    stages = []
    for width in (16, 32, 64, 64):
        if min(bands, frames) // 2 < _LOW:
            break
        stages.append(f"stage {width}")
        bands, frames = bands // 2, frames // 2
    line = chr(10)
    return f"""\
{notes}# {plural(sum(counts.values()), "sound")} of {len(found.classes)} classes: {shown}.
# Of {rates} the rate is {facts.rate:,} Hz, and the longest is of {facts.longest:.3g} s.
# `netspec data show {name}` draws some, and finds damaged, silent and clipped ones.
data "{name}" {{
  {sound.shortest}  # a log-mel spectrogram of the first {sound.seconds:g} s; without `mel` the waveform
{"".join(f"  {setting}{line}" for setting in settings)}}}

input {"x".join(map(str, sound.shape))}  # 1 x bands x frames: it follows from `sound`
init he_normal

block stage(c) {{
  conv c 3x3 pad=1; batchnorm relu
  pool 2
}}
{line.join(stages) or "conv 32 3x3 pad=1; batchnorm relu"}
avgpool 1x{frames}  # over the time that is left: when it sounds does not matter, how high it is does
flatten
dropout 0.3
fc classes softmax  # as many as the data has

train {{
{weights if uneven else ""}  optimizer adam lr=0.002
  schedule cosine
  batch 32
  epochs 20
  best val_loss
}}
"""
