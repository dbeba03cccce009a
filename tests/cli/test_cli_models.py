"""The models that need no data of one's own, through the real command line: train, eval, predict, plot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import cli, lines

import netspec
from netspec.system.resources import specs_folder


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for runs, with some images."""
    folder = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.integers(0, 256, (3, 1, 28, 28), np.uint8))
    return folder


def trained(folder: Path, name: str) -> str:
    """Train a model in the folder once: an epoch on the bundled digits, for MNIST cannot be had here."""
    if not (folder / name).exists():
        done = cli(folder, "train", specs_folder() / "models" / f"{name}.net", "--set", "train.epochs=1", "-o", name)
        assert done.returncode == 0, done.stderr
        assert "digits" in done.stdout
    return name


@pytest.mark.parametrize("name", [pytest.param("inception", marks=pytest.mark.slow), "lstm"])
def test_a_classifier_is_trained_and_used(here: Path, name: str) -> None:
    (found,) = lines(cli(here, "eval", trained(here, name), "--json").stdout)
    assert found["examples"] == 360
    # 23 steps: running averages are far behind still, so that what is asked is seen in training, not in the test.
    result = json.loads((here / name / "result.json").read_text())
    assert result["train_accuracy"] > 0.2
    assert found["accuracy"] == pytest.approx(result["test_accuracy"])
    assert found["loss"] == pytest.approx(result["test_loss"], rel=1e-4)
    done = cli(here, "predict", name, "x.npy", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert {p["label"] for p in lines(done.stdout)} <= set("0123456789")


@pytest.mark.slow
def test_an_autoencoder_is_evaluated_by_its_loss_alone(here: Path) -> None:
    done = cli(here, "eval", trained(here, "autoencoder"))
    assert (done.returncode, done.stderr) == (0, "")
    first, loss = done.stdout.splitlines()
    assert first.endswith("on digits: 360 test examples")
    word, number = loss.split()
    assert word == "loss"
    # ln 2 is the loss of a grey picture.
    assert 0 < float(number) < np.log(2)
    (found,) = lines(cli(here, "eval", "autoencoder", "--json").stdout)
    assert found["loss"] == pytest.approx(float(number), abs=1e-6)
    assert found["accuracy"] is None
    assert found["classes"] == found["confusion"] == []


def test_an_autoencoder_gives_pictures_and_names_no_class(here: Path) -> None:
    done = cli(here, "predict", trained(here, "autoencoder"), "x.npy")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("error") == 1
    assert "gives its input again, not classes" in done.stderr
    assert "run.outputs(images)" in done.stderr
    images = np.load(here / "x.npy")
    outputs = netspec.open(here / "autoencoder", "cpu").outputs(images)
    assert outputs.shape == images.shape
    assert outputs.min() >= 0
    assert outputs.max() <= 1


# Two of them are enough for every day.
@pytest.mark.parametrize("picture", ["confusion", pytest.param("mistakes", marks=pytest.mark.slow)])
def test_pictures_of_classes_are_refused_for_an_autoencoder(here: Path, picture: str) -> None:
    refused = cli(here, "plot", trained(here, "autoencoder"), picture)
    assert refused.returncode == 1
    assert "not classes" in refused.stderr


@pytest.mark.parametrize(
    "picture",
    [["features", "x.npy"], *(pytest.param([name], marks=pytest.mark.slow) for name in ("curves", "kernels"))],
)
def test_the_other_pictures_of_an_autoencoder_are_drawn(here: Path, picture: list[str]) -> None:
    done = cli(here, "plot", trained(here, "autoencoder"), *picture)
    assert (done.returncode, done.stderr) == (0, "")
