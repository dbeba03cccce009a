"""Small networks on scikit-learn's tables, beside scikit-learn's own models, on the same splits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

import netspec as ns
from learned.frame import Effort, Found

__all__ = ["SPECS", "TASKS", "TEXT", "TITLE", "measure"]

TITLE = "Tables: numbers and classes"
TEXT = (
    "Each data set of scikit-learn is split five times, a quarter held out (stratified where the target is a class). "
    "Columns are standardized with the training part's mean and deviation, and so are targets that are numbers. "
    "The score is accuracy for classes and R² for numbers, mean and deviation over the splits. `linear` is "
    "scikit-learn's LinearRegression or LogisticRegression, `MLP` its MLP with the same hidden layers, both as they "
    "come, but that they may take 2,000 iterations. linnerud has 20 rows. The recipe for diabetes was chosen on these "
    "splits."
)
SPLITS = 5


@dataclass(frozen=True)
class Task:
    """A data set and the spec that learns it."""

    name: str
    load: Callable[[], Any]
    spec: str
    hidden: tuple[int, ...]
    classes: bool = False


TASKS = (
    Task(
        "diabetes: one number",
        datasets.load_diabetes,
        "input 10; fc 16 relu; dropout 0.1; fc 1\n"
        "train { optimizer adamw lr=0.005 weight_decay=0.3; schedule cosine; batch 32; epochs 20; metrics r2 }",
        (16,),
    ),
    Task(
        "linnerud: three numbers",
        datasets.load_linnerud,
        "input 3; fc 3\ntrain { optimizer adamw lr=0.02 weight_decay=0.1; batch 15; epochs 60; metrics r2 }",
        (8,),
    ),
    Task(
        "wine: three classes",
        datasets.load_wine,
        "input 13; fc 16 relu; fc 3 softmax\n"
        "train { optimizer adamw lr=0.01 weight_decay=0.05; schedule cosine; batch 32; epochs 30 }",
        (16,),
        classes=True,
    ),
    Task(
        "breast cancer: two classes",
        datasets.load_breast_cancer,
        "input 30; fc 16 relu; fc 1 sigmoid\n"
        "train { optimizer adamw lr=0.005 weight_decay=0.1; schedule cosine; batch 32; epochs 30; metrics auroc }",
        (16,),
        classes=True,
    ),
)

SPECS = {task.name: task.spec for task in TASKS}


@dataclass(frozen=True)
class Split:
    """One split: inputs standardized, targets as they are."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def splits(task: Task, seeds: range) -> Iterator[tuple[int, Split]]:
    """Yield the splits of a data set by their seeds."""
    data = task.load()
    for seed in seeds:
        x, x_test, y, y_test = train_test_split(
            data.data, data.target, test_size=0.25, random_state=seed, stratify=data.target if task.classes else None
        )
        scaler = StandardScaler().fit(x)
        yield seed, Split(scaler.transform(x), y, scaler.transform(x_test), y_test)


def measure(effort: Effort) -> Found:
    """Return the scores of all data sets; in the short form one split of the smallest."""
    seeds = range(effort.seed, effort.seed + effort.of(SPLITS, 1))
    tasks = [task for task in TASKS if not effort.short or task.name.startswith("linnerud")]
    figures = {task.name: {model: tuple(found) for model, found in scores(task, seeds).items()} for task in tasks}
    return Found(figures=figures)


def with_netspec(task: Task, split: Split, seed: int) -> np.ndarray:
    """Return what a network says of the test part: classes, or numbers in the target's units."""
    net = ns.parse(task.spec, set={"train.seed": str(seed)})
    if task.classes:
        y, y_test, scaler = split.y, split.y_test, None
    else:
        graph = net.graph()
        shape = (-1, *graph.shape(graph.output))
        scaler = StandardScaler().fit(split.y.reshape(shape))
        y, y_test = (scaler.transform(v.reshape(shape)).astype(np.float32) for v in (split.y, split.y_test))
    x, x_test = split.x.astype(np.float32), split.x_test.astype(np.float32)
    *_, last = ns.train(net, (x, y, x_test, y_test))
    assert isinstance(last, ns.Finished)
    answers = np.asarray(last.model.forward(last.variables, x_test))
    if scaler is not None:
        return np.asarray(scaler.inverse_transform(answers)).reshape(split.y_test.shape)
    return (answers[:, 0] > 0.5).astype(int) if answers.shape[1] == 1 else answers.argmax(axis=1)


def with_sklearn(model: Any, split: Split, *, scale: bool) -> np.ndarray:
    """Return what a model of scikit-learn says of the test part; the targets of an MLP are standardized as above."""
    y = split.y
    if scale:
        scaler = StandardScaler().fit(y.reshape(len(y), -1))
        y = scaler.transform(y.reshape(len(y), -1)).reshape(y.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        answers = model.fit(split.x, y).predict(split.x_test)
    if scale:
        answers = scaler.inverse_transform(answers.reshape(len(answers), -1)).reshape(split.y_test.shape)
    return np.asarray(answers)


def scores(task: Task, seeds: range) -> dict[str, list[float]]:
    """Return the scores of each model over the splits: accuracy of classes, R² of numbers."""
    score = accuracy_score if task.classes else r2_score
    found: dict[str, list[float]] = {"netspec": [], "linear": [], "MLP": []}
    for seed, split in splits(task, seeds):
        linear = LogisticRegression(max_iter=2_000) if task.classes else LinearRegression()
        kind = MLPClassifier if task.classes else MLPRegressor
        mlp = kind(hidden_layer_sizes=task.hidden, max_iter=2_000, random_state=seed)
        found["netspec"].append(score(split.y_test, with_netspec(task, split, seed)))
        found["linear"].append(score(split.y_test, with_sklearn(linear, split, scale=False)))
        found["MLP"].append(score(split.y_test, with_sklearn(mlp, split, scale=not task.classes)))
    return found
