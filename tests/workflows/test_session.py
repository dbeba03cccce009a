"""From a network to a trained model and back: which data, which folder, and what a trained model answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import netspec as ns
from netspec.data import from_arrays
from netspec.graph import memory
from netspec.workflows import train as session
from netspec.workflows.embeddings import embeddings_of
from netspec.workflows.used_data import data_source_path

NET = ns.parse("input 1x8x8; fc 10 softmax; data digits; train { optimizer sgd lr=0.5; epochs 1; batch 200 }")
RNG = np.random.default_rng(0)
X = RNG.random((30, 1, 4, 4), np.float32)
Y = np.arange(30) % 3
ARRAYS = (X, Y, X[:9], Y[:9])
TOY = ns.parse("input 1x4x4; fc 3 softmax; train { epochs 1; batch 10 }", name="toy")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> ns.Finished:
    *_, end = ns.train(NET, out=tmp_path_factory.mktemp("session") / "run")
    assert isinstance(end, ns.Finished)
    return end


@pytest.fixture
def run(finished: ns.Finished) -> ns.Run:
    assert finished.folder
    return ns.open(finished.folder)


@pytest.fixture(scope="module")
def digits() -> ns.Dataset:
    return session.load_data(NET)


def end(events: Any) -> ns.Finished:
    *_, last = events
    assert isinstance(last, ns.Finished)
    return last


def save(path: Path, arrays: Any = ARRAYS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True)))
    return path


# --- training in Python -------------------------------------------------------------------------------------------


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    last = end(ns.train(TOY, ARRAYS))
    assert last.folder is None
    assert list(tmp_path.iterdir()) == []


def test_out_may_be_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    last = end(ns.train(TOY.model_copy(update={"data": NET.data}), ARRAYS, out="deep/er/run"))
    assert last.folder == Path("deep/er/run")
    assert (tmp_path / "deep" / "er" / "run" / "best.safetensors").is_file()


def test_settings_replace_those_of_the_recipe() -> None:
    events = list(ns.train(TOY, ARRAYS, epochs=2, batch=7, lr=0.125, seed=11, log_every=1))
    started = next(e for e in events if isinstance(e, ns.Started))
    assert (started.epochs, started.batch, started.seed, started.steps_per_epoch) == (2, 7, 11, 5)
    assert all(e.learning_rate == 0.125 for e in events if isinstance(e, ns.Step))
    recipe = events[-1].model.network.recipe  # type: ignore[union-attr]
    assert (recipe.epochs, recipe.batch, recipe.seed, recipe.optimizer.lr) == (2, 7, 11, 0.125)


@pytest.mark.parametrize("lr", [1e-10, 3, np.float32(0.5)])
def test_any_way_to_write_a_rate(lr: float) -> None:
    assert end(ns.train(TOY, ARRAYS, lr=lr)).model.network.recipe.optimizer.lr == pytest.approx(float(lr))


@pytest.mark.parametrize(
    "how",
    [
        {"epochs": 0},
        {"epochs": -1},
        {"epochs": 1.5},
        {"epochs": "many"},
        {"batch": 0},
        {"lr": 0},
        {"lr": -1},
        {"lr": float("nan")},
        {"lr": float("inf")},
        {"seed": -1},
        {"seed": 10**30},
        {"device": "abacus"},
        {"log_every": 0},
        {"log_every": -1},
        {"log_every": 1.5},
    ],
    ids=repr,
)
def test_settings_out_of_range_are_refused(tmp_path: Path, how: dict[str, Any]) -> None:
    with pytest.raises(ns.NetspecError) as caught:
        list(ns.train(TOY, ARRAYS, out=tmp_path / "run", **how))
    assert "\n" not in caught.value.message
    assert not (tmp_path / "run").exists()


# --- data of all kinds --------------------------------------------------------------------------------------------


def test_arrays_a_dataset_and_a_file_are_the_same(tmp_path: Path) -> None:
    path = save(tmp_path / "mine.npz")
    kinds: list[Any] = [ARRAYS, from_arrays(*ARRAYS), path, str(path)]
    models = [end(ns.train(TOY, data)).variables for data in kinds]
    for other in models[1:]:
        for a, b in zip(jax.tree.leaves(models[0]), jax.tree.leaves(other), strict=True):
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_a_named_dataset_replaces_the_specs_and_keeps_its_preparation() -> None:
    net = ns.parse("input 1x8x8; fc 10 softmax; data mnist { scale -1..1 }; train { epochs 1; batch 1500 }")
    last = end(ns.train(net, "digits"))
    assert last.result.dataset == "digits"
    data = last.model.network.data
    assert data is not None
    assert (data.name, data.fallback) == ("digits", None)
    assert data.scale == net.data.scale if net.data else False


@pytest.mark.parametrize("kind", ["arrays", "dataset", "path"])
def test_a_model_of_ones_own_data_opens_again(tmp_path: Path, kind: str) -> None:
    data: Any = {
        "arrays": ARRAYS,
        "dataset": from_arrays(*ARRAYS, name='my "own" data'),
        "path": save(tmp_path / "mine.npz"),
    }[kind]
    last = end(ns.train(TOY, data, out=tmp_path / "run"))
    opened = ns.open(tmp_path / "run")
    found = opened.evaluate(ARRAYS)
    assert found.accuracy == pytest.approx(last.result.best_test_accuracy)
    assert len(opened.predict(X)) == 30
    assert ns.load(tmp_path / "run" / "spec.net").nodes == TOY.nodes


def test_a_model_of_the_specs_own_file_opens_again(tmp_path: Path) -> None:
    save(tmp_path / "here" / "mine.npz")
    net = ns.parse('input 1x4x4; fc 3 softmax; data "mine.npz"; train { epochs 1; batch 10 }')
    end(session.train(net, out=tmp_path / "run", base=tmp_path / "here"))
    assert len(ns.open(tmp_path / "run").predict(X[:2])) == 2


def test_wrong_data_is_a_data_error() -> None:
    for data in ("nosuch", "./nosuch.npz", Path("nosuch.npz"), ARRAYS[:3], (X, Y, X, Y[:3]), 7, {}):
        with pytest.raises(ns.DataError):
            list(ns.train(TOY, data))  # type: ignore[arg-type]


def test_no_data_at_all() -> None:
    with pytest.raises(ns.DataError, match="names no dataset"):
        list(ns.train(TOY))


def test_data_of_another_shape_names_both() -> None:
    with pytest.raises(ns.DataError, match=r"1x5x5.*1x4x4"):
        list(ns.train(TOY, (np.zeros((4, 5, 5)), [0, 1, 2, 0], np.zeros((1, 5, 5)), [0])))


def test_too_few_outputs_name_the_label() -> None:
    with pytest.raises(ns.DataError, match=r"label 4.*3 outputs") as caught:
        list(ns.train(TOY, (X, Y, X[:2], [0, 4])))
    assert "5 outputs" in caught.value.fix


# --- paths in a spec ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["../mine.npz", "/etc/mine.npz", "a/../../mine.npz", ".."])
def test_a_spec_reads_nothing_outside_its_folder(path: str) -> None:
    with pytest.raises(ns.SpecError) as caught:
        ns.parse(f'input 1x4x4; fc 3 softmax; data "{path}"')
    assert [d.code for d in caught.value.diagnostics] == ["E0403"]


@pytest.mark.parametrize("name", ["../mine.npz", "{outside}"])
def test_neither_does_a_network_from_elsewhere(tmp_path: Path, name: str) -> None:
    outside = save(tmp_path / "mine.npz")
    (tmp_path / "here").mkdir()
    net = ns.parse('input 1x4x4; fc 3 softmax; data "x.npz"')
    assert net.data is not None
    changed = net.data.model_copy(update={"name": name.format(outside=outside)})
    with pytest.raises(ns.DataError, match="outside the spec's folder"):
        session.load_data(net.model_copy(update={"data": changed}), base=tmp_path / "here")


def test_a_link_does_not_lead_outside(tmp_path: Path) -> None:
    outside = save(tmp_path / "mine.npz")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "x.npz").symlink_to(outside)
    net = ns.parse('input 1x4x4; fc 3 softmax; data "x.npz"')
    with pytest.raises(ns.DataError, match="outside the spec's folder"):
        session.load_data(net, base=tmp_path / "here")


def test_where_given_data_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_source_path("x.npz") == str(tmp_path.resolve() / "x.npz")
    assert data_source_path("digits") is None
    assert data_source_path(ARRAYS) is None
    with pytest.raises(ns.DataError, match="no user whose folder is ~no-such-user"):
        data_source_path("~no-such-user/x.npz")


def test_data_named_by_bytes_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "d\udcff.npz"
    try:
        save(file)
    except OSError:
        pytest.skip("this file system takes texts only")
    end(session.train(TOY, file, out=tmp_path / "run"))
    opened = ns.open(tmp_path / "run")
    assert opened.network.data is not None
    assert opened.network.data.name == "d\N{REPLACEMENT CHARACTER}.npz"
    assert opened.evaluate().examples == 9


def test_a_path_is_relative_to_the_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "here" / "deep" / "x.npz")
    monkeypatch.chdir(tmp_path)
    net = ns.parse('input 1x4x4; fc 3 softmax; data "deep/x.npz"')
    assert len(session.load_data(net, base=tmp_path / "here").train) == 30


# --- a trained model ----------------------------------------------------------------------------------------------


def test_a_folder_and_its_file_answer_the_same(finished: ns.Finished, digits: ns.Dataset, tmp_path: Path) -> None:
    assert finished.folder
    alone = tmp_path / "elsewhere.safetensors"
    alone.write_bytes((finished.folder / "best.safetensors").read_bytes())
    x = digits.test.images[:50]
    first, second = ns.open(finished.folder), ns.open(str(alone))
    assert first.predict(x) == second.predict(x)
    ours = np.asarray(finished.model.forward(finished.variables, x))
    np.testing.assert_allclose(first.probabilities(x), ours, atol=1e-6)
    assert first.labels == second.labels == tuple("0123456789")
    assert first.metrics
    assert first.result is not None
    assert second.result is None
    with pytest.raises(ns.RunError):
        _ = second.metrics


@pytest.mark.parametrize("count", [0, 1, 3, 999, 1000, 1001])
def test_any_number_of_images(run: ns.Run, digits: ns.Dataset, count: int) -> None:
    x = digits.train.images[:count]
    found = run.probabilities(x)
    assert found.shape == (count, 10)
    assert len(run.predict(x)) == count
    expected = run.probabilities(digits.train.images)[:count]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("room", [1, 7, 360])
def test_the_examples_taken_at_a_time_do_not_matter(
    run: ns.Run, finished: ns.Finished, digits: ns.Dataset, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    images = digits.test.images[:20]
    expected, evaluated = run.outputs(images), run.evaluate()
    drawn = embeddings_of(run, images, "fc_1")
    sizes = []
    forward = run.model.forward
    monkeypatch.setattr(run.model, "forward", lambda v, x: sizes.append(len(x)) or forward(v, x))
    monkeypatch.setattr(memory, "_MOST_BYTES", room * 4 * memory._peak(run.model.graph))
    assert np.allclose(run.outputs(images), expected, rtol=1e-5, atol=1e-7)
    assert set(sizes) == {min(room, 20)}
    found = run.evaluate()
    assert found.loss == pytest.approx(evaluated.loss, rel=1e-5)
    assert (found.confusion == evaluated.confusion).all()
    assert found.loss == pytest.approx(finished.result.best_test_loss, rel=1e-5)
    assert np.allclose(embeddings_of(run, images, "fc_1"), drawn, rtol=1e-5)


def test_a_prediction(run: ns.Run, digits: ns.Dataset) -> None:
    for found, row in zip(
        run.predict(digits.test.images[:20]), run.probabilities(digits.test.images[:20]), strict=True
    ):
        ranked = list(found.probabilities.values())
        assert ranked == sorted(ranked, reverse=True)
        assert sum(ranked) == pytest.approx(1, abs=1e-5)
        assert set(found.probabilities) == set("0123456789")
        assert found.label == str(row.argmax()) == next(iter(found.probabilities))
        assert found.probability == pytest.approx(float(row.max())) == pytest.approx(ranked[0])


def test_names_of_data_never_stand_for_other_classes(tmp_path: Path) -> None:
    """Of five outputs the data names three, and two of those as the numbers of the others."""
    net = ns.parse('input 1x4x4; fc 5 softmax; data "x.npz"; train { epochs 1; batch 10 }')
    dataset = from_arrays(*ARRAYS, name="x.npz", labels=["4", "3", "#3"])
    end(session.train(net, dataset, out=tmp_path / "run"))
    opened = ns.open(tmp_path / "run")
    names = ("4", "3", "#3", "##3", "#4")
    for found, row in zip(opened.predict(X[:4]), opened.probabilities(X[:4]), strict=True):
        assert [found.probabilities[name] for name in names] == row.tolist()
        assert found.label == names[row.argmax()]
    assert opened.evaluate(dataset).labels == names


def test_images_in_all_shapes(run: ns.Run, digits: ns.Dataset) -> None:
    x = digits.test.images[:5]
    assert run.predict(x[:, 0]) == run.predict(x)
    np.testing.assert_allclose(run.probabilities(x / 255), run.probabilities(x), atol=1e-5)


@pytest.mark.parametrize("kind", [">f4", "<f8", ">f8", np.longdouble, "<f2"])
def test_images_of_floats_of_all_kinds(run: ns.Run, digits: ns.Dataset, kind: Any) -> None:
    x = (digits.test.images[:5] / 256).astype(np.float32)
    np.testing.assert_array_equal(run.probabilities(x.astype(kind)), run.probabilities(x))


@pytest.mark.parametrize(
    "images",
    [
        3.0,
        np.zeros((8, 8)),
        np.zeros((2, 9, 9)),
        np.full((2, 1, 8, 8), 256),
        [["a"]],
        None,
        np.full((1, 8, 8), np.nan),
        np.full((1, 8, 8), 1e300),
    ],
    ids=["scalar", "one image", "size", "no bytes", "words", "None", "NaN", "beyond float32"],
)
def test_images_that_cannot_be_answered(run: ns.Run, images: Any) -> None:
    with pytest.raises(ns.DataError):
        run.predict(images)


def test_an_evaluation_adds_up(run: ns.Run, finished: ns.Finished, digits: ns.Dataset) -> None:
    found = run.evaluate()
    assert found.dataset == "digits"
    assert found.confusion.shape == (10, 10)
    assert found.confusion.sum() == 360 == len(found.predicted) == len(found.probability)
    assert (found.confusion.sum(axis=1) == np.bincount(digits.test.labels, minlength=10)).all()
    assert (found.confusion.sum(axis=0) == np.bincount(found.predicted, minlength=10)).all()
    assert found.accuracy == pytest.approx(np.trace(found.confusion) / 360)
    assert found.accuracy == pytest.approx(finished.result.best_test_accuracy)
    assert found.loss == pytest.approx(finished.result.best_test_loss, rel=1e-5)
    assert (found.predicted == [int(p.label) for p in run.predict(digits.test.images)]).all()


def test_an_evaluation_on_other_data(run: ns.Run, digits: ns.Dataset) -> None:
    test = digits.test
    few = (digits.train.images, digits.train.labels, test.images[:7], test.labels[:7])
    found = run.evaluate(few)
    assert found.confusion.shape == (10, 10)
    assert found.confusion.sum() == 7
    assert run.evaluate("digits_by_writer").dataset == "digits_by_writer"
    with pytest.raises(ns.DataError, match="label 12"):
        run.evaluate((*few[:3], np.full(7, 12)))


@pytest.mark.parametrize(
    ("layer", "loss", "check"),
    [
        ("fc 3 sigmoid", "binary_cross_entropy", lambda z: 1 / (1 + np.exp(-z))),
        ("fc 3", "mse", lambda z: z),
        ("fc 3", "cross_entropy", lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)),
    ],
)
def test_probabilities_of_each_loss(tmp_path: Path, layer: str, loss: str, check: Any) -> None:
    net = ns.parse(f'input 1x4x4; {layer}; data "x.npz"; train {{ loss {loss}; epochs 1; batch 10 }}')
    save(tmp_path / "x.npz")
    last = end(session.train(net, from_arrays(*ARRAYS, name="x.npz"), out=tmp_path / "run"))
    opened = ns.open(tmp_path / "run")
    logits = np.asarray(last.model.logits(last.variables, X), np.float64)
    np.testing.assert_allclose(opened.probabilities(X), check(logits), atol=1e-5)
    assert [int(p.label) for p in opened.predict(X)] == opened.probabilities(X).argmax(axis=1).tolist()
    assert opened.evaluate(ARRAYS).confusion.sum() == 9


@pytest.mark.parametrize(("layer", "loss"), [("fc 1 sigmoid", "binary_cross_entropy"), ("fc 1", "mse")])
def test_one_output_is_the_second_of_two_classes(tmp_path: Path, layer: str, loss: str) -> None:
    net = ns.parse(f'input 1x4x4; {layer}; data "x.npz"; train {{ loss {loss}; epochs 1; batch 10 }}')
    arrays = (X, Y % 2, X[:9], Y[:9] % 2)
    last = end(session.train(net, from_arrays(*arrays, name="x.npz", labels=["no", "yes"]), out=tmp_path / "run"))
    opened = ns.open(tmp_path / "run")
    p = opened.probabilities(X)
    out = np.asarray(last.model.forward(last.variables, X))[:, 0]
    assert p.shape == (30, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(p[:, 1], out, atol=1e-5)
    assert [q.label for q in opened.predict(X)] == ["yes" if o > 0.5 else "no" for o in out]
    assert opened.evaluate(arrays).accuracy == pytest.approx(last.result.test_accuracy)


def test_the_snippet_of_the_readme(tmp_path: Path) -> None:
    code = """
import jax
import netspec as ns

net = ns.parse("input 1x8x8; conv 4 3x3 relu; pool 2; fc 10 softmax; data digits")
*_, finished = ns.train(net, epochs=1)
model, variables = finished.model, finished.variables
images = jax.random.uniform(jax.random.key(0), (5, 1, 8, 8))
print(finished.result.test_accuracy, model.forward(variables, images).argmax(axis=1))

confidence = lambda image: model.apply(variables, image[None]).max()
saliency = jax.jit(jax.vmap(jax.grad(confidence)))(images)
assert saliency.shape == (5, 1, 8, 8)
"""
    root = str(Path(ns.__file__).parents[1])
    head = f"import sys; sys.path.insert(0, {root!r})\n"
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", head + code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout.split()[0]) <= 1
    assert list(tmp_path.iterdir()) == []


def test_a_model_with_a_large_hold_out_is_evaluated_on_a_small_set(tmp_path: Path) -> None:
    net = ns.parse('input 1x4x4; fc 3 softmax; data "own.npz" { validation 20 }; train { epochs 1; batch 10 }')
    end(ns.train(net, ARRAYS, out=tmp_path / "run"))
    few = (X[:6], Y[:6], X[:6], Y[:6])
    assert len(ns.open(tmp_path / "run").evaluate(few).predicted) == 6
    with pytest.raises(ns.DataError, match="validation 20 leaves nothing"):
        list(ns.train(net, few, out=tmp_path / "other"))
    assert not (tmp_path / "other").exists()
