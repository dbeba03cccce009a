"""A commented spec to begin with, for a table with a column of picture files, or of sounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.diagnostics.diagnostic import plural
from netspec.sources.files.sound_spec import layers_for, rate_text, spectrogram_of
from netspec.sources.files.sounds import Measured
from netspec.sources.tables.columns import Column, written
from netspec.sources.tables.facts import class_counts
from netspec.sources.tables.file_columns import missing_files
from netspec.sources.tables.sound_columns import column_sounds
from netspec.sources.tables.table import Table

__all__ = ["spec_for_column_files"]

_CLASSES, _LISTED, _FEW = 20, 6, 2_000


def spec_for_column_files(
    table: Table, path: str, target: Column, files: Sequence[str], others: Mapping[str, Column]
) -> str:
    """Return the text of a spec that learns a column from the pictures, or sounds, that another one names.

    Args:
        table: it.
        path: of the file, as the spec is to name it.
        target: what is learned.
        files: the columns of such files; the first is read.
        others: all columns that are not learned.
    """
    classes = class_counts(target)
    classes = [] if target.kind == "number" and len(classes) > _CLASSES else classes
    shown = [f"{name} {count:,}" for name, count in classes[:_LISTED]] + ["…"] * (len(classes) > _LISTED)
    low, high = target.low or 0.0, target.high or 0.0
    what = f"{len(classes)} classes: {', '.join(shown)}" if classes else f"a number, {low:g} to {high:g}"
    lost = missing_files(table, files[0])
    facts = column_sounds(table, files[0])
    one = "sound" if facts else "picture"
    skip = f"  on_bad skip  # {plural(len(lost), 'row')} without a {one}\n" if lost else ""
    of = _of_sounds(files, facts) if facts else _of_pictures(files)
    how = "  augment flip  # remove it where left is not right\n"
    if facts:
        sound = spectrogram_of(facts)
        how = f"  {sound.shortest}  # a log-mel spectrogram of the first {sound.seconds:g} s\n"
    read = [name for name, c in others.items() if c.kind in {"number", "boolean", "category"} and not c.is_constant]
    more = ", ".join(read[:_LISTED]) + (", …" if len(read) > _LISTED else "")
    unread = f"# Not read: {more}. Beside the {one}: `input {written(read[0])} as facts`.\n" if read else ""
    epochs = 20 if len(table) < _FEW else 10
    end = "fc classes softmax  # a probability for each class" if classes else "fc 1  # a number"
    return f"""\
# {plural(len(table), "row")}; {target.name} is learned from the {one}s that {files[0]} names.
{f"# {rate_text(facts)}{chr(10)}" if facts else ""}data "{path}" {{
  target {written(target.name)}  # {what}
{how}{skip}  validation 15%
  test 20%  # drawn by a hash of each row
}}
{unread}{of}{end}

train {{
  optimizer adam lr=0.001
  schedule cosine
  batch 32
  epochs {epochs}
  best val_loss
}}
"""


def _of_pictures(files: Sequence[str]) -> str:
    of = f"input {written(files[0])} 3x64x64 as picture" if files[1:] else "input 3x64x64"
    return f"""\
{of}  # the shorter side is brought to 64, the center cut out
init he_normal
conv 32 3x3 pad=1; batchnorm relu; pool 2
conv 64 3x3 pad=1; batchnorm relu; pool 2
conv 128 3x3 pad=1; batchnorm relu
globalpool
dropout 0.3
"""


def _of_sounds(files: Sequence[str], facts: Measured) -> str:
    layers = layers_for(spectrogram_of(facts))
    if not files[1:]:
        return layers
    given, _, rest = layers.partition("  #")
    return f"input {written(files[0])} {given.removeprefix('input ')} as sound_file  #{rest}"
