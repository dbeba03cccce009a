"""What `netspec data show` says of arrays: each with its shape, type and values, what is read of them, the classes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.cli.output import print_json, print_table, say
from netspec.data.arrays import npz
from netspec.data.arrays.forms import in_form
from netspec.diagnostics.diagnostic import DataError, plural
from netspec.ir.data_source import DataSource
from netspec.ir.network import INPUT
from netspec.ops import format_shape
from netspec.recipe.array_facts import ArrayFacts, looks_numeric
from netspec.recipe.array_files import examples_in
from netspec.recipe.array_names import CLASS_NAMES, ArrayNames, Keys
from netspec.recipe.class_names import in_order
from netspec.recipe.data_headers import all_arrays
from netspec.sources.arrays import survey_arrays

__all__ = ["class_counts", "related_arrays", "show_arrays"]

_SHOWN = 5
_MOST_CLASSES = 50
_MOST_ARRAYS = 20
_LABEL = "label"


def show_arrays(path: Path, name: str, target: Path, *, as_json: bool = False) -> None:
    """Print what is in a `.npz` file or a folder of `.npy` files, and draw its examples where they are pictures.

    Raises:
        DataError: it cannot be read.
    """
    facts = related_arrays(path, all_arrays(path, name))
    keys, _ = ArrayNames.of([INPUT], [_LABEL], examples_in(path.name)).chosen(list(facts))
    found = len(facts)
    facts = {key: each for i, (key, each) in enumerate(facts.items()) if i < _MOST_ARRAYS or key in keys.values()}
    arrays = _readable(path, name, facts)
    rows = [(key, each, _values(arrays.get(key), each), _role(key, keys)) for key, each in facts.items()]
    if as_json:
        for key, each, values, role in rows:
            print_json({"array": key, "shape": list(each.shape), "type": each.type, "values": values, "read_as": role})
        return
    hidden = found - len(facts)
    say(f"{name}: {plural(found, 'array')}" + (f"; {hidden:,} are not shown" if hidden else ""))
    columns = [("array", False), ("shape", False), ("type", False), ("values", False), ("read as", False)]
    print_table(
        columns, [(key, format_shape(each.shape) or "one", each.type, values, role) for key, each, values, role in rows]
    )
    labels = arrays.get(keys.get((_LABEL, "train"), ""))
    counts = class_counts(labels) if labels is not None else {}
    if counts:
        say("")
        print_table([("class", False), ("examples", True)], [(key, f"{count:,}") for key, count in counts.items()])
    _draw(path, name, target, arrays.get(keys.get((INPUT, "train"), "")), labels, counts)
    say(f"\nnext: netspec new --data {name}" + ("" if (_LABEL, "train") in keys else " --target NAME"))


def related_arrays(path: Path, facts: Mapping[str, ArrayFacts]) -> dict[str, ArrayFacts]:
    """Return the arrays that may belong to the one that a path names; of a `.npz` file or a folder all.

    Beside `X.npy` that is `y.npy`, or the parts, where they are there; else all with as many rows.
    """
    if path.suffix.lower() != ".npy" or path.stem not in facts:
        return dict(facts)
    keys, missing = ArrayNames.of([INPUT], [_LABEL], examples_in(path.name)).chosen(list(facts))
    named = {path.stem, *keys.values(), *CLASS_NAMES}
    rows = facts[path.stem].shape[:1]
    return {key: each for key, each in facts.items() if key in named or (missing and rows and each.shape[:1] == rows)}


def class_counts(labels: NDArray[Any]) -> dict[str, int]:
    """Return how many examples each class has, in the order of the classes; nothing where these are no classes."""
    if labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind in "buif":
        ones = ((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all()
        return {str(i): int(n) for i, n in enumerate(labels.sum(axis=0))} if ones else {}
    flat = labels.reshape(-1)
    if flat.dtype.kind not in "buifUS" or len(flat) != (len(labels) if labels.ndim else 0):
        return {}
    if flat.dtype.kind == "f":
        if not (np.isfinite(flat).all() and (flat == np.floor(flat)).all()):
            return {}
        flat = flat.astype(np.int64)
    names, counts = np.unique(flat, return_counts=True)
    if flat.dtype.kind in "iu" and looks_numeric(len(names), len(flat)):
        return {}
    found = {str(int(n) if flat.dtype.kind == "b" else n): int(c) for n, c in zip(names, counts, strict=True)}
    return {key: found[key] for key in in_order(found)}


def _readable(path: Path, name: str, facts: Mapping[str, ArrayFacts]) -> dict[str, NDArray[Any]]:
    """Return the arrays that can be read, by their names."""
    found: dict[str, NDArray[Any]] = {}
    for key in facts:
        try:
            found |= npz.arrays_of(path, name, lambda _, key=key: [key])  # type: ignore[misc]
        except DataError:
            continue
    return found


def _role(key: str, keys: Keys) -> str:
    """Return what an array is read as."""
    for (own, split), each in keys.items():
        if each == key:
            return f"{'examples' if own == INPUT else 'targets'}, {split}"
    return ""


def _values(array: NDArray[Any] | None, facts: ArrayFacts) -> str:
    """Return what is in an array, in a few words."""
    if array is None:
        return "Python objects, which are not read: .astype(str)" if facts.kind == "O" else "not to be read"
    if not array.size:
        return "empty"
    if array.dtype.kind in "US":
        names = in_order(map(str, np.unique(array)))
        return ", ".join(names[:_SHOWN]) + (f", and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
    if array.dtype.kind not in "buif":
        return ""
    bad = int((~np.isfinite(array)).sum()) if array.dtype.kind == "f" else 0
    low, high = (float(v) for v in (np.nanmin(array), np.nanmax(array)))
    return f"{low:g} to {high:g}" + (f", {bad:,} not finite" if bad else "")


def _draw(
    path: Path,
    name: str,
    target: Path,
    examples: NDArray[Any] | None,
    labels: NDArray[Any] | None,
    counts: Mapping[str, int],
) -> None:
    """Draw examples that are pictures, with their classes."""
    if examples is None or len(examples) == 0 or (counts and len(counts) > _MOST_CLASSES):
        return
    shape = survey_arrays(DataSource.model_construct(name=name, target="input"), path).shape
    if shape is None or len(shape) != 3 or shape[0] not in {1, 3}:
        return
    ((images,), _) = in_form([examples], ["x"], shape, None)
    numbers = {label: i for i, label in enumerate(counts)}
    coded = np.zeros(len(images), np.int32)
    if labels is not None and counts:
        rows = labels.argmax(axis=1) if labels.ndim == 2 and labels.shape[1] > 1 else labels.reshape(-1)
        texts = rows.astype(np.int64).astype(str) if rows.dtype.kind in "bf" else rows.astype(str)
        coded = np.array([numbers[text] for text in texts.tolist()], np.int32)
    from netspec import report  # noqa: PLC0415

    say(report.draw_dataset(name, images, coded, tuple(counts) or ("examples",), None, target))
