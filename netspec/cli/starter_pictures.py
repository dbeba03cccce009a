"""A starter spec for a folder or an archive of pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from netspec.diagnostics.diagnostic import listing, plural
from netspec.ir.data_source import DataSource
from netspec.sources.files.pictures import Pictures
from netspec.sources.survey import survey

__all__ = ["spec_for_idx", "spec_for_pictures"]

_SIDE = 64
"""Of the input, where the pictures are larger or differ."""
_SHOWN, _MANY = 8, 20_000
_UNEVEN = 3
"""So many times as many pictures may the largest class have as the smallest before classes are weighed."""


def spec_for_pictures(path: Path, name: str) -> str:
    """Return a commented spec that learns from pictures.

    Args:
        path: of the folder or archive.
        name: as the spec names it, relative to its own folder.

    Raises:
        DataError: there are no pictures, or they do not go together.
    """
    found = survey(DataSource(name=path.name), path.parent)
    if found is None or found.pictures is None:
        # An archive that takes long to look at: it is looked at all the same.
        from netspec.sources.files.pictures import pictures_of  # noqa: PLC0415
        from netspec.sources.trees import open_tree  # noqa: PLC0415

        with open_tree(path, name) as tree:
            pictures, shape = pictures_of(tree), None
    else:
        pictures, shape = found.pictures, found.inputs[0].shape if found.inputs else None
    channels = shape[0] if shape else 3
    size = shape[1:] if shape and max(shape) <= 2 * _SIDE else (_SIDE, _SIDE)
    return (
        _of_masks(path, name, pictures, channels) if pictures.has_masks else _of_classes(name, pictures, channels, size)
    )


def spec_for_idx(path: Path, name: str) -> str:
    """Return a commented spec that learns from the four IDX files in a folder.

    Raises:
        DataError: one is not there, or cannot be read.
    """
    from netspec.data import load  # noqa: PLC0415

    dataset = load([str(path)])
    images, labels = dataset.train.images, dataset.train.labels
    classes = int(max(labels.max(), dataset.test.labels.max())) + 1
    side = min(images.shape[2:])
    stages = "\n".join(f"stage {width}" for width in (32, 64, 128) if side // (width // 32) >= 8)
    return f"""\
# {plural(len(images), "picture")} of {classes} classes, and {len(dataset.test.images):,} for the test.
data "{name}" {{
  augment shift={max(1, round(side / 16))}  # each is moved a little in each step
  validation 10%
}}

input {"x".join(map(str, images.shape[1:]))}
init he_normal

block stage(c) {{
  conv c 3x3 pad=1; batchnorm relu
  conv c 3x3 pad=1; batchnorm relu
  pool 2
}}
{stages or "conv 32 3x3 pad=1; batchnorm relu"}
globalpool
dropout 0.3
fc {classes} softmax

train {{
  optimizer adam lr=0.001
  schedule cosine
  batch {32 if len(images) < _MANY else 128}
  epochs {20 if len(images) < _MANY else 5}
  best val_accuracy
}}
"""


def _settings(pictures: Pictures) -> str:
    parts = pictures.parts
    test = [] if "test" in parts else ["test 20%"]
    return "; ".join([*([] if "validation" in parts else ["validation 15%"]), *test])


def _notes(pictures: Pictures) -> str:
    """Return comments that say how the folders were read, where that is to be known."""
    return "".join(f"# {notice}." + chr(10) for notice in pictures.notices)


def _of_classes(name: str, pictures: Pictures, channels: int, size: tuple[int, ...]) -> str:
    counts = Counter(pictures.train.labels)
    classes = pictures.classes
    shown = listing([*classes[:_SHOWN], *(["…"] if len(classes) > _SHOWN else [])], "and")
    uneven = max(counts.values()) > _UNEVEN * min(counts.values())
    few = min(counts.values())
    known = "# All pictures get the size of the input: the shorter side is brought to it, the center cut out."
    loss = "  loss cross_entropy class_weights=balanced  # the classes have very different numbers of pictures\n"
    shift = max(1, round(min(size) / 16))
    settings = _settings(pictures)
    stages = "\n".join(f"stage {width}" for width in (32, 64, 128) if min(size) // (width // 32) >= 8)
    return f"""\
{_notes(pictures)}# {plural(sum(counts.values()), "picture")} of {len(classes)} classes: {shown}.
# The smallest class has {few:,}. `netspec data show {name}` draws some and finds damaged ones.
data "{name}" {{
  augment flip rotate=10 shift={shift}  # each is changed a little in each step; remove flip where left is not right
{"".join(f"  {setting}" + chr(10) for setting in settings.split("; ") if setting)}}}

{known}
input {channels}x{"x".join(map(str, size))}
init he_normal

block stage(c) {{
  conv c 3x3 pad=1; batchnorm relu
  conv c 3x3 pad=1; batchnorm relu
  pool 2
}}
{stages}
globalpool
dropout 0.3
fc classes softmax  # as many as the data has

train {{
{loss if uneven else ""}  optimizer adam lr=0.001
  schedule cosine
  batch 32
  epochs 20
  best val_accuracy
}}
"""


def _of_masks(path: Path, name: str, pictures: Pictures, channels: int) -> str:
    from netspec.data.files.picture_facts import picture_facts  # noqa: PLC0415

    values = sorted(picture_facts(path, name).values)
    shown = ", ".join(map(str, values[:20]))
    two = len(values) <= 2
    ends = "conv 1 1x1 sigmoid  # the probability of the larger value" if two else f"conv {len(values)} 1x1 softmax"
    side = 2 * _SIDE
    settings = _settings(pictures).replace("validation 15%; ", "") if len(pictures.train.files) < 50 else None
    return f"""\
{_notes(pictures)}# {plural(len(pictures.train.files), "picture")} with a mask each; values in masks: {shown}.
data "{name}" {{
  augment flip rotate=15 fill=edge  # masks move with their pictures
{"".join(f"  {s}" + chr(10) for s in (settings if settings is not None else _settings(pictures)).split("; ") if s)}}}

# Pictures and masks get the size of the input; a larger one shows more and takes longer.
input {channels}x{side}x{side}
init he_normal

block twice(c) {{
  repeat 2 {{ conv c 3x3 pad=1; batchnorm relu }}
}}
# A small U-Net: down, and up again with what was seen on the way.
twice 16 as fine
pool 2; twice 32 as middle
pool 2; twice 64
upsample 2; concat middle; twice 32
upsample 2; concat fine; twice 16
{ends}

train {{
  optimizer adam lr=0.002
  schedule cosine
  batch 4
  epochs 30
}}
"""
