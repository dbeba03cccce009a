"""Counts published files of Caffe, Darknet and Keras as they came, and the specs that `netspec import` makes of them.

    NETSPEC_DATA=… python benchmarks/conciseness/as_it_came.py     # record the counts, then write docs/conciseness.md

The files are not in the repository, so their counts are recorded in benchmarks/results/conciseness.json, from which the
page is made. The rules are those of count.py; a test recounts where the files are there.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import count as counting
from count import FLAT, IMPORTED, Count, Imported, count, used_blocks

from netspec.formats.keras.reader.hdf5 import opened
from netspec.system.files import atomic_write
from netspec.workflows.import_model import import_model

__all__ = ["FILES", "counted", "main"]

_CAFFE = {
    "mnist_lenet_train_test": "LeNet, to be trained and tested",
    "bvlc_alexnet_deploy": "AlexNet, to be used",
    "bvlc_googlenet_train_val": "GoogLeNet, to be trained and tested",
    "cifar10_cifar10_quick_train_test": "CIFAR-10 quick, to be trained and tested",
    "mnist_mnist_autoencoder": "autoencoder, to be trained and tested",
}
_DARKNET = {
    "alexnet": "AlexNet",
    "cifar": "CIFAR-10",
    "darknet": "Darknet reference",
    "darknet19": "Darknet-19",
    "extraction": "Extraction",
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "resnext50": "ResNeXt-50",
    "strided": "Strided",
    "tiny": "Tiny",
    "vgg-16": "VGG-16",
}
FILES: Mapping[str, str] = {
    **{f"caffe/{name}.prototxt": title for name, title in _CAFFE.items()},
    **{f"darknet/{name}.cfg": title for name, title in _DARKNET.items()},
    "keras/clothes_discriminator.h5": "clothes discriminator",
}
"""What the networks are called, by their files under `models/` of NETSPEC_DATA."""


def counted(path: Path, name: str) -> Imported:
    """Return the counts of a file and of its spec."""
    with tempfile.TemporaryDirectory() as folder:
        given = path
        if path.suffix == ".h5":  # its network is JSON, in one line
            given = Path(folder) / f"{path.stem}.json"
            given.write_text(_config(path), encoding="utf-8")
        text = given.read_text(encoding="utf-8")
        spec = import_model([given], out=Path(folder) / "made.net").spec.read_text(encoding="utf-8")
    own = _of_json(text) if given.suffix == ".json" else count(text, given.suffix.removeprefix("."))
    made = count(spec + used_blocks(spec), "net")
    return Imported(name, FILES[name], own.lines, own.tokens, made.lines, made.tokens)


def _config(path: Path) -> str:
    """Return the network of an HDF5 file of Keras as JSON."""
    text = opened(path.read_bytes(), path.name).text("model_config")
    assert text is not None
    return text


def _of_json(text: str) -> Count:
    """Return the counts of JSON, which has no comments."""
    json.loads(text)
    assert "\\" not in text, "a string with an escape is no token of FLAT"
    return Count(len([line for line in text.splitlines() if line.strip()]), len(FLAT.findall(text)))


def main() -> int:
    """Count all files, record what is found, and write the page."""
    folder = Path(os.environ.get("NETSPEC_DATA", "")) / "models"
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        print(f"{missing[0]} is not in models/ of NETSPEC_DATA: give its folder, NETSPEC_DATA=…", file=sys.stderr)
        return 1
    rows = [counted(folder / name, name)._asdict() for name in FILES]
    atomic_write(IMPORTED, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    return counting.main()


if __name__ == "__main__":
    raise SystemExit(main())
