"""`views`: inference gives what follows from the mean logits of an image's views; training knows nothing of them."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import netspec as ns
from netspec.backends.jax.inputs.views import views_of
from netspec.graph.memory import inference_bytes
from netspec.recipe.image_settings import Views
from netspec.training.events import Epoch, Finished
from netspec.workflows import train as session

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 2, 7, 5), np.uint8)
LABELS = RNG.integers(0, 3, 6)


def network(views: str, end: str = "fc 3 softmax", more: str = "") -> ns.Network:
    data = f'data "arrays" {{ normalize mean=0.3 std=0.5; {views} }}'
    return ns.parse(f"input 2x7x5\nconv 3 3 pad=1 relu; batchnorm; dropout 0.3\n{end}\n{data}\n{more}", name="toy")


def moved(x: np.ndarray, down: int, right: int, mirrored: bool = False) -> np.ndarray:
    """Move images by whole pixels, pixel by pixel, zeros coming in; mirror them then."""
    y = np.zeros_like(x)
    height, width = x.shape[2:]
    for row in range(height):
        for column in range(width):
            if 0 <= row + down < height and 0 <= column + right < width:
                y[:, :, row + down, column + right] = x[:, :, row, column]
    return y[..., ::-1] if mirrored else y


def all_moved(x: np.ndarray, shift: int, flip: bool) -> list[np.ndarray]:
    steps = range(-shift, shift + 1)
    return [moved(x, a, b, m) for a in steps for b in steps for m in ([False, True] if flip else [False])]


@pytest.mark.parametrize(
    ("how", "count"), [(Views(shift=1), 9), (Views(flip=True), 2), (Views(shift=2, flip=True), 50)]
)
def test_the_views_are_all_moves_and_their_mirror_images_the_image_first(how: Views, count: int) -> None:
    views = np.asarray(views_of(jnp.asarray(IMAGES, jnp.float32), how, 0.0)).astype(np.uint8)
    assert len(views) == how.count == count
    np.testing.assert_array_equal(views[0], IMAGES)
    expected = all_moved(IMAGES, how.shift, how.flip)
    assert sorted(v.tobytes() for v in views) == sorted(e.tobytes() for e in expected)


@pytest.mark.parametrize(
    ("views", "shift", "flip", "end"),
    [
        ("views shift=1", 1, False, "fc 3 softmax"),
        ("views flip", 0, True, "fc 3 sigmoid"),
        ("views shift=1 flip", 1, True, "fc 3\ntrain { loss mse }"),
    ],
)
def test_inference_is_the_mean_of_the_logits_of_all_views(views: str, shift: int, flip: bool, end: str) -> None:
    plain, model = ns.compile(network("", end), "cpu"), ns.compile(network(views, end), "cpu")
    variables = model.init(3)
    logits = [plain.logits(variables, image) for image in all_moved(IMAGES, shift, flip)]
    expected = np.mean([np.asarray(one, np.float64) for one in logits], axis=0)
    np.testing.assert_allclose(model.logits(variables, IMAGES), expected, rtol=1e-5, atol=1e-6)
    follows = {"fc 3 softmax": jax.nn.softmax, "fc 3 sigmoid": jax.nn.sigmoid}.get(end, jnp.asarray)
    np.testing.assert_allclose(model.forward(variables, IMAGES), follows(expected), rtol=1e-5, atol=1e-6)


def test_many_images_are_looked_at_as_few_are() -> None:
    how = Views(shift=1, flip=True)
    many = np.concatenate([IMAGES] * 20)
    assert how.together(len(IMAGES)) > len(IMAGES)
    assert how.together(len(many)) == len(many)
    model = ns.compile(network("views shift=1 flip"), "cpu")
    variables = model.init(0)
    few = model.forward(variables, IMAGES)
    np.testing.assert_allclose(model.forward(variables, many), np.concatenate([few] * 20), rtol=1e-5, atol=1e-6)


def test_floats_already_scaled_are_looked_at_as_their_bytes_are() -> None:
    model = ns.compile(network("views shift=2"), "cpu")
    variables = model.init(0)
    scaled = ((IMAGES / 255 - 0.3) / 0.5).astype(np.float32)
    np.testing.assert_allclose(model.forward(variables, scaled), model.forward(variables, IMAGES), rtol=1e-4, atol=1e-6)


def test_what_is_not_inference_sees_the_image_as_it_is() -> None:
    plain, model = ns.compile(network(""), "cpu"), ns.compile(network("views shift=1 flip"), "cpu")
    variables = model.init(0)
    assert float(model.loss(variables, IMAGES, LABELS)) == float(plain.loss(variables, IMAGES, LABELS))
    np.testing.assert_array_equal(model.apply(variables, IMAGES), plain.apply(variables, IMAGES))
    ours, theirs = model.features(variables, IMAGES), plain.features(variables, IMAGES)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_training_is_the_same_and_what_is_measured_is_what_the_trained_model_gives(tmp_path: Path) -> None:
    images, labels = np.concatenate([IMAGES] * 4), np.concatenate([LABELS] * 4)
    data = (images, labels, IMAGES, LABELS)
    found = {}
    for name, views in (("plain", ""), ("views", "views shift=1 flip")):
        net = network(views, more="train { epochs 2; batch 8; checkpoint off }")
        events = list(session.train(net, data, out=tmp_path / name))
        found[name] = ([e for e in events if isinstance(e, Epoch)], ns.open(tmp_path / name, "cpu"))
        assert isinstance(events[-1], Finished)
    assert [e.train_loss for e in found["plain"][0]] == [e.train_loss for e in found["views"][0]]
    assert [e.test_loss for e in found["plain"][0]] != [e.test_loss for e in found["views"][0]]
    for one, other in zip(*(jax.tree.leaves(run.variables) for _, run in found.values()), strict=True):
        np.testing.assert_array_equal(one, other)
    run = ns.open(tmp_path / "views" / "last.safetensors", "cpu")
    evaluation = run.evaluate(data)
    assert evaluation.loss == pytest.approx(found["views"][0][-1].test_loss, rel=1e-6)
    np.testing.assert_allclose(run.probabilities(images), run.outputs(images), rtol=1e-5, atol=1e-6)


def test_the_memory_that_is_told_is_that_of_the_views_in_memory_at_once() -> None:
    sizes = {}
    for batch in (8, 500):
        nets = [network(views, more=f"train {{ batch {batch} }}") for views in ("", "views shift=1")]
        sizes[batch] = [inference_bytes(net, net.graph()) for net in nets]
    weights = sum(p.size for p in network("").graph().parameters.values()) * 4
    assert sizes[8][1] - weights == 9 * (sizes[8][0] - weights)
    assert sizes[500][1] == sizes[500][0]
