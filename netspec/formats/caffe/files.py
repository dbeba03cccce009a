"""Caffe's files told apart and brought to one form: networks of today's layers, solver, weights, mean image."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from netspec.formats.caffe.message import Message
from netspec.formats.caffe.text_format import MAX_TEXT, read_text
from netspec.formats.caffe.wire import read_wire
from netspec.formats.reading import Given, ModelImportError, Unknown

__all__ = ["CaffeFiles", "sorted_out"]

MAX_WEIGHTS = 4_000_000_000


@dataclass(slots=True)
class CaffeFiles:
    """What the files are.

    Attributes:
        net: the network as its text says it; that of the weights where there is no text.
        others: further networks, whose data layers may say how examples are prepared.
        solver: how it is trained.
        weights: the network of a caffemodel, with blobs.
        mean: a mean image.
        problems: fields and values that are not understood.
    """

    net: Message | None = None
    others: list[Message] = field(default_factory=list)
    solver: Message | None = None
    weights: Message | None = None
    mean: Message | None = None
    problems: list[Unknown] = field(default_factory=list)


def sorted_out(given: Given) -> CaffeFiles:
    """Return what the files are; raises ModelImportError where one is damaged, or there are two of a kind."""
    found = CaffeFiles()
    for path in given.files:
        _add(found, path, given)
    if found.net is None and found.solver is not None and "net_param" in found.solver:
        found.net = _modern(found.solver.get("net_param"))
    if found.weights is not None:
        found.others.append(found.weights)
    if found.net is None:
        found.net = found.weights
    if found.net is None:
        raise ModelImportError("there is no network in these files", "give the .prototxt of the network too")
    if not found.net.all("layer"):
        raise ModelImportError(f"{found.net.place} has no layers", "give the .prototxt of a network")
    return found


def _add(found: CaffeFiles, path: Path, given: Given) -> None:
    """Read one file as what it is."""
    ending = path.suffix.lower()
    if ending == ".caffemodel":
        _require_first(found.weights, path, "weights")
        found.weights = _modern(read_wire(given.load(path, MAX_WEIGHTS), "Net", path.name))
        if not found.weights.all("layer"):
            raise ModelImportError(f"{path.name} has no layers", "is it a caffemodel?")
    elif ending == ".binaryproto":
        _require_first(found.mean, path, "mean image")
        found.mean = read_wire(given.load(path, 100_000_000), "Blob", path.name)
    else:
        text = _decoded(given.load(path, MAX_TEXT), path)
        if _SOLVER.search(text):
            _require_first(found.solver, path, "solver")
            found.solver = read_text(text, "Solver", path.name, found.problems)
            return
        net = _modern(read_text(text, "Net", path.name, found.problems))
        if found.net is None:
            found.net = net
        else:
            found.others.append(net)


_SOLVER = re.compile(
    r"^\s*(base_lr|lr_policy|max_iter|solver_mode|test_interval|snapshot_prefix|train_net)\s*:", re.MULTILINE
)


def _require_first(there: Message | None, path: Path, what: str) -> None:
    if there is not None:
        raise ModelImportError(f"{path.name} is a second {what}", "give one of them")


def _decoded(data: bytes, path: Path) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ModelImportError(f"{path.name} is no text", "the weights of Caffe end in .caffemodel") from None
    if "\0" in text:
        raise ModelImportError(f"{path.name} is no text", "the weights of Caffe end in .caffemodel")
    return text


def _modern(net: Message) -> Message:
    """Return a network whose layers are all in the form of today."""
    old = net.all("layers")
    if not old:
        return net
    layers = [*net.all("layer"), *(_modern_layer(each) for each in old if each is not None)]
    fields = {name: values for name, values in net.fields.items() if name not in {"layers", "layer"}}
    return Message("Net", net.place, {**fields, "layer": layers})


def _modern_layer(old: Message) -> Message:
    made = Message(
        "Layer",
        old.place,
        {name: values for name, values in old.fields.items() if name not in {"blobs_lr", "weight_decay", "param"}},
    )
    names, rates, decays = old.all("param"), old.all("blobs_lr"), old.all("weight_decay")
    params = []
    for index in range(max(len(names), len(rates), len(decays))):
        param = Message("Param", old.place)
        for name, values in (("name", names), ("lr_mult", rates), ("decay_mult", decays)):
            if index < len(values):
                param.fields[name] = [values[index]]
        params.append(param)
    if params:
        made.fields["param"] = params
    return made
