"""A starter spec for a folder or an archive of sounds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.graph.sound_augment_checks import fitting_settings
from netspec.sources.files.kinds import SOUNDS
from netspec.sources.files.pictures import Pictures, pictures_of
from netspec.sources.files.sound_spec import layers_for, rate_text, spectrogram_of
from netspec.sources.files.sounds import Measured, measured
from netspec.sources.trees import open_tree

__all__ = ["spec_for_sounds"]

_SHOWN = 8
_UNEVEN = 3
"""So many times as many sounds may the largest class have as the smallest before classes are weighed."""


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
    return _text(name, found, facts)


def _text(name: str, found: Pictures, facts: Measured) -> str:
    sound = spectrogram_of(facts)
    counts = Counter(found.train.labels)
    shown = listing([*found.classes[:_SHOWN], *(["…"] if len(found.classes) > _SHOWN else [])], "and")
    notes = "".join(f"# {notice}.\n" for notice in found.notices)
    validation = "" if "validation" in found.parts else "  validation 15%\n"
    test = "" if "test" in found.parts else "  test 20%\n"
    bad = "  on_bad skip  # some cannot be read, and are left out\n" if facts.unread else ""
    uneven = max(counts.values()) > _UNEVEN * min(counts.values())
    weights = "  loss cross_entropy class_weights=balanced  # the classes have very different numbers of sounds\n"
    return f"""\
{notes}# {plural(sum(counts.values()), "sound")} of {len(found.classes)} classes: {shown}.
# {rate_text(facts)}
# `netspec data show {name}` draws some, and finds damaged, silent and clipped ones.
# Few sounds, or overfitting: vary them with `augment {fitting_settings(sound)}`.
data "{name}" {{
  {sound.shortest}  # a log-mel spectrogram of the first {sound.seconds:g} s; without `mel` the waveform
{validation}{test}{bad}}}

{layers_for(sound)}fc classes softmax  # as many as the data has

train {{
{weights if uneven else ""}  optimizer adam lr=0.002
  schedule cosine
  batch 32
  epochs 20
  best val_loss
}}
"""
