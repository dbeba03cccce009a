"""The dataset that a trained model learned from, or another to look at it on, and the parts of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from netspec.data.for_network import Data, load_data
from netspec.data.parts import divided, whole_of
from netspec.data.run_data import as_recorded, data_path, require_same
from netspec.data.types import Dataset, DownloadProgress, Split
from netspec.diagnostics.diagnostic import DataError, NetspecError, listing, plural
from netspec.diagnostics.suggest import nearest
from netspec.recipe.catalog import DatasetInfo, find
from netspec.runs import files as run_files
from netspec.system.arguments import as_function
from netspec.workflows.outputs import outputs_of

if TYPE_CHECKING:
    from netspec.workflows.trained import Run

__all__ = ["ALL", "asked_part", "built_in", "dataset_of", "part_of", "require_split"]

_SPLITS = ("train", "validation", "test")

ALL = "all"
"""What all parts of a dataset together are called."""


def built_in(run: Run) -> DatasetInfo | None:
    """Return the built-in dataset that a model was trained on; None where it was another, or is not known."""
    stated = run.training.get("dataset")
    if stated is None:
        # Older model files do not say it; the run may, and the spec names what was meant.
        with suppress(NetspecError):
            stated = run_files.read_manifest(run.path).get("dataset")
    stated = stated or (run.network.data and run.network.data.name)
    return find(stated) if isinstance(stated, str) else None


def dataset_of(run: Run, data: Data | None, progress: DownloadProgress | None) -> Dataset:
    """Return the dataset that a model was trained on, unless another is given, as the model reads it.

    Args:
        run: the model.
        data: the other dataset.
        progress: called while a dataset is downloaded.

    Raises:
        DataError: when it cannot be had, does not fit the network, or is not the same any more.
    """
    if progress is not None:
        as_function(progress, "progress", "lambda file, received, total: None")
    manifest = run_files.read_manifest(run.path) if data is None and (run.path / run_files.MANIFEST).is_file() else None
    if manifest is None:
        return _loaded(run, data, progress)
    path = data_path(run.path, run.network, manifest, arrays="say what to look at: --data PATH")
    dataset = as_recorded(manifest, _loaded(run, path, progress))
    fix = "say that it is meant: --data PATH"
    require_same(run.path, manifest, dataset, fix=fix, network=run.network)
    return dataset


def _loaded(run: Run, data: Data | None, progress: DownloadProgress | None) -> Dataset:
    """Return a dataset as a model reads it: with its classes, and prepared as what it learned from."""
    return load_data(
        run.network,
        data,
        graph=run.model.graph,
        progress=progress,
        known=outputs_of(run).labels_by_target,
        preparation=run.preparation,
    )


def require_split(split: str | None) -> None:
    """Raise DataError where a name is none of a part."""
    if split is not None and split not in _SPLITS:
        near = nearest(split, _SPLITS) if isinstance(split, str) else None
        raise DataError(
            f"there is no split {split!r}",
            f"did you mean {near}?" if near else f"there are {listing(_SPLITS, 'and')}",
        )


def asked_part(run: Run, dataset: Dataset, split: str | None, *, other: bool) -> tuple[Split, str]:
    """Return the part of a dataset that is asked for, and its name; all of it is `all`.

    Without a name it is the test part. Other data than the model learned from, of which a test part would only be
    drawn, is all of it new to the model.

    Args:
        run: the model.
        dataset: what a part is asked of.
        split: the name; None where none is given.
        other: whether it is given in place of what the model was trained on.

    Raises:
        DataError: there is no such part.
    """
    require_split(split)
    if split is None and other and dataset.cut and _is_new(run, dataset):
        return whole_of(dataset), ALL
    return part_of(run, dataset, split or "test"), split or "test"


def _is_new(run: Run, dataset: Dataset) -> bool:
    """Return whether a model is known to have learned from other data than this."""
    learned = run.training.get("data_sha256")
    if learned is None and (run.path / run_files.MANIFEST).is_file():
        learned = run_files.read_manifest(run.path).get("data_sha256")
    return isinstance(learned, str) and learned != dataset.sha256


def part_of(run: Run, dataset: Dataset, split: str) -> Split:
    """Return a part of a dataset, as the training divided it; raises DataError where nothing was held out."""
    if split == "test":
        return dataset.test
    count = run.network.data.held_out if run.network.data and dataset.validation is None else 0
    if count >= len(dataset.train):
        raise DataError(
            f"{dataset.name} has {plural(len(dataset.train), 'training example')}, but {count:,} were held out",
            "ask for the split test",
        )
    train, validation = divided(run.network, dataset)
    if split == "train":
        return train
    if validation is None:
        raise DataError(
            f"no examples were held out of the training of {run.file}, so there is no validation set",
            "ask for the split train or test; `data … { validation 100 }` in a spec holds 100 out",
        )
    return validation
