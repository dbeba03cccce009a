"""Networks of `specs/models` against their PyTorch twins: logits, loss, gradients and running averages.

Their depths and widths are those of the specs; only the images are smaller, for a kernel does not know the size of an
image, and 224x224 take minutes here. A twin for smaller images has a smaller first `fc`, or fewer positions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
from agreement import TOLERANCE, assert_agree, assert_trees_agree, relative_error
from model_twins import SLIM, TWINS, by_order, load_by_order
from twins import gradients, nn, state, torch

import netspec as ns
from netspec.compiler import load_source
from netspec.elaborate.includes import whole_text
from netspec.system.resources import specs_folder

F = nn.functional
SPECS = {path.stem: path for path in sorted((specs_folder() / "models").glob("*.net"))}
INPUT = {
    "mobilenet": (3, 32, 32),
    "mobilenet_v2": (3, 32, 32),
    "r3d_18": (3, 4, 32, 32),
    "resnet18": (3, 64, 64),
    "squeezenet": (3, 64, 64),
    "vgg11_bn": (3, 32, 32),
    "vit_tiny": (3, 48, 48),
}
"""What the twin is written for, where it is not the spec's own input."""

BATCH = 4

WIDE = 1e-9
"""The bound of training steps through batch normalization, which are taken in float64 here.

Each normalization takes a difference of large values and hands its rounding, magnified, to the layers around it: in
float32 that takes a value over the corner of a relu now and then, where the gradient jumps by more than a hundredth.
"""

VANISHING = 1e-9
"""A gradient this much smaller than the network's largest is 0 on paper: a normalization after it takes it away."""

L2 = {"mobilenet_v2": 2e-5}


@dataclass(frozen=True)
class Case:
    """A model as it is, or with fewer of its equal blocks."""

    name: str
    slim: bool = False

    @property
    def id(self) -> str:
        return f"{self.name}-slim" if self.slim else self.name

    def twin(self) -> torch.nn.Module:
        return SLIM[self.name][2]() if self.slim else TWINS[self.name]()


# Compilations cost the most here: the deepest networks are compiled whole before a release only, and so are two that
# have nothing of their own: ResNet-20 has the blocks of ResNet-18 and R3D-18, and all that is in VGG is in others too.
LONG = {*SLIM, "r3d_18", "resnet18", "vgg11_bn"}
LONG_STEPS = {"squeezenet"}
CASES = [
    *(pytest.param(Case(name), id=name, marks=[pytest.mark.slow] if name in LONG else []) for name in TWINS),
    *(pytest.param(Case(name, slim=True), id=f"{name}-slim") for name in SLIM),
]
# Their gradients take longest to compile, and those of each of their layers are compared elsewhere.
STEPS = [
    pytest.param(*c.values, id=c.id, marks=pytest.mark.slow if c.values[0].slim or c.id in LONG_STEPS else c.marks)
    for c in CASES
]


@cache
def model_of(case: Case) -> ns.Model:
    """Return a model compiled without its dropout: its random numbers are no one else's."""
    text = whole_text(load_source(SPECS[case.name]))
    if case.slim:
        pattern, fewer, _ = SLIM[case.name]
        assert re.search(pattern, text)
        text = re.sub(pattern, fewer, text)
    network = ns.parse(text, name=case.name)
    nodes = [
        node.model_copy(update={"layer": node.layer.model_copy(update={"rate": 0.0})})
        if node.layer.canonical() == "dropout"
        else node
        for node in network.nodes
    ]
    smaller = {"nodes": tuple(nodes), "input": INPUT.get(case.name, network.input)}
    return ns.compile(network.model_copy(update=smaller), "cpu")


def variables_of(model: ns.Model, seed: int) -> ns.Variables:
    """Return initial variables in which no bias, scale or average is 0 or 1, so that a forgotten one shows."""
    rng = np.random.default_rng(seed)

    def moved(array: Any) -> Any:
        return array + rng.uniform(0.05, 0.2, array.shape).astype(np.float32) if array.ndim == 1 else array

    return jax.tree.map(moved, model.init(seed))


def twin_of(case: Case, variables: ns.Variables, *, train: bool) -> torch.nn.Module:
    reference = case.twin().double().train(train)
    load_by_order(reference, model_of(case).network, variables)
    for module in reference.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return reference


def examples(case: Case) -> tuple[np.ndarray, np.ndarray, torch.Tensor]:
    """Return inputs, what the loss compares with, and the inputs as the twin takes them."""
    model, rng = model_of(case), np.random.default_rng(0)
    shape = (BATCH, *model.graph.input)
    classes = model.graph.shape(model.graph.logits)[0]
    labels = rng.integers(0, classes, BATCH).astype(np.int32)
    if model.graph.tokens:
        x = rng.integers(0, model.graph.tokens, shape).astype(np.int32)
        return x, labels, torch.from_numpy(x).long()
    x = rng.uniform(0, 1, shape).astype(np.float32)
    return x, x if model.network.reconstructs else labels, torch.from_numpy(x).double()


def loss_of(case: Case, reference: torch.nn.Module, logits: torch.Tensor, y: np.ndarray) -> torch.Tensor:
    """Return the loss with the penalty on the weights, where the recipe has one."""
    kernels = [p for p in reference.parameters() if p.dim() > 1] if case.name in L2 else []
    penalty = L2.get(case.name, 0.0) * sum(k.square().sum() for k in kernels)
    if y.dtype.kind == "f":
        return F.binary_cross_entropy_with_logits(logits, torch.from_numpy(y).double()) + penalty
    return F.cross_entropy(logits, torch.from_numpy(y).long()) + penalty


def training_step(case: Case, variables: ns.Variables, x: np.ndarray, y: np.ndarray) -> Any:
    """Return ((loss, (logits, running averages)), gradients)."""
    step = jax.jit(jax.value_and_grad(model_of(case).objective, has_aux=True), static_argnames="train")
    return step(variables.params, variables.state, x, y, train=True, rng=None)


def assert_gradients_agree(ours: Any, theirs: Any, tolerance: float) -> None:
    largest = max(np.abs(array).max() for arrays in theirs.values() for array in arrays.values())
    for node, arrays in theirs.items():
        for name in list(arrays):
            if np.abs(arrays[name]).max() < VANISHING * largest:
                assert name in {"bias", "offset"}, f"{node}/{name} has no gradient"
                assert np.abs(ours[node].pop(name)).max() < tolerance * largest
                del arrays[name]
    assert_trees_agree(ours, theirs, "gradient", tolerance)


@pytest.mark.parametrize("case", CASES)
def test_logits(case: Case) -> None:
    variables = variables_of(model_of(case), 1)
    x, _, inputs = examples(case)
    with torch.no_grad():
        expected = twin_of(case, variables, train=False)(inputs)
    assert_agree(model_of(case).logits(variables, x), expected, "logits")


@pytest.mark.parametrize("case", STEPS)
def test_a_training_step(case: Case) -> None:
    network = model_of(case).network
    variables = variables_of(model_of(case), 2)
    x, y, inputs = examples(case)
    reference = twin_of(case, variables, train=True)
    expected_logits = reference(inputs)
    expected = loss_of(case, reference, expected_logits, y)
    expected.backward()
    if variables.state:
        with jax.enable_x64(True):
            wide, images = jax.tree.map(lambda a: np.asarray(a, np.float64), (variables, x))
            (loss, (logits, after)), grads = training_step(case, wide, images, y)
        tolerance = WIDE
    else:
        (loss, (logits, after)), grads = training_step(case, variables, x, y)
        tolerance = TOLERANCE
    assert_agree(loss, expected.item(), "loss", tolerance)
    assert_agree(logits, expected_logits.detach(), "logits", tolerance)
    assert_trees_agree(by_order(network, after), state(reference), "running average", tolerance)
    ours = {node: dict(arrays) for node, arrays in by_order(network, grads).items()}
    assert_gradients_agree(ours, gradients(reference), tolerance)


def test_a_mistake_is_far_above_the_bound() -> None:
    """One epsilon of the nineteen of ResNet-20 is ten times too large: that is a million times `WIDE`."""
    case = Case("resnet20")
    variables = variables_of(model_of(case), 2)
    _, y, inputs = examples(case)
    right, wrong = (twin_of(case, variables, train=True) for _ in range(2))
    next(m for m in wrong.modules() if isinstance(m, nn.BatchNorm2d)).eps = 1e-4
    for reference in (right, wrong):
        loss_of(case, reference, reference(inputs), y).backward()
    expected = gradients(right)
    errors = [
        relative_error(array, expected[node][name])
        for node, arrays in gradients(wrong).items()
        for name, array in arrays.items()
    ]
    assert max(errors) > 1e6 * WIDE
