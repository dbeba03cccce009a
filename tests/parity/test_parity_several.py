"""Two inputs, two outputs and a shared normalization, against the same network written by hand in PyTorch."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from agreement import assert_agree, assert_trees_agree
from ir.several_networks import examples, siamese
from twins import nn, torch

import netspec as ns

F = nn.functional


class Twins(nn.Module):
    """`siamese`: one convolution and one normalization see both images, the left one first."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
        self.kind, self.age = nn.Linear(288, 3), nn.Linear(288, 1)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        both = torch.cat([self.norm(self.conv(left)), self.norm(self.conv(right))], 1).flatten(1)
        return self.kind(both), self.age(both)


def moved(model: ns.Model) -> ns.Variables:
    """Return variables of which none is 0 or 1, or a forgotten one would not show."""
    rng = np.random.default_rng(3)
    trees: Any = jax.tree.map(lambda a: a + rng.uniform(0.1, 0.5, a.shape).astype(np.float32), tuple(model.init(0)))
    return ns.Variables(*trees)


def loaded(twin: nn.Module, arrays: dict[str, Any]) -> nn.Module:
    twin.double()
    twin.load_state_dict(
        {name: torch.tensor(np.asarray(array, np.float64)) for name, array in arrays.items()}, strict=False
    )
    return twin


def twins_of(variables: ns.Variables) -> nn.Module:
    params, averages = variables.params, variables.state["a/norm"]
    names = {"conv": "a/conv", "kind": "kind", "age": "age"}
    arrays = {
        f"{own}.{a}": params[at][b] for own, at in names.items() for a, b in (("weight", "kernel"), ("bias", "bias"))
    }
    arrays |= {"norm.weight": params["a/norm"]["scale"], "norm.bias": params["a/norm"]["offset"]}
    arrays |= {"norm.running_mean": averages["mean"], "norm.running_var": averages["variance"]}
    return loaded(Twins(), arrays)


@pytest.mark.parametrize("train", [False, True], ids=["inference", "training"])
def test_twins(train: bool) -> None:
    model = ns.compile(siamese(), "cpu")
    variables, (x, y) = moved(model), examples(6)
    twin = twins_of(variables).train(train)
    kind, age = twin(*(torch.from_numpy(x[name]).double() for name in ("left", "right")))
    years = torch.from_numpy(y["years"]).double()
    expected = F.cross_entropy(kind, torch.from_numpy(y["kind"]).long()) + 0.1 * F.mse_loss(age, years)
    expected.backward()
    if train:
        out, after = model.apply(variables, x, train=True)
        found = {"mean": twin.norm.running_mean, "variance": twin.norm.running_var}
        assert_trees_agree(after, {"a/norm": {name: a.detach().numpy() for name, a in found.items()}}, "averages")
    else:
        out = model.forward(variables, x)
        assert list(out) == ["kind", "age"]
        logits = model.logits(variables, x)
        assert_agree(logits["kind"], kind.detach(), "logits")
    assert_agree(out["kind"], kind.softmax(1).detach(), "kind")
    assert_agree(out["age"], age.detach(), "age")
    loss, grads = model.backward(variables, x, y, train=train)
    assert_agree(loss, expected.item(), "loss")
    wanted = {
        node: {ours: getattr(getattr(twin, own), theirs).grad.numpy() for ours, theirs in pairs}
        for node, own, pairs in (
            ("a/conv", "conv", (("kernel", "weight"), ("bias", "bias"))),
            ("a/norm", "norm", (("scale", "weight"), ("offset", "bias"))),
            ("kind", "kind", (("kernel", "weight"), ("bias", "bias"))),
            ("age", "age", (("kernel", "weight"), ("bias", "bias"))),
        )
    }
    # In training a normalization takes the gradient of a bias before it away: what is left is rounding.
    if train:
        assert float(np.abs(grads["a/conv"].pop("bias")).max()) < 1e-4
        del wanted["a/conv"]["bias"]
    assert_trees_agree(grads, wanted, "gradient", 1e-4)
    assert model.graph.parameter_count == sum(p.numel() for p in twin.parameters())


def test_l2_counts_a_shared_kernel_once() -> None:
    model, plain = (ns.compile(siamese(l2=l2), "cpu") for l2 in (0.01, 0.0))
    variables, (x, y) = moved(plain), examples(3)
    expected = sum(
        float((np.asarray(own["kernel"]) ** 2).sum()) for own in variables.params.values() if "kernel" in own
    )
    more = float(model.loss(variables, x, y)) - float(plain.loss(variables, x, y))
    assert more == pytest.approx(0.01 * expected, rel=1e-4)
