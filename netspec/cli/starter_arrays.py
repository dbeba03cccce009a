"""A starter spec for arrays: a `.npz` file, a folder of `.npy` files, or one of these and those beside it."""

from __future__ import annotations

from pathlib import Path

from netspec.cli.array_table import class_counts, related_arrays
from netspec.data.arrays import npz
from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.diagnostics.suggest import nearest
from netspec.ir.network import INPUT
from netspec.ops import Shape, format_shape
from netspec.recipe.array_facts import ArrayFacts
from netspec.recipe.array_files import examples_in
from netspec.recipe.array_layout import input_of
from netspec.recipe.array_names import ArrayNames
from netspec.recipe.data_headers import all_arrays
from netspec.sources.tables.columns import written

__all__ = ["spec_for_arrays"]

_LABEL, _SHOWN, _LISTED, _FEW, _MANY = "label", 6, 10, 2_000, 20_000
_SMALL = 16


def spec_for_arrays(path: Path, name: str, target: str | None = None) -> tuple[str, str]:
    """Return a commented spec that learns from arrays, and what of it is a guess; empty where nothing is.

    Args:
        path: of the file or folder.
        name: as the spec names it, relative to its own folder.
        target: the array that is to be learned; the one that is called so unless given.

    Raises:
        DataError: they cannot be read, or it is not clear which array is learned.
    """
    facts = all_arrays(path, name)
    if target is not None and target not in facts:
        near = nearest(target, list(facts))
        some = sorted(related_arrays(path, facts))
        holds = listing([*some[:_LISTED], *(["…"] if some[_LISTED:] else [])], "and")
        fix = f"did you mean {near}?" if near else f"it holds {holds}"
        raise DataError(f"{name} has no array {target}, which --target names", fix)
    if target is None or target in related_arrays(path, facts):
        facts = related_arrays(path, facts)
    keys, guess, settings = _chosen(path, name, facts, target)
    x, y = keys[INPUT, "train"], keys[_LABEL, "train"]
    labels = npz.arrays_of(path, str(path), lambda _: [y])[y]
    counts = class_counts(labels)
    shape, unclear = _input(facts[x])
    has_test = any(split == "test" for _, split in keys)
    settings += [] if any(split == "val" for _, split in keys) else ["validation 15%"]
    settings += [] if has_test else ["test 20%  # drawn by a hash of each example"]
    count = facts[x].shape[0]
    outputs = labels.shape[1] if labels.ndim == 2 else 1
    if counts:
        shown = [f"{key} {n:,}" for key, n in counts.items()][:_SHOWN] + ["…"] * (len(counts) > _SHOWN)
        what, end = f"{len(counts)} classes: {', '.join(shown)}", "fc classes softmax  # a probability for each class"
    else:
        what, end = plural(outputs, "number"), f"fc {outputs}  # {plural(outputs, 'number')}"
    batch, epochs = (32, 60) if count < _FEW else (64, 30) if count < _MANY else (256, 15)
    comment = f"  # {unclear}" if unclear else ""
    return (
        f"""\
# {plural(count, "example")} in {x}; {y} is learned: {what}.
data "{name}" {{
{"".join(f"  {setting}" + chr(10) for setting in settings)}}}
input {format_shape(shape)}{comment}
{_layers(shape)}
{end}

train {{
{"" if counts else "  loss mse" + chr(10)}  optimizer adamw lr=0.002 weight_decay=0.01
  schedule cosine
  batch {batch}
  epochs {epochs}
  best val_loss
}}
""",
        guess,
    )


def _chosen(
    path: Path, name: str, facts: dict[str, ArrayFacts], target: str | None
) -> tuple[dict[tuple[str, str], str], str, list[str]]:
    """Return which arrays are read, what of it is a guess, and the settings that say it."""
    said = examples_in(path.name)
    keys, missing = ArrayNames.of([INPUT], [_LABEL], said, (target,) if target else ()).chosen(list(facts))
    settings = [f"target {written(target)}"] if target else []
    if (INPUT, "train") not in keys or (_LABEL, "train") not in keys:
        known = {key for (_, split), key in keys.items() if split == "train"}
        left = [key for key, each in facts.items() if key not in known and each.kind in "buifUS" and each.shape]
        wanted = [own for own in (INPUT, _LABEL) if (own, "train") not in keys]
        if len(left) != len(wanted):
            lost = ArrayNames.of([INPUT], [_LABEL]).lacks(missing, list(facts), name, sayable=True)
            raise DataError(lost[0], lost[1] if target else f"say which is learned: --target NAME; {lost[1]}")
        for own, key in zip(wanted, left, strict=True):
            keys[own, "train"] = key
            settings.insert(0 if own == INPUT else 1, f"{'columns' if own == INPUT else 'target'} {written(key)}")
        guess = "" if target else f"it learns {keys[_LABEL, 'train']} from {keys[INPUT, 'train']}"
        return keys, guess, settings
    return keys, "", settings


def _input(examples: ArrayFacts) -> tuple[Shape, str]:
    """Return the input that examples imply, and what to say where it is a guess."""
    kind = "u" if examples.type == "uint8" else examples.kind.replace("u", "i")
    shape, unclear = input_of(examples.name, examples.shape[1:], kind)
    if shape is not None:
        return shape, ""
    if unclear and len(examples.shape) == 3:
        pictures = format_shape((1, *examples.shape[1:]))
        return examples.shape[:0:-1], f"a guess: features x length of (N, length, features); pictures are {pictures}"
    if unclear and len(examples.shape) == 4 and len(set(examples.shape[1:])) == 1:
        return (1, *examples.shape[1:]), "a guess: volumes of one channel; for pictures say the channels first"
    if len(examples.shape) in {4, 5}:
        return examples.shape[1:], "a guess: channels first" if unclear else ""
    if len(examples.shape) == 2:
        return examples.shape[1:], "whole numbers are used as amounts; for tokens say tokens= and begin with embedding"
    raise DataError(*(unclear or (f"{examples.name} is no array of examples", "give one row an example")))


def _layers(shape: Shape) -> str:
    if len(shape) == 1:
        return "fc 64 relu  # numbers of about -1 to 1 are learned best\ndropout 0.2\nfc 64 relu"
    if len(shape) == 2:
        return "lstm 64 last  # reads the steps one after the other"
    side, kernel = min(shape[1:]), format_shape((3,) * (len(shape) - 1))
    stages = [
        f"conv {width} {kernel} pad=1 relu; pool 2" for width, least in ((32, 8), (64, 16), (128, 32)) if side >= least
    ]
    return "\n".join([*(stages or [f"conv 32 {kernel} pad=1 relu"]), "globalpool", "dropout 0.2"])
