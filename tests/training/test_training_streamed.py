"""Trainings that read their pictures batch by batch: the same bits as from memory, whatever happens on the way."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec as ns
from netspec.backends.jax.train.streamed import Streamed
from netspec.data.for_network import load_data
from netspec.data.rows import Rows
from netspec.diagnostics.diagnostic import DataError

PLAIN = "flatten; fc 5 relu; fc classes softmax"
NETS = {
    "fc": PLAIN,
    "conv": "conv 3 3x3 relu; globalpool; fc classes softmax",
    "batchnorm": "conv 3 3x3; batchnorm; relu; globalpool; fc classes softmax",
    "dropout": "flatten; dropout 0.3; fc classes softmax",
}
AUGMENTED = "augment flip rotate=10 shift=1 noise=0.02 cutout=2; "


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSPEC_CACHE", str(tmp_path / "cache"))


def pictures(folder: Path, *, each: int = 13, names: tuple[str, ...] = ("cat", "dog"), seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            pixels = rng.integers(0, 256, (9, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


def network(folder: Path, data: str, layers: str = PLAIN, train: str = "epochs 2; batch 6", more: str = "") -> ns.Network:
    spec = folder.parent / "net.net"
    spec.write_text(
        f'data "{folder.name}" {{ {data} }}\ninput 3x6x6\n{layers}\n{more}\ntrain {{ {train} }}', encoding="utf-8"
    )
    return ns.load(spec)


def trained(folder: Path, data: str, streaming: str, layers: str = PLAIN, **given: Any) -> tuple[list[Any], Any]:
    """Return the events of a training, and its weights."""
    how = {name: given.pop(name) for name in ("train", "more") if name in given}
    net = network(folder, f"{data}; streaming {streaming}" if data else f"streaming {streaming}", layers, **how)
    *events, finished = ns.train(net, **given)
    assert isinstance(finished, ns.Finished)
    return events, arrays(finished.variables)


def arrays(variables: Any) -> dict[str, Any]:
    return {f"{node}/{name}": np.asarray(a) for tree in variables for node, own in tree.items() for name, a in own.items()}


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].tobytes() == other[name].tobytes(), name


@pytest.mark.parametrize("layers", NETS.values(), ids=NETS)
def test_the_bits_are_those_of_a_training_from_memory(tmp_path: Path, layers: str) -> None:
    folder = pictures(tmp_path / "photos")
    kept_events, kept = trained(folder, f"{AUGMENTED}validation 20%", "off", layers)
    events, streamed = trained(folder, f"{AUGMENTED}validation 20%", "on", layers)
    assert_same(kept, streamed)
    a, b = ([e for e in each if isinstance(e, ns.Epoch)] for each in (kept_events, events))
    assert [(e.train_loss, e.test_loss, e.validation_loss) for e in a] == [
        (e.train_loss, e.test_loss, e.validation_loss) for e in b
    ]
    assert {e.data_wait for e in a} == {0.0}
    assert all(0 <= e.data_wait <= 1 for e in b)
