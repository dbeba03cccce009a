"""Keras: which file says the network and which the weights, and what is said when all layers are read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.formats.keras.reader.archive import read_archive
from netspec.formats.keras.reader.config import Call, Entry, Net, net_of, parsed, version_of
from netspec.formats.keras.reader.first import renamed
from netspec.formats.keras.reader.hdf5 import Group, opened
from netspec.formats.keras.reader.operations import with_operations
from netspec.formats.keras.reader.recipe import add_l2, add_recipe
from netspec.formats.keras.reader.use import Use
from netspec.formats.keras.reader.values import CHANNELS_FIRST, CHANNELS_LAST, Value
from netspec.formats.keras.reader.walk import Walk
from netspec.formats.keras.reader.weights import Weights, weights_of
from netspec.formats.reading import Description, Given, ModelImportError, Piece, Place

__all__ = ["Keras"]

_MAX_FILE = 4_000_000_000
_MAX_JSON = 50_000_000
_HDF5 = (".h5", ".hdf5")


@dataclass(frozen=True, slots=True)
class _Said:
    """What a file says: the network, how it was compiled, and the first two numbers of Keras' version."""

    net: Net
    compiled: Mapping[str, Any]
    version: tuple[int, int]
    old: bool


class Keras:
    """Reads `.keras`, `.h5`, `.hdf5` and `.json`."""

    name = "keras"
    endings: tuple[str, ...] = (".keras", *_HDF5, ".json")

    def read(self, given: Given) -> Description:
        """Return what the files say."""
        if len(given.files) > 2 or sum(not _is_hdf5(path) for path in given.files) > 1:
            raise ModelImportError("a model of Keras is one file, or a .json and one of weights", "give those")
        # A file of weights stands behind the one of the network.
        network, *further = sorted(given.files, key=_is_hdf5)
        said, root = _network(network, given)
        for path in further:
            root = opened(given.load(path, _MAX_FILE), path.name)
        weights = weights_of(root, said.net) if root is not None else None
        own = said.net.name
        name = network.name.split(".")[0] if not own or _GIVEN_BY_KERAS.fullmatch(own) else own
        walk = Walk(name, weights, file=network.name, shape=given.shape, version=said.version, old=said.old)
        ends = walk.whole(said.net)
        _finish(walk, said, ends)
        return walk.sketch.made


_GIVEN_BY_KERAS = re.compile(r"(sequential|model|functional)(_\d+)?")


def _is_hdf5(path: Path) -> bool:
    return path.name.lower().endswith(_HDF5)


def _network(path: Path, given: Given) -> tuple[_Said, Group | None]:
    """Return what a file says of the network, and its weights where it has some."""
    if path.name.lower().endswith(".json"):
        return _said(parsed(given.load(path, _MAX_JSON), path.name), path.name), None
    data = given.load(path, _MAX_FILE)
    if path.name.lower().endswith(".keras"):
        archive = read_archive(data, path.name)
        metadata = parsed(archive.metadata, path.name) if archive.metadata else {}
        said = _said(parsed(archive.config, path.name), path.name, version=metadata.get("keras_version"))
        return said, opened(archive.weights, path.name) if archive.weights else None
    root = opened(data, path.name)
    config = root.text("model_config")
    if config is None and root.texts("layer_names") is None and root.group("layers") is None:
        raise ModelImportError(
            f"{path.name} has neither a network of Keras nor weights of one", "is it another HDF5 file?"
        )
    if config is None:
        raise ModelImportError(
            f"{path.name} has weights, and does not say the network",
            f"give it too: netspec import model.json --weights {path.name}",
        )
    training = root.text("training_config")
    compiled = parsed(training.encode(errors="replace"), path.name) if training else {}
    version = root.text("keras_version")
    return _said(
        parsed(config.encode(errors="replace"), path.name), path.name, version=version, compiled=compiled
    ), root


def _said(
    config: Mapping[str, Any], file: str, *, version: object = None, compiled: Mapping[str, Any] | None = None
) -> _Said:
    version = version if isinstance(version, str) else config.get("keras_version")
    numbers = version_of(version)
    if numbers == (0, 0):
        # What Keras 3 writes as JSON names the modules of its classes.
        numbers = (3, 0) if "registered_name" in config else (2, 3)
    further = config.get("compile_config")
    net = net_of(config, file)
    return _Said(
        renamed(net) if numbers[0] == 1 else with_operations(net),
        compiled or (further if isinstance(further, dict) else {}),
        numbers,
        old=numbers < (2, 3) and "-tf" not in str(version),
    )


def _finish(walk: Walk, said: _Said, ends: Sequence[tuple[str, Value]]) -> None:
    """Say the outputs, the recipe and what is frozen; leave out what leads to no output."""
    sketch = walk.sketch
    made = sketch.made
    outputs: list[tuple[str, Piece]] = []
    for name, end in ends:
        use = Use(Entry("output", name, {}), ("", name), Call(), Place(walk.file, f"layer {name}"), said.version[0])
        if not end.known:
            continue
        piece = sketch.by_name.get(_in_order(walk, use, end).piece)
        if piece is None:
            sketch.unknown(use.place, "the input is an output as it is", "a network computes something")
        elif all(piece is not other for _, other in outputs):
            outputs.append((name, piece))
    if not ends:
        sketch.unknown(Place(walk.file), "no layer is an output", "copy the file again from where it was whole")
    if outputs and not made.unknown:
        _keep(walk, [piece for _, piece in outputs])
    else:
        _without_borders(walk)
    if len(outputs) > 1:
        for name, piece in outputs:
            _rename(walk, piece, name)
    for text, names in walk.said.items():
        sketch.note(f"{', '.join(names[:3])}{f' … ({len(names)} layers)' if len(names) > 3 else ''}: {text}")
    add_recipe(sketch, said.compiled, outputs)
    add_l2(sketch, walk.penalties)
    _freeze(walk)
    made.has_weights = walk.weights is not None
    if walk.weights is not None:
        _note_weights(walk, walk.weights)


def _note_weights(walk: Walk, weights: Weights) -> None:
    """Note which weights are left out, and what is not known of the pictures that they were trained on."""
    made = walk.sketch.made
    for layer in weights.left()[:20] if not made.unknown else ():
        walk.sketch.note(f"the weights of {layer} are left out: the network has no such layer")
    if any(len(shape) == 3 and name not in walk.prepared for name, shape in made.inputs.items()):
        walk.sketch.note("the file does not say how pixels become numbers: pictures come as 0..1 here")


def _in_order(walk: Walk, use: Use, value: Value) -> Value:
    """Return an output whose axes lie as those of netspec's images and sequences do."""
    count = len(value.axes)
    if count == 1:
        return walk.in_order(use, value)
    return walk.arranged(use, value, (CHANNELS_FIRST if walk.first else CHANNELS_LAST)[count])


def _keep(walk: Walk, ends: Sequence[Piece]) -> None:
    """Leave out the pieces that lead to no output."""
    made = walk.sketch.made
    needed = {piece.name for piece in ends}
    for piece in reversed(made.pieces):
        if piece.name in needed:
            needed.update(piece.inputs)
            needed.update(filter(None, (piece.share,)))
    made.pieces = [piece for piece in made.pieces if piece.name in needed]
    made.top = [entry for entry in made.top if entry[1] in needed]


def _without_borders(walk: Walk) -> None:
    """Leave out borders of zeros that became those of convolutions."""
    made = walk.sketch.made
    reads = Counter(source for piece in made.pieces for source in piece.inputs)
    borders, gone = set(walk.paddings), set[str]()
    for piece in reversed(made.pieces):
        if piece.name in borders and not reads[piece.name]:
            gone.add(piece.name)
            reads.subtract(piece.inputs)
            # One that differs from side to side is what is left of a larger one.
            borders.update(piece.inputs if piece.layer.canonical() == "crop" else ())
    made.pieces = [piece for piece in made.pieces if piece.name not in gone]


def _rename(walk: Walk, piece: Piece, name: str) -> None:
    """Call an output as Keras calls the layer that makes it."""
    made = walk.sketch.made
    if piece.name == name or not name:
        return
    names = {name: f"{name}_inside", piece.name: name}
    if names[name] in walk.sketch.by_name:
        return
    for each in made.pieces:
        each.inputs = tuple(names.get(source, source) for source in each.inputs)
        each.share = names.get(each.share, each.share)
        each.name = names.get(each.name, each.name)
    made.top = [(command, names.get(of, of), rest) for command, of, rest in made.top]
    walk.sketch.by_name = {each.name: each for each in made.pieces}


def _freeze(walk: Walk) -> None:
    """Freeze the layers that are not trained, unless that is all of them."""
    made = walk.sketch.made
    still = [key for key, frozen in walk.frozen.items() if frozen]
    if still and len(still) == len(walk.frozen):
        walk.sketch.note("no layer is trained in Keras: here all are, unless `freeze` says otherwise")
        return
    for key in still:
        for piece in walk.uses[key]:
            if piece.weights and piece in made.pieces:
                piece.keep = True
                if ("freeze", piece.name, "") not in made.top:
                    made.top.append(("freeze", piece.name, ""))
