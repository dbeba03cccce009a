"""Small networks of each kind beside the same by hand in PyTorch, and what their texts say in other forms."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
from agreement import assert_agree, assert_slopes_agree
from kind_twins import Twin
from kinds import KINDS
from twins import tensors_of, torch

import netspec as ns
from netspec.describe.format import format_source
from netspec.diagnostics.diagnostic import Source
from netspec.ir.network import Network
from netspec.ir.text import resolved_text

WIDE = 1e-9
"""The bound in float64: anything that is rounded to float32 on the way is a hundred times above it."""

kinds = pytest.mark.parametrize("name", KINDS)


@cache
def model_of(name: str) -> ns.Model:
    return ns.compile(ns.parse(KINDS[name].spec, name=name), "cpu")


@cache
def setting(name: str) -> tuple[ns.Variables, dict[str, Any], dict[str, Any]]:
    """Return variables of which none is 0 or 1, so that a forgotten one shows, inputs and targets."""
    rng = np.random.default_rng(3)
    moved: Any = jax.tree.map(
        lambda a: np.array(a + rng.uniform(0.1, 0.5, a.shape), np.float32), tuple(model_of(name).init(0))
    )
    kind = KINDS[name]
    return ns.Variables(*moved), *({key: draw(rng) for key, draw in of.items()} for of in (kind.x, kind.y))


def one(arrays: dict[str, Any]) -> Any:
    """Return the one array there is, or several by their names."""
    return arrays if len(arrays) > 1 else next(iter(arrays.values()))


def named(twin: Twin) -> Iterator[tuple[str, str, torch.Tensor]]:
    """Yield (node, name, tensor) of all that a twin holds: what two layers share once, under the first one's name."""
    seen: set[int] = set()
    for attribute, layer in twin.named_children():
        for name, tensor in tensors_of(layer):
            if id(tensor) not in seen:
                yield twin.nodes.get(attribute, attribute), name, tensor
            seen.add(id(tensor))


def twin_of(name: str) -> Twin:
    variables, _, _ = setting(name)
    twin = KINDS[name].twin().double()
    given = {(node, key): array for tree in variables for node, own in tree.items() for key, array in own.items()}
    for node, key, tensor in named(twin):
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(given.pop((node, key))))
    assert not given, f"the twin has no {list(given)}"
    return twin


def wide(arrays: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {
        k: torch.from_numpy(a).long() if a.dtype.kind == "i" else torch.from_numpy(a).double()
        for k, a in arrays.items()
    }


@kinds
def test_parameters_and_logits(name: str) -> None:
    variables, x, _ = setting(name)
    twin = twin_of(name).eval()
    assert model_of(name).graph.parameter_count == sum(p.numel() for p in twin.parameters())
    with torch.no_grad():
        expected = twin(wide(x))
    logits = model_of(name).logits(variables, one(x))
    found = logits if len(expected) > 1 else dict.fromkeys(expected, logits)
    assert list(found) == list(expected)
    for key, array in expected.items():
        real = counts(name, x) if array.ndim > 2 else 1
        assert_agree(np.asarray(found[key]) * real, array.numpy() * real, f"logits of {key}")


def counts(name: str, x: dict[str, Any]) -> Any:
    """Return 0 at the positions that are padding, whose logits are no one's, and 1 elsewhere."""
    mask = model_of(name).network.inputs[0].mask
    return 1 if mask is None else (x["input"] != mask)[:, None]


@kinds
def test_loss_and_gradients(name: str) -> None:
    """The loss is that of training, normalizations by the batch among it."""
    variables, x, y = setting(name)
    model, twin = model_of(name), twin_of(name).train()
    expected = KINDS[name].loss(twin(wide(x)), wide(y), wide(x))
    l2 = model.network.recipe.l2
    if l2:
        expected = expected + l2 * sum(p.square().sum() for p in twin.parameters() if p.dim() > 1)
    expected.backward()
    slopes = {(node, key): t.grad.numpy() for node, key, t in named(twin) if t.requires_grad}
    steps = descent(model, variables, one(x), one(y))
    compare(steps[0], expected, slopes, 1e-4)
    assert steps[-1][0] < steps[0][0]
    with jax.enable_x64(True):
        doubled = jax.tree.map(lambda a: np.asarray(a, np.float64), variables)
        compare(model.backward(doubled, one(x), one(y), train=True), expected, slopes, WIDE)


def descent(model: ns.Model, variables: ns.Variables, x: Any, y: Any) -> list[tuple[Any, Any]]:
    """Return the loss and the gradients of some steps down the slope."""
    steps = []
    for _ in range(4):
        steps.append(model.backward(variables, x, y, train=True))
        moved = jax.tree.map(lambda a, slope: a - 0.05 * np.asarray(slope), variables.params, steps[-1][1])
        variables = variables.replace(params=moved)
    return steps


def compare(found: tuple[Any, Any], loss: torch.Tensor, slopes: dict[tuple[str, str], Any], tolerance: float) -> None:
    assert_agree(found[0], loss.item(), "loss", tolerance)
    grads = {(node, key): np.asarray(array) for node, own in found[1].items() for key, array in own.items()}
    assert_slopes_agree(grads, slopes, tolerance)


@kinds
def test_its_other_texts_say_the_same(name: str) -> None:
    text = KINDS[name].spec
    network = model_of(name).network
    formatted = format_source(Source(name, text))
    assert format_source(Source(name, formatted)) == formatted
    for other in (
        ns.parse(formatted, name=name),
        ns.parse(resolved_text(network), name=name),
        Network.model_validate_json(network.model_dump_json()),
    ):
        assert other == network
        assert other.graph() == network.graph()


# Each compiles a training; that of several outputs is tried at once in tests/training.
@pytest.mark.slow
@kinds
def test_it_trains(name: str) -> None:
    network, (_, x, y) = model_of(name).network, setting(name)
    arrays = {**(x if len(x) > 1 else {"x": one(x)}), **(y if len(y) > 1 else {"y": one(y)})}
    data = {f"{key}_{split}": array for key, array in arrays.items() for split in ("train", "test")}
    events = list(ns.train(network, data=data))
    losses = [event.train_loss for event in events if isinstance(event, ns.Epoch)]
    assert losses[-1] < losses[0]
