"""Import of Darknet's files: what they compute, by NumPy, and how the specs read that people get."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.formats.reading import ModelImportError
from netspec.workflows.import_model import Imported, import_model
from tests.formats.darknet_twin import FUNCTIONS, Twin

GIVEN = os.environ.get("NETSPEC_DATA", "")
SMALL = "[net]\nheight=11\nwidth=10\nchannels=3\nbatch=4\nlearning_rate=0.1\n"
CONV = "[convolutional]\nbatch_normalize=1\nfilters={c}\nsize={k}\nstride={s}\npad=1\nactivation={a}\n"
HEAD = "[avgpool]\n[convolutional]\nfilters=4\nactivation=linear\n[softmax]\n"


def block(c: int, k: int = 3, s: int = 1, a: str = "leaky") -> str:
    return CONV.format(c=c, k=k, s=s, a=a)


def imported(folder: Path, text: str, weights: bytes | None = None, **options: Any) -> Imported:
    """Import a network that is written into a folder."""
    (folder / "twin.cfg").write_text(text)
    files = [folder / "twin.cfg"]
    if weights is not None:
        (folder / "twin.weights").write_bytes(weights)
        files.append(folder / "twin.weights")
    return import_model(files, out=folder / "twin.net", force=True, **options)


CASES = {
    "residual": block(8) + block(8, 1) + block(8, 3, a="linear") + "[shortcut]\nfrom=-3\nactivation=leaky\n" + HEAD,
    "projected": block(4) + block(8, 3, 2) + block(8, a="linear") + "[shortcut]\nfrom=-3\n" + HEAD,
    "narrowed": block(8) + block(4) + "[shortcut]\nfrom=-2\nactivation=ramp\n" + HEAD,
    "routes": block(4) + block(6) + "[route]\nlayers=-2\n" + block(5, 1) + "[route]\nlayers=-1,1,0\n" + HEAD,
    "upsampled": block(4) + "[maxpool]\nsize=2\nstride=1\n" + block(4, 3, 2) + "[upsample]\nstride=2\n" + HEAD,
    "grouped": block(6) + "[convolutional]\nfilters=4\ngroups=2\nsize=3\npadding=2\nactivation=elu\n"
    "[convolutional]\nfilters=8\ngroups=4\nsize=3\npad=1\nactivation=relu\n" + HEAD,
    "connected": "[connected]\noutput=12\nbatch_normalize=1\nactivation=tanh\n[dropout]\nprobability=.3\n"
    "[connected]\noutput=7\nactivation=linear\n[softmax]\ngroups=1\n[cost]\ntype=sse\n",
    "cropped": "[crop]\ncrop_height=8\ncrop_width=7\nflip=1\n" + block(4) + "[batchnorm]\n" + HEAD,
    "flat": block(2) + "[convolutional]\nfilters=2\nsize=2\npad=1\nactivation=logistic\n[softmax]\n",
}


@pytest.mark.parametrize("name", CASES)
def test_layers_compute_what_darknet_computes(tmp_path: Path, name: str) -> None:
    # Rows and columns in which strides of 2 fit.
    text = SMALL.replace("11", "12").replace("width=10", "width=8") + CASES[name]
    twin = Twin(text)
    x = np.random.default_rng(1).integers(0, 256, (3, 3, 12, 8)).astype(np.uint8)
    expected = twin.forward(x / 255)
    made = imported(tmp_path, text, twin.weights())
    assert made.model is not None
    run = ns.open(made.model)
    found = np.asarray(run.model.forward(run.variables, x))
    np.testing.assert_allclose(found, expected, rtol=3e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(2, 2, 1), (2, 2, 0), (2, 1, 1), (3, 2, 2), (3, 1, 2), (3, 2, 0)]
)
def test_windows_are_those_of_darknet(tmp_path: Path, size: int, stride: int, padding: int) -> None:
    text = (
        f"{SMALL}[maxpool]\nsize={size}\nstride={stride}\npadding={padding}\n[connected]\noutput=3\nactivation=linear\n"
    )
    twin = Twin(text)
    x = np.random.default_rng(1).integers(0, 256, (2, 3, 11, 10)).astype(np.uint8)
    expected = twin.forward(x / 255)
    made = imported(tmp_path, text, twin.weights())
    assert made.model is not None
    run = ns.open(made.model)
    np.testing.assert_allclose(np.asarray(run.model.forward(run.variables, x)), expected, rtol=3e-5, atol=1e-6)


def test_a_window_that_cannot_be_said_is_refused(tmp_path: Path) -> None:
    text = f"{SMALL}{block(2)}[maxpool]\nsize=3\nstride=3\npadding=1\n[connected]\noutput=3\n"
    with pytest.raises(ModelImportError, match="a window of 3 with 1 rows of padding"):
        imported(tmp_path, text)
    assert "pool" not in imported(tmp_path, text, partial=True).spec.read_text()


def test_functions_are_those_of_darknet(tmp_path: Path) -> None:
    text = "[net]\ninputs=6\n" + "".join(f"[activation]\nactivation={name}\n[batchnorm]\n" for name in FUNCTIONS)
    twin = Twin(text)
    x = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)
    expected = twin.forward(x)
    made = imported(tmp_path, text, twin.weights())
    assert made.model is not None
    run = ns.open(made.model)
    # Darknet's selu has its constants to four digits.
    np.testing.assert_allclose(np.asarray(run.model.forward(run.variables, x)), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("version", [(0, 1, 0), (0, 2, 0), (0, 2, 5), (1001, 1, 0)])
def test_headers_of_all_versions(tmp_path: Path, version: tuple[int, int, int]) -> None:
    text = "[net]\ninputs=6\n[connected]\noutput=4\nactivation=relu\n[connected]\noutput=3\nactivation=linear\n"
    twin = Twin(text)
    x = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)
    expected = twin.forward(x)
    made = imported(tmp_path, text, twin.weights(version=version))
    assert made.model is not None
    run = ns.open(made.model)
    np.testing.assert_allclose(np.asarray(run.model.forward(run.variables, x)), expected, rtol=3e-5, atol=1e-6)


@pytest.mark.parametrize("change", [lambda b: b[:-4], lambda b: b + bytes(8)])
def test_weights_of_another_network_are_refused(tmp_path: Path, change: Any) -> None:
    text = SMALL + block(4) + HEAD
    twin = Twin(text)
    twin.forward(np.zeros((1, 3, 11, 10)))
    with pytest.raises(ModelImportError, match="weights of another network"):
        imported(tmp_path, text, change(twin.weights()))
    assert not (tmp_path / "twin.net").exists()


SETTINGS = {
    "policy=poly\npower=4\nmax_batches=20000\nburn_in=1000": "schedule polynomial 4 warmup=0.0999",
    "policy=steps\nsteps=10010,20020\nscales=.1,.1\nmax_batches=30030": 'schedule multistep "1 2" factor=0.1',
    "policy=steps\nsteps=10010,20020\nscales=.1,.1\nburn_in=5005\nmax_batches=30030": (
        'schedule multistep "0.5 1.5" factor=0.1 warmup=0.5'
    ),
    "policy=step\nstep=5005\nscale=0.5\nmax_batches=10010": "schedule step 0.5 factor=0.5",
    "policy=exp\ngamma=0.9999\nmax_batches=10010": "schedule exponential 0.3674934",
    "policy=inv\ngamma=0.0001\npower=0.75\nmax_batches=10010": "schedule inverse 1.001 power=0.75",
    "adam=1\nB1=0.8\ndecay=0\nmax_batches=10010": "optimizer adam lr=0.1 beta1=0.8 epsilon=1e-7",
    "subdivisions=4\ndecay=0.0005\nmax_batches=10010": "batch 32\n  accumulate 4",
}


@pytest.mark.parametrize("settings", SETTINGS)
def test_settings_of_training(tmp_path: Path, settings: str) -> None:
    head = "[net]\ninputs=6\nbatch=128\nlearning_rate=0.1\nmomentum=0.9\n"
    text = f"{head}{settings}\n[connected]\noutput=1000\n[softmax]\n"
    assert SETTINGS[settings] in imported(tmp_path, text).spec.read_text()


@pytest.mark.parametrize("gamma", ["2", "0.5"])
def test_a_rate_that_no_number_says_is_refused(tmp_path: Path, gamma: str) -> None:
    head = f"[net]\ninputs=6\nbatch=128\npolicy=exp\ngamma={gamma}\n"
    with pytest.raises(ModelImportError, match="line 4: policy=exp with these numbers"):
        imported(tmp_path, f"{head}[connected]\noutput=1000\n[softmax]\n")


@pytest.mark.parametrize(
    ("cost", "loss", "factor"),
    [("", "mse", "half the sum over the outputs, here it is their mean: 2.5"), ("type=l1\n", "mae", "mean: 5")],
)
def test_costs_are_sums(tmp_path: Path, cost: str, loss: str, factor: str) -> None:
    text = "[net]\ninputs=6\nbatch=4\nmosaic=1\nangle=7\n[connected]\noutput=5\nactivation=linear\n[cost]\n"
    made = imported(tmp_path, text + cost)
    assert f"  loss {loss}\n" in made.spec.read_text()
    assert any(f"{factor} times the rate" in note for note in made.notes)
    assert [note for note in made.notes if "left out" in note] == ["twin.cfg, line 4: mosaic=1 of [net] is left out"]


def test_a_detection_head_is_refused_and_the_rest_can_be_had(tmp_path: Path) -> None:
    text = SMALL + block(4) + block(4) + "[convolutional]\nfilters=6\nactivation=linear\n[yolo]\nmask=0\n"
    text += "[route]\nlayers=-3\n[convolutional]\nfilters=3\nactivation=plse\n"
    with pytest.raises(ModelImportError, match=r"(?s)line 24: \[yolo\].*line 30: .*activation=plse.*--partial"):
        imported(tmp_path, text)
    made = imported(tmp_path, text, partial=True)
    assert [u.place.at for u in made.unknown] == ["line 24", "line 30"]
    assert ns.load(made.spec).graph()


PUBLISHED = {
    "alexnet": 62_378_344,
    "cifar": 7_681_674,
    "darknet": 7_319_416,
    "darknet19": 20_842_376,
    "extraction": 23_437_224,
    "resnet18": 11_515_688,
    "resnet50": 22_780_456,
    "resnext50": 22_252_328,
    "strided": 85_583_400,
    "tiny": 1_042_104,
    "vgg-16": 138_357_544,
}
REFUSED = {"gru": r"\[gru\]", "rnn": r"\[rnn\]", "yolov3-tiny": r"\[yolo\]"}


def shared(name: str) -> Path:
    """Return a file of the published models, or skip the test."""
    path = Path(GIVEN) / "models/darknet" / name
    if not path.is_file():
        pytest.skip(f"models/darknet/{name} is not in NETSPEC_DATA")
    return path


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_have_their_parameters(tmp_path: Path, name: str) -> None:
    made = import_model([shared(f"{name}.cfg")], out=tmp_path / "a.net")
    assert made.parameters == PUBLISHED[name]
    assert len(made.spec.read_text().splitlines()) < 75
    assert not made.unknown


@pytest.mark.parametrize("name", REFUSED)
def test_published_networks_that_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelImportError, match=REFUSED[name]):
        import_model([shared(f"{name}.cfg")], out=tmp_path / "a.net")


def test_the_body_of_a_detector(tmp_path: Path) -> None:
    made = import_model([shared("yolov3-tiny.cfg")], out=tmp_path / "a.net", partial=True)
    assert made.parameters == 8_852_366
    assert "from layer_13; conv_bn 128 k=1\nupsample 2\nconcat layer_8\n" in made.spec.read_text()
