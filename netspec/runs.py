"""Floor 6: run folders: making a fresh one, and reading back what is in one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from netspec.backends.jax.model import Model, Variables
from netspec.diagnostics import RunError
from netspec.files import kind_of, open_to_read, read_text
from netspec.model_file import ModelFile

__all__ = [
    "BEST",
    "CURVES",
    "LAST",
    "LOCK",
    "LOCK_FORMAT",
    "METRICS",
    "NETWORK",
    "RESULT",
    "SPEC",
    "arrays_of",
    "epoch_file",
    "epoch_files",
    "epoch_of",
    "fresh_folder",
    "model_path",
    "named_folder",
    "read_lock",
    "read_metrics",
    "read_result",
    "variables_of",
]

SPEC, NETWORK, LOCK = "spec.net", "network.json", "lock.json"
METRICS, RESULT, CURVES = "metrics.jsonl", "result.json", "curves.png"
LOCK_FORMAT = 1
"""Of lock.json."""

BEST, LAST = "best.safetensors", "last.safetensors"


def epoch_file(epoch: int) -> str:
    """Return the name of the file that keeps the model after an epoch, where the recipe says so."""
    return f"epoch_{epoch:03d}.safetensors"


def epoch_of(name: str) -> int | None:
    """Return which epoch's model a file of this name keeps; None where it is no such name."""
    found = re.fullmatch(r"epoch_([0-9]{3,9})\.safetensors", name)
    return int(found[1]) if found and epoch_file(int(found[1])) == name else None


def epoch_files(folder: Path) -> dict[int, Path]:
    """Return the models of single epochs in a run folder, the first one first."""
    found = {epoch_of(path.name): path for path in folder.glob("epoch_*.safetensors") if path.is_file()}
    return dict(sorted((epoch, path) for epoch, path in found.items() if epoch is not None))


def fresh_folder(parent: Path) -> Path:
    """Make the next numbered folder under `parent`: 001, 002 ….

    Raises:
        RunError: when it cannot be made.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        numbers = [int(p.name) for p in parent.iterdir() if p.name.isdecimal()]
        number = max(numbers, default=0) + 1
        while True:
            folder = parent / f"{number:03d}"
            try:
                folder.mkdir()
            except FileExistsError:  # another process was faster
                number += 1
            else:
                return folder
    except OSError as error:
        raise RunError(
            f"{parent}: no run folder can be made there: {error.strerror}", "choose another with -o"
        ) from None


def named_folder(folder: Path) -> Path:
    """Make a folder of a given name.

    Raises:
        RunError: when it holds something already, or cannot be made.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise RunError(f"{folder} is a file, not a folder", "choose a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / LOCK).exists():
            fix = f"`netspec resume {folder}` goes on with it; or choose a new folder: nothing is overwritten"
            raise RunError(f"{folder} holds a run already", fix)
        if any(folder.iterdir()):
            raise RunError(f"{folder} holds something already", "choose a new folder: nothing is overwritten")
    except OSError as error:
        raise RunError(f"{folder} cannot be used as a run folder: {error.strerror}") from None
    return folder


def arrays_of(variables: Variables) -> dict[str, np.ndarray]:
    """Return the arrays of a model by path, on the host."""
    trees = (variables.params, variables.state)
    return {f"{node}/{name}": np.asarray(a) for tree in trees for node, own in tree.items() for name, a in own.items()}


def variables_of(file: ModelFile, model: Model) -> Variables:
    """Return a file's arrays as the variables of a model, on its device."""
    trees: tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]] = ({}, {})
    for p in file.graph.parameters.values():
        node, _, name = p.path.rpartition("/")
        trees[0 if p.trainable else 1].setdefault(node, {})[name] = file.arrays[p.path]
    return jax.device_put(Variables(*trees), model.device)


def model_path(path: Path) -> Path:
    """Return the model file that a run folder or a model file stands for.

    Raises:
        RunError: when it is neither.
    """
    found = kind_of(path, RunError)
    if found == "folder":
        for name in (BEST, LAST):
            if kind_of(path / name, RunError) == "file":
                return path / name
        raise RunError(f"{path} has no model in it", "give a run folder such as runs/lenet/001, or a .safetensors file")
    if found is None:
        raise RunError(f"{path}: there is no such run or model", "`ls runs` shows the runs of this folder")
    return path


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of metrics.jsonl; what is no measurement, such as a line cut short by a crash, is left out.

    Raises:
        RunError: when there is no such file, or it cannot be read.
    """
    try:
        with open_to_read(folder / METRICS) as stream:
            lines = stream.read().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"{folder} has no {METRICS}", "give a run folder such as runs/lenet/001") from None
    except OSError as error:
        raise RunError(
            f"{folder / METRICS} cannot be read: {error.strerror}", "copy it again from where it was whole"
        ) from None
    records = []
    for line in lines:
        try:
            records.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return [record for record in records if _measurement(record)]


_TEXTS = {"kind", "split", "reason"}
"""What is said in words in a line of metrics.jsonl; all else is a number, yes or no, or nothing."""

_MOST_STEPS, _MOST = 10**15, 1e100
"""Of steps and of values: beyond any training, and what can still be calculated with."""


def _measurement(record: object) -> bool:
    if not isinstance(record, dict) or not _text(record.get("kind")):
        return False
    step = record.get("step")
    if type(step) is not int or not 0 <= step <= _MOST_STEPS:
        return False
    # Written so that NaN is refused too.
    return all(
        _text(value) if name in _TEXTS else value is None or (isinstance(value, int | float) and abs(value) <= _MOST)
        for name, value in record.items()
    )


def read_lock(folder: Path) -> dict[str, Any]:
    """Return lock.json: what a run was begun with.

    Raises:
        RunError: when there is none, or it is of a newer netspec.
    """
    try:
        found = json.loads(read_text(folder / LOCK))
        formed = found["format"]
    except (FileNotFoundError, NotADirectoryError):
        kind = "is no run folder" if folder.exists() else "is not there"
        fix = "give a run folder such as runs/lenet/001; one without lock.json was left before the training began"
        raise RunError(f"{folder} {kind}", fix) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not what netspec wrote"
        raise RunError(f"{folder / LOCK} cannot be read: {reason}", "copy it again from where it was whole") from None
    if type(formed) is not int or formed > LOCK_FORMAT:
        raise RunError(f"{folder / LOCK} has format {formed}; this netspec reads up to {LOCK_FORMAT}", "update netspec")
    for key, fits in _LOCK_VALUES.items():
        if key in found and not fits(found[key]):
            raise RunError(
                f"{folder / LOCK}: `{key}` is not what netspec wrote there", "copy it again from where it was whole"
            )
    return dict(found)


def _text(value: object) -> bool:
    return isinstance(value, str)


def _number(value: object) -> bool:
    return type(value) is int and value > 0


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _named_texts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_text, value.values()))


def _sessions(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(entry, dict) and _texts(entry.get("changes")) and _texts(entry.get("elsewhere", []))
        for entry in value
    )


_LOCK_VALUES: dict[str, Callable[[object], bool]] = {
    "format": _number,
    **dict.fromkeys(("spec_sha256", "network_sha256", "next_network_sha256", "dataset", "data_sha256"), _text),
    **dict.fromkeys(("device", "platform", "processor", "python"), _text),
    **dict.fromkeys(("data_path", "asked_device"), lambda value: value is None or _text(value)),
    **dict.fromkeys(("log_every", "cores"), lambda value: value is None or _number(value)),
    **dict.fromkeys(("overrides", "lets", "sets", "packages", "flags"), _named_texts),
    **dict.fromkeys(("devices", "labels"), _texts),
    "autotune": lambda value: isinstance(value, bool),
    "resumed": _sessions,
}


def read_result(folder: Path) -> dict[str, Any] | None:
    """Return result.json, or None where the run has not ended."""
    try:
        found = json.loads(read_text(folder / RESULT))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
