"""`data … { target input }`: what is compared with the outputs is the prepared input, and nothing is a class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.data.types import Dataset, Split
from netspec.training.loop import train as train_loop
from netspec.workflows.trained import Run

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (24, 1, 4, 4), np.uint8)
OTHERS = RNG.integers(0, 256, (9, 1, 4, 4), np.uint8)

BODY = "input 1x4x4; fc 5 tanh"
MSE = "fc 16"
BCE = "deconv 1 4x4 sigmoid"


def network(last: str, data: str = "", train: str = "epochs 2") -> ns.Network:
    # A row of 16 and an image of 4x4 are both the input again.
    layers = f"reshape 5x1x1; {last}" if last.startswith("deconv") else last
    text = f'{BODY}; {layers}; data "mine.npz" {{ target input; {data} }}; train {{ batch 8; {train} }}'
    return ns.parse(text, name="toy")


def dataset(labels: int = 3) -> Dataset:
    y, y_test = np.arange(24) % labels, np.arange(9) % labels
    return Dataset.of("mine.npz", Split(IMAGES, y), Split(OTHERS, y_test), tuple(map(str, range(labels))))


def epochs(net: ns.Network, labels: int = 3) -> list[Any]:
    return [e for e in train_loop(ns.compile(net, "cpu"), dataset(labels)) if isinstance(e, ns.Epoch | ns.Finished)]


def by_hand(net: ns.Network, variables: ns.Variables, prepared: np.ndarray, kind: str) -> float:
    """Return the mean over all pixels, from the outputs and the inputs as the network sees them."""
    outputs = np.asarray(ns.compile(net, "cpu").forward(variables, prepared.astype(np.float32)), np.float64)
    out = outputs.reshape(prepared.shape)
    if kind == "mse":
        return float(((out - prepared) ** 2).mean())
    return float(-(prepared * np.log(out) + (1 - prepared) * np.log(1 - out)).mean())


@pytest.mark.parametrize(
    ("last", "data", "kind"),
    [
        (MSE, "", "mse"),
        (MSE, "scale -1..1", "mse"),
        (MSE, "normalize mean=0.25 std=0.5", "mse"),
        (BCE, "", "bce"),
        (BCE, "scale divisor=256", "bce"),
    ],
)
def test_the_loss_is_that_to_the_prepared_input(last: str, data: str, kind: str) -> None:
    net = network(last, data)
    *_, epoch, finished = epochs(net)
    prepare = {
        "": lambda b: b / 255,
        "scale -1..1": lambda b: b / 127.5 - 1,
        "normalize mean=0.25 std=0.5": lambda b: (b / 255 - 0.25) / 0.5,
        "scale divisor=256": lambda b: b / 256,
    }[data]
    expected = by_hand(net, finished.variables, prepare(OTHERS.astype(np.float64)), kind)
    assert epoch.test_loss == pytest.approx(expected, rel=1e-5)


def test_the_training_loss_is_that_to_the_prepared_input() -> None:
    """Nothing moves at a learning rate this small: the epoch's mean is the loss of the initial values."""
    net = network(MSE, "scale -1..1", "epochs 1; optimizer sgd lr=1e-12")
    first = epochs(net)[0]
    expected = by_hand(net, ns.compile(net, "cpu").init(), IMAGES.astype(np.float64) / 127.5 - 1, "mse")
    assert first.train_loss == pytest.approx(expected, rel=1e-5)


def test_a_stated_loss_is_taken() -> None:
    net = network(BCE, train="epochs 2; loss mse")
    *_, epoch, finished = epochs(net)
    assert epoch.test_loss == pytest.approx(by_hand(net, finished.variables, OTHERS / 255, "mse"), rel=1e-5)


def test_labels_do_not_matter_and_nothing_is_classified() -> None:
    # 24 labels are more than the network has outputs.
    few, many = epochs(network(MSE)), epochs(network(MSE), labels=24)
    assert [e.test_loss for e in few[:-1]] == [e.test_loss for e in many[:-1]]
    assert all(e.test_accuracy is None and e.train_accuracy is None for e in few[:-1])
    assert few[-1].result.test_accuracy is None


def test_the_best_epoch_has_the_lowest_loss() -> None:
    found = epochs(network(MSE, train="epochs 6; optimizer adam lr=0.02"))
    losses = [e.test_loss for e in found[:-1]]
    assert losses[-1] < losses[0]
    assert found[-1].result.best_test_loss == min(losses)


def test_a_trained_one_gives_images_and_no_classes(tmp_path: Path) -> None:
    arrays = (IMAGES, np.zeros(24, int), OTHERS, np.zeros(9, int))
    *_, finished = ns.train(network(BCE), arrays, out=tmp_path / "run", device="cpu")
    run = Run(tmp_path / "run", "cpu")
    assert run.outputs(OTHERS).shape == OTHERS.shape
    assert ((run.outputs(OTHERS) > 0) & (run.outputs(OTHERS) < 1)).all()
    with pytest.raises(ns.DataError, match="gives its input again, not classes"):
        run.predict(OTHERS)
    found = run.evaluate(arrays)
    assert found.accuracy is None
    assert found.loss == pytest.approx(finished.result.best_test_loss, rel=1e-6)
