"""The files of a run folder, read without JAX."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from netspec.diagnostics.diagnostic import RunError
from netspec.sources.preparation import Preparation
from netspec.system.files import kind_of, open_to_read, read_text
from netspec.system.nearby import path_fix

__all__ = [
    "BEST",
    "CURVES",
    "LAST",
    "MANIFEST",
    "MANIFEST_FORMAT",
    "METRICS",
    "NETWORK",
    "RESULT",
    "SPEC",
    "digest_of",
    "model_path",
    "read_manifest",
    "read_metrics",
    "read_result",
    "require_own_model",
    "require_own_record",
]

SPEC, NETWORK, MANIFEST = "spec.net", "network.json", "lock.json"
METRICS, RESULT, CURVES, REPORT = "metrics.jsonl", "result.json", "curves.png", "report.html"
MANIFEST_FORMAT = 1
"""Of the manifest, lock.json."""

BEST, LAST = "best.safetensors", "last.safetensors"


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
        such = "give a run folder such as runs/lenet/001, or a .safetensors file"
        raise RunError(f"{path} has no model in it", path_fix(path, ".safetensors", runs=True, otherwise=such))
    if found is None:
        fix = path_fix(path, ".safetensors", runs=True, otherwise="`netspec runs` lists the runs of this folder")
        raise RunError(f"{path}: there is no such run or model", fix)
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
        fix = path_fix(folder, runs=True, otherwise="give a run folder such as runs/lenet/001")
        raise RunError(f"{folder} has no {METRICS}", fix) from None
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
"""Texts in a line of metrics.jsonl; all other values are numbers, booleans or null."""

_MOST_STEPS, _MOST = 10**15, 1e100
"""Of steps and of values: beyond any training, and what can still be calculated with."""


def _measurement(record: object) -> bool:
    if not isinstance(record, dict) or not _text(record.get("kind")):
        return False
    step = record.get("step")
    if type(step) is not int or not 0 <= step <= _MOST_STEPS:
        return False
    outputs = record.get("outputs", {})
    if not isinstance(outputs, dict) or not all(isinstance(each, dict) for each in outputs.values()):
        return False
    numbers = [value for name, value in record.items() if name not in _TEXTS and name != "outputs"]
    numbers += [value for each in outputs.values() for value in each.values()]
    return all(_text(record[name]) for name in _TEXTS if name in record) and all(map(_quantity, numbers))


def _quantity(value: object) -> bool:
    # Written so that NaN is refused too.
    return value is None or (isinstance(value, int | float) and abs(value) <= _MOST)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a run, lock.json.

    Raises:
        RunError: when there is none, or it is of a newer netspec.
    """
    try:
        found = json.loads(read_text(folder / MANIFEST))
        formed = found["format"]
    except (FileNotFoundError, NotADirectoryError):
        kind = "is no run folder" if folder.exists() else "is not there"
        fix = "give a run folder such as runs/lenet/001; one without lock.json was left before the training began"
        raise RunError(f"{folder} {kind}", path_fix(folder, runs=True, otherwise=fix)) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not what netspec wrote"
        raise RunError(
            f"{folder / MANIFEST} cannot be read: {reason}", "copy it again from where it was whole"
        ) from None
    if type(formed) is not int or formed > MANIFEST_FORMAT:
        raise RunError(
            f"{folder / MANIFEST} has format {formed}; this netspec reads up to {MANIFEST_FORMAT}", "update netspec"
        )
    for key, fits in _MANIFEST_VALUES.items():
        if key in found and not fits(found[key]):
            raise RunError(
                f"{folder / MANIFEST}: `{key}` is not what netspec wrote there", "copy it again from where it was whole"
            )
    return dict(found)


def require_own_model(file: Path, seal: str, manifest: Mapping[str, Any]) -> None:
    """Raise RunError where a model in a run folder is not one that this run wrote.

    Args:
        file: the model file.
        seal: the hash that it states.
        manifest: the run's lock.json; any model is accepted where it is older than these hashes.
    """
    models = manifest.get("models")
    if models is not None and seal not in models.get(file.name, ()):
        raise RunError(
            f"{file} is not a model of this run",
            f"copy it again from where it was whole; alone, outside of {file.parent}, it can be used as it is",
        )


def require_own_record(folder: Path, manifest: Mapping[str, Any], *names: str) -> None:
    """Raise RunError where what a run that has ended says of itself is that of another one.

    Args:
        folder: the run folder.
        manifest: its lock.json.
        names: the files to check: result.json, metrics.jsonl.
    """
    ended = manifest.get("ended") or {}
    if not (folder / RESULT).is_file():
        return
    for name in names:
        if name in ended and (folder / name).is_file() and digest_of(folder / name) != ended[name]:
            raise RunError(f"{folder / name} is not that of this run", "copy it again from where it was whole")


def digest_of(file: Path, most: int | None = None) -> str:
    """Return the SHA-256 of a file, or of its first bytes.

    Raises:
        RunError: when it cannot be read.
    """
    found, left = hashlib.sha256(), most
    try:
        with open_to_read(file) as stream:
            while piece := stream.read(_PIECE if left is None else min(_PIECE, left)):
                found.update(piece)
                left = None if left is None else left - len(piece)
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror}", "copy it again from where it was whole") from None
    return found.hexdigest()


_PIECE = 2**20


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


def _choices(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(plan, dict) and _number(plan.get("batch")) and _texts(plan.get("operations"))
        for plan in value.values()
    )


def _weights(value: object) -> bool:
    return isinstance(value, dict) and _text(value.get("path")) and _text(value.get("sha256"))


def _preparation(value: object) -> bool:
    try:
        Preparation.model_validate(value)
    except ValidationError:
        return False
    return True


def _split(value: object) -> bool:
    parts = value.get("parts") if isinstance(value, dict) else None
    return isinstance(parts, dict) and all(
        isinstance(part, dict) and type(part.get("examples")) is int for part in parts.values()
    )


_MANIFEST_VALUES: dict[str, Callable[[object], bool]] = {
    "format": _number,
    **dict.fromkeys(("spec_sha256", "network_sha256", "next_network_sha256", "dataset", "data_sha256"), _text),
    **dict.fromkeys(("device", "platform", "processor", "python", "run", "begun", "failed", "rates"), _text),
    "models": lambda value: isinstance(value, dict) and all(map(_texts, value.values())),
    "ended": _named_texts,
    **dict.fromkeys(("data_path", "asked_device"), lambda value: value is None or _text(value)),
    **dict.fromkeys(("log_every", "cores"), lambda value: value is None or _number(value)),
    **dict.fromkeys(("overrides", "lets", "sets", "packages", "flags"), _named_texts),
    **dict.fromkeys(("devices", "labels"), _texts),
    "autotune": lambda value: isinstance(value, bool),
    "choices": _choices,
    "weights": _weights,
    "preparation": _preparation,
    "split": _split,
    "resumed": _sessions,
}


def read_result(folder: Path) -> dict[str, Any] | None:
    """Return result.json, or None where the run has not ended."""
    try:
        found = json.loads(read_text(folder / RESULT))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
