"""Ready-made specs of every kind, made small, beside their twins in PyTorch: parameters, logits and gradients.

Weights are carried across in the order of the layers. `test_parity_models.py` has the twins of those that take one
image or text and classify it, at their own depths and widths.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
from agreement import assert_agree, assert_slopes_agree
from examples_of import inputs_of, targets_of
from model_twins import TWINS as OTHERS
from shelf_twins import TWINS
from small_models import SPECS, small
from twins import KINDS, nn, tensors_of, torch

import netspec as ns
from netspec.formats.into_spec import State, matched_weights

F = nn.functional
BATCH = 3

WIDE = 1e-8
"""The bound in float64, in which networks with batch normalization are trained here: test_parity_models.py says why."""

WITHOUT = {"inception_v3"}
"""Models without a twin: all that is in it is in `googlenet` too, but for the sizes of kernels and poolings."""

QUICK = {"gpt2", "lstm_lm", "vae", "wide_and_deep"}
names = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in TWINS]
)


def test_every_model_has_a_twin() -> None:
    assert TWINS.keys() | OTHERS.keys() | WITHOUT == SPECS.keys(), "a model needs its twin in tests/parity"


@cache
def model_of(name: str) -> ns.Model:
    """Return a model that drops nothing and draws nothing, for its random numbers are no one else's."""
    network = small(name)
    quiet = {"dropout": {"rate": 0.0}, "stochastic_depth": {"rate": 0.0}, "attention": {"dropout": 0.0}}
    nodes = [
        node.model_copy(update={"layer": node.layer.model_copy(update=quiet.get(node.layer.canonical(), {}))})
        for node in network.nodes
    ]
    recipe = network.recipe.model_copy(update={"loss": None, "l2": 0.0})
    return ns.compile(network.model_copy(update={"nodes": tuple(nodes), "recipe": recipe}), "cpu")


@cache
def setting(name: str) -> tuple[ns.Variables, Any, Any]:
    """Return variables of which none is 0 or 1, so that a forgotten one shows, inputs and targets."""
    model, rng = model_of(name), np.random.default_rng(3)

    def moved(array: Any) -> Any:
        shift = rng.uniform(0.05, 0.2, array.shape) if array.ndim == 1 else 0
        return np.array(array + shift, np.float32)

    variables = ns.Variables(*jax.tree.map(moved, tuple(model.init(1))))
    x = inputs_of(model.network, BATCH, rng)
    if model.network.reconstructs:
        x = rng.uniform(size=x.shape).astype(np.float32)
        return variables, x, x.reshape(BATCH, -1)
    return variables, x, targets_of(model.network, model.graph, BATCH, rng)


def in_order(twin: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield (layer, array, tensor) of all that a twin holds, what two layers share once."""
    seen: set[int] = set()
    for path, module in twin.named_modules():
        if type(module) in KINDS:
            for array, tensor in tensors_of(module):
                if id(tensor) not in seen:
                    yield path, array, tensor
                seen.add(id(tensor))


def pairs(name: str, twin: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield (node, array, tensor): the n-th layer of the network that has arrays is the n-th of the twin."""
    ours: dict[str, dict[str, tuple[int, ...]]] = {}
    for p in model_of(name).graph.parameters.values():
        node, _, array = p.path.rpartition("/")
        ours.setdefault(node, {})[array] = p.shape
    theirs: dict[str, dict[str, Any]] = {}
    for path, array, tensor in in_order(twin):
        theirs.setdefault(path, {})[array] = tensor
    for (node, shapes), (path, tensors) in zip(ours.items(), theirs.items(), strict=True):
        assert shapes == {array: tuple(t.shape) for array, t in tensors.items()}, f"{node} is not {path}"
        yield from ((node, array, tensor) for array, tensor in tensors.items())


def twin_of(name: str) -> Any:
    variables, twin = setting(name)[0], TWINS[name]().double()
    for node, array, tensor in pairs(name, twin):
        (given,) = (tree[node][array] for tree in variables if array in tree.get(node, {}))
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(given))
    return twin


def wide(name: str, arrays: Any) -> Any:
    """Return inputs by name as the twin takes them."""
    named = arrays if isinstance(arrays, dict) else {model_of(name).network.inputs[0].name: arrays}
    return {
        k: torch.from_numpy(a).long() if a.dtype.kind == "i" else torch.from_numpy(a).double() for k, a in named.items()
    }


def counts(name: str, x: Any) -> Any:
    """Return 0 at the positions of the output that are padding, whose logits are no one's, and 1 elsewhere."""
    graph = model_of(name).graph
    mask = graph.outputs[0].mask
    if mask is None:
        return 1
    given = model_of(name).network.inputs[{"encoder_decoder": 1}.get(name, 0)]
    tokens = x[given.name] if isinstance(x, dict) else x
    return (tokens != given.mask)[:, None]


@names
def test_logits(name: str) -> None:
    variables, x, _ = setting(name)
    twin = twin_of(name).eval()
    with torch.no_grad():
        expected = twin(wide(name, x))
    found = model_of(name).logits(variables, x)
    found = found if len(expected) > 1 else dict.fromkeys(expected, found)
    assert list(found) == list(expected) == [o.name for o in model_of(name).graph.outputs]
    real = counts(name, x)
    for key, array in expected.items():
        assert_agree(np.asarray(found[key]) * real, array.numpy() * real, f"logits of {key}")


def loss_of(name: str, logits: dict[str, Any], y: Any, x: Any) -> Any:
    """Return the loss that follows from the last layer of each output."""
    if name == "vae":
        means, logs = logits["code"].chunk(2, dim=1)
        divergence = 0.5 * (logs.exp() + means**2 - 1 - logs).sum(1).mean()
        return F.binary_cross_entropy_with_logits(logits["image"], x["input"].flatten(1)) + divergence / 784
    targets = {k: torch.from_numpy(a) for k, a in (y if isinstance(y, dict) else {next(iter(logits)): y}).items()}
    if name == "multitask":
        age = F.l1_loss(logits["age"].flatten(), targets["age"].double().flatten())
        return F.cross_entropy(logits["kind"], targets["kind"].long()) + 0.1 * age
    ((key, made),) = logits.items()
    target = targets[key]
    if target.dtype.is_floating_point:
        return F.binary_cross_entropy_with_logits(made.reshape(target.shape), target.double())
    real = counts(name, {k: a.numpy() for k, a in x.items()})
    if isinstance(real, int):
        return F.cross_entropy(made, target.long())
    kept = torch.from_numpy(real[:, 0])
    return F.cross_entropy(made.movedim(1, -1)[kept], target.long()[kept])


@names
def test_loss_and_gradients(name: str) -> None:
    variables, x, y = setting(name)
    model, twin, inputs = model_of(name), twin_of(name), wide(name, x)
    twin.train(bool(variables.state))
    expected = loss_of(name, twin(inputs), y, inputs)
    expected.backward()
    slopes = {(node, array): t.grad.numpy() for node, array, t in pairs(name, twin) if t.requires_grad}
    if variables.state:
        with jax.enable_x64(True):
            doubled = jax.tree.map(lambda a: np.asarray(a, np.float64), variables)
            loss, grads = model.backward(doubled, x, y, train=True)
    else:
        loss, grads = model.backward(variables, x, y, train=False)
    tolerance = WIDE if variables.state else 1e-4
    assert_agree(loss, expected.item(), "loss", tolerance)
    found = {(node, array): np.asarray(a) for node, own in grads.items() for array, a in own.items()}
    assert_slopes_agree(found, slopes, tolerance)


class Held:
    """A tensor of a state dict."""

    def __init__(self, name: str, tensor: Any) -> None:
        self.name, self.tensor, self.shape = name, tensor, tuple(tensor.shape)

    @property
    def place(self) -> int:
        return int(self.tensor.data_ptr())

    def array(self) -> Any:
        return self.tensor.numpy()


@pytest.mark.parametrize("name", TWINS)
def test_its_state_dict_goes_into_the_spec(name: str) -> None:
    """As `netspec import SPEC.net WEIGHTS.pth` puts it there: by order and shape, for the names are others."""
    twin, model = TWINS[name](), model_of(name)
    torch.manual_seed(0)
    held = {key: Held(key, tensor) for key, tensor in twin.state_dict().items() if tensor.is_floating_point()}
    for each in held.values():
        each.tensor.copy_(torch.rand_like(each.tensor))
    state = State("w.pth", held, ordered=True)
    found = matched_weights(model.network, model.graph, state, f"{name}.net").arrays()
    wanted = {f"{node}/{array}": tensor for node, array, tensor in pairs(name, twin)}
    assert found.keys() == wanted.keys()
    for path, tensor in wanted.items():
        np.testing.assert_array_equal(found[path], tensor.detach().numpy(), path)
