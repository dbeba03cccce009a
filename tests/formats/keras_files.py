"""Files as Keras writes them, made by h5py and zipfile alone: an independent twin of what `model.save` does."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Arrays = Sequence[tuple[str, Any]]


def layer(kind: str, name: str, **config: Any) -> dict[str, Any]:
    """Return a layer of a chain."""
    return {"class_name": kind, "config": {"name": name, **config}}


def chain(*layers: dict[str, Any], **config: Any) -> dict[str, Any]:
    """Return a network whose layers read each other in a row."""
    return {"class_name": "Sequential", "config": {"name": "chain", "layers": list(layers), **config}}


def node(layer: dict[str, Any], *reads: Any, **call: Any) -> dict[str, Any]:
    """Return a layer of a graph in the form of Keras 2, which reads others by their names."""
    return {**layer, "name": layer["config"]["name"], "inbound_nodes": [[[*read, call] for read in reads]]}


def graph(inputs: Sequence[str], outputs: Sequence[Any], *layers: dict[str, Any]) -> dict[str, Any]:
    """Return a network whose layers say what they read."""
    found = [layer if "inbound_nodes" in layer else {**node(layer), "inbound_nodes": []} for layer in layers]
    config = {
        "name": "graph",
        "layers": found,
        "input_layers": [[i, 0, 0] for i in inputs],
        "output_layers": [o if isinstance(o, list) else [o, 0, 0] for o in outputs],
    }
    return {"class_name": "Model", "config": config}


def given(*shape: int | None, name: str = "given", **config: Any) -> dict[str, Any]:
    """Return an input of Keras 2."""
    return layer("InputLayer", name, batch_input_shape=[None, *shape], dtype="float32", **config)


def hdf5(
    config: object,
    weights: Mapping[str, Arrays],
    *,
    version: str = "2.15.0",
    training: object = None,
    **attributes: Any,
) -> bytes:
    """Return a whole model in the form of before, a group for each layer; without a `config` its weights alone."""
    import h5py  # noqa: PLC0415

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        root = file
        if config is not None:
            file.attrs["model_config"] = config if isinstance(config, str | bytes) else json.dumps(config).encode()
            file.attrs["keras_version"] = version
            root = file.create_group("model_weights")
        if training is not None:
            file.attrs["training_config"] = json.dumps(training).encode()
        root.attrs["layer_names"] = [name.encode() for name in weights]
        root.attrs["backend"] = b"tensorflow"
        root.attrs["keras_version"] = version
        for name, value in attributes.items():
            root.attrs[name] = value
        for name, arrays in weights.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [each.encode() for each, _ in arrays]
            for each, array in arrays:
                group.create_dataset(each, data=np.asarray(array, np.float32))
    return stream.getvalue()


def weights_h5(weights: Mapping[str, Sequence[Any]]) -> bytes:
    """Return weights in the form of Keras 3: arrays by number."""
    import h5py  # noqa: PLC0415

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for path, arrays in weights.items():
            group = file.create_group(f"{path}/vars")
            for index, array in enumerate(arrays):
                group.create_dataset(str(index), data=np.asarray(array, np.float32))
    return stream.getvalue()


def archive(entries: Mapping[str, bytes | str], *, packed: bool = False) -> bytes:
    """Return a zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return stream.getvalue()


def modern(config: object, weights: Mapping[str, Sequence[Any]] | bytes, version: str = "3.9.0") -> bytes:
    """Return a `.keras` file."""
    return archive(
        {
            "metadata.json": json.dumps({"keras_version": version}),
            "config.json": json.dumps(config),
            "model.weights.h5": weights if isinstance(weights, bytes) else weights_h5(weights),
        }
    )
