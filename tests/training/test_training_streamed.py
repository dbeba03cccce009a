"""Trainings that read their examples batch by batch: the same bits as from memory, whatever happens on the way."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

import netspec as ns
from netspec.backends.jax.train.device_group import DeviceGroup
from netspec.backends.jax.train.streamed import Streamed
from netspec.data.prefetch import Ring
from netspec.data.rows import ArraySource, Rows
from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError
from netspec.runs import files as runs
from netspec.training import Finished, Rewound, Stopped
from netspec.training.loop import train as train_loop
from netspec.workflows import resume as resuming
from netspec.workflows import train as session

pytestmark = pytest.mark.usefixtures("at_once")

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (70, 1, 6, 6), np.uint8)
Y = X.reshape(70, -1)[:, :3].argmax(axis=1).astype(np.int32)
CLOCK = {"seconds", "examples_per_second", "data_wait"}

RECIPES = {
    "augmentation, uneven last batch": (
        "conv 4 3x3 relu; fc 3 softmax",
        "augment rotate=20 shift=1 noise=0.1 flip cutout=2; validation 11",
        "epochs 2; batch 16; evaluate every=3 batch=7",
    ),
    "several steps a call, accumulation": ("fc 8 relu; fc 3 softmax", "", "epochs 2; steps_per_call 3; accumulate 2"),
    "batch-norm, whose last batch is smaller; dropout": (
        "conv 4 3x3; batchnorm; relu; dropout 0.3; fc 3 softmax",
        "normalize channels",
        "epochs 2; batch 16",
    ),
    "its own input": ("fc 8 relu; fc 36 sigmoid; reshape 1x6x6", "target input", "epochs 2; batch 16; loss mse"),
    "frozen, average, blocks": (
        "fc 8 relu as f; fc 3 softmax",
        "shuffle buffer=20",
        "ema 0.9; epochs 2; batch 16; metrics f1 auroc",
    ),
}


def network(layers: str, data: str, train: str, more: str = "checkpoint off") -> ns.Network:
    freeze = "; freeze f until=1" if " as f" in layers else ""
    text = f'input 1x6x6; {layers}{freeze}; data "arrays" {{ {data} }}; train {{ seed 5; {train}; {more} }}'
    return ns.parse(text, name="toy")


def split(x: np.ndarray, y: np.ndarray, *, streams: bool) -> Split:
    return Split(Rows(ArraySource(x), np.arange(len(x))) if streams else x, y)


def dataset(*, streams: bool, x: np.ndarray = X) -> Dataset:
    parts = (split(x[:50], Y[:50], streams=streams), split(x[50:], Y[50:], streams=streams))
    return Dataset.of("arrays", *parts, ("0", "1", "2"))


def weights(event: Any) -> dict[str, bytes]:
    assert isinstance(event, Finished)
    trees = (event.variables.params, event.variables.state)
    return {f"{n}/{k}": np.asarray(a).tobytes() for tree in trees for n, own in tree.items() for k, a in own.items()}


def measured(events: list[Any]) -> list[Any]:
    lines = [ns.training.events.metrics_line(event) for event in events]
    return [{k: v for k, v in line.items() if k not in CLOCK} for line in lines if line]


# --- to the same bits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_bits_are_those_of_a_training_from_memory(recipe: tuple[str, str, str]) -> None:
    kept, streamed = (list(session.train(network(*recipe), dataset(streams=s), log_every=2)) for s in (False, True))
    assert weights(kept[-1]) == weights(streamed[-1])
    assert measured(kept) == measured(streamed)
    assert {e.data_wait for e in kept if isinstance(e, ns.Epoch | ns.Step)} == {0.0}
    assert all(0 <= e.data_wait <= 1 for e in streamed if isinstance(e, ns.Epoch | ns.Step))


def test_a_batch_that_is_left_out_is_left_out_alike() -> None:
    x = (X / 255).astype(np.float32)
    x[5, 0, 0, 0] = np.nan
    net = network("fc 3 softmax", "", "epochs 2; batch 8; steps_per_call 2; on_nonfinite rewind")
    kept, streamed = (list(train_loop(ns.compile(net), dataset(streams=s, x=x), log_every=3)) for s in (False, True))
    assert sum(isinstance(e, Rewound) for e in streamed) == 2
    assert [e for e in kept if isinstance(e, Rewound)] == [e for e in streamed if isinstance(e, Rewound)]
    assert weights(kept[-1]) == weights(streamed[-1])


@pytest.mark.parametrize("first", [True, False])
def test_stopped_in_an_epoch_it_goes_on_to_the_same_bits_from_memory_or_not(tmp_path: Path, first: bool) -> None:
    net = network("fc 8 relu; fc 3 softmax", "validation 9", "epochs 2; batch 8", "checkpoint every=2")
    whole = list(session.train(net, dataset(streams=not first), out=tmp_path / "whole", log_every=2))
    folder, asked = tmp_path / "run", iter(range(3))
    last = list(
        session.train(net, dataset(streams=first), out=folder, log_every=2, stop=lambda: next(asked, None) is None)
    )[-1]
    assert isinstance(last, Stopped)
    again = list(resuming.resume(folder, dataset(streams=not first)))
    assert weights(again[-1]) == weights(whole[-1])
    for name in (runs.BEST, runs.LAST):
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


# --- pictures -----------------------------------------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETSPEC_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "photos"
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for i in range(13):
            Image.fromarray(RNG.integers(0, 256, (9, 8, 3), dtype=np.uint8)).save(folder / name / f"{i}.png")
    return folder


def of_pictures(photos: Path, data: str, train: str = "epochs 2; batch 4") -> ns.Network:
    spec = photos.parent / "net.net"
    spec.write_text(
        f'data "photos" {{ {data} }}\ninput 3x6x6\nflatten; fc classes softmax\ntrain {{ {train} }}', encoding="utf-8"
    )
    return ns.load(spec)


@pytest.mark.parametrize("cache", ["", "off"])
def test_pictures_are_read_batch_by_batch(photos: Path, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSPEC_PICTURE_CACHE", cache)
    how = "validation 20%; augment flip"
    kept = list(ns.train(of_pictures(photos, f"{how}; streaming off")))
    streamed = list(ns.train(of_pictures(photos, f"{how}; streaming on")))
    assert weights(kept[-1]) == weights(streamed[-1])
    assert measured(kept) == measured(streamed)
    said = [e.text for e in streamed if isinstance(e, ns.Notice)]
    assert any("decoded anew in each epoch: NETSPEC_PICTURE_CACHE turns the cache off" in t for t in said) == bool(
        cache
    )


def test_a_picture_that_changes_meanwhile_ends_the_training_which_is_saved(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETSPEC_PICTURE_CACHE", "off")
    net, folder = of_pictures(photos, "streaming on", "epochs 3; batch 4; checkpoint off"), tmp_path / "run"
    whole = list(ns.train(net))
    before = {path: path.read_bytes() for path in photos.rglob("*.png")}

    def spoiled() -> None:
        for event in ns.train(net, out=folder, log_every=1):
            for path in before if isinstance(event, ns.Epoch) else ():
                path.write_bytes(b"\x89PNG")

    with pytest.raises(DataError, match=r"png is not what it was when the .* began; saved after step \d+") as caught:
        spoiled()
    assert str(folder) in str(caught.value.fix)
    with pytest.raises(DataError, match="cannot be read"):
        list(ns.resume(folder))
    for path, content in before.items():
        path.write_bytes(content)
    (photos / "cat" / "1.png").rename(tmp_path / "1.png")
    with pytest.raises(DataError, match=r"SHA-256 .* its (training|test) part has \d+ examples, and had \d+"):
        list(ns.resume(folder))
    (tmp_path / "1.png").rename(photos / "cat" / "1.png")
    assert weights(list(ns.resume(folder))[-1]) == weights(whole[-1])


def test_evaluation_reads_batch_by_batch(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list(ns.train(of_pictures(photos, "streaming on; validation 20%"), out=tmp_path / "run"))
    streamed = ns.open(tmp_path / "run")
    assert isinstance(streamed.dataset().test.images, Rows)
    found = {part: streamed.evaluate(split=part) for part in ("train", "validation", "test")}
    taken: list[int] = []
    take = Streamed.in_turn
    monkeypatch.setattr(Streamed, "in_turn", lambda self, batch: taken.append(batch) or take(self, batch))
    kept = ns.open(tmp_path / "run").evaluate(of_pictures(photos, "streaming off") and photos)
    assert taken
    assert kept.loss == found["test"].loss
    assert sum(e.examples for e in found.values()) == 26


# --- what is read ahead -------------------------------------------------------------------------------------------


def test_no_more_is_read_ahead_than_is_said() -> None:
    read: set[int] = set()

    class Watched(ArraySource):
        def read(self, number: int, out: Any) -> None:
            read.add(number)
            super().read(number, out)

    rows = Rows(Watched(np.arange(100)), np.arange(100))
    ring = Ring(rows, (np.arange(i, i + 10) for i in range(0, 100, 10)), 3, lambda array, at: array.copy())
    for taken in range(10):
        assert ring.take().tolist() == list(range(10 * taken, 10 * taken + 10))
        assert max(read) < 10 * (taken + 4)
    assert not len(ring)


def test_an_error_in_a_thread_is_raised_where_the_batch_is_taken() -> None:
    class Bad(ArraySource):
        def read(self, number: int, out: Any) -> None:
            if number == 15:
                raise DataError("no", "mend it")
            super().read(number, out)

    ring = Ring(Rows(Bad(np.arange(30)), np.arange(30)), iter([np.arange(10), np.arange(10, 20)]), 2, lambda a, at: a)
    ring.take()
    with pytest.raises(DataError, match="no"):
        ring.take()


# --- hosts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "devices", "never_pad", "own"),
    [
        (6, 2, False, [[0, 1, 2], [3, 4, 5]]),
        (7, 2, False, [[0, 1, 2, 3], [4, 5, 6]]),
        (7, 2, True, [range(7), range(7)]),
        (1, 2, False, [[0], [0]]),
        (5, 4, False, [[0, 1], [2, 3], [4], [4]]),
    ],
)
def test_a_host_reads_what_its_devices_compute(
    count: int, devices: int, never_pad: bool, own: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for host in range(devices):
        group = DeviceGroup.__new__(DeviceGroup)
        group.count = devices
        group._mesh = SimpleNamespace(devices=[SimpleNamespace(process_index=i) for i in range(devices)])  # type: ignore[assignment]
        group._replicated = SimpleNamespace(is_fully_addressable=False)  # type: ignore[assignment]
        monkeypatch.setattr(jax, "process_index", lambda host=host: host)
        assert np.flatnonzero(group.own_rows(count, never_pad=never_pad)).tolist() == list(own[host])
