"""Mixed examples: mixup and cutmix against a definition in NumPy, and what training makes of them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import netspec as ns
from netspec.backends.jax.inputs import mix
from netspec.backends.jax.train.device_group import DeviceGroup
from netspec.backends.jax.train.mixing import as_mixed, graded_outputs
from netspec.backends.jax.train.objective import hits
from netspec.backends.jax.train.step import Trainer
from netspec.backends.jax.train.train_functions import TrainFunctions
from netspec.data.types import Split
from netspec.recipe.image_settings import Augment
from netspec.recipe.losses import BinaryCrossEntropy, CrossEntropy

SIZE = (9, 11)
IMAGES = np.random.default_rng(0).random((32, 3, *SIZE)).astype(np.float32)
LABELS = np.random.default_rng(1).integers(0, 4, 32).astype(np.int32)
NUMBERS = np.random.default_rng(2).random((32, 2)).astype(np.float32)
MASKS = np.random.default_rng(3).integers(0, 4, (32, *SIZE)).astype(np.int32)
BOTH = Augment(mixup=0.4, cutmix=1.0)
each = pytest.mark.parametrize("how", [Augment(mixup=0.4), Augment(cutmix=1.0), BOTH], ids=["mixup", "cutmix", "both"])


def mixture(how: Augment, count: int = 32, step: int = 0, batch: int | None = None) -> mix.Mixture:
    key = jax.random.fold_in(jax.random.key(7), step)
    found = mix.drawn(how, key, jnp.arange(count), batch=batch or count, size=SIZE)
    return jax.tree.map(np.asarray, found)


def by_numpy(x: np.ndarray, how: mix.Mixture) -> np.ndarray:
    found = []
    for at, (image, own) in enumerate(zip(x, np.asarray(how.own), strict=True)):
        other = x[how.partner[at]]
        mixed = own * image + (1 - own) * other
        top, left, height, width = (int(v[at]) for v in how.pasted)
        mixed[..., top : top + height, left : left + width] = other[..., top : top + height, left : left + width]
        found.append(mixed)
    return np.array(found)


@each
def test_images_and_targets_are_those_of_the_definition(how: Augment) -> None:
    drawn = mixture(how)
    np.testing.assert_allclose(mix.mixed_images(jnp.asarray(IMAGES), drawn, how), by_numpy(IMAGES, drawn), atol=1e-6)
    own, pasted = drawn.own < 1, drawn.pasted.height * drawn.pasted.width > 0
    assert not (own & pasted).any()
    assert own.any() == (how.mixup > 0)
    assert pasted.any() == (how.cutmix > 0)
    share = drawn.own * (1 - drawn.pasted.height * drawn.pasted.width / 99)
    np.testing.assert_allclose(drawn.share, share, atol=1e-6)
    rows = np.eye(4, dtype=np.float32)[LABELS]
    for target in (NUMBERS, rows, NUMBERS[:, 0]):
        weight = share.reshape(-1, *(1,) * (target.ndim - 1))
        wanted = weight * target + (1 - weight) * target[drawn.partner]
        found = mix.mixed_targets(jnp.asarray(target), drawn, how, is_image=False)
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    # What is there for each pixel is mixed as the pixels are.
    found = mix.mixed_targets(jnp.asarray(IMAGES), drawn, how, is_image=True)
    np.testing.assert_allclose(found, by_numpy(IMAGES, drawn), atol=1e-6)


def test_masks_are_pasted_and_stay_class_numbers() -> None:
    how = Augment(cutmix=1.0)
    drawn = mixture(how)
    found = mix.mixed_targets(jnp.asarray(MASKS), drawn, how, is_image=True)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, by_numpy(MASKS, drawn._replace(own=jnp.ones(32, int))))


@each
def test_draws_are_those_of_the_step_and_the_place(how: Augment) -> None:
    once, again, other = mixture(how), mixture(how), mixture(how, step=1)
    for a, b in zip(jax.tree.leaves(once), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (once.share != other.share).any()
    assert len(np.unique(once.share)) > 8
    # The shares of the first are the same beside fewer others, and none is mixed with what only fills the batch up.
    np.testing.assert_array_equal(mixture(how, 20).share, once.share[:20])
    assert mixture(how, batch=20).partner[:20].max() < 20
    for step in range(5):
        partner = mixture(how, step=step).partner
        assert sorted(partner) == list(range(32))
        assert (partner != np.arange(32)).all()


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0, 3.0])
def test_shares_are_of_the_beta_distribution(alpha: float) -> None:
    shares = np.random.default_rng(0).random((40_000, 2)).astype(np.float32)
    found = np.asarray(mix.symmetric_beta(alpha, jnp.asarray(shares)))
    wanted = np.random.default_rng(1).beta(alpha, alpha, 40_000)
    assert found.mean() == pytest.approx(0.5, abs=0.01)
    assert found.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.03)
    ends = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(np.quantile(found, ends), np.quantile(wanted, ends), atol=0.02)


def test_shares_at_the_ends_of_what_can_be_asked_for_are_numbers() -> None:
    corners = jnp.asarray([[a, b] for a in (0.0, 0.5, 0.9999999) for b in (0.0, 0.25, 0.5, 0.9999999)], jnp.float32)
    for alpha in (1e-30, 1e-3, 1.0, 1e9):
        found = np.asarray(mix.symmetric_beta(alpha, corners))
        assert ((found >= 0) & (found <= 1)).all()


def test_half_are_mixed_in_each_way_and_rectangles_have_their_areas() -> None:
    key = jax.random.key(1)
    drawn = mix.drawn(BOTH, key, jnp.arange(3000), batch=3000, size=(64, 64))
    area = np.asarray(drawn.pasted.height * drawn.pasted.width) / 64**2
    assert (np.asarray(drawn.own) < 1).mean() == pytest.approx(0.5, abs=0.04)
    # A share of 1 - u of the area, less what lies outside of the image: by Monte Carlo 0.29 of those pasted.
    rng = np.random.default_rng(0)
    side, row, column = np.sqrt(rng.random(30_000)), rng.random(30_000), rng.random(30_000)
    parts = [np.minimum(at + side / 2, 1) - np.maximum(at - side / 2, 0) for at in (row, column)]
    assert area.mean() == pytest.approx((parts[0] * parts[1]).mean() / 2, abs=0.015)


def test_after_until_nothing_is_mixed() -> None:
    drawn = mix.drawn(BOTH, jax.random.key(1), jnp.arange(32), batch=32, size=SIZE, goes_on=jnp.asarray(False))
    assert (np.asarray(drawn.share) == 1).all()
    np.testing.assert_array_equal(mix.mixed_images(jnp.asarray(IMAGES), drawn, BOTH), IMAGES)


def test_what_is_right_is_the_share_of_the_class_that_is_given() -> None:
    logits = jnp.asarray([[3.0, 1.0, 0.0], [0.0, 1.0, 3.0]])
    shares = jnp.asarray([[0.7, 0.3, 0.0], [0.0, 0.6, 0.4]])
    found = hits(CrossEntropy(), logits, shares, graded=True)
    assert found is not None
    np.testing.assert_allclose(found.sums, [0.7, 0.4], rtol=1e-6)
    one = hits(BinaryCrossEntropy(), jnp.asarray([[2.0], [-2.0]]), jnp.asarray([0.7, 0.7]), graded=True)
    assert one is not None
    np.testing.assert_allclose(one.sums, [0.7, 0.3], rtol=1e-6)


def spec(ends: str, loss: str = "", augment: str = "mixup=0.4 cutmix=1") -> ns.Network:
    text = f'input 3x9x11; {ends}; data "x.npz" {{ augment {augment} }}; train {{ batch 32; optimizer sgd; {loss} }}'
    return ns.parse(text)


CASES: dict[str, tuple[str, str, Any]] = {
    "classes": ("fc 4 softmax", "", LABELS),
    "smoothed and weighted": ("fc 4 softmax", 'loss cross_entropy smoothing=0.2 class_weights="1 2 3 4"', LABELS),
    "one-hot": ("fc 4 sigmoid", "", LABELS),
    "two classes": ("fc 1 sigmoid", "", LABELS % 2),
    "numbers": ("fc 2", "", NUMBERS),
    "masks": ("conv 4 1x1 softmax", "", MASKS),
    "masks of 0 and 1": ("conv 1 1x1 sigmoid", "", MASKS % 2),
}


@pytest.mark.parametrize(("ends", "loss", "y"), CASES.values(), ids=CASES)
def test_a_step_learns_from_the_mixture(ends: str, loss: str, y: np.ndarray) -> None:
    net = spec(ends, loss)
    model = ns.compile(net, "cpu")
    functions = TrainFunctions(model, DeviceGroup(tuple(jax.devices("cpu")[:1])), steps_per_epoch=1, epochs=1, seed=3)
    state, whole = functions.start(), np.arange(32)
    _, measured = jax.jit(functions.step)(state, IMAGES, y, whole)
    how = net.data.augment  # type: ignore[union-attr]
    drawn = mix.drawn(how, functions.key(jnp.int32(0)), jnp.arange(32), batch=32, size=SIZE)  # type: ignore[arg-type]
    drawn = jax.tree.map(np.asarray, drawn)
    x, shape = by_numpy(IMAGES, drawn), model.graph.shape(model.graph.output)
    targets: Any = y.astype(np.float32)
    if y.dtype == np.int32 and shape[0] > 1:
        targets = np.moveaxis(np.eye(shape[0], dtype=np.float32)[y], -1, 1)
    if targets.shape[-2:] == SIZE:
        targets = by_numpy(targets, drawn)
    else:
        share = drawn.share.reshape(-1, *(1,) * (targets.ndim - 1))
        targets = share * targets + (1 - share) * targets[drawn.partner]
    # The loss of the mixture as if somebody had brought it.
    plain = ns.compile(spec(ends, loss, "flip"), "cpu")
    wanted, (logits, _) = plain.objective(
        state.params, state.state, jnp.asarray(x), jnp.asarray(targets), train=True, rng=None
    )
    assert float(measured[0]) == pytest.approx(float(wanted), rel=1e-4)
    if y.dtype != np.int32:
        return
    given = np.asarray(logits).argmax(1)
    if shape[0] == 1:
        right = np.where(np.asarray(logits)[:, 0] > 0, targets, 1 - targets)
    else:
        right = np.take_along_axis(targets, given[:, None], axis=1)
    assert float(measured[1]) == pytest.approx(right.reshape(32, -1).mean(-1).sum(), rel=1e-4)


def test_class_numbers_that_cutmix_pastes_stay_what_they_are() -> None:
    net = spec("conv 4 1x1 softmax", "loss cross_entropy ignore=3", "cutmix=1 flip")
    graph = ns.compile(net, "cpu").graph
    mixed = as_mixed(net, graph, jnp.asarray(MASKS))
    assert mixed.dtype == np.int32
    assert not graded_outputs(net, graph, jnp.asarray(MASKS), mixed)


def test_training_is_reproducible_and_evaluation_sees_plain_examples() -> None:
    def trained(augment: str) -> list[ns.Epoch]:
        text = f"fc 10 softmax; data digits {{ {augment} }}; train {{ batch 100; epochs 3; accumulate 2 }}"
        return [e for e in ns.train(ns.parse(text)) if isinstance(e, ns.Epoch)]

    one, two = trained("augment mixup=0.4 until=0.7"), trained("augment mixup=0.4 until=0.7")
    assert [e.train_loss for e in one] == [e.train_loss for e in two]
    assert one[0].train_loss != trained("")[0].train_loss
    assert all(0 < e.train_accuracy < 1 for e in one)  # type: ignore[operator]
    net = ns.parse('input 3x9x11; fc 4 softmax; data "x.npz" { augment mixup=0.4 }')
    model = ns.compile(net, "cpu")
    trainer = Trainer(model, steps_per_epoch=1, epochs=1, seed=0)
    variables = model.init(0)
    found = trainer.evaluate(variables, trainer.place(Split(IMAGES, LABELS)), 32)
    np.testing.assert_allclose(found.logits, model.logits(variables, IMAGES), atol=1e-5)


def test_soft_labels_with_class_weights_count_once_each() -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(3), 40).astype(np.float32)
    x = np.random.default_rng(1).random((40, 1, 4, 4)).astype(np.float32)
    net = ns.parse(
        'input 1x4x4; fc 3 softmax; data "x.npz"; train { epochs 1; batch 10; '
        'loss cross_entropy class_weights="1 2 3" }'
    )
    (epoch,) = (e for e in ns.train(net, (x, rows, x, rows)) if isinstance(e, ns.Epoch))
    assert epoch.train_loss > 0.5
    assert 0 <= epoch.train_accuracy <= 1  # type: ignore[operator]
