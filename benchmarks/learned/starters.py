"""The specs that `netspec new --data` writes for tables, beside scikit-learn's own models, on the same rows."""

from __future__ import annotations

import csv
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, r2_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import netspec as ns
from learned.frame import Effort, Found, trained
from netspec.sources.tables.cells import class_name, is_missing
from netspec.sources.tables.fit import Fitted, fit_table
from netspec.sources.tables.spec import spec_for_table
from netspec.sources.tables.table import read_table

__all__ = ["SPECS", "TEXT", "TITLE", "measure"]

TITLE = "Tables as they are: what `netspec new --data` writes"
TEXT = (
    "titanic (`survived`), penguins (`species`), iris (`species`) and mpg (`mpg`) are the usual CSV files, the others "
    "tables of scikit-learn. Each spec is the one that `netspec new --data FILE --target NAME` writes, unchanged; two "
    "of them are below. Rows are divided as the spec says, by a hash of each, five times: each time the hash is "
    "another one. 20% are for the test, and of the others 15% for validation, by which the epoch is chosen. "
    "scikit-learn learns from both parts, and reads the same columns: numbers imputed and standardized, categories "
    "one-hot, its models as they come, but that they may take 2,000 iterations; `linear` is LogisticRegression or "
    "LinearRegression, `MLP` MLPClassifier or MLPRegressor with its 100 units, `boosting` HistGradientBoosting. The "
    "score is accuracy for classes and R² for numbers, mean and deviation of the five. "
    "What `netspec new` writes was chosen on some of these divisions of titanic, digits, mpg and diabetes."
)
SPLITS = 5


@dataclass(frozen=True, slots=True)
class Task:
    """A table and the column that is learned.

    Attributes:
        name: of the row.
        target: the column.
        file: below NETSPEC_DATA; empty for one of scikit-learn's.
        load: of scikit-learn.
    """

    name: str
    target: str
    file: str = ""
    load: Any = None


TASKS = (
    Task("titanic: two classes", "survived", "tables/titanic.csv"),
    Task("penguins: three classes", "species", "tables/penguins.csv"),
    Task("iris: three classes", "species", "tables/iris.csv"),
    Task("wine: three classes", "target", load=datasets.load_wine),
    Task("breast cancer: two classes", "target", load=datasets.load_breast_cancer),
    Task("digits: ten classes", "target", load=datasets.load_digits),
    Task("mpg: one number", "mpg", "tables/mpg.csv"),
    Task("diabetes: one number", "target", load=datasets.load_diabetes),
)


def rows_of(task: Task, effort: Effort | None) -> list[list[str]]:
    """Return the rows of a table, the names of the columns first."""
    if task.file:
        assert effort is not None
        with effort.file(task.file).open(newline="", encoding="utf-8") as stream:
            return list(csv.reader(stream))
    found = task.load()
    rows = np.column_stack([found.data, found.target])
    return [[*map(str, found.feature_names), task.target], *([f"{v:g}" for v in row] for row in rows)]


def written(rows: Sequence[Sequence[str]], path: Path, salt: str = "") -> None:
    """Write a table; with a salt a constant column, which is not read, makes other hashes of the rows."""
    heads = [*rows[0], "salt"] if salt else rows[0]
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([heads, *([*row, salt] if salt else row for row in rows[1:])])


def starter(path: Path, target: str) -> str:
    """Return the spec that `netspec new --data` writes."""
    text, _, _ = spec_for_table(read_table(path, path.name), path.name, target)
    return text


def _of_scikit_learn() -> dict[str, str]:
    """Return the specs of two tables that come with scikit-learn."""
    from netspec.sources.tables.table import table_of_columns  # noqa: PLC0415

    found = {}
    for task in TASKS:
        if task.name.startswith(("wine", "diabetes")):
            heads, *rows = rows_of(task, None)
            table = table_of_columns(dict(zip(heads, zip(*rows, strict=True), strict=True)), "table")
            found[task.name] = spec_for_table(table, f"{task.name.partition(':')[0]}.csv", task.target)[0].strip()
    return found


SPECS = _of_scikit_learn()


def measure(effort: Effort) -> Found:
    """Return the scores of all tables; in the short form one split of one table."""
    tasks = [task for task in TASKS if not effort.short or task.name.startswith("wine")]
    figures = {}
    for task in tasks:
        rows = rows_of(task, effort)
        found: dict[str, list[float]] = {}
        for seed in range(effort.seed, effort.seed + effort.of(SPLITS, 1)):
            for model, score in scores(task, rows, effort, seed).items():
                found.setdefault(model, []).append(score)
            print(f"{task.name}: {found}", file=sys.stderr, flush=True)
        figures[task.name] = {model: tuple(each) for model, each in found.items()}
    return Found(figures=figures)


def scores(task: Task, rows: Sequence[Sequence[str]], effort: Effort, seed: int) -> dict[str, float]:
    """Return the score of each model on one split: accuracy of classes, R² of a number."""
    path = effort.folder / "table.csv"
    written(rows, path, salt=f"s{seed}")
    spec = path.with_suffix(".net")
    spec.write_text(starter(path, task.target), encoding="utf-8")
    network = ns.load(spec)
    assert network.data is not None
    last = trained(spec, None, seed, name=task.name.partition(":")[0], epochs=2 if effort.short else None)
    result = last.result
    classes = result.best_test_accuracy is not None
    own = result.best_test_accuracy if classes else result.metrics["best_test_r2"]
    assert own is not None
    fitted = fit_table(read_table(path, path.name), network.data)
    return {"netspec": own, **with_sklearn(fitted, task.target, classes=classes, seed=seed)}


def with_sklearn(fitted: Fitted, target: str, *, classes: bool, seed: int) -> dict[str, float]:
    """Return the scores of scikit-learn's models on the test rows."""
    cells = fitted.table.cells
    features = fitted.inputs["input"].features
    numeric = [i for i, f in enumerate(features) if f.kind == "number"]
    other = [i for i, f in enumerate(features) if f.kind != "number"]
    columns = [_column(cells[f.column], numbers=f.kind == "number") for f in features]
    x = np.array(columns, object).T
    y = np.array([class_name(v) if classes else float(v) for v in cells[target]])
    learn, test = [*fitted.rows["train"], *fitted.rows["validation"]], list(fitted.rows["test"])
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    ready = ColumnTransformer([("numbers", numbers, numeric), ("categories", categories, other)])
    found = {}
    for name, model in _models(classes=classes, seed=seed).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            said = make_pipeline(ready, model).fit(x[learn], y[learn]).predict(x[test])
        found[name] = float((accuracy_score if classes else r2_score)(y[test], said))
    return found


def _models(*, classes: bool, seed: int) -> Mapping[str, Any]:
    if classes:
        return {
            "linear": LogisticRegression(max_iter=2_000),
            "MLP": MLPClassifier(max_iter=2_000, random_state=seed),
            "boosting": HistGradientBoostingClassifier(random_state=seed),
        }
    mlp = MLPRegressor(max_iter=2_000, random_state=seed)
    return {
        "linear": LinearRegression(),
        "MLP": TransformedTargetRegressor(mlp, transformer=StandardScaler()),
        "boosting": HistGradientBoostingRegressor(random_state=seed),
    }


def _column(cells: Sequence[str], *, numbers: bool) -> NDArray[Any]:
    if numbers:
        return np.array([np.nan if is_missing(cell) else float(cell) for cell in cells], object)
    return np.array(["missing" if is_missing(cell) else cell for cell in cells], object)
