"""Several devices train as one does: virtual ones of the CPU, in a process of its own, for JAX counts them once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.diagnostics.diagnostic import DeviceError
from netspec.ir.network import Network, Node, Output
from netspec.layers.dense import Dense

DEVICES = 4
CASES = {
    # 54 examples in batches of 16: the last has 6, which 2 devices can cut evenly and 4 cannot.
    "batch_norm": ("conv 4 3x3 nobias; batchnorm relu; pool 2; fc 10 softmax", "batch 16", ""),
    # Batches of 10: 4 devices take 3, 3, 3 and 1; the last has 4.
    "drawn": (
        "noise 0.1; conv 2 3x3; dropout 0.3 spatial; fc 32; sample; stochastic_depth 0.3; dropout 0.5; fc 10 softmax",
        "batch 10; l2 0.01; clip 1.0",
        "augment shift=2 flip",
    ),
    # Partners lie on other devices, and none is an example that only fills the batch up.
    "mixed": ("conv 4 3x3 relu; pool 2; fc 10 softmax", "batch 10", "augment flip mixup=0.4 cutmix=1"),
    # How much a batch counts is another number on each device, and in some parts nothing does.
    "weighted": (
        "fc 16 tanh; fc 10 softmax",
        'batch 10; loss cross_entropy ignore=3 smoothing=0.1 class_weights="1 2 1 1 1 3 1 0 0.5 1"; metrics f1 auroc',
        "",
    ),
    "frozen": (
        "conv 4 3x3 as c; batchnorm as n; relu; pool 2; fc 8 tanh as f; fc 10 softmax; freeze c n; freeze f until=2",
        "batch 16; l2 0.01; clip 1.0",
        "",
    ),
    "reconstructed": ("fc 8 tanh; fc 64; reshape 1x8x8", "batch 14; loss mse; clip 1.0", "target input"),
}


def spec(name: str, devices: int) -> str:
    layers, recipe, data = CASES[name]
    text = f"input 1x8x8\n{layers}\ndata digits {{ validation 7; {data} }}\n"
    rest = "epochs 5; evaluate batch=10 every=3; optimizer sgd lr=0.05 momentum=0.9"
    return f"{text}train {{ {recipe}; {rest}; devices {devices} }}"


def arrays() -> tuple[Any, ...]:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (82, 1, 8, 8)).astype(np.uint8)
    labels = rng.integers(0, 10, 82)
    return images[:61], labels[:61], images[61:], labels[61:]


def several(devices: int) -> tuple[Network, dict[str, Any]]:
    """Return the network that is called `drawn` with a second output, a number, and what it learns from."""
    drawn = ns.parse(spec("drawn", devices))
    number = Node(name="number", layer=Dense(units=1), inputs=(drawn.nodes[-1].inputs[0],))
    outputs = (Output(name="kind", node=drawn.nodes[-1].name), Output(name="number", node="number", weight=0.5))
    x_train, kind_train, x_test, kind_test = arrays()
    data = {"x_train": x_train, "kind_train": kind_train, "x_test": x_test, "kind_test": kind_test}
    numbers = {f"number_{split}": np.cos(data[f"kind_{split}"]) for split in ("train", "test")}
    return drawn.model_copy(update={"nodes": (*drawn.nodes, number), "outputs": outputs}), {**data, **numbers}


def numbers_of(event: Any) -> list[float]:
    """Return what is known of several outputs, in one order."""
    return [value or 0.0 for _, found in sorted(event.outputs.items()) for _, value in sorted(found.items())]


def trained(name: str, devices: int) -> dict[str, Any]:
    """Return all that a training measured and learned."""
    import jax  # noqa: PLC0415

    network, data = several(devices) if name == "several" else (ns.parse(spec(name, devices)), arrays())
    events = list(ns.train(network, data, device="cpu", log_every=1))
    last = events[-1]
    looks = [e for e in events if type(e).__name__ in {"Evaluated", "Epoch"}]
    figures = ("loss", "test_loss", "validation_loss", "accuracy", "test_accuracy", "validation_accuracy")
    return {
        "losses": [(e.loss, e.accuracy or 0.0) for e in events if type(e).__name__ == "Step"],
        "looks": [
            [*(getattr(e, figure, None) or 0.0 for figure in figures), *e.metrics.values(), *numbers_of(e)]
            for e in looks
            if name != "several" or type(e).__name__ == "Epoch"
        ],
        "epochs": [e.train_loss for e in looks if isinstance(e, ns.Epoch)],
        "weights": [np.asarray(a).ravel().tolist() for a in jax.tree.leaves(last.variables)],
        # The model still computes, on its one device.
        "outputs": np.concatenate(jax.tree.leaves(last.model.forward(last.variables, arrays()[2])), axis=1).tolist(),
        "devices": next(e.devices for e in events if type(e).__name__ == "Started"),
        "notices": [e.text for e in events if type(e).__name__ == "Notice"],
    }


def refused(name: str, devices: int) -> str:
    try:
        list(ns.train(ns.parse(spec(name, devices)), arrays(), device="cpu"))
    except DeviceError as error:
        return str(error)
    return ""


# With batch normalization, the command line does it every day: tests/cli/test_cli_devices.py.
FEW = {"drawn": (1, 2), "mixed": (1, 2), "weighted": (1, 2)}
ALL = {
    "batch_norm": (1, 2, 3, 4),
    "drawn": (1, 2, 4),
    "mixed": (1, 2, 4),
    "frozen": (1, 2, 4),
    "reconstructed": (1, 2, 4),
    "weighted": (1, 2, 4),
    "several": (1, 2, 4),
}


def computed(folder: Path, counts: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return what so many devices found, by case and number: `drawn/2`."""
    out = folder / "found.json"
    # Fewer threads than devices that wait for each other would wait forever.
    environment = {**os.environ, "NPROC": str(2 * DEVICES), "JAX_NUM_CPU_DEVICES": str(DEVICES)}
    given = [str(out), json.dumps(counts)]
    subprocess.run([sys.executable, __file__, *given], check=True, env=environment, timeout=900)
    read: dict[str, Any] = json.loads(out.read_text())
    return read


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return computed(tmp_path_factory.mktemp("few"), FEW)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return computed(tmp_path_factory.mktemp("devices"), ALL)


def check_equal(found: dict[str, Any], name: str, devices: int) -> None:
    one, several = found[f"{name}/1"], found[f"{name}/{devices}"]
    assert len(one["losses"]) >= 20
    assert one["devices"] == ["cpu:0"]
    assert several["devices"] == [f"cpu:{i}" for i in range(devices)]
    for what in ("losses", "epochs", "outputs"):
        np.testing.assert_allclose(several[what], one[what], rtol=2e-4, atol=2e-4, err_msg=what)
    for ours, theirs in zip(several["looks"], one["looks"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4)
    for ours, theirs in zip(several["weights"], one["weights"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=2e-4)


@pytest.mark.slow  # every day: tests/cli/test_cli_devices.py
@pytest.mark.parametrize("name", FEW)
def test_two_devices_train_as_one_does(few: dict[str, Any], name: str) -> None:
    check_equal(few, name, 2)


@pytest.mark.slow
def test_more_devices_than_there_are_is_an_error(few: dict[str, Any]) -> None:
    assert few["refused"].startswith("5 cpu devices: there are 4 here")


@pytest.mark.slow
@pytest.mark.parametrize("devices", [2, 4])
@pytest.mark.parametrize("name", [*CASES, "several"])
def test_losses_weights_and_evaluations_are_those_of_one_device(found: dict[str, Any], name: str, devices: int) -> None:
    check_equal(found, name, devices)


@pytest.mark.slow
def test_only_what_cannot_be_cut_is_told(found: dict[str, Any]) -> None:
    notices = [text for name in CASES for n in (1, 2, 4) for text in found[f"{name}/{n}"]["notices"]]
    assert all("frozen as drawn at random" in text for text in notices)
    (told,) = found["batch_norm/3"]["notices"]
    assert "cannot be cut into 3 equal parts" in told
    np.testing.assert_allclose(found["batch_norm/3"]["losses"], found["batch_norm/1"]["losses"], rtol=2e-4)


def test_one_device_cannot_be_two() -> None:
    with pytest.raises(DeviceError, match="32 cpu devices: there") as error:
        list(ns.train(ns.parse(spec("drawn", 1)), arrays(), device="cpu", devices=32, batch=32))
    assert "jax_num_cpu_devices" in error.value.fix


def main(out: Path, counts: dict[str, list[int]]) -> None:
    made: dict[str, Any] = {f"{name}/{n}": trained(name, n) for name, numbers in counts.items() for n in numbers}
    made["refused"] = refused("drawn", 5)
    out.write_text(json.dumps(made))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
