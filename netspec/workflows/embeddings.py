"""Which examples are alike to a model: what its last layer reads, drawn in two dimensions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netspec import report
from netspec.diagnostics.diagnostic import DataError, NetspecError, listing
from netspec.diagnostics.suggest import nearest
from netspec.graph.memory import answered_at_once
from netspec.workflows.answers import answers_of, first_of, title_of
from netspec.workflows.trained import Run

if TYPE_CHECKING:
    from netspec.workflows.pictures import Request

__all__ = ["METHODS", "draw_embeddings", "embeddings_of"]

METHODS = {"pca": "principal components", "tsne": "t-SNE", "umap": "UMAP"}
"""How many numbers become two, by the names that are typed, and how each is called."""

_POINTS = 2000
_BATCH = 200
_WIDEST = 4096


def draw_embeddings(r: Request) -> Path:
    """Draw examples of a part of a dataset as points: near each other where the model sees them as alike."""
    method = r.method or "pca"
    if method not in METHODS:
        near = nearest(method, METHODS)
        fix = f"did you mean {near}?" if near else f"there are {listing(list(METHODS), 'and')}"
        raise NetspecError(f"there is no method {method!r}", fix)
    answers = answers_of(r)
    run = answers.run
    node = _layer(run, r)
    images = first_of(answers.part.images, _POINTS)
    values = embeddings_of(run, images, node)
    if len(values) < 3:
        raise DataError(f"there are {len(values)} examples", "at least three can be drawn as alike or not")
    points, axes = _points(values, method)
    targets = np.asarray(answers.targets[: len(values)])
    names: tuple[str, ...] | list[str] = ()
    measure = ""
    if answers.task in {"classes", "two classes"} and not answers.at_positions:
        targets = (
            targets.argmax(axis=1)
            if targets.ndim == 2 and targets.shape[1] > 1
            else targets.reshape(len(targets), -1)[:, 0]
        )
        names = answers.classes(int(targets.max()) + 1)
    elif answers.task == "numbers" and not answers.at_positions and not run.network.reconstructs:
        numbers = run.in_units(targets.reshape(len(targets), -1), answers.output.name)
        targets, measure = numbers[:, 0], answers.numbers(numbers.shape[1])[0]
    else:
        names = ["examples"]
        targets = np.zeros(len(values), np.int64)
    more = (
        f"the first {len(values):,} of {len(answers.part):,} examples"
        if len(answers.part) > len(values)
        else f"{len(values):,} examples"
    )
    return report.draw_embeddings(
        points,
        targets,
        names,
        r.out,
        title=f"{title_of(answers)}: what {node} makes of it",
        subtitle=f"{more}, {values.shape[1]:,} numbers each, in two dimensions by {METHODS[method]}",
        axes_names=axes,
        measure=measure,
    )


def embeddings_of(run: Run, images: Any, node: str) -> NDArray[np.float32]:
    """Return what a layer makes of examples, (N, F); of more than 4,096 numbers the means over all positions."""
    given = run.checked(images)
    arrays = given if isinstance(given, Mapping) else {"": given}
    count = len(next(iter(arrays.values())))
    size = min(_BATCH, answered_at_once(run.network, run.model.graph), count)
    parts = []
    for start in range(0, count, size):
        # All batches have one size, so that one program serves them.
        rows = np.minimum(np.arange(start, start + size), count - 1)
        some = {name: array[rows] for name, array in arrays.items()}
        made = run.model.features(run.variables, some if isinstance(given, Mapping) else some[""], nodes=(node,))
        parts.append(np.asarray(made[node])[: count - start])
    values = np.concatenate(parts)
    if values.ndim > 2 and np.prod(values.shape[1:]) > _WIDEST:
        values = values.reshape(*values.shape[:2], -1).mean(axis=2)
    flat: NDArray[np.float32] = values.reshape(count, -1)
    return flat


def _layer(run: Run, r: Request) -> str:
    """Return the layer that is looked at: what the last layer with weights reads, unless one is named."""
    nodes = {node.name: node for node in run.network.nodes}
    if r.layer is not None:
        if r.layer not in run.model.graph.nodes:
            near = nearest(r.layer, run.model.graph.nodes)
            fix = f"did you mean {near}?" if near else f"there are {listing(list(run.model.graph.nodes), 'and')}"
            raise NetspecError(f"{r.run} has no layer {r.layer!r}", fix)
        return r.layer
    weighted = {path.rpartition("/")[0] for path in run.model.graph.parameters}
    last = next((node for node in reversed(list(nodes.values())) if node.name in weighted), None)
    if last is None:
        return run.network.inputs[0].name
    return last.inputs[0]


def _points(values: NDArray[np.float32], method: str) -> tuple[NDArray[np.float64], tuple[str, str]]:
    if not np.isfinite(values).all():
        raise DataError("the layer gives values that are not finite", "choose another with --layer")
    if method == "pca":
        points, shares = report.principal_components(values)
        first, second = (f"component {i + 1}: {100 * share:.1f} % of the variance" for i, share in enumerate(shares))
        return points, (first, second)
    made = _by_tsne(values) if method == "tsne" else _by_umap(values)
    return np.asarray(made, np.float64), ("", "")


def _by_tsne(values: NDArray[np.float32]) -> NDArray[Any]:
    try:
        from sklearn.manifold import TSNE  # noqa: PLC0415
    except ImportError as error:
        raise _absent("tsne", "scikit-learn", "embeddings", error) from None
    perplexity = min(30.0, (len(values) - 1) / 3)
    made: NDArray[Any] = TSNE(2, perplexity=perplexity, init=_beginning(values), random_state=0).fit_transform(values)
    return made


def _beginning(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the places where t-SNE begins: principal components, and chance in a direction that has no variance."""
    places, _ = report.principal_components(values)
    chance = np.random.default_rng(0).normal(size=places.shape)
    spread = places.std(axis=0)
    # The size that scikit-learn begins with, too.
    made = np.where(spread > 0, places / (spread[0] or 1.0), chance) * 1e-4
    return made.astype(np.float32)


def _by_umap(values: NDArray[np.float32]) -> NDArray[Any]:
    # What it warns of, a TensorFlow that is not needed or how numba compiles, nobody who looks at a picture can mend.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from umap import UMAP  # noqa: PLC0415
        except ImportError as error:
            raise _absent("umap", "umap-learn", "umap", error) from None
        # The eigenvectors that it begins with are only to be had of more than three examples.
        start = "spectral" if len(values) > 3 else "random"
        neighbors = min(15, len(values) - 1)
        # Only one thread adds up in an order that is always the same.
        made: NDArray[Any] = UMAP(neighbors, init=start, random_state=0, n_jobs=1).fit_transform(values)
    return made


def _absent(method: str, package: str, extra: str, error: ImportError) -> NetspecError:
    # What is there, and does not fit another package, says so itself.
    why = "" if isinstance(error, ModuleNotFoundError) else f", which cannot be imported: {error}"
    return NetspecError(
        f"{METHODS[method]} needs {package}{why}", f'pip install "netspec[{extra}]", or leave --method out'
    )
