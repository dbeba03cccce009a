"""Every kind of target is learned, measured as scikit-learn does, evaluated and predicted as what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.losses import BinaryCrossEntropy, CrossEntropy, Huber, MeanSquaredError
from netspec.training.progress import TrainingProgress

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
NUMBER = (X @ np.array([1.0, 2, 3, 4])).astype(np.float32)
LABELS = (X[:, :3] > 0).astype(int)
CLASSES = X[:, :3].argmax(axis=1)
SHARES = np.exp(X[:, :3]) / np.exp(X[:, :3]).sum(axis=1, keepdims=True)
IMAGES = RNG.normal(size=(30, 1, 4, 4)).astype(np.float32)
PIXELS = (IMAGES[:, 0] > 0).astype(int)


def parts(y: Any, x: np.ndarray = X) -> tuple[Any, ...]:
    cut = len(x) * 2 // 3
    return x[:cut], y[:cut], x[cut:], y[cut:]


def trained(text: str, y: Any, x: np.ndarray = X, recipe: str = "") -> ns.Finished:
    net = ns.parse(f"{text}\ntrain {{ epochs 2; batch 16; optimizer adam lr=0.05; {recipe} }}")
    *_, last = ns.train(net, parts(y, x))
    return last


FOLLOWS = {
    "a number": ("input 4; fc 1", NUMBER, MeanSquaredError(), {"mae", "rmse", "r2"}),
    "years": ("input 4; fc 1", np.arange(60) + 1960, MeanSquaredError(), {"mae", "rmse", "r2"}),
    "several numbers": ("input 4; fc 2", np.stack([NUMBER, -NUMBER], 1), MeanSquaredError(), {"mae", "rmse", "r2"}),
    "two classes": ("input 4; fc 1", LABELS[:, 0], BinaryCrossEntropy(), set()),
    "one-hot rows": ("input 4; fc 3 softmax", np.eye(3)[CLASSES], CrossEntropy(), set()),
    "shares": ("input 4; fc 3", SHARES, CrossEntropy(), set()),
    "labels": ("input 4; fc 3 sigmoid", LABELS, BinaryCrossEntropy(), {"f1", "auroc"}),
    "labels without sigmoid": ("input 4; fc 3", LABELS.astype(bool), BinaryCrossEntropy(), {"f1", "auroc"}),
    "pixels": ("input 1x4x4; conv 2 3x3 pad=same softmax", PIXELS, CrossEntropy(), {"iou", "dice"}),
    "pixels without softmax": ("input 1x4x4; conv 2 3x3 pad=same", PIXELS, CrossEntropy(), {"iou", "dice"}),
    "a mask": ("input 1x4x4; conv 1 3x3 pad=same sigmoid", PIXELS[:, None], BinaryCrossEntropy(), {"iou", "dice"}),
    "an image": ("input 1x4x4; conv 1 3x3 pad=same", IMAGES * 2, MeanSquaredError(), {"mae", "rmse", "r2"}),
}


@pytest.mark.parametrize(("text", "y", "loss", "metrics"), FOLLOWS.values(), ids=FOLLOWS)
def test_loss_and_metrics_follow_from_the_targets(text: str, y: Any, loss: Any, metrics: set[str]) -> None:
    found = trained(text, y, IMAGES if "1x4x4" in text else X)
    assert found.model.graph.loss == loss
    assert {n.removeprefix("test_") for n in found.result.metrics if n.startswith("test_")} == metrics
    assert np.isfinite(found.result.test_loss)
    if found.result.test_accuracy is None:
        assert metrics >= {"mae"} or "labels" in text or "sigmoid" in text or isinstance(loss, BinaryCrossEntropy)


def test_what_is_measured_is_what_scikit_learn_says_of_the_outputs() -> None:
    sk = pytest.importorskip("sklearn.metrics")
    found = trained("input 4; fc 1", NUMBER, recipe="loss huber 2; metrics mae r2; evaluate batch=7")
    assert found.model.graph.loss == Huber(delta=2.0)
    z, y = np.asarray(found.model.forward(found.variables, X[40:]))[:, 0], NUMBER[40:]
    assert found.result.metrics["test_r2"] == pytest.approx(sk.r2_score(y, z), rel=1e-4)
    assert found.result.metrics["test_mae"] == pytest.approx(sk.mean_absolute_error(y, z), rel=1e-4)
    found = trained("input 4; fc 3 softmax", CLASSES, recipe="metrics f1 auroc log_loss; evaluate batch=7")
    p, y = np.asarray(found.model.forward(found.variables, X[40:])), CLASSES[40:]
    assert found.result.metrics["test_f1"] == pytest.approx(sk.f1_score(y, p.argmax(1), average="macro"), rel=1e-4)
    assert found.result.metrics["test_auroc"] == pytest.approx(sk.roc_auc_score(y, p, multi_class="ovr"), rel=1e-4)
    assert found.result.metrics["test_log_loss"] == pytest.approx(sk.log_loss(y, p), rel=1e-4)
    assert found.result.metrics["test_log_loss"] == pytest.approx(found.result.test_loss, rel=1e-6)


def test_what_is_ignored_counts_nowhere() -> None:
    y = CLASSES.copy()
    y[::3] = -1
    recipe = "loss cross_entropy ignore=-1 class_weights=balanced; metrics f1; evaluate batch=7"
    net = ns.parse(f"input 4; fc 3 softmax; train {{ epochs 1; batch 16; optimizer sgd lr=1e-9; {recipe} }}")
    *events, last = ns.train(net, parts(y))
    weights = np.array([float(w) for w in str(last.model.graph.loss.class_weights).split()])
    learned = y[:40][y[:40] >= 0]
    np.testing.assert_allclose(weights, len(learned) / 3 / np.bincount(learned), rtol=1e-12)
    p = np.asarray(last.model.forward(last.variables, X), np.float64)

    def mean(at: slice) -> tuple[float, float]:
        keep = y[at] >= 0
        own, right = y[at][keep], p[at][keep]
        losses = -np.log(right[np.arange(len(own)), own])
        return float((weights[own] * losses).sum() / weights[own].sum()), float((right.argmax(1) == own).mean())

    epoch = next(e for e in events if isinstance(e, ns.Epoch))
    assert (epoch.test_loss, epoch.test_accuracy) == pytest.approx(mean(slice(40, 60)), rel=1e-5)
    # Over batches of which no two count the same.
    assert (epoch.train_loss, epoch.train_accuracy) == pytest.approx(mean(slice(0, 40)), rel=1e-5)


@pytest.mark.parametrize(
    ("best", "larger"),
    [("test_f1", True), ("test_log_loss", False), ("train_f1", True), ("test_calibration_error", False)],
)
def test_the_best_epoch_is_best_by_any_metric(best: str, larger: bool) -> None:
    net = ns.parse(f"input 4; fc 3 softmax; train {{ epochs 6; batch 16; optimizer adam lr=0.3; best {best} }}")
    *events, last = ns.train(net, parts(CLASSES))
    values = [e.metrics[best] for e in events if isinstance(e, ns.Epoch)]
    assert last.result.best_epoch == 1 + int(np.argmax(values) if larger else np.argmin(values))


def test_training_ends_when_a_metric_does_not_become_better() -> None:
    recipe = "early_stop 2 on=test_mae; optimizer sgd lr=1e-9"
    net = ns.parse(f"input 4; fc 1; train {{ epochs 9; batch 16; loss mse; {recipe} }}")
    *_, last = ns.train(net, parts(NUMBER))
    assert last.result.stopped == "early_stop"
    assert last.result.epochs < 9


def test_a_metric_without_a_value_is_null_and_a_note_says_why(tmp_path: Path) -> None:
    y = CLASSES.copy()
    y[40:] = 1
    net = ns.parse("input 4; fc 3 softmax; train { epochs 1; metrics auroc f1; best test_auroc }")
    events = list(ns.train(net, parts(y), out=tmp_path / "run"))
    assert events[-1].result.metrics["test_auroc"] is None
    assert any("auroc: no value" in e.text for e in events if isinstance(e, ns.Notice))
    kept = json.loads((tmp_path / "run/result.json").read_text())
    assert kept["test_auroc"] is None
    assert kept["best_test_f1"] == kept["test_f1"] > 0
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["test_f1"] == kept["test_f1"]
    assert not {"metrics"} & set(lines[-1]) | {"metrics"} & set(kept)
    opened = ns.open(tmp_path / "run")
    assert opened.training["test_f1"] == kept["test_f1"]
    assert opened.evaluate(parts(y)).metrics == {"f1": kept["test_f1"], "auroc": None}


def test_answers_are_what_was_learned(tmp_path: Path) -> None:
    def run(name: str, text: str, y: Any, x: np.ndarray = X) -> ns.Run:
        list(ns.train(ns.parse(f"{text}; train {{ epochs 1 }}"), parts(y, x), out=tmp_path / name))
        return ns.open(tmp_path / name)

    number = run("number", "input 4; fc 1", NUMBER)
    (found,) = number.predict(X[:1])
    assert (found.label, found.outputs) == (None, tuple(number.outputs(X[:1])[0].tolist()))
    assert number.evaluate(parts(NUMBER)).metrics.keys() == {"mae", "rmse", "r2"}
    several = run("several", "input 4; fc 3 sigmoid", LABELS)
    for row, found in zip(several.probabilities(X), several.predict(X), strict=True):
        assert found.labels is not None
        assert {int(name) for name in found.labels} == set(np.flatnonzero(row > 0.5).tolist())
        assert found.label is None
    pixels = run("pixels", "input 1x4x4; conv 2 3x3 pad=same softmax", PIXELS, IMAGES)
    p = pixels.probabilities(IMAGES)
    assert p.shape == (30, 2, 4, 4)
    (found,) = pixels.predict(IMAGES[:1])
    assert found.positions is not None
    assert found.positions.get("1", 0.0) == pytest.approx((p[0].argmax(0) == 1).mean())
    seen = pixels.evaluate(parts(PIXELS, IMAGES))
    assert seen.confusion.sum() == 10 * 16
    assert np.trace(seen.confusion) / 160 == pytest.approx(seen.accuracy)


WRONG = {
    "outside 0..1": ("input 4; fc 3 sigmoid", LABELS + 0.5, r"y_train\[.*\] is 1.5, but binary_cross_entropy takes"),
    "no shares": ("input 4; fc 3 softmax", SHARES * 2, "shares of classes add up to 1|takes targets from 0 to 1"),
    "negative counts": ("input 4; fc 1; train { loss poisson }", NUMBER, "poisson is of counts"),
    "numbers for classes": ("input 4; fc 3 softmax", NUMBER, "is not a whole number"),
    "all ignored": (
        "input 4; fc 3 softmax; train { loss cross_entropy ignore=-1 }",
        np.full(60, -1),
        "all labels of y_train are -1, which `ignore=-1` leaves out",
    ),
    "a label beyond": (
        "input 4; fc 3 softmax; train { loss cross_entropy ignore=-1 }",
        np.arange(60) % 5 - 1,
        r"y_train\[4\] is 3, but with 3 classes",
    ),
    "no pair": ("input 4; fc 2; train { loss contrastive }", CLASSES, "contrastive takes 0 and 1"),
    "a row too few": ("input 4; fc 3 sigmoid", LABELS[:, :2], "y_train"),
    "missing": ("input 4; fc 1", np.where(NUMBER > 5, np.nan, NUMBER), "which is no number"),
    "a class that is not there": (
        'input 4; fc 3 softmax; train { loss cross_entropy class_weights="cat=2" }',
        CLASSES,
        "names a class 'cat', which the data does not have",
    ),
    "a metric of classes": ("input 4; fc 1; train { metrics f1 }", NUMBER, "f1 is measured of"),
    "an accuracy": ("input 4; fc 1; train { best test_accuracy }", NUMBER, "it has no accuracy"),
    "the blank": (
        "input 3x8; fc 4 softmax pointwise; train { loss ctc }",
        np.zeros((60, 2), int),
        r"y_train\[0, 0\] is 0, which is the blank",
    ),
    "too long": (
        "input 3x2; fc 4 softmax pointwise; train { loss ctc }",
        np.ones((60, 2), int),
        r"y_train\[0\] needs 3 positions, and the network gives 2",
    ),
    "moved": (
        'input 1x4x4; conv 2 2x2 softmax; data "x" { augment flip }',
        PIXELS[:, :3, :3],
        "the targets at each position would stay",
    ),
}


@pytest.mark.parametrize(("text", "y", "message"), WRONG.values(), ids=WRONG)
def test_targets_that_do_not_fit_are_refused(text: str, y: Any, message: str) -> None:
    x = IMAGES if "1x4x4" in text else X
    if "3x" in text.partition(";")[0]:
        x = RNG.normal(size=(60, 3, int(text[8]))).astype(np.float32)
    with pytest.raises(DataError, match=message):
        list(ns.train(ns.parse(text), parts(y, x)))


def test_a_loop_of_ones_own_has_these_targets_too() -> None:
    def loss(text: str, y: Any, x: np.ndarray = X) -> float:
        model = ns.compile(ns.parse(text))
        return float(model.loss(model.init(0), x, y))

    soft, hard = "input 4; fc 3 softmax", "input 4; fc 3 softmax"
    assert loss(soft, np.eye(3, dtype=np.float32)[CLASSES]) == pytest.approx(loss(hard, CLASSES), rel=1e-6)
    image = "input 1x4x4; conv 2 3x3 pad=same softmax"
    rows = np.moveaxis(np.eye(2, dtype=np.float32)[PIXELS], -1, 1)
    assert loss(image, rows, IMAGES) == pytest.approx(loss(image, PIXELS, IMAGES), rel=1e-6)
    with pytest.raises(DataError, match="class_weights=balanced` is worked out by a training"):
        loss("input 4; fc 3 softmax; train { loss cross_entropy class_weights=balanced }", CLASSES)
    with pytest.raises(DataError, match=r"label 3 of example 0 at \[0, 0\] is outside"):
        loss(image, PIXELS * 0 + 3, IMAGES)


def test_batches_whose_gradients_are_averaged_count_as_their_examples_do() -> None:
    y = CLASSES.copy()
    y[:24:2] = -1
    text = 'input 4; fc 3 softmax; data "x" { shuffle off }; train { epochs 1; optimizer sgd lr=0.5; '
    loss = 'loss cross_entropy ignore=-1 class_weights="1 2 0.5"; '

    def kernel(how: str) -> Any:
        *_, last = ns.train(ns.parse(f"{text}{loss}{how} }}"), parts(y))
        return last.variables.params["fc_1"]["kernel"]

    np.testing.assert_allclose(kernel("batch 10; accumulate 4"), kernel("batch 40"), rtol=1e-5)


def test_progress_keeps_metrics_and_reads_that_of_before() -> None:
    epoch = ns.Epoch(1, 5, 0.1, None, None, None, 0.2, None, 1.0, True, {"test_mae": 0.5, "test_r2": None})
    progress = TrainingProgress(epoch=2, best=epoch, last=epoch)
    kept = json.loads(json.dumps(progress.to_json()))
    assert TrainingProgress.from_json(kept) == progress
    for part in ("best", "last"):
        del kept[part]["metrics"]
    assert TrainingProgress.from_json(kept).last == ns.Epoch(1, 5, 0.1, None, None, None, 0.2, None, 1.0, True)
    kept["last"]["metrics"] = {"test_mae": "low"}
    with pytest.raises(ValueError, match="a metric of an epoch is none"):
        TrainingProgress.from_json(kept)


SEQUENCES = {
    "ctc": ("input 3x8; fc 4 softmax pointwise; train { epochs 1; loss ctc }", np.array([[1, 2], [3, -1]] * 30)),
    "each place": ("input 3x8; fc 4 softmax pointwise; train { epochs 1 }", RNG.integers(0, 4, (60, 8))),
    "a quantile": ("input 3x8; lstm 4 last; fc 1; train { epochs 1; loss quantile 0.9 }", NUMBER),
    "counts": ("input 3x8; lstm 4 last; fc 1; train { epochs 1; loss poisson }", RNG.poisson(3, 60)),
    "directions": ("input 3x8; lstm 4 last; fc 3; train { epochs 1; loss cosine }", X[:, :3]),
}


@pytest.mark.parametrize(("text", "y"), SEQUENCES.values(), ids=SEQUENCES)
def test_sequences_are_learned_evaluated_and_answered(tmp_path: Path, text: str, y: Any) -> None:
    x = RNG.normal(size=(60, 3, 8)).astype(np.float32)
    *_, last = ns.train(ns.parse(text), parts(y, x), out=tmp_path / "run")
    opened = ns.open(tmp_path / "run")
    found = opened.evaluate(parts(y, x))
    assert found.loss == pytest.approx(last.result.test_loss, rel=1e-5)
    assert {f"test_{name}": value for name, value in found.metrics.items()} == pytest.approx(
        {name: value for name, value in last.result.metrics.items() if name.startswith("test_")}, rel=1e-5
    )
    assert len(opened.predict(x[:2])) == 2


VAE = """
data digits { target input }
input 1x8x8
fc 32 relu
fc 16 as code                     # 8 means, 8 logarithms of variances
sample
fc 32 relu
fc 64 sigmoid as image
output image
output code loss=kl weight=(1 / 64)
train { epochs 1 }
"""


def test_a_variational_autoencoder_is_ten_lines() -> None:
    net = ns.parse(VAE)
    *_, last = ns.train(net)
    image, code = (last.result.outputs[name] for name in ("image", "code"))
    assert 0 < image["test_loss"] < 0.68
    assert code["test_loss"] > 0
    assert last.result.test_loss == pytest.approx(image["test_loss"] + code["test_loss"] / 64)
    assert "mae" not in str(image)
    # The inputs are what is compared with; to the kl, whatever is there is all the same.
    model, x = last.model, RNG.random((4, 64)).astype(np.float32)
    images = x.reshape(4, 1, 8, 8)
    given = [model.backward(last.variables, images, y)[0] for y in (x, {"image": x}, {"image": x, "code": np.ones(4)})]
    outputs = model.forward(last.variables, images)
    mean, log_variance = np.split(np.asarray(outputs["code"], np.float64), 2, axis=1)
    kl = (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(1).mean() / 2
    p = np.asarray(outputs["image"], np.float64)
    expected = -(x * np.log(p) + (1 - x) * np.log(1 - p)).mean() + kl / 64
    assert given == pytest.approx([expected] * 3, rel=1e-5)


def test_what_needs_no_target_has_that_of_another_output(tmp_path: Path) -> None:
    text = "input 4\nfc 6 as code; sample; fc 3 softmax as kind\noutput kind\noutput code loss=kl weight=0.1"
    net = ns.parse(f"{text}\ntrain {{ epochs 1 }}")
    assert {o.target for o in net.graph().outputs} == {"kind"}
    by_array = list(ns.train(net, parts(CLASSES)))[-1].result
    named = dict(zip(("x_train", "kind_train", "x_test", "kind_test"), parts(CLASSES), strict=True))
    # Programs of before gave the kl a target, which nothing read.
    idle = {"code_train": np.zeros(40, int), "code_test": np.zeros(20, int)}
    for given in (named, {**named, **idle}):
        found = list(ns.train(net, given))[-1].result
        assert found.test_loss == by_array.test_loss
        assert found.outputs["kind"]["test_accuracy"] == by_array.outputs["kind"]["test_accuracy"]
    for name, arrays in (
        ("named", {**named, **idle}),
        ("plain", dict(zip(("x_train", "y_train", "x_test", "y_test"), parts(CLASSES), strict=True))),
    ):
        np.savez(tmp_path / f"{name}.npz", **arrays)
        found = list(ns.train(net, tmp_path / f"{name}.npz"))[-1].result
        assert found.test_loss == by_array.test_loss


@pytest.mark.parametrize("asked", ["val_a_mae", "val_b_rmse", "test_a_r2", "train_b_mae", "val_mae"])
def test_the_best_epoch_by_one_of_several_columns(tmp_path: Path, asked: str) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{x:.3f},{y:.3f},{x + y:.3f},{1000 * x - y:.3f}" for x, y in rng.normal(size=(60, 2))]
    (tmp_path / "t.csv").write_text("\n".join(["x,y,a,b", *rows]) + "\n")
    text = 'data "t.csv" { target a b; validation 20% }\nfc 4 relu\nfc 2\n'
    recipe = f"train {{ epochs 8; batch 8; optimizer adam lr=0.3; best {asked}; early_stop patience=9 on={asked} }}"
    (tmp_path / "net.net").write_text(text + recipe)
    epochs = [e for e in ns.train(ns.load(tmp_path / "net.net")) if isinstance(e, ns.Epoch)]
    name = asked.replace("val_", "validation_")
    values = [e.metrics[name] for e in epochs]
    chosen = max(values) if asked.endswith("r2") else min(values)
    assert len(set(values)) > 1
    assert values[max(i for i, e in enumerate(epochs) if e.best)] == chosen


@pytest.mark.parametrize(
    ("asked", "fix"),
    [
        ("val_c_mae", "val_mass_mae"),
        ("val_mass_loss", "val_mass_mae"),
        ("val_mass_f1", "val_mass_mae"),
        ("val_prise_rmse", "val_price_rmse"),
    ],
)
def test_a_column_that_is_not_measured(tmp_path: Path, asked: str, fix: str) -> None:
    rows = [f"{i},{i}.5,{7 * i % 5}.25" for i in range(30)]
    (tmp_path / "t.csv").write_text("\n".join(["x,mass,price", *rows]) + "\n")
    text = f'data "t.csv" {{ target mass price; validation 20% }}\nfc 2\ntrain {{ best {asked} }}\n'
    (tmp_path / "net.net").write_text(text)
    with pytest.raises(ns.SpecError) as caught:
        ns.load(tmp_path / "net.net")
    (found,) = caught.value.diagnostics
    assert (found.code, f"`best {fix}`" in (found.fix or "")) == ("E0311", True)
