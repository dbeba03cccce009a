"""Model files of networks as they are drawn, with what is fitted to their data: as after a training, in no time."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

import netspec as ns
from netspec.data.for_network import load_data
from netspec.runs import folder as run_folders
from netspec.runs import model_file
from netspec.runs.model_file import ModelFile
from netspec.system.resources import specs_folder

__all__ = ["OWN", "untrained"]

OWN = specs_folder() / "own"


def untrained(folder: Path, name: str, text: str = "") -> Path:
    """Return the path of a model file of a spec: of `specs/own`, or of a text beside its data.

    Args:
        folder: where it is written; the data of `specs/own` are copied there.
        name: of the spec.
        text: of the spec, where it is none of `specs/own`.
    """
    shutil.copytree(OWN, folder, dirs_exist_ok=True)
    if text:
        (folder / f"{name}.net").write_text(text, encoding="utf-8")
    network = ns.load(folder / f"{name}.net")
    dataset = load_data(network, base=folder) if network.data else None
    model = ns.compile(network)
    arrays = {key: np.asarray(a) for key, a in run_folders.arrays_of(model.init(0)).items()}
    several = len(model.graph.outputs) > 1
    made = ModelFile(
        network,
        model.graph,
        arrays,
        dataset.labels if dataset and not several else (),
        {"dataset": dataset.name} if dataset else {},
        preparation=dataset.preparation if dataset else None,
        output_labels=dict(dataset.target_labels) if dataset and several else {},
    )
    path = folder / f"{name}.safetensors"
    model_file.write(path, made)
    return path
