"""The ready-made specs against their hand-written PyTorch twins: logits, loss, gradients and running averages."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from agreement import assert_agree, assert_trees_agree
from twins import TWINS, gradients, load_weights, loss_of, pixels, state, torch, twin

import netspec as ns
from netspec.system.resources import specs_folder

# The twin of cifar10 is what it is measured against: benchmarks/cifar10_twin.py, tests/benchmarks/test_cifar10.py.
SPECS = {
    path.stem: path
    for path in sorted(specs_folder().rglob("*.net"))
    if path.parent.name not in ("models", "own") and path.stem != "cifar10"
}
BATCH = 8
VIEWS = {"mnist_best": 1}
"""By how many pixels the views are moved whose mean logits count."""
ENDS_IN_SOFTMAX = set(TWINS) - {"gluon_mlp", "gluon_lenet", "torch_cnn"}


def network_of(name: str, *, drops: bool = True) -> ns.Network:
    """Read a ready-made spec, with its dropout turned off where asked: its random numbers are no one else's."""
    text = Path(SPECS[name]).read_text(encoding="utf-8")
    return ns.parse(text if drops else re.sub(r"dropout 0\.\d", "dropout 0", text), name=name)


def variables_of(model: ns.Model, seed: int) -> ns.Variables:
    """Return initial variables in which nothing is 0 or 1 any more, so that a swapped or forgotten one shows."""
    rng = np.random.default_rng(seed)
    fresh = model.init(seed)

    def moved(tree: Any) -> Any:
        return {
            node: {
                name: array if name == "kernel" else array + rng.uniform(0.05, 0.2, array.shape).astype(np.float32)
                for name, array in arrays.items()
            }
            for node, arrays in tree.items()
        }

    return ns.Variables(moved(fresh.params), moved(fresh.state))


def examples(name: str, network: torch.nn.Module) -> tuple[np.ndarray, np.ndarray, torch.Tensor]:
    """Return images of random bytes, labels, and the images as the twin sees them.

    Where the two largest values of a pooling window, or a value and the corner of relu, are closer than the rounding of
    float32, no winner is the right one. Images are drawn until there is no such place in the twin.
    """
    for seed in range(100):
        rng = np.random.default_rng(seed)
        coarse = rng.uniform(0, 256, (BATCH, 1, 7, 7)).repeat(4, 2).repeat(4, 3)
        images = ((2 * coarse + rng.uniform(0, 256, (BATCH, 1, 28, 28))) / 3).astype(np.uint8)
        labels = rng.integers(0, 10, BATCH).astype(np.int32)
        inputs = torch.from_numpy(pixels(name, images))
        if _margin(deepcopy(network), inputs) > 1e-6:
            return images, labels, inputs
    raise AssertionError("no images without ties in a hundred draws")


def looked_at(name: str, network: torch.nn.Module, images: np.ndarray) -> torch.Tensor:
    """Return the logits of a twin: the mean over the views that the spec asks for, black coming in from outside."""
    shift = VIEWS.get(name, 0)
    size, around = images.shape[2], np.pad(images, ((0, 0), (0, 0), (shift, shift), (shift, shift)))
    places = [(row, column) for row in range(2 * shift + 1) for column in range(2 * shift + 1)]
    views = [around[:, :, row : row + size, column : column + size] for row, column in places]
    with torch.no_grad():
        return torch.stack([network(torch.from_numpy(pixels(name, view))) for view in views]).mean(0)


def _margin(network: torch.nn.Module, x: torch.Tensor) -> float:
    """Return how far the closest decision of a twin is from the other side, as a share of the largest value there."""
    smallest = 1.0
    with torch.no_grad():
        for module in (m for m in network.modules() if not isinstance(m, torch.nn.Sequential)):
            if isinstance(module, torch.nn.MaxPool2d):
                n, c, h, w = x.shape
                windows = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(3, 4).reshape(-1, 4)
                best = windows.topk(2).values
                # Exact ties are the zeros of a relu before: no gradient comes through them.
                gaps = (best[:, 0] - best[:, 1])[best[:, 0] > best[:, 1]]
            else:
                gaps = x.abs() if isinstance(module, torch.nn.ReLU) else torch.ones(1)
            smallest = min(smallest, float(gaps[gaps > 0].min() / x.abs().max()))
            x = module(x)
    return smallest


def test_every_spec_has_a_twin() -> None:
    assert set(SPECS) == set(TWINS), "a ready-made spec needs its twin in tests/parity/twins.py"


@pytest.mark.parametrize("name", TWINS)
def test_parameter_count(name: str) -> None:
    count = sum(p.numel() for p in twin(name).parameters())
    assert ns.load(SPECS[name]).graph().parameter_count == count


@pytest.mark.parametrize("name", TWINS)
def test_outputs(name: str) -> None:
    model = ns.compile(network_of(name), "cpu")
    variables, reference = variables_of(model, 1), twin(name).double().eval()
    load_weights(reference, variables)
    images, _, inputs = examples(name, reference)
    logits = looked_at(name, reference, images)
    assert_agree(model.logits(variables, images), logits, "logits of bytes")
    outputs = logits.softmax(1) if name in ENDS_IN_SOFTMAX else logits
    assert_agree(model.forward(variables, inputs.numpy()), outputs, "outputs of floats")


# Compilations cost the most here. Without batch normalization and dropout both modes are one function, and two specs
# have the same network.
SPARED = {("gluon_lenet", "inference"), ("lenet", "inference"), ("paddle_lenet", "training")}
# The deepest ones, of whose layers each is compared elsewhere too.
LONG = {"mnist_best", "torch_cnn"}
MODES = [
    pytest.param(name, mode, id=f"{name}-{mode}", marks=[pytest.mark.slow] if name in LONG else [])
    for name in TWINS
    for mode in ("inference", "training")
    if (name, mode) not in SPARED
]


@pytest.mark.parametrize(("name", "mode"), MODES)
def test_loss_and_gradients(name: str, mode: str) -> None:
    train = mode == "training"
    model = ns.compile(network_of(name, drops=not train), "cpu")
    variables, reference = variables_of(model, 2), twin(name).double().train(train)
    load_weights(reference, variables)
    for module in reference.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    images, labels, inputs = examples(name, reference)
    expected = loss_of(name, reference, reference(inputs), torch.from_numpy(labels).long())
    expected.backward()
    loss, grads = model.backward(variables, images, labels, train=train)
    assert_agree(loss, expected.item(), "loss")
    assert_trees_agree(grads, gradients(reference), "gradient")
    if train and variables.state:
        _, after = jax.jit(lambda v, x: model.apply(v, x, train=True))(variables, images)
        assert_trees_agree(after, state(reference), "running average")


def test_the_penalty_is_part_of_the_test_loss() -> None:
    model = ns.compile(network_of("blocks_mlp"), "cpu")
    variables, reference = variables_of(model, 3), twin("blocks_mlp").double()
    load_weights(reference, variables)
    images, labels, inputs = examples("blocks_mlp", reference)
    with torch.no_grad():
        expected = loss_of("blocks_mlp", reference, reference(inputs), torch.from_numpy(labels).long()).item()
    assert_agree(model.loss(variables, images, labels), expected, "loss")
