"""Trained models, opened from a run folder or a model file: they predict and are evaluated."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from netspec import data as datasets
from netspec.backends.jax.exhausted import enough_memory
from netspec.backends.jax.inputs.batches import by_name, require_same_count
from netspec.backends.jax.model import Given, Model, Variables
from netspec.data.array_forms import in_form
from netspec.data.checks import as_float32, as_values
from netspec.data.for_network import Data, as_recorded, data_path, load_data, require_same
from netspec.data.parts import divided, whole_of
from netspec.data.picture_files import Resize
from netspec.data.table_pictures import read_column_files
from netspec.data.tables import columns_in_memory, examples_of
from netspec.data.types import Arrays, Dataset, DownloadProgress, Split, by_array, each_array
from netspec.data.units import units_of
from netspec.diagnostics.diagnostic import DataError, NetspecError, RunError, listing, plural
from netspec.diagnostics.suggest import nearest
from netspec.graph.graph import GraphOutput
from netspec.graph.memory import answered_at_once
from netspec.ir.data_source import TABLE_ENDINGS
from netspec.ir.network import Input
from netspec.recipe.catalog import DatasetInfo, find
from netspec.runs import files as run_files
from netspec.runs import folder as run_folders
from netspec.runs import model_file
from netspec.runs.listing import newest
from netspec.runs.model_file import ModelFile
from netspec.sources.tables import table_of_columns
from netspec.sources.vocabulary import Vocabulary, pieces
from netspec.system.arguments import as_function, as_path, as_switch
from netspec.workflows import example_files, tagging
from netspec.workflows.evaluate import evaluate_split
from netspec.workflows.example_files import Examples
from netspec.workflows.generate import LENGTH, SEED, LanguageModel
from netspec.workflows.predictions import (
    Evaluation,
    Prediction,
    at_positions,
    class_names,
    class_scores,
    gives_probabilities,
    prediction_of,
    several,
)

if TYPE_CHECKING:
    from netspec.workflows.run_plots import Plots
    from netspec.workflows.tagging import Tagged

__all__ = ["ALL", "Evaluation", "Prediction", "Run", "open_run"]

_SPLITS = ("train", "validation", "test")

ALL = "all"
"""What all parts of a dataset together are called."""

_SHOWN = 40
"""Characters of a text that are shown as its name."""


class Run:
    """A trained model, from a run folder or a model file.

    `predict`, `probabilities` and `outputs` raise DataError for examples that do not fit, and DeviceError where the
    memory of the device does not suffice.

    Attributes:
        path: what was opened.
        file: the model file that was read.
        network: the declared network.
        model: compiled for the device.
        variables: the trained arrays.
        labels: the class names.
        preparation: what was fitted to the data that it learned from; None where nothing was.
        output_labels: of several outputs the class names of those that have some, by the names of the outputs.
    """

    def __init__(self, path: str | Path, device: str | jax.Device | None = None) -> None:
        self.path = path = newest(as_path(path, "path", "runs/lenet/001", RunError))
        self.file = run_files.model_path(path)
        self._content: ModelFile = model_file.read(self.file)
        if self.file != path and (path / run_files.MANIFEST).is_file():
            run_files.require_own_model(self.file, self._content.seal, run_files.read_manifest(path))
        self.network = self._content.network
        self.labels = self._content.labels
        self.preparation = self._content.preparation
        self.output_labels = self._content.output_labels
        self.model = Model(self.network, self._content.graph, device)
        self.variables: Variables = run_folders.variables_of(self._content, self.model)

    def __repr__(self) -> str:
        return "\n".join([f"Run {self.path}: {self._facts}", repr(self.model)])

    def _repr_html_(self) -> str:
        from netspec.notebook.show import network_html  # noqa: PLC0415

        return network_html(self.network, self._content.graph, f"Run {self.path}", [self._facts])

    @property
    def plot(self) -> Plots:
        """The pictures of the run, as matplotlib figures: `run.plot.curves()`."""
        from netspec.workflows.run_plots import Plots  # noqa: PLC0415

        return Plots(self)

    @property
    def _facts(self) -> str:
        """What is said of the model before its network: which file, how good it is."""
        facts = [f"epoch {self.training['epoch']}"] if "epoch" in self.training else []
        if isinstance(accuracy := self.training.get("test_accuracy"), float):
            facts.append(f"test accuracy {100 * accuracy:.2f} %")
        return ", ".join([self.file.name, *facts])

    @property
    def content(self) -> ModelFile:
        """The model file as it was read."""
        return self._content

    @property
    def vocabulary(self) -> Vocabulary | None:
        """What the token numbers of a text stand for; None where it learned from no text."""
        return self.preparation.vocabulary if self.preparation else None

    @property
    def training(self) -> Mapping[str, Any]:
        """What the model file says of its training: the epoch, the accuracies."""
        return self._content.training

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The lines of the run's metrics.jsonl; raises RunError for a lone model file."""
        self._require_own_record(run_files.METRICS)
        return run_files.read_metrics(self.path)

    @property
    def result(self) -> dict[str, Any] | None:
        """The run's result.json; None for a lone model file or a run that did not end."""
        self._require_own_record(run_files.RESULT)
        return run_files.read_result(self.path)

    def _require_own_record(self, name: str) -> None:
        if (self.path / run_files.MANIFEST).is_file():
            run_files.require_own_record(self.path, run_files.read_manifest(self.path), name)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of one picture, (C, H, W): the input, or the images that are read as a row or a sequence."""
        return self.network.image_shape

    @cached_property
    def learned_from(self) -> DatasetInfo | None:
        """The built-in dataset that the model was trained on; None where it was another, or is not known."""
        stated = self.training.get("dataset")
        if stated is None:
            # Older model files do not say it; the run may, and the spec names what was meant.
            with suppress(NetspecError):
                stated = run_files.read_manifest(self.path).get("dataset")
        stated = stated or (self.network.data and self.network.data.name)
        return find(stated) if isinstance(stated, str) else None

    def read(
        self, file: Path | str | bytes, *, invert: bool | None = None, as_is: bool = False, name: str | None = None
    ) -> NDArray[Any]:
        """Return the examples in a file, (N, …); arguments and errors are those of `examples`."""
        return self.examples(file, invert=invert, as_is=as_is, name=name).array

    def examples(
        self,
        file: Path | str | bytes,
        *,
        invert: bool | None = None,
        as_is: bool = False,
        name: str | None = None,
        sizes: bool = False,
    ) -> Examples:
        """Return the examples in a file: one for a picture, as many as there are in an `.npy`.

        Where the model learned from images of digits, the digit in a picture is found, and framed as they are:
        bright on black, scaled, centered. A picture of their own size stays as it is.

        Args:
            file: PNG, JPEG …, or `.npy`; or what is in such a file.
            invert: swap light and dark in pictures; recognized from the picture unless given.
            as_is: leave pictures as they are, but for their size.
            name: what messages call it; its path unless given.
            sizes: whether the sizes of picture files are asked for.

        Raises:
            DataError: when the file is missing, damaged, or does not fit.
        """
        invert = None if invert is None else as_switch(invert, "invert")
        as_is = as_switch(as_is, "as_is")
        if not isinstance(file, bytes):
            file = as_path(file, "file", "digit.png", DataError)
        return example_files.read(
            self.network,
            file,
            invert=invert,
            like=None if as_is else self.learned_from,
            name=name,
            preparation=self.preparation,
            sizes=sizes,
        )

    @property
    def resize(self) -> Resize | None:
        """How the picture files that it learned from got their size; None where it learned from other data."""
        table = self.preparation.table if self.preparation else None
        return self.preparation.resize if self.preparation and (table is None or table.is_picture) else None

    def pictures(self, path: Path, *, sizes: bool = False) -> Iterator[tuple[list[str], Examples, list[DataError]]]:
        """Yield the pictures in a folder or an archive, many at a time: their names, them, and what cannot be read.

        Args:
            path: of the folder or archive.
            sizes: whether their own sizes are asked for.

        Raises:
            DataError: there are none.
        """
        return example_files.read_pictures(self.network, path, self.resize or "crop", sizes=sizes)

    @property
    def text_column(self) -> str:
        """The column of texts, or `text` of texts in files, that alone it reads; empty of other models."""
        return self.preparation.table.text_column if self.preparation and self.preparation.table else ""

    @property
    def tags(self) -> bool:
        """Whether it gives each word of a sentence a label."""
        return self.network.data is not None and self.network.data.is_tagged and bool(self.text_column)

    def tag(self, sentences: str | Sequence[str | Sequence[str]]) -> list[Tagged]:
        """Return sentences with a label for each word.

        Args:
            sentences: texts, which are cut into words and marks of punctuation, or lists of words.

        Raises:
            DataError: the model labels no words, or a sentence has none.
        """
        given = [sentences] if isinstance(sentences, str) else sentences
        cut = [pieces("words", each) if isinstance(each, str) else each for each in given]
        return tagging.tag_sentences(self, cut)

    def texts(self, given: Path | Sequence[str]) -> Iterator[tuple[list[str], Examples, list[DataError]]]:
        """Yield texts, or those in a folder or an archive, many at a time: their names, them, and what cannot be read.

        Raises:
            DataError: there are none, or the model reads no texts.
        """
        table = self.preparation.table if self.preparation else None
        if table is None:
            writes = self.vocabulary is not None
            fix = f'`netspec generate {self.path} --prompt "…"` goes on from it' if writes else "give files it reads"
            raise DataError(f"{self.file} does not tell what a text is: it learned from none with classes", fix)
        if isinstance(given, Path):
            yield from example_files.read_texts(table, given)
        else:
            yield [_short(text) for text in given], example_files.of_texts(table, given), []

    def endings(self) -> tuple[str, ...]:
        """Return how the names of files end that the model may take: `.npy`, and where it takes pictures theirs."""
        table = self.preparation.table if self.preparation else None
        if table:
            pictures = datasets.picture_endings() if table.is_picture else ()
            return (*TABLE_ENDINGS, *pictures, *((".txt",) if self.text_column else ()))
        if len(self.network.inputs) > 1:
            return (".npz",)
        return (".npy", ".npz", *(datasets.picture_endings() if self.network.reads_images else ()))

    def probabilities(self, images: Given) -> Any:
        """Return the probability of each class, (N, K), for (N, C, H, W), (N, H, W), (N, F, L) or (N, F).

        They are bytes, floats, or token numbers (N, L). Where the outputs are no probabilities, as with the loss mse,
        they are returned as they are; one output x becomes (1 - x, x), for two classes. Of a network of several inputs
        the images are by their names, and of several outputs what is returned.

        Raises:
            DataError: the model names no classes, or the images do not fit it.
        """
        self._require_answers()
        logits = self._in_batches(images, self.model.logits)
        if not isinstance(logits, dict):
            return class_scores(self.model.graph, logits)
        return {
            output.name: class_scores(self.model.graph.only(output), logits[output.name])
            if self._names_classes(output)
            else logits[output.name]
            for output in self.model.graph.outputs
        }

    @property
    def gives_probabilities(self) -> bool:
        """Whether the outputs are probabilities of classes; of several outputs whether all are."""
        outputs = self.model.graph.outputs
        return not self.network.reconstructs and all(map(self._names_classes, outputs))

    @property
    def input_again(self) -> str:
        """The name of the output that is the input again, where there is one such; empty where there is none."""
        again = [o.name for o in self.model.graph.outputs if o.loss.compares] if self.network.reconstructs else []
        return again[0] if len(again) == 1 else ""

    def _names_classes(self, output: GraphOutput) -> bool:
        """Return whether an output gives probabilities of classes."""
        return gives_probabilities(self.model.graph.only(output))

    def _require_answers(self) -> None:
        """Raise DataError for a model that gives its input again."""
        if self.network.reconstructs:
            raise DataError(
                f"{self.file} gives its input again, not classes",
                f"`netspec predict {self.path} FILE -o again.npy` keeps what it gives; run.outputs(images) returns it",
            )

    def outputs(self, images: Given) -> Any:
        """Return what the network gives, (N, …) in the shape of its last layer; images as for `probabilities`.

        Of several outputs each is by its name.
        """
        return self._in_batches(images, self.model.forward)

    @property
    def learned_columns(self) -> tuple[str, ...]:
        """The columns of a table that the model has learned to tell; none where it learned from no table."""
        table = self.preparation.table if self.preparation else None
        return tuple(target.column for target in table.targets) if table else ()

    def in_units(self, outputs: NDArray[Any], output: str = "") -> NDArray[Any]:
        """Return numbers that an output gives in the unit of its target, as a table has it; `outputs` gives them raw.

        Args:
            outputs: (N, …), of one output; or targets as a dataset has them.
            output: its name, where there are several.
        """
        units = units_of(self.model.graph, self.preparation)
        unit = units.get(output or self.model.graph.outputs[0].name)
        return unit(outputs) if unit else outputs

    def _in_batches(self, images: Given, function: Callable[[Variables, Any], Any]) -> Any:
        images = self.checked(images)
        count = len(next(each_array(images)))
        parts, batch = [], answered_at_once(self.network, self.model.graph)
        for start in range(0, count, batch):
            # All batches but a lone small one have the same size, so that one program serves them.
            size = min(batch, count - start)
            fill = batch - size if start else 0

            def padded(array: NDArray[Any], start: int = start, size: int = size, fill: int = fill) -> NDArray[Any]:
                part = array[start : start + size]
                return np.concatenate([part, np.repeat(part[-1:], fill, axis=0)]) if fill else part

            with enough_memory("close what else computes there"):
                made = function(self.variables, by_array(padded, images))
                parts.append(jax.tree.map(lambda array, size=size: np.asarray(array)[:size], made))
        graph = self.model.graph
        if len(graph.outputs) == 1:
            return np.concatenate(parts) if parts else np.zeros((0, *graph.shape(graph.output)), np.float32)
        return {
            o.name: np.concatenate([p[o.name] for p in parts])
            if parts
            else np.zeros((0, *graph.shape(o.index)), np.float32)
            for o in graph.outputs
        }

    def checked(self, images: Given) -> Arrays:
        """Return examples as the network takes them; those of several inputs each by its name.

        Raises:
            DataError: they do not fit, or have values that are not finite.
        """
        names = [given.name for given in self.model.graph.inputs]
        images = self._rows_as_read(images, names)
        if len(names) == 1 and not isinstance(images, Mapping):
            return self._checked(images, self.network.inputs[0])
        given = by_name(images, names, "input")
        if len(names) == 1:
            return self._checked(given[names[0]], self.network.inputs[0])
        arrays = {i.name: self._checked(given[i.name], i, i.name) for i in self.network.inputs}
        require_same_count({f"the input {name}": array for name, array in arrays.items()})
        return arrays

    def _rows_as_read(self, images: Given, names: Sequence[str]) -> Given:
        """Return the rows of a table in memory as the model reads them; other examples as they are."""
        table = self.preparation.table if self.preparation else None
        if table is None or (isinstance(images, Mapping) and set(images) <= set(names)):
            return images
        if isinstance(images, list | tuple) and images and all(isinstance(text, str) for text in images):
            return example_files.of_texts(table, images).array
        columns = columns_in_memory(images, named=True)
        if columns is None:
            return images
        rows = replace(table_of_columns(columns, "data"), folder=Path())
        resize = (self.preparation.resize if self.preparation else None) or "crop"
        pictures = read_column_files(rows, table, resize) if table.pictures else None
        return examples_of(rows, table, pictures)[0]

    def _checked(self, images: ArrayLike, given: Input, name: str = "images") -> NDArray[Any]:
        """Return images in the form of an input, only finite values in float32; raises DataError otherwise."""
        if isinstance(images, str | os.PathLike):
            raise DataError("images are an array, not the name of a file", f"run.predict(run.read({str(images)!r}))")
        array = as_values(images, name)
        if array.ndim < 2:
            raise DataError(f"{name} of shape {array.shape} have no batch axis", "one image is x[None]")
        ((array,), _) = in_form([array], [name], given.shape, given.tokens, checked=False)
        if array.dtype.kind != "f":
            return array
        array = as_float32(array)
        if not np.isfinite(array).all():
            wrong = int(np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0])
            raise DataError(
                f"image {wrong} holds values that are not finite (NaN, infinite, or too large for float32)",
                "clean them first",
            )
        return array

    def predict(self, images: Given) -> Any:
        """Return a prediction for each image, a list of them; shapes as for `probabilities`.

        Of several outputs there is such a list for each, by its name. Where the outputs are no probabilities, as with
        the loss mse, it has the outputs themselves.
        """
        self._require_answers()
        if self.tags:
            raise DataError(
                f"{self.file} gives each word a label", "run.tag(texts) returns the words with their labels"
            )
        outputs = self.model.graph.outputs
        if len(outputs) == 1:
            (only,) = outputs
            known = self.probabilities(images) if self.gives_probabilities else self.in_units(self.outputs(images))
            return self._predictions(only, known)
        scores = self.probabilities(images)
        numbers = {} if self.gives_probabilities else self.outputs(images)
        return {
            o.name: self._predictions(
                o, scores[o.name] if self._names_classes(o) else self.in_units(numbers[o.name], o.name)
            )
            for o in outputs
        }

    def _predictions(self, output: GraphOutput, rows: NDArray[Any]) -> list[Prediction]:
        """Return the predictions of one output, from its probabilities or from its numbers in their own unit."""
        labels = self._labels_of(output)
        if not self._names_classes(output):
            return [prediction_of(row, labels, probable=False) for row in rows.reshape(len(rows), -1)]
        names = class_names(labels, rows.shape[1])
        if rows.ndim > 2:
            return [at_positions(scores, names) for scores in rows]
        if self._gives_several_labels(output):
            return [several(row, names) for row in rows]
        return [prediction_of(row, names, probable=True) for row in rows]

    def _labels_of(self, output: GraphOutput) -> tuple[str, ...]:
        """Return the names of the classes of an output; none where it has none."""
        return self.labels if len(self.model.graph.outputs) == 1 else self.output_labels.get(output.name, ())

    def _gives_several_labels(self, output: GraphOutput) -> bool:
        """Return whether an example may be of several classes of an output at once: each is a probability of its own.

        What learned one class of several knows their names.
        """
        alone = self.model.graph.only(output)
        sigmoid = "sigmoid" in (alone.link, alone.ends_in) and alone.shape(output.index)[0] > 1
        return sigmoid and not self._labels_of(output) and not self.network.reconstructs

    @property
    def several_labels(self) -> bool:
        """Whether an example may be of several classes at once; of several outputs each has an answer of its own."""
        outputs = self.model.graph.outputs
        return len(outputs) == 1 and self._gives_several_labels(outputs[0])

    @property
    def output_names(self) -> tuple[str, ...]:
        """The class that each output stands for; empty where the outputs are numbers, not classes.

        One output that is a probability stands for two.
        """
        if len(self.model.graph.outputs) > 1:
            return ()
        shape = self.model.graph.shape(self.model.graph.output)
        if self.gives_probabilities and len(shape) > 1:
            return class_names(self.labels, max(shape[0], 2))
        classes = 2 if self.gives_probabilities and shape == (1,) else int(np.prod(shape))
        known = self.gives_probabilities or (len(shape) == 1 and classes == len(self.labels) > 1)
        return class_names(self.labels, classes) if known and not self.network.reconstructs else ()

    def generate(
        self,
        prompt: str = "",
        length: int = LENGTH,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        seed: int = SEED,
        stop: str | None = None,
    ) -> str:
        """Return what a language model writes behind a prompt, which is not repeated; `stream` gives it as it comes.

        The same arguments give the same text. Words of the prompt that the model does not know are read as its token
        for such words, which itself is never written.

        Args:
            prompt: what is gone on from; without one, what follows a line break.
            length: how many tokens are written: characters, words or bytes.
            temperature: the logits are divided by it; below 1 the likely tokens become likelier, and with 0 the
                likeliest is taken every time.
            top_k: choose among so many of the likeliest tokens; among all unless given.
            top_p: choose among the likeliest tokens, as few as together have this probability.
            seed: all chance follows from it.
            stop: a token before which the text ends.

        Raises:
            DataError: the model is no language model, or the prompt does not fit it.
            NetspecError: another argument is not what it should be.
            DeviceError: when the memory of the device does not suffice.
        """
        return "".join(
            self.stream(prompt, length=length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed, stop=stop)
        )

    def stream(
        self,
        prompt: str = "",
        length: int = LENGTH,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        seed: int = SEED,
        stop: str | None = None,
    ) -> Iterator[str]:
        """Return what `generate` does, piece by piece, each as soon as it is written; arguments are checked at once."""
        return self.language_model.write(
            prompt, length=length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed, stop=stop
        )

    @cached_property
    def language_model(self) -> LanguageModel:
        """The model as one that writes; raises DataError where it cannot."""
        return LanguageModel(self.file, self.model, self.variables, self.vocabulary)

    def evaluate(
        self, data: Data | None = None, *, split: str | None = None, progress: DownloadProgress | None = None
    ) -> Evaluation:
        """Return how the model does on a test set: that of the dataset it was trained on unless another is given.

        Of other data without a test part of its own, such as a table or a text, all of it is looked at.

        Args:
            data: the other dataset.
            split: a part of it: `test`, `train`, without what is held out, or `validation`, what is held out.
            progress: called while a dataset is downloaded.

        Raises:
            DataError: as `dataset` does; or there is no such part.
            DeviceError: when the memory of the device does not suffice.
        """
        _require_split(split)
        dataset = self.dataset(data, progress=progress)
        part, split = self.asked_part(dataset, split, other=data is not None)
        with enough_memory("close what else computes there"):
            labels = self.output_labels if len(self.model.graph.outputs) > 1 else self.labels
            return evaluate_split(self.model, self.variables, dataset, part, name=split, labels=labels)

    def asked_part(self, dataset: Dataset, split: str | None, *, other: bool) -> tuple[Split, str]:
        """Return the part of a dataset that is asked for, and its name; all of it is `all`.

        Without a name it is the test part. Other data than the model learned from, of which a test part would only be
        drawn, is all of it new to the model.

        Args:
            dataset: it.
            split: the name; None where none is given.
            other: whether it is given in place of what the model was trained on.

        Raises:
            DataError: there is no such part.
        """
        _require_split(split)
        if split is None and other and dataset.cut and self._is_new(dataset):
            return whole_of(dataset), ALL
        return self.part(dataset, split or "test"), split or "test"

    def _is_new(self, dataset: Dataset) -> bool:
        """Return whether the model is known to have learned from other data than this."""
        learned = self.training.get("data_sha256")
        if learned is None and (self.path / run_files.MANIFEST).is_file():
            learned = run_files.read_manifest(self.path).get("data_sha256")
        return isinstance(learned, str) and learned != dataset.sha256

    def part(self, dataset: Dataset, split: str) -> Split:
        """Return a part of a dataset, as the training divided it; raises DataError where nothing was held out."""
        if split == "test":
            return dataset.test
        count = self.network.data.held_out if self.network.data and dataset.validation is None else 0
        if count >= len(dataset.train):
            raise DataError(
                f"{dataset.name} has {plural(len(dataset.train), 'training example')}, but {count:,} were held out",
                "ask for the split test",
            )
        train, validation = divided(self.network, dataset)
        if split == "train":
            return train
        if validation is None:
            raise DataError(
                f"no examples were held out of the training of {self.file}, so there is no validation set",
                "ask for the split train or test; `data … { validation 100 }` in a spec holds 100 out",
            )
        return validation

    def dataset(self, data: Data | None = None, *, progress: DownloadProgress | None = None) -> Dataset:
        """Return the dataset that the model was trained on, unless another is given.

        Raises:
            DataError: when it cannot be had, does not fit the network, or is not the same any more.
        """
        if progress is not None:
            as_function(progress, "progress", "lambda file, received, total: None")
        manifest = (
            run_files.read_manifest(self.path) if data is None and (self.path / run_files.MANIFEST).is_file() else None
        )
        if manifest is None:
            return self._loaded(data, progress)
        path = data_path(self.path, self.network, manifest, arrays="say what to look at: --data PATH")
        dataset = self._loaded(path, progress)
        dataset = as_recorded(manifest, dataset)
        fix = "say that it is meant: --data PATH"
        require_same(self.path, manifest, dataset, fix=fix, network=self.network)
        return dataset

    @property
    def _known(self) -> dict[str, tuple[str, ...]]:
        """The class names by the targets that have some."""
        outputs = self.model.graph.outputs
        if len(outputs) == 1:
            return {outputs[0].target: self.labels} if self.labels else {}
        return {o.target: self.output_labels[o.name] for o in outputs if o.name in self.output_labels}

    def _loaded(self, data: Data | None, progress: DownloadProgress | None) -> Dataset:
        """Return a dataset as the model reads it: with its classes, and prepared as what it learned from."""
        return load_data(
            self.network,
            data,
            graph=self.model.graph,
            progress=progress,
            known=self._known,
            preparation=self.preparation,
        )


def _short(text: str) -> str:
    """Return a text as messages show it."""
    plain = " ".join(text.split())
    return f'"{plain}"' if len(plain) <= _SHOWN else f'"{plain[: _SHOWN - 1]}…"'


def open_run(path: str | Path, device: str | jax.Device | None = None) -> Run:
    """Open a run folder or a model file.

    Raises:
        RunError: when there is none.
        ModelFileError: when the model file is damaged or does not fit its own spec.
    """
    return Run(path, device)


def _require_split(split: str | None) -> None:
    """Raise DataError where a name is none of a part."""
    if split is not None and split not in _SPLITS:
        near = nearest(split, _SPLITS) if isinstance(split, str) else None
        raise DataError(
            f"there is no split {split!r}",
            f"did you mean {near}?" if near else f"there are {listing(_SPLITS, 'and')}",
        )
