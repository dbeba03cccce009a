"""What models of every kind answer: classes with probabilities, numbers, nothing; and how well, beside scikit-learn."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer import BadParameter

import netspec as ns
from netspec.cli.app import build
from netspec.data.arrays.arrays import from_arrays
from netspec.diagnostics.diagnostic import NetspecError
from netspec.runs import files as runs
from netspec.runs import model_file
from netspec.runs.folder import arrays_of
from netspec.runs.model_file import ModelFile
from netspec.workflows import train as session
from netspec.workflows.predictions import Evaluation
from netspec.workflows.row_answers import columns_of_answers

RNG = np.random.default_rng(0)
X = RNG.random((60, 4)).astype(np.float32)
Y = (X.sum(axis=1) > 2).astype(int) + (X[:, 0] > 0.5)
IMAGES = RNG.integers(0, 256, (60, 1, 8, 8), np.uint8)
TOKENS = RNG.integers(0, 7, (60, 5)).astype(np.int32)
WAVES = RNG.random((60, 3, 5)).astype(np.float32)
BRIEF = "epochs 1; batch 60"

KINDS: dict[str, tuple[str, Any, list[str] | None]] = {
    "classes": (f"input 4; fc 3 softmax; train {{ {BRIEF} }}", X, ["setosa", "versicolor", "virginica"]),
    "log": (f"input 4; fc 3 log_softmax; train {{ {BRIEF} }}", X, None),
    "each": (f"input 4; fc 3 sigmoid; train {{ {BRIEF} }}", X, None),
    "number": (f"input 4; fc 1; train {{ loss mse; {BRIEF} }}", X, None),
    "named": (f"input 4; fc 1; train {{ loss mse; {BRIEF} }}", X, ["no", "yes"]),
    "numbers": (f"input 4; fc 3; train {{ loss mse; {BRIEF} }}", X, ["a", "b", "c"]),
    "shares": (f"input 4; fc 3 softmax; train {{ loss mse; {BRIEF} }}", X, None),
    "again": (f'input 1x8x8; fc 64; data "x.npz" {{ target input }}; train {{ loss mse; {BRIEF} }}', IMAGES, None),
    "variational": (
        'input 1x8x8; fc 4 as code; sample; fc 64 sigmoid as image; output image; output code loss=kl; data "x.npz" '
        f"{{ target input }}; train {{ {BRIEF} }}",
        IMAGES,
        None,
    ),
    "tokens": (f"input 5 tokens=7; embedding 2; flatten; fc 3 softmax; train {{ {BRIEF} }}", TOKENS, None),
    "waves": (f"input 3x5; flatten; fc 3 softmax; train {{ {BRIEF} }}", WAVES, None),
    "images": (f"input 1x8x8; fc 3; train {{ {BRIEF} }}", IMAGES, None),
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained model of each kind, and for each its examples and its data."""
    folder = tmp_path_factory.mktemp("answers")
    for name, (spec, x, labels) in KINDS.items():
        y = Y % 2 if name in {"number", "named"} else Y
        np.savez(folder / f"{name}.npz", x_train=x, y_train=y, x_test=x[:30], y_test=y[:30])
        np.save(folder / f"{name}.npy", x[:2])
        network = ns.parse(spec, name=name)
        model = ns.compile(network, "cpu")
        known = tuple(labels or map(str, range(y.max() + 1)))
        (folder / name).mkdir()
        whole = ModelFile(network, model.graph, arrays_of(model.init(1)), known, {})
        model_file.write(folder / name / runs.BEST, whole)
        (folder / name / runs.METRICS).write_text('{"kind": "step", "step": 1, "loss": 0.5}\n')
    return folder


@pytest.fixture
def cli(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command line in this process; an error is raised, what was printed is returned."""
    monkeypatch.chdir(here)
    monkeypatch.setenv("NETSPEC_COMPILE_CACHE", "off")

    def run(*words: str) -> SimpleNamespace:
        code = build(words[0])([*words], standalone_mode=False)
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code or 0, out=out, err=err, lines=out.splitlines())

    return run


def outputs(here: Path, name: str) -> np.ndarray:
    return ns.open(here / name).outputs(np.load(here / f"{name}.npy"))


# --- predict ------------------------------------------------------------------------------------------------------


def test_a_number_is_no_class(here: Path, cli: Any) -> None:
    values = outputs(here, "number")[:, 0]
    said = cli("predict", "number", "number.npy")
    assert said.lines == [f"number.npy[{i}]: {value:.6g}" for i, value in enumerate(values)]
    found = [json.loads(line) for line in cli("predict", "number", "number.npy", "--json").lines]
    assert found == [{"file": f"number.npy[{i}]", "outputs": [float(v)]} for i, v in enumerate(values)]
    for value, each in zip(values, ns.open(here / "number").predict(X[:2]), strict=True):
        assert (each.probability, each.probabilities, each.outputs) == (None, {}, (float(value),))


@pytest.mark.parametrize("name", ["number", "named", "numbers", "images"])
def test_what_is_no_probability_is_never_a_share(name: str, cli: Any) -> None:
    said = cli("predict", name, f"{name}.npy")
    assert said.code == 0
    assert "%" not in said.out
    assert "probability" not in cli("predict", name, f"{name}.npy", "--json").out


def test_outputs_that_stand_for_classes_name_the_largest(here: Path, cli: Any) -> None:
    rows = outputs(here, "numbers")
    for line, row in zip(cli("predict", "numbers", "numbers.npy", "--top", "2").lines, rows, strict=True):
        first, second = np.argsort(-row)[:2]
        assert line.endswith(f": {'abc'[first]} (output {row[first]:.6g}); then {'abc'[second]} {row[second]:.6g}")
    for line, row in zip(cli("predict", "numbers", "numbers.npy", "--json").lines, rows, strict=True):
        assert json.loads(line)["label"] == "abc"[row.argmax()]
        assert json.loads(line)["outputs"] == row.tolist()
    for line, (value,) in zip(cli("predict", "named", "named.npy").lines, outputs(here, "named"), strict=True):
        assert line.endswith(f": {'yes' if value > 0.5 else 'no'} (output {value:.6g})")


@pytest.mark.parametrize("name", ["classes", "log", "each", "shares", "tokens", "waves"])
def test_probabilities_are_shares(name: str, here: Path, cli: Any) -> None:
    run = ns.open(here / name)
    rows = run.probabilities(np.load(here / f"{name}.npy"))
    for line, row in zip(cli("predict", name, f"{name}.npy", "--json").lines, rows, strict=True):
        found = json.loads(line)
        assert found["probability"] == pytest.approx(float(row.max()))
        assert found["label"] == run.labels[row.argmax()]
    assert cli("predict", name, f"{name}.npy").out.count("%") == 6


def test_a_model_that_gives_its_input_again_writes_it(here: Path, cli: Any) -> None:
    with pytest.raises(NetspecError, match="not classes") as refused:
        ns.open(here / "again").predict(IMAGES[:2])
    assert "-o again.npy" in str(refused.value.fix)
    said = cli("predict", "again", "again.npy", "-o", "given.npy")
    assert (said.code, said.out) == (0, "given.npy: 2 examples\n")
    np.testing.assert_array_equal(np.load(here / "given.npy"), outputs(here, "again"))
    # Of one that gives its code too, that is not the input.
    cli("predict", "variational", "variational.npy", "-o", "given.npy")
    np.testing.assert_array_equal(np.load(here / "given.npy"), outputs(here, "variational")["image"])
    cli("predict", "variational", "variational.npy", "-o", "v.csv")
    assert list(table(here / "v.csv")[0]) == ["file", *(f"output_{i}" for i in range(64))]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_table_of_classes(here: Path, cli: Any) -> None:
    assert cli("predict", "classes", "classes.npy", "-o", "t.csv").out == "t.csv: 2 examples\n"
    rows = ns.open(here / "classes").probabilities(X[:2])
    names = KINDS["classes"][2]
    assert names
    found = table(here / "t.csv")
    assert list(found[0]) == ["file", "predicted", "probability", *names]
    for i, (line, row) in enumerate(zip(found, rows, strict=True)):
        assert (line["file"], line["predicted"]) == (f"classes.npy[{i}]", names[row.argmax()])
        assert float(line["probability"]) == pytest.approx(float(row.max()), rel=1e-6)
        assert [float(line[name]) for name in names] == pytest.approx(row.tolist(), rel=1e-6)


def test_a_table_of_numbers(here: Path, cli: Any) -> None:
    cli("predict", "number", "number.npy", "-o", "n.csv")
    assert [float(row["predicted"]) for row in table(here / "n.csv")] == pytest.approx(
        outputs(here, "number")[:, 0].tolist()
    )
    cli("predict", "again", "again.npy", "-o", "a.csv")
    assert list(table(here / "a.csv")[0]) == ["file", *(f"output_{i}" for i in range(64))]


def test_labels_of_columns_are_called_as_these(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n % 2},{n % 3 % 2}\n" for n in range(30))
    (tmp_path / "rows.csv").write_text(f"n,odd,third\n{rows}")
    spec = 'data "rows.csv" { target odd third }\nfc 2 sigmoid\ntrain { epochs 1; batch 8 }\n'
    (tmp_path / "my.net").write_text(spec)
    ns.fit(ns.load(tmp_path / "my.net"), out=tmp_path / "run")
    run = ns.open(tmp_path / "run")
    array = run.examples(tmp_path / "rows.csv").array
    outputs = run.outputs(array)
    for found, row in zip(run.predict(array), outputs, strict=True):
        assert found.probabilities == {"odd": pytest.approx(row[0]), "third": pytest.approx(row[1])}
        assert set(found.labels) == {name for name, p in zip(("odd", "third"), row, strict=True) if p > 0.5}
    columns = columns_of_answers(run, array, 0.0)
    assert list(columns) == ["predicted_odd", "probability_odd", "predicted_third", "probability_third"]
    assert columns["probability_third"] == pytest.approx(outputs[:, 1])


def test_a_table_is_whole_or_not_there(here: Path, cli: Any) -> None:
    with pytest.raises(BadParameter, match="neither"):
        cli("predict", "classes", "classes.npy", "-o", "t.txt")
    with pytest.raises(NetspecError, match=r"cannot write none/t\.csv"):
        cli("predict", "classes", "classes.npy", "-o", "none/t.csv")
    (here / "folder.csv").mkdir()
    with pytest.raises(NetspecError, match="it is a folder"):
        cli("predict", "classes", "classes.npy", "-o", "folder.csv")
    said = cli("predict", "classes", "missing.npy", "classes.npy", "-o", "some.csv")
    assert said.code == 1
    assert "missing.npy does not exist" in said.err
    assert len(table(here / "some.csv")) == 2
    assert not [p.name for p in here.iterdir() if p.name.startswith(".some")]


def test_a_folder_is_looked_through(here: Path, cli: Any) -> None:
    inside = here / "pictures" / "more"
    inside.mkdir(parents=True)
    for path in (inside / "b.png", inside.parent / "z.PNG", inside.parent / "a.jpg", inside.parent / ".hidden.png"):
        Image.fromarray(IMAGES[0, 0]).save(path)
    (inside / "notes.txt").write_text("no picture")
    (inside / "bad.png").write_bytes(b"")
    said = cli("predict", "images", "pictures")
    assert said.code == 1
    assert [line.split(":")[0] for line in said.lines] == ["pictures/a.jpg", "pictures/more/b.png", "pictures/z.PNG"]
    assert said.err.startswith("error: pictures/more/bad.png is empty")
    said = cli("predict", "classes", "pictures")
    assert (said.code, said.out) == (1, "")
    assert "pictures is a folder with no .npy or .npz files in it" in said.err


@pytest.mark.parametrize("kind", ["picture", "array"])
def test_standard_input(kind: str, here: Path, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    if kind == "array":
        np.save(stream, IMAGES[:2])
    else:
        Image.fromarray(IMAGES[0, 0]).save(stream, "PNG")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(stream.getvalue())))
    found = [json.loads(line) for line in cli("predict", "images", "-", "--json", "--no-invert").lines]
    assert [each["file"] for each in found] == (["<stdin>[0]", "<stdin>[1]"] if kind == "array" else ["<stdin>"])
    assert found[0]["outputs"] == pytest.approx(ns.open(here / "images").outputs(IMAGES[:1])[0].tolist(), rel=1e-5)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(stream.getvalue()[:60])))
    assert "<stdin>" in cli("predict", "images", "-").err


@pytest.mark.parametrize(
    ("name", "file", "said"),
    [
        ("classes", "table.csv", "reads rows of numbers, 4 an example"),
        ("tokens", "text.txt", "reads token numbers, not pictures or text"),
        ("waves", "x.png", "reads sequences, 3x5 an example"),
        ("images", "table.csv", "is not a picture that can be read"),
        ("classes", "none.csv", "none.csv does not exist"),
        ("images", "both.npz", "cannot be read as a .npz file"),
        ("classes", "both.npz", "cannot be read as a .npz file"),
        ("images", "none.npz", "none.npz does not exist"),
    ],
)
def test_another_kind_of_file(here: Path, name: str, file: str, said: str) -> None:
    (here / "table.csv").write_text("a,b,c,d,kind\n1,2,3,4,x\n5,6,7,8,y\n")
    for other in ("text.txt", "x.png", "both.npz"):
        (here / other).write_text("words")
    with pytest.raises(ns.DataError, match=said):
        ns.open(here / name).read(here / file)


def test_the_fix_for_a_table_works(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)
    (here / "table.csv").write_text("a,b,c,d,kind\n1,2,3,4,x\n5,6,7,8,y\n")
    run = ns.open("classes")
    with pytest.raises(ns.DataError) as refused:
        run.read(Path("table.csv"))
    code, words = str(refused.value.fix).rsplit(")", 1)
    assert words == " makes one of its first columns"
    exec(f"{code})", {"np": np})
    np.testing.assert_array_equal(run.read("x.npy"), [[1, 2, 3, 4], [5, 6, 7, 8]])


def test_a_path_is_no_array(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)
    run = ns.open("classes")
    with pytest.raises(ns.DataError, match="not the name of a file") as refused:
        run.predict("classes.npy")
    assert refused.value.fix == "run.predict(run.read('classes.npy'))"
    assert run.predict(run.read("classes.npy")) == run.predict(X[:2])


# --- eval ---------------------------------------------------------------------------------------------------------


def test_the_models_own_names_of_classes_are_kept(here: Path, cli: Any) -> None:
    """An npz has only numbers for classes."""
    names = KINDS["classes"][2]
    assert names
    found = json.loads(cli("eval", "classes", "--data", "classes.npz", "--json").out)
    assert [each["label"] for each in found["classes"]] == names
    assert ns.open(here / "classes").evaluate((X, Y, X, Y)).labels == tuple(names)
    fewer = ns.open(here / "classes").evaluate((X, Y * 0, X, Y * 0))
    assert fewer.labels == tuple(names)


@pytest.mark.parametrize(
    "names",
    [
        ["versicolor", "setosa", "virginica"],
        ["setosa", "versicolor", "virginica", "another"],
        ["setosa", "virginica", "another"],
        ["one", "two", "three", "four"],
    ],
)
def test_names_that_are_not_the_models_are_refused(here: Path, names: list[str]) -> None:
    other = from_arrays(X, Y, X, Y, labels=names, name="other")
    with pytest.raises(ns.DataError, match="the model learned setosa, versicolor and virginica, in this order"):
        ns.open(here / "classes").evaluate(other)


def test_the_first_of_the_models_names_and_names_of_ones_own_are_taken(here: Path) -> None:
    run = ns.open(here / "classes")
    first = from_arrays(X, Y * 0, X, Y * 0, labels=["setosa"])
    assert run.evaluate(first).labels == ("setosa", "versicolor", "virginica")
    assert run.evaluate(from_arrays(X, Y, X, Y, labels=["a", "b", "c"])).labels == ("a", "b", "c")


@pytest.fixture(scope="module")
def found(here: Path) -> Evaluation:
    return ns.open(here / "classes").evaluate(str(here / "classes.npz"))


def test_precision_recall_and_f1_are_those_of_scikit_learn(here: Path, cli: Any, found: Evaluation) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle; pip install scikit-learn")
    with np.errstate(all="ignore"):
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            found.true, found.predicted, labels=range(3), zero_division=np.nan
        )
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)
    np.testing.assert_allclose(found.f1, f1)
    macro = metrics.f1_score(found.true, found.predicted, average="macro", zero_division=0)
    assert found.macro_f1 == pytest.approx(macro)
    said = json.loads(cli("eval", "classes", "--data", "classes.npz", "--json", "--top-k", "2", "--top-k", "3").out)
    assert said["macro_f1"] == pytest.approx(macro)
    assert [each["f1"] for each in said["classes"]] == pytest.approx(f1.tolist())
    assert said["top_k"]["3"] == 1
    top = metrics.top_k_accuracy_score(found.true, found.scores, k=2, labels=range(3))
    assert said["top_k"]["2"] == found.top_accuracy(2) == pytest.approx(top)
    assert (
        f"top-2 accuracy {100 * top:.2f} %   macro F1 {100 * macro:.2f} %"
        in cli("eval", "classes", "--data", "classes.npz", "--top-k", "2").out
    )


def made(true: list[int], predicted: list[int], classes: int) -> Evaluation:
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (true, predicted), 1)
    scores = np.eye(classes, dtype=np.float32)[predicted]
    names = tuple(map(str, range(classes)))
    return Evaluation(
        "d",
        len(true),
        0.0,
        0.5,
        confusion,
        names,
        np.array(predicted),
        scores.max(axis=1),
        "test",
        np.array(true),
        scores,
    )


@pytest.mark.parametrize("seed", range(5))
def test_classes_that_are_never_seen_or_never_predicted(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle; pip install scikit-learn")
    rng = np.random.default_rng(seed)
    true, predicted = rng.choice([0, 1, 3], 12).tolist(), rng.choice([1, 2, 3], 12).tolist()
    evaluation = made(true, predicted, 6)
    assert evaluation.macro_f1 == pytest.approx(metrics.f1_score(true, predicted, average="macro", zero_division=0))
    assert np.isnan(evaluation.f1[4:]).all()


def test_of_equal_scores_the_first_class_counts() -> None:
    evaluation = made([0, 1, 2, 2], [0, 1, 1, 2], 3)
    assert evaluation.top_accuracy(1) == 0.75  # as the predictions are
    assert evaluation.top_accuracy(2) == 0.75  # 2, taken for 1, comes third: 0 and 2 are equal, and 0 is first
    assert evaluation.top_accuracy(3) == 1
    with pytest.raises(ns.DataError, match="there are 3 classes"):
        evaluation.top_accuracy(4)


def test_an_autoencoder_has_no_likeliest_classes(here: Path, cli: Any) -> None:
    with pytest.raises(ns.DataError, match="names no classes"):
        cli("eval", "again", "--data", "again.npz", "--top-k", "1")
    assert json.loads(cli("eval", "again", "--data", "again.npz", "--json").out)["macro_f1"] is None


def test_each_part_of_a_dataset(tmp_path: Path) -> None:
    spec = f'input 4; fc 3 softmax; data "x.npz" {{ validation 20 }}; train {{ {BRIEF} }}'
    dataset = from_arrays(X, Y, X[:7], Y[:7], name="made")
    events = list(session.train(ns.parse(spec), dataset, out=tmp_path / "run"))
    run, epoch = ns.open(tmp_path / "run"), next(e for e in events if isinstance(e, ns.Epoch))
    train, validation, test = (run.evaluate(dataset, split=s) for s in ("train", "validation", "test"))
    assert (train.examples, validation.examples, test.examples) == (40, 20, 7)
    assert (train.split, validation.split, test.split) == ("train", "validation", "test")
    assert validation.loss == pytest.approx(epoch.validation_loss, rel=1e-5)
    assert validation.accuracy == pytest.approx(epoch.validation_accuracy)
    np.testing.assert_array_equal(train.true, Y[:40])
    np.testing.assert_array_equal(validation.true, Y[40:])
    with pytest.raises(ns.DataError, match="did you mean validation"):
        run.evaluate(dataset, split="validatoin")
    with pytest.raises(ns.DataError, match="20 were held out"):
        run.evaluate((X[:9], Y[:9], X, Y), split="train")


def test_where_nothing_was_held_out_there_is_no_validation_set(here: Path) -> None:
    with pytest.raises(ns.DataError, match="no examples were held out"):
        ns.open(here / "classes").evaluate((X, Y, X, Y), split="validation")


# --- plot ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["classes", "tokens"])
def test_mistakes_of_what_is_no_image_are_refused_with_a_way_out(name: str, cli: Any) -> None:
    with pytest.raises(NetspecError, match="not images: its mistakes cannot be drawn") as refused:
        cli("plot", name, "mistakes", "--data", f"{name}.npz")
    words = str(refused.value.fix).split("`")[1].split()[1:]
    assert cli(*words, "--data", f"{name}.npz").out == f"{name}/confusion.png\n"


@pytest.mark.parametrize("name", ["classes", "tokens", "waves", "numbers"])
def test_features_of_what_is_no_image(name: str, cli: Any) -> None:
    assert cli("plot", name, "features", f"{name}.npy").out == f"{name}/features.png\n"
    with pytest.raises(NetspecError, match="needs an example"):
        cli("plot", name, "features")


def test_mistakes_of_sequences_and_of_numbers(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from netspec.report import mistakes  # noqa: PLC0415

    seen: dict[str, Any] = {}
    monkeypatch.setattr(
        mistakes, "draw_grid", lambda images, labels, path, **o: seen.update(labels=labels, **o) or path
    )
    cli("plot", "images", "mistakes", "--data", "images.npz", "--split", "train")
    assert seen["title"] == "images on images.npz, train set: most confident mistakes"
    assert not any("%" in label for label in seen["labels"])
    cli("plot", "waves", "mistakes", "--data", "waves.npz")
    assert all("%" in label for label in seen["labels"])
    with pytest.raises(BadParameter, match="leave out --data and --split"):
        cli("plot", "waves", "curves", "--split", "train")


def test_titles_tell_names_not_places(here: Path, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from netspec.workflows import pictures  # noqa: PLC0415

    titles: list[str] = []
    monkeypatch.setattr(pictures.report, "draw_curves", lambda records, out, title: titles.append(title) or out)
    monkeypatch.setattr(pictures.report, "draw_confusion", lambda m, names, out, title: titles.append(title) or out)
    cli("plot", str(here / "classes"), "curves")
    (here / "lenet").mkdir()
    (here / "lenet" / "001").symlink_to(here / "classes")
    cli("plot", str(here / "classes"), "confusion", "--data", str(here / "classes.npz"))
    assert titles == ["classes", "classes on classes.npz"]
    assert pictures._run_name(Path("/somewhere/runs/lenet/001")) == "lenet/001"
