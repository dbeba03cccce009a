"""Derived arrays: each formula beside NumPy, folding beside PyTorch's own, and when they are worked out again."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import netspec as ns
from netspec.backends.jax.derive import FORMULAS, derive
from netspec.backends.jax.model import Variables
from netspec.ops import derived as formulas

SPEC = "input 3x6x6\nconv 4 3 nobias; batchnorm relu; fc 2"


def varied(model: ns.Model, seed: int = 0) -> Variables:
    """Return variables whose averages are no special case."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda a: a + rng.uniform(0.1, 1, a.shape).astype(np.float32), model.init())


def test_every_formula_has_a_function() -> None:
    named = {getattr(formulas, name) for name in formulas.__all__} - {formulas.Formula}
    assert {f for f in named if isinstance(f, type)} == set(FORMULAS)


@pytest.mark.parametrize(
    ("formula", "shapes", "expected"),
    [
        (formulas.NormScale(0.5), [(3,), (3,)], lambda a, v: a / np.sqrt(v + 0.5)),
        (formulas.NormOffset(), [(3,)] * 3, lambda b, m, f: b - m * f),
        (formulas.Sum(), [(3,), (3, 2, 2)], lambda a, b: a[:, None, None] + b),
        (formulas.Product(), [(3, 2), (3,)], lambda a, b: a * b[:, None]),
        (formulas.Spread((3, 2, 2)), [(3,)], lambda a: np.repeat(a, 4)),
        (formulas.Spread((3, 2)), [(3, 2)], np.ravel),
        (formulas.ScaleRows(), [(4, 2, 3, 3), (4,)], lambda k, s: np.einsum("rcij,r->rcij", k, s)),
        (formulas.ScaleColumns(), [(4, 2), (2,)], lambda k, s: k * s),
        (
            formulas.ScaleColumns(2),
            [(4, 2, 3), (4,)],
            lambda k, s: k * np.stack([s[:2], s[:2], s[2:], s[2:]])[:, :, None],
        ),
        (formulas.RowSums(), [(4, 2), (2,)], lambda k, t: k @ t),
        (formulas.RowSums(2), [(2, 2, 3, 3), (4,)], lambda k, t: (k.sum((2, 3)) * t.reshape(2, 2)).sum(1)),
    ],
    ids=lambda value: repr(value) if isinstance(value, formulas.Formula) else "",
)
def test_formulas(formula: Any, shapes: list[tuple[int, ...]], expected: Any) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(0.5, 2, shape).astype(np.float32) for shape in shapes]
    found = FORMULAS[type(formula)](formula, *map(jnp.asarray, arrays))
    assert found.shape == formula.shape(*shapes)
    np.testing.assert_allclose(found, expected(*arrays), rtol=1e-5)


def test_a_folded_convolution_is_that_of_pytorch(torch: Any) -> None:
    model = ns.compile(ns.parse(SPEC), "cpu")
    variables = varied(model)
    conv, norm = torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.BatchNorm2d(4).eval()
    own = {**variables.params["batchnorm_1"], **variables.state["batchnorm_1"]}
    weight, bias, mean, variance = (
        torch.tensor(np.asarray(own[name])) for name in ("scale", "offset", "mean", "variance")
    )
    with torch.no_grad():
        conv.weight.copy_(torch.tensor(np.asarray(variables.params["conv_1"]["kernel"])))
        norm.weight.copy_(weight)
        norm.bias.copy_(bias)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
    fused = torch.nn.utils.fusion.fuse_conv_bn_eval(conv.eval(), norm)
    found = derive(model.inference, *variables)
    assert set(found) == {"conv_1/kernel.1", "batchnorm_1/offset.1"}
    assert fused.bias is not None
    np.testing.assert_allclose(found["conv_1/kernel.1"], fused.weight.detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(found["batchnorm_1/offset.1"], fused.bias.detach().numpy(), rtol=1e-5)


def test_kernels_are_folded_once_for_the_same_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ns.compile(ns.parse(SPEC), "cpu")
    first, second, x = varied(model, 1), varied(model, 2), np.ones((2, 3, 6, 6), np.float32)
    calls = []
    compute = model._fold._derive
    monkeypatch.setattr(model._fold, "_derive", lambda *trees: (calls.append(1), compute(*trees))[1])
    a = model.forward(first, x)
    np.testing.assert_array_equal(model.forward(first, x), a)
    model.logits(Variables(*first), x)
    assert len(calls) == 1
    b = model.forward(second, x)
    assert len(calls) == 2
    assert not np.allclose(a, b)
    # One array replaced in the same dictionary is another set of variables.
    second.params["conv_1"]["kernel"] = first.params["conv_1"]["kernel"]
    c = model.forward(second, x)
    assert len(calls) == 3
    np.testing.assert_allclose(c, model.apply(second, x), rtol=1e-5, atol=1e-5)


def test_arrays_that_can_change_are_folded_each_time() -> None:
    model = ns.compile(ns.parse(SPEC), "cpu")
    variables = jax.tree.map(np.array, varied(model))
    x = np.ones((2, 3, 6, 6), np.float32)
    before = model.forward(variables, x)
    variables.state["batchnorm_1"]["mean"] += 1
    after = model.forward(variables, x)
    assert not np.allclose(before, after)
    np.testing.assert_allclose(after, model.apply(variables, x), rtol=1e-5, atol=1e-5)


def test_forward_within_a_compiled_function_leaves_nothing_behind() -> None:
    model = ns.compile(ns.parse(SPEC), "cpu")
    variables, x = varied(model), np.ones((2, 3, 6, 6), np.float32)
    inside = jax.jit(model.forward)(variables, x)
    np.testing.assert_allclose(model.forward(variables, x), inside, rtol=1e-6)


def test_a_network_with_nothing_to_fold_has_no_derived_arrays() -> None:
    model = ns.compile(ns.parse("input 4\nfc 3 softmax"), "cpu")
    assert model._fold(*model.init()) == {}
