"""What an answer hangs on: laws of the methods, and the pictures of `netspec plot`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec import report
from netspec.backends.jax.saliency import Score, grad_cam, gradient, integrated_gradients, passed_by_all, windows
from netspec.diagnostics.diagnostic import NetspecError
from netspec.sources.tables.preparation import Feature, TableInput
from netspec.sources.texts.vocabulary import Vocabulary
from netspec.workflows.embeddings import _points
from netspec.workflows.pictures import Request, draw
from netspec.workflows.run_report import run_facts
from netspec.workflows.shares import _of_table, _words

SPEC = "input 1x8x8; conv 3 3x3 pad=1 tanh; residual { conv 3 3x3 pad=1 }; pool 2; conv 4 3x3 tanh; fc 3 softmax"


@pytest.fixture(scope="module")
def compiled() -> tuple[Any, Any, Any]:
    model = ns.compile(ns.parse(SPEC))
    return model, model.init(seed=1), np.random.default_rng(0).random((1, 1, 8, 8), np.float32)


def test_the_gradient_is_that_of_finite_differences(compiled: tuple[Any, Any, Any]) -> None:
    model, variables, x = compiled
    found = gradient(model, variables, x, Score("", 2))
    step = np.zeros_like(x)
    step[0, 0, 3, 4] = 1e-2
    higher, lower = (np.asarray(model.logits(variables, x + s))[0, 2] for s in (step, -step))
    assert found[0, 0, 3, 4] == pytest.approx((higher - lower) / 2e-2, rel=2e-2, abs=1e-3)
    mirrored = gradient(model, variables, x, Score("", 2, -1.0))
    np.testing.assert_allclose(mirrored, -found)


def test_integrated_gradients_add_up_to_the_difference(compiled: tuple[Any, Any, Any]) -> None:
    model, variables, x = compiled
    baseline = np.full_like(x, 0.25)
    shares = integrated_gradients(model, variables, x, baseline, Score("", 1))
    here, there = (np.asarray(model.logits(variables, each))[0, 1] for each in (x, baseline))
    assert shares.sum() == pytest.approx(here - there, abs=2e-3)


def test_grad_cam_of_a_last_layer_is_its_maps_times_the_weights() -> None:
    # Behind the mean over all places the score is linear in the maps, and the map is known.
    model = ns.compile(ns.parse("input 1x8x8; conv 4 3x3 tanh as maps; globalpool; fc 2 softmax as head"))
    variables = model.init(seed=3)
    x = np.random.default_rng(1).random((1, 1, 8, 8), np.float32)
    maps = np.asarray(model.features(variables, x)["maps"])[0]
    kernel = np.asarray(variables.params["head"]["kernel"])
    weights = kernel[:, 1] if kernel.shape == (4, 2) else kernel[1]
    expected = np.maximum((weights[:, None, None] * maps).sum(0) / 36, 0)
    np.testing.assert_allclose(grad_cam(model, variables, x, "maps", Score("", 1)), expected, atol=1e-6)


def test_layers_beside_which_something_flows_are_passed_by(compiled: tuple[Any, Any, Any]) -> None:
    model, *_ = compiled
    through = list(passed_by_all(model.graph))
    assert "conv_1" in through
    assert "conv_2" not in through
    assert "conv_3" in through


@pytest.mark.parametrize("shape", [(5, 7), (8, 8), (1, 30), (3, 3)])
def test_windows_cover_all_places(shape: tuple[int, int]) -> None:
    count = np.zeros(shape, int)
    for rows, columns in windows(shape, 4, 2):
        assert count[rows, columns].size
        count[rows, columns] += 1
    assert count.min() >= 1


# --- pictures -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def passengers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table whose answer hangs on one number, one category and nothing else."""
    folder = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(0)
    lines = ["age,color,noise,kind"]
    for _ in range(300):
        age, color, noise = rng.integers(0, 100), rng.choice(["red", "blue"]), rng.normal()
        lines.append(f"{age},{color},{noise:.3f},{'old' if age > 50 else 'young'}")
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    (folder / "one.csv").write_text("age,color,noise\n90,red,0.1\n")
    spec = (
        'data "rows.csv" { target kind }\nfc 16 relu; fc classes softmax\ntrain { optimizer adam lr=0.05; epochs 12 }'
    )
    (folder / "t.net").write_text(spec)
    for _ in ns.train(ns.load(folder / "t.net"), out=folder / "run"):
        pass
    return folder


def test_a_column_that_says_all_has_the_largest_share(passengers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def keep(names: list[str], shares: list[float], path: Path, *, probable: bool, **_: Any) -> Path:
        assert probable
        seen.update(zip(names, shares, strict=True))
        return path

    monkeypatch.setattr(report, "draw_shares", keep)
    asked = Request(passengers / "run", passengers / "s.png", image=passengers / "one.csv")
    draw("saliency", asked)
    assert seen.keys() == {"age = 90", "color = red", "noise = 0.1"}
    assert seen["age = 90"] > 20
    assert max(abs(seen["color = red"]), abs(seen["noise = 0.1"])) < seen["age = 90"] / 2
    for_old = dict(seen)
    draw("saliency", Request(passengers / "run", passengers / "s.png", image=passengers / "one.csv", of="young"))
    assert seen["age = 90"] == pytest.approx(-for_old["age = 90"], abs=1e-2)


def test_numbers_of_a_table_are_called_as_its_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{i},{1000 * i},{i % 7},{i % 3}" for i in range(60)]
    (tmp_path / "rows.csv").write_text("\n".join(["small,large,a,b", *rows]) + "\n")
    spec = 'data "rows.csv" { target small large }\nfc 2\ntrain { epochs 1 }'
    (tmp_path / "t.net").write_text(spec)
    for _ in ns.train(ns.load(tmp_path / "t.net"), out=tmp_path / "run"):
        pass
    seen: dict[str, Any] = {}

    def keep(*given: Any, **options: Any) -> Path:
        seen.update(given=given, **options)
        return tmp_path

    for name in ("draw_scatter", "draw_embeddings", "draw_shares"):
        monkeypatch.setattr(report, name, keep)
    draw("scatter", Request(tmp_path / "run", tmp_path / "x.png"))
    assert seen["given"][2] == ["small", "large"]
    assert [scatter.name for scatter in run_facts(tmp_path / "run").answers[0].scatter] == ["small", "large"]
    draw("embeddings", Request(tmp_path / "run", tmp_path / "x.png"))
    assert seen["measure"] == "small"
    draw("saliency", Request(tmp_path / "run", tmp_path / "x.png", image=tmp_path / "rows.csv", of="large"))
    assert not seen["probable"]
    assert "large = " in seen["title"]


def test_what_columns_held_is_told_from_their_numbers() -> None:
    inputs = {
        "row": TableInput(
            features=(
                Feature(column="age", kind="number", mean=30, std=10, missing=True),
                Feature(column="fare", kind="number", missing=True),
                Feature(column="alone", kind="boolean", mean=0.25),
                Feature(column="deck", kind="category", levels=("A", "B"), missing=True),
                Feature(column="town", kind="category", levels=("A", "B")),
                Feature(column="port", kind="category", levels=("A", "B")),
            )
        ),
        "class": TableInput(form="category", features=(Feature(column="class", kind="category", levels=("A", "B")),)),
    }
    row = np.array([[1.5, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]], np.float32)
    parts = _of_table({"row": row, "class": np.array([[1]])}, inputs, {})
    assert parts.names == [
        *("age = 45", "fare (missing)", "alone = 1", "deck (missing)", "town = B", "port = (a new one)", "class = B")
    ]
    without = np.array([[0, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0], [1.5, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0]], np.float32)
    np.testing.assert_array_equal(parts.rows["row"][:2], without)
    assert parts.rows["row"][2, 4] == 0.25
    assert parts.rows["class"].tolist() == [[1]] * 6 + [[2]]


def test_a_word_that_the_model_does_not_know_is_called_so() -> None:
    vocabulary = Vocabulary.of("words", "the cat sat on the mat , the cat sat", size=4)
    found = _words(vocabulary, np.array([n + 1 for n in vocabulary.encode("the zebra sat")] + [0]))
    assert found == [("the", [0]), ("(a word it does not know)", [1]), ("sat", [2])]


@pytest.mark.parametrize("picture", ["embeddings", "roc", "learning_rate"])
def test_pictures_of_a_run_are_drawn(passengers: Path, picture: str) -> None:
    written = draw(picture, Request(passengers / "run", passengers / f"{picture}.svg"))
    assert "<svg" in written.read_text(encoding="utf-8")[:600]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"image": None}, "needs an example"),
        ({"of": "yung"}, "did you mean young"),
        ({"output": "kind2"}, "leave --output out"),
        ({"layer": "fc_1"}, "leave --layer out"),
    ],
)
def test_what_cannot_be_explained_is_said(passengers: Path, options: dict[str, Any], says: str) -> None:
    asked: dict[str, Any] = {"image": passengers / "one.csv", **options}
    with pytest.raises(NetspecError) as error:
        draw("saliency", Request(passengers / "run", passengers / "x.png", **asked))
    assert says in str(error.value)


def test_a_method_that_is_none_is_refused(passengers: Path) -> None:
    with pytest.raises(NetspecError, match="pca, tsne and umap"):
        draw("embeddings", Request(passengers / "run", passengers / "x.png", method="isomap"))
    with pytest.raises(NetspecError, match=r"did you mean umap\?"):
        draw("embeddings", Request(passengers / "run", passengers / "x.png", method="umpa"))


@pytest.mark.parametrize(
    ("method", "module", "says"),
    [
        ("tsne", "sklearn.manifold", 't-SNE needs scikit-learn\n  fix: pip install "netspec[embeddings]"'),
        ("umap", "umap", 'UMAP needs umap-learn\n  fix: pip install "netspec[umap]"'),
    ],
)
def test_a_method_whose_package_is_absent_says_which(
    monkeypatch: pytest.MonkeyPatch, method: str, module: str, says: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(NetspecError) as error:
        _points(np.zeros((4, 2), np.float32), method)
    assert says in str(error.value)


@pytest.mark.parametrize("values", [np.zeros((9, 3)), np.arange(9)[:, None], np.eye(3)], ids=["equal", "one", "three"])
def test_values_with_less_than_two_directions_have_places_too(values: Any) -> None:
    pytest.importorskip("sklearn")
    assert np.isfinite(_points(values.astype(np.float32), "tsne")[0]).all()


@pytest.mark.torch
def test_umap_keeps_neighbors_together_and_is_the_same_each_time(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    if importlib.util.find_spec("umap") is None:
        pytest.skip("umap-learn is not installed: pip install umap-learn")
    # Of twelve examples Python is done sooner than numba has compiled.
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    values = np.random.default_rng(0).normal(size=(12, 4)) * 0.1 + np.repeat([[0.0], [9.0]], 6, axis=0)
    places, again = (_points(values.astype(np.float32), "umap")[0] for _ in range(2))
    np.testing.assert_array_equal(places, again)
    for few in (values[:3], np.zeros((4, 1))):
        assert np.isfinite(_points(few.astype(np.float32), "umap")[0]).all()
    own = [np.linalg.norm(group - group.mean(axis=0), axis=1).max() for group in (places[:6], places[6:])]
    assert max(own) < np.linalg.norm(places[:6].mean(axis=0) - places[6:].mean(axis=0))
    assert not recwarn


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that gives a class at each position, and sees its pictures from several sides."""
    folder = tmp_path_factory.mktemp("segmented")
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (12, 1, 6, 6)).astype(np.uint8), rng.integers(0, 2, (12, 6, 6))
    network = ns.parse("input 1x6x6; conv 3 3x3 pad=1 relu; conv 2 1x1 softmax; train { epochs 1; batch 4 }")
    np.savez(folder / "d.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    for _ in ns.train(network, data=folder / "d.npz", out=folder / "run"):
        pass
    np.save(folder / "x.npy", x[:1])
    return folder


def test_answers_at_positions_have_no_class_of_their_own(segmented: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(
        report, "draw_embeddings", lambda points, values, names, path, **o: seen.update(n=names) or path
    )
    draw("embeddings", Request(segmented / "run", segmented / "x.png"))
    assert seen["n"] == ["examples"]
    with pytest.raises(NetspecError, match="at each position"):
        draw("saliency", Request(segmented / "run", segmented / "x.png", image=segmented / "x.npy"))


def test_what_is_explained_of_several_views_is_their_mean() -> None:
    spec = "input 1x8x8; conv 3 3x3 tanh; fc 10 softmax; data digits { views shift=1 flip }"
    model = ns.compile(ns.parse(spec))
    variables, x = model.init(seed=2), np.random.default_rng(4).random((1, 1, 8, 8), np.float32)
    found = gradient(model, variables, x, Score("", 1))
    step = np.zeros_like(x)
    step[0, 0, 4, 4] = 1e-2
    higher, lower = (np.asarray(model.logits(variables, x + s))[0, 1] for s in (step, -step))
    assert found[0, 0, 4, 4] == pytest.approx((higher - lower) / 2e-2, rel=2e-2, abs=1e-3)


def test_a_part_that_is_none_is_refused(passengers: Path) -> None:
    with pytest.raises(NetspecError, match="did you mean test"):
        draw("roc", Request(passengers / "run", passengers / "x.png", split="tset"))
