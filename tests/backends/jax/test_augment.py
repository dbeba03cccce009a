"""Augmentation: what it draws, what it leaves alone, and that only training sees it."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import netspec as ns
from netspec.backends.jax.inputs.augment import augmented
from netspec.backends.jax.inputs.prepare import prepare, prepare_training
from netspec.backends.jax.train.device_group import DeviceGroup
from netspec.backends.jax.train.step import Trainer
from netspec.backends.jax.train.train_functions import TrainFunctions
from netspec.data.types import Split
from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.image_settings import Augment

SOME: list[dict[str, Any]] = [
    {"rotate": 15.0},
    {"shift": 2.0},
    {"zoom": 0.2},
    {"shear": 10.0},
    {"elastic": 1.5, "sigma": 3.0},
    {"pad": 2},
    {"flip": True},
    {"contrast": 0.3},
    {"brightness": 0.2},
    {"noise": 0.1},
    {"cutout": 4},
]
each = pytest.mark.parametrize("how", [Augment(**fields) for fields in SOME], ids=lambda h: next(iter(fields_of(h))))
IMAGES = np.random.default_rng(0).integers(1, 256, (32, 2, 9, 11), dtype=np.uint8)


def fields_of(how: Augment) -> dict[str, Any]:
    return {k: v for k, v in how.model_dump(exclude_defaults=True).items() if k != "kind"}


@partial(jax.jit, static_argnames="how")
def compiled(x: jax.Array, how: Augment, step: int, first: int) -> jax.Array:
    key = jax.random.fold_in(jax.random.key(7), step)
    return augmented(x, how, key, first + jnp.arange(len(x)))


def changed(how: Augment, x: np.ndarray = IMAGES, *, step: int = 0, first: int = 0) -> np.ndarray:
    return np.asarray(compiled(jnp.asarray(x), how, step, first))


@each
def test_it_changes_images_anew_in_each_step_and_each_place_and_the_same_way_again(how: Augment) -> None:
    once = changed(how)
    assert once.shape == IMAGES.shape
    assert once.dtype == np.float32
    np.testing.assert_array_equal(once, changed(how))
    assert (once != IMAGES).any()
    assert (once != changed(how, step=1)).any()
    same = changed(how, np.repeat(IMAGES[:1], 32, axis=0))
    assert (same != same[0]).any()


@each
def test_an_example_draws_by_its_place_alone_whatever_is_beside_it(how: Augment) -> None:
    whole = changed(how)
    np.testing.assert_allclose(changed(how, IMAGES[5:12], first=5), whole[5:12], atol=1e-3)
    other = np.concatenate([IMAGES[:1], IMAGES[:0:-1]])
    np.testing.assert_allclose(changed(how, other)[0], whole[0], atol=1e-3)


@each
def test_bytes_stay_within_0_and_255_and_floats_are_changed_in_their_own_unit(how: Augment) -> None:
    once = changed(how)
    assert once.min() >= 0
    assert once.max() <= 255
    floats = changed(how, (IMAGES / 255).astype(np.float32))
    inside = (once > 0) & (once < 255)
    np.testing.assert_allclose(floats[inside] * 255, once[inside], atol=0.02)


@pytest.mark.parametrize("sigma", [0.0, 3.0])
def test_another_setting_switched_on_moves_nothing_else(sigma: float) -> None:
    # With a shift of whole pixels by `pad`, a cutout of the same draw hides the same places.
    alone = changed(Augment(cutout=4))
    more = changed(Augment(cutout=4, brightness=1e-6, **({"elastic": 1e-6, "sigma": sigma} if sigma else {})))
    np.testing.assert_array_equal(alone == 0, more == 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"zoom": 0.99999999999},
        {"shear": 89.9999999999, "rotate": 180.0},
        {"elastic": 1e38, "sigma": 0.1},
        {"elastic": 1.0, "sigma": 1e38},
        {"shift": 1e9, "zoom": 0.999999999, "rotate": 180.0},
    ],
)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_the_most_that_can_be_asked_for_reads_within_the_image(fields: dict[str, Any], interpolation: Any) -> None:
    found = changed(Augment(**fields, interpolation=interpolation), IMAGES[:, :1, :8, :8])
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (found <= 255).all()


def test_more_pixels_than_can_be_counted_are_refused() -> None:
    with pytest.raises(DataError, match="too many to be moved at once"):
        jax.eval_shape(
            lambda x: augmented(x, Augment(rotate=1.0), jax.random.key(0), jnp.arange(len(x))),
            jax.ShapeDtypeStruct((50_000, 3, 224, 224), jnp.uint8),
        )


def test_flip_mirrors_about_half_of_the_images_and_no_other_way() -> None:
    x = np.random.default_rng(1).integers(0, 256, (400, 1, 4, 5), dtype=np.uint8)
    flipped = changed(Augment(flip=True), x)
    mirrored = np.array([(a == b[..., ::-1]).all() for a, b in zip(flipped, x, strict=True)])
    kept = np.array([(a == b).all() for a, b in zip(flipped, x, strict=True)])
    assert (mirrored | kept).all()
    assert 150 < mirrored.sum() < 250


def test_pad_moves_by_every_whole_number_of_pixels_up_to_it() -> None:
    x = np.zeros((400, 1, 7, 7), np.uint8)
    x[:, :, 3, 3] = 200
    moved = changed(Augment(pad=2), x)
    _, _, rows, columns = np.nonzero(moved)
    assert set(moved[moved > 0].tolist()) == {200.0}
    assert len(rows) == 400
    for places in (rows, columns):
        assert set(places.tolist()) == {1, 2, 3, 4, 5}
        assert np.bincount(places, minlength=6)[1:].min() > 50


def test_shift_and_brightness_are_spread_evenly_over_their_range() -> None:
    x = np.full((2000, 1, 2, 2), 100, np.uint8)
    added = changed(Augment(brightness=0.2), x)[:, 0, 0, 0] - 100
    assert -51 <= added.min() < -48
    assert 48 < added.max() <= 51
    assert added.std() == pytest.approx(51 / np.sqrt(3), rel=0.05)


def test_cutout_covers_a_square_and_nothing_else() -> None:
    x = np.full((300, 1, 9, 9), 50, np.uint8)
    gone = (changed(Augment(cutout=3), x) == 0).sum(axis=(1, 2, 3))
    # At the edge a part of the square lies outside.
    assert set(gone.tolist()) == {4, 6, 9}


def test_only_training_is_augmented() -> None:
    text = "input 1x9x11\nfc 3 softmax\ndata digits { normalize mean=0.5 std=0.25; augment rotate=30 }"
    net = ns.parse(text.replace("data digits", 'data "mine.npz"'))
    x, key = jnp.asarray(IMAGES[:, :1]), jax.random.key(0)
    seen = prepare_training(x, net, key)
    assert float(jnp.abs(seen - prepare(x, net)).max()) > 0.1
    # The corners that came in from outside are zero bytes, scaled like all others.
    assert float(seen.min()) == pytest.approx(-2.0)
    plain = ns.parse(text.replace("data digits", 'data "mine.npz"').replace("; augment rotate=30", ""))
    ours, theirs = (ns.compile(n, "cpu") for n in (net, plain))
    variables = ours.init(0)
    np.testing.assert_array_equal(ours.forward(variables, x), theirs.forward(variables, x))
    split = Split(IMAGES[:, :1], np.zeros(32, np.int32))
    found = []
    for model in (ours, theirs):
        trainer = Trainer(model, steps_per_epoch=1, epochs=1, seed=0)
        found.append(trainer.evaluate(variables, trainer.place(split), 10)[0])
    assert found[0] == found[1]


def test_until_a_share_of_the_training_and_no_longer() -> None:
    def seen(augment: str) -> list[np.ndarray]:
        net = ns.parse(f"fc 10 softmax\ndata digits {{ {augment} }}\ntrain {{ batch 10; epochs 2 }}")
        learning = TrainFunctions(
            ns.compile(net, "cpu"), DeviceGroup(tuple(jax.devices("cpu")[:1])), steps_per_epoch=5, epochs=2, seed=0
        )
        x, inputs = jnp.asarray(IMAGES[:10, :1, :8, :8]), jax.jit(learning.inputs)
        return [np.asarray(inputs(x, jnp.int32(step))) for step in range(10)]

    plain, sharp, both = seen(""), seen("augment pad=1 flip=true"), seen("augment rotate=30 pad=1 flip=true")
    turned = seen("augment rotate=30")
    for ends, always, after in (("rotate=30", turned, plain), ("rotate=30 pad=1 flip=true", both, sharp)):
        until = seen(f"augment {ends} until=0.7")
        for step in range(10):
            np.testing.assert_array_equal(until[step], (always if step < 7 else after)[step], err_msg=f"{ends}, {step}")
        assert (always[9] != after[9]).any()
    # What goes on moves whole pixels, and so makes no value that was not there.
    assert (sharp[9] != plain[9]).any()
    assert set(np.unique(sharp[9])) <= {*np.unique(plain[9]), 0}


def test_operations_on_pictures_are_refused_for_floats_of_another_range() -> None:
    net = ns.parse('input 1x9x11; fc 3 softmax; data "x.npz" { augment randaugment=2 }; train { epochs 1 }')
    x, y = IMAGES[:, :1].astype(np.float32), np.arange(32) % 3
    with pytest.raises(DataError, match=r"floats of 0\.\.1, but .* go from 1 to 255"):
        next(ns.train(net, (x, y, x, y)))


def test_training_with_it_is_reproducible_and_is_not_training_without() -> None:
    def losses(augment: str) -> list[float]:
        net = ns.parse(f"fc 10 softmax\ndata digits {{ {augment} }}\ntrain {{ batch 479; epochs 2 }}")
        return [e.train_loss for e in ns.train(net) if isinstance(e, ns.Epoch)]

    some = losses("augment shift=1")
    assert some == losses("augment shift=1")
    assert some != losses("")
