"""Every loss against PyTorch in float64: the mean over a batch and its gradient, at positions, with and without a mask.

What PyTorch does not have is written out in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netspec.backends.jax.train.objective import Counted, mean_of, measured_losses
from netspec.recipe import losses as of
from netspec.recipe.losses import LOSSES

RNG = np.random.default_rng(0)
SHAPES = {"rows": (6, 4), "sequence": (6, 4, 5), "image": (6, 4, 3, 2)}


def labels(shape: tuple[int, ...]) -> np.ndarray:
    return RNG.integers(0, shape[1], (shape[0], *shape[2:])).astype(np.int32)


def shares(shape: tuple[int, ...]) -> np.ndarray:
    values = RNG.random(shape) + 0.1
    return (values / values.sum(1, keepdims=True)).astype(np.float32)


def yes(shape: tuple[int, ...]) -> np.ndarray:
    return RNG.integers(0, 2, shape).astype(np.float32)


def numbers(shape: tuple[int, ...]) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def counts(shape: tuple[int, ...]) -> np.ndarray:
    return RNG.poisson(3, shape).astype(np.float32)


def pairs(shape: tuple[int, ...]) -> np.ndarray:
    return RNG.integers(0, 2, (shape[0], *shape[2:])).astype(np.int32)


def hot(torch: Any, y: Any, z: Any) -> Any:
    return torch.movedim(torch.nn.functional.one_hot(y, z.shape[1]), -1, 1).double()


def sigmoid_focal(torch: Any, z: Any, t: Any, gamma: float, alpha: float) -> Any:
    p = torch.sigmoid(z)
    right = p * t + (1 - p) * (1 - t)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(z, t, reduction="none")
    return (alpha * t + (1 - alpha) * (1 - t)) * (1 - right) ** gamma * entropy


def softmax_focal(torch: Any, z: Any, y: Any, gamma: float) -> Any:
    entropy = torch.nn.functional.cross_entropy(z, y, reduction="none")
    return (1 - torch.exp(-entropy)) ** gamma * entropy


def hinge(torch: Any, z: Any, y: Any, margin: float) -> Any:
    # PyTorch's is of rows without positions, and divided by the number of classes.
    rows, right = torch.movedim(z, 1, -1).reshape(-1, z.shape[1]), y.reshape(-1)
    found = torch.nn.functional.multi_margin_loss(rows, right, margin=margin, reduction="none")
    return z.shape[1] * found.reshape(y.shape)


def contrastive(torch: Any, z: Any, y: Any, margin: float) -> Any:
    a, b = torch.chunk(z, 2, dim=1)
    d = torch.linalg.vector_norm(a - b, dim=1)
    return (y * d**2 + (1 - y) * torch.clamp(margin - d, min=0) ** 2) / 2


def last(torch: Any, z: Any) -> Any:
    """Features behind the positions, as PyTorch's losses of vectors take them."""
    return torch.movedim(z, 1, -1)


# Each gives the loss of every output or position, unreduced.
THEIRS: dict[str, tuple[of.Loss, Callable[..., Any], Callable[..., Any]]] = {
    "cross_entropy": (of.CrossEntropy(), labels, lambda t, z, y: t.nn.functional.cross_entropy(z, y, reduction="none")),
    "smoothing": (
        of.CrossEntropy(smoothing=0.2),
        labels,
        lambda t, z, y: t.nn.functional.cross_entropy(z, y, reduction="none", label_smoothing=0.2),
    ),
    "soft": (of.CrossEntropy(), shares, lambda t, z, y: t.nn.functional.cross_entropy(z, y, reduction="none")),
    "soft, smoothing": (
        of.CrossEntropy(smoothing=0.3),
        shares,
        lambda t, z, y: t.nn.functional.cross_entropy(z, y, reduction="none", label_smoothing=0.3),
    ),
    "soft, weights": (
        of.CrossEntropy(class_weights="1 2 0.5 3"),
        shares,
        lambda t, z, y: t.nn.functional.cross_entropy(
            z, y, reduction="none", weight=t.tensor([1, 2, 0.5, 3], dtype=z.dtype)
        ),
    ),
    "binary": (
        of.BinaryCrossEntropy(),
        yes,
        lambda t, z, y: t.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="none"),
    ),
    "binary of labels": (
        of.BinaryCrossEntropy(),
        labels,
        lambda t, z, y: t.nn.functional.binary_cross_entropy_with_logits(z, hot(t, y, z), reduction="none"),
    ),
    "pos_weight": (
        of.BinaryCrossEntropy(pos_weight=3.0),
        yes,
        lambda t, z, y: t.nn.functional.binary_cross_entropy_with_logits(
            z, y, reduction="none", pos_weight=t.tensor(3.0, dtype=z.dtype)
        ),
    ),
    "focal, sigmoid": (
        of.Focal(gamma=1.5, alpha=0.25),
        yes,
        lambda t, z, y: sigmoid_focal(t, z, y, 1.5, 0.25),
    ),
    "focal, softmax": (of.Focal(), labels, lambda t, z, y: softmax_focal(t, z, y, 2.0)),
    "focal without focus": (
        of.Focal(gamma=0.0),
        labels,
        lambda t, z, y: t.nn.functional.cross_entropy(z, y, reduction="none"),
    ),
    "hinge": (of.Hinge(margin=0.5), labels, lambda t, z, y: hinge(t, z, y, 0.5)),
    "mse": (of.MeanSquaredError(), numbers, lambda t, z, y: t.nn.functional.mse_loss(z, y, reduction="none")),
    "mse of labels": (of.MeanSquaredError(), labels, lambda t, z, y: (z - hot(t, y, z)) ** 2),
    "mae": (of.MeanAbsoluteError(), numbers, lambda t, z, y: t.nn.functional.l1_loss(z, y, reduction="none")),
    "huber": (
        of.Huber(delta=0.7),
        numbers,
        lambda t, z, y: t.nn.functional.huber_loss(z, y, reduction="none", delta=0.7),
    ),
    "SmoothL1Loss": (of.Huber(), numbers, lambda t, z, y: t.nn.functional.smooth_l1_loss(z, y, reduction="none")),
    "quantile": (
        of.Quantile(q=0.9),
        numbers,
        lambda t, z, y: t.maximum(0.9 * (y - z), (0.9 - 1) * (y - z)),
    ),
    "poisson": (of.Poisson(), counts, lambda t, z, y: t.nn.functional.poisson_nll_loss(z, y, reduction="none")),
    "cosine": (
        of.CosineDistance(),
        numbers,
        lambda t, z, y: 1 - t.nn.functional.cosine_similarity(z, y, dim=1),
    ),
    "contrastive": (of.Contrastive(margin=2.0), pairs, lambda t, z, y: contrastive(t, z, y, 2.0)),
    "kl": (
        of.KullbackLeibler(),
        numbers,
        lambda t, z, y: t.distributions.kl_divergence(
            t.distributions.Normal(z.chunk(2, 1)[0], t.exp(z.chunk(2, 1)[1] / 2)),
            t.distributions.Normal(t.zeros_like(z.chunk(2, 1)[0]), t.ones_like(z.chunk(2, 1)[0])),
        ).sum(1),
    ),
}


def absorbed(name: str) -> str | None:
    return name.partition("focal, ")[2] or None


def ours(loss: of.Loss, z: np.ndarray, y: np.ndarray, **more: Any) -> tuple[np.ndarray, np.ndarray]:
    def mean(z: jax.Array) -> jax.Array:
        return mean_of(measured_losses(loss, z, jnp.asarray(y), **more))

    value, gradient = jax.value_and_grad(mean)(jnp.asarray(z))
    return np.asarray(value), np.asarray(gradient)


def theirs(torch: Any, function: Callable[..., Any], z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    target = torch.tensor(y, dtype=torch.int64 if y.dtype.kind == "i" else torch.float64)
    value = function(torch, at, target)
    value.backward()
    return value.detach().numpy(), at.grad.numpy()


def agree(found: tuple[np.ndarray, np.ndarray], expected: tuple[np.ndarray, np.ndarray]) -> None:
    np.testing.assert_allclose(found[0], expected[0], rtol=2e-6)
    np.testing.assert_allclose(found[1], expected[1], rtol=2e-4, atol=2e-7)


@pytest.mark.parametrize("shape", [SHAPES["rows"], SHAPES["image"]], ids=["rows", "image"])
@pytest.mark.parametrize("name", THEIRS)
def test_values_and_gradients_equal_pytorch(torch: Any, name: str, shape: tuple[int, ...]) -> None:
    loss, draw, function = THEIRS[name]
    z, y = numbers(shape) * 2, draw(shape)
    agree(ours(loss, z, y, absorbed=absorbed(name)), theirs(torch, lambda t, z, y: function(t, z, y).mean(), z, y))


@pytest.mark.parametrize("name", THEIRS)
def test_what_a_mask_leaves_out_does_not_count(torch: Any, name: str) -> None:
    (loss, draw, function), shape = THEIRS[name], SHAPES["sequence"]
    z, y = numbers(shape) * 2, draw(shape)
    mask = RNG.integers(0, 2, (shape[0], *shape[2:])).astype(np.float32)
    mask[0] = 1

    def mean(t: Any, z: Any, y: Any) -> Any:
        values, m = function(t, z, y), t.tensor(mask, dtype=t.float64)
        values = values.mean(1) if values.shape == z.shape else values
        return (values * m).sum() / m.sum()

    agree(ours(loss, z, y, mask=jnp.asarray(mask), absorbed=absorbed(name)), theirs(torch, mean, z, y))
    of_examples = np.array([1, 0, 1, 1, 0, 1], np.float32)
    kept = of_examples > 0
    found = ours(loss, z, y, mask=jnp.asarray(of_examples))
    value, gradient = ours(loss, z[kept], y[kept])
    np.testing.assert_allclose(found[0], value, rtol=1e-6)
    np.testing.assert_allclose(found[1][kept], gradient, rtol=1e-5, atol=1e-8)
    assert not found[1][~kept].any()


@pytest.mark.parametrize(("smoothing", "ignore"), [(0.0, -1), (0.1, 2), (0.1, 255)])
@pytest.mark.parametrize("weights", ["", "1 0 2.5 0.25"])
def test_the_mean_of_cross_entropy_is_pytorchs(torch: Any, smoothing: float, ignore: int, weights: str) -> None:
    z, y = numbers(SHAPES["image"]) * 2, labels(SHAPES["image"])
    y.reshape(-1)[::3] = ignore
    loss = of.CrossEntropy(smoothing=smoothing, ignore=ignore, class_weights=weights or None)

    def mean(t: Any, z: Any, y: Any) -> Any:
        weight = t.tensor([float(w) for w in weights.split()], dtype=z.dtype) if weights else None
        return t.nn.functional.cross_entropy(z, y, weight=weight, ignore_index=ignore, label_smoothing=smoothing)

    agree(ours(loss, z, y), theirs(torch, mean, z, y))


def test_a_batch_in_which_nothing_counts_has_the_loss_zero() -> None:
    value, gradient = ours(of.CrossEntropy(ignore=1), numbers((4, 3)), np.ones(4, np.int32))
    assert value == 0
    assert not gradient.any()


def test_a_label_that_is_no_class_has_no_loss() -> None:
    value, gradient = ours(of.CrossEntropy(ignore=-1), numbers((2, 3, 4)), np.array([[0, 1, 2, -1], [0, 3, 0, 0]]))
    assert np.isnan(value)
    assert np.isnan(gradient[1]).any()


def test_triplets_equal_pytorch(torch: Any) -> None:
    z = numbers((7, 12))

    def mean(t: Any, z: Any, y: Any) -> Any:
        del y
        return t.nn.functional.triplet_margin_loss(*z.chunk(3, 1), margin=0.5)

    agree(ours(of.Triplet(margin=0.5), z, np.zeros(7, np.int32)), theirs(torch, mean, z, np.zeros(7, np.int32)))


def test_a_distance_alone_is_compared_too() -> None:
    found, _ = ours(of.Contrastive(margin=1.0), np.array([[0.4], [0.4], [2.0]], np.float32), np.array([1, 0, 0]))
    np.testing.assert_allclose(found, (0.16 / 2 + 0.36 / 2 + 0) / 3, rtol=1e-6)


def test_two_that_are_equal_have_a_gradient() -> None:
    _, gradient = ours(of.Contrastive(), np.ones((2, 4), np.float32), np.array([0, 1]))
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("function", ["softmax", "sigmoid"])
@pytest.mark.parametrize("shape", [SHAPES["rows"], SHAPES["image"]], ids=["rows", "image"])
def test_dice_is_its_formula(torch: Any, shape: tuple[int, ...], function: str) -> None:
    z = numbers(shape) * 2
    y = labels(shape) if function == "softmax" else yes(shape)

    def mean(t: Any, z: Any, y: Any) -> Any:
        p = t.softmax(z, 1) if function == "softmax" else t.sigmoid(z)
        target = hot(t, y, z) if function == "softmax" else y
        dims = tuple(range(2, z.ndim)) or (1,)
        found = 1 - (2 * (p * target).sum(dims) + 0.5) / (p.sum(dims) + target.sum(dims) + 0.5)
        return found.mean()

    agree(ours(of.Dice(smooth=0.5), z, y, absorbed=function), theirs(torch, mean, z, y))


@pytest.mark.parametrize("blank", [0, 3])
def test_ctc_equals_pytorch(torch: Any, blank: int) -> None:
    z, lengths = numbers((4, 5, 8)), np.array([3, 1, 2, 3])
    targets = np.array([[1, 1, 2], [4, -1, -1], [2, 1, -1], [2, 4, 2]], np.int32)

    def mean(t: Any, z: Any, y: Any) -> Any:
        logs = t.movedim(z, 2, 0).log_softmax(2)
        full = t.tensor([8, 8, 8, 8])
        return t.nn.functional.ctc_loss(logs, y.clamp(min=1), full, t.tensor(lengths), blank=blank)

    agree(ours(of.Ctc(blank=blank), z, targets), theirs(torch, mean, z, targets))


@pytest.mark.parametrize("loss", [of.Focal(gamma=g) for g in (0.5, 1.0, 2.0)], ids=lambda x: str(x.gamma))
@pytest.mark.parametrize("function", ["softmax", "sigmoid"])
def test_saturated_outputs_have_finite_gradients(loss: of.Loss, function: str) -> None:
    z = np.array([[90, -90], [-90, 90], [0, 0]], np.float32)
    for y in (np.array([0, 0, 1]), np.eye(2, dtype=np.float32)[[0, 0, 1]]):
        value, gradient = ours(loss, z, y, absorbed=function)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("cls", LOSSES.entries, ids=LOSSES.names)
def test_parts_of_a_batch_add_up(cls: type[of.Loss]) -> None:
    loss = cls(ignore=2) if cls is of.CrossEntropy else cls()  # type: ignore[call-arg]
    z = numbers((6, 6, 4))
    y = {"sequence": np.full((6, 1), 1), "class": labels((6, 4, 4)), "pair": pairs(z.shape)}.get(
        loss.targets[-1], numbers(z.shape)
    )
    whole = measured_losses(loss, jnp.asarray(z), jnp.asarray(y), mask=jnp.asarray(numbers((6,)) > -9, jnp.float32))
    parts = [
        measured_losses(loss, jnp.asarray(z[at]), jnp.asarray(y[at]), mask=jnp.ones(len(z[at])))
        for at in (slice(0, 1), slice(1, 6))
    ]
    joined = Counted(*(jnp.concatenate([p[i] for p in parts]) for i in range(2)))
    np.testing.assert_allclose(mean_of(whole), mean_of(joined), rtol=1e-5)
