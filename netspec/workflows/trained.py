"""Trained models, opened from a run folder or a model file: they predict and are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
from numpy.typing import ArrayLike, NDArray

from netspec.backends.jax.exhausted import enough_memory
from netspec.backends.jax.model import Given, Model, Variables
from netspec.data.files.forms import form_of
from netspec.data.files.picture_files import Resize
from netspec.data.for_network import Data
from netspec.data.types import Arrays, Dataset, DownloadProgress, Split
from netspec.data.units import units_of
from netspec.diagnostics.diagnostic import DataError, RunError
from netspec.recipe.catalog import DatasetInfo
from netspec.runs import files as run_files
from netspec.runs import folder as run_folders
from netspec.runs import model_file
from netspec.runs.listing import newest
from netspec.runs.model_file import ModelFile
from netspec.sources.texts.vocabulary import Vocabulary, pieces
from netspec.system.arguments import as_path
from netspec.workflows import example_files, given_arrays, learned_data, tagging, taken_files
from netspec.workflows.evaluate import evaluate_split
from netspec.workflows.example_files import Examples
from netspec.workflows.generate import LENGTH, SEED, LanguageModel
from netspec.workflows.in_batches import in_batches
from netspec.workflows.outputs import outputs_of
from netspec.workflows.predictions import Evaluation, Prediction

if TYPE_CHECKING:
    from netspec.workflows.run_plots import Plots
    from netspec.workflows.tagging import Tagged

__all__ = ["Evaluation", "Prediction", "Run", "open_run"]


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
        return learned_data.built_in(self)

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
        return taken_files.examples_in(self, file, invert=invert, as_is=as_is, name=name, sizes=sizes)

    @property
    def resize(self) -> Resize | None:
        """How the picture files that it learned from got their size; None where it learned from other data."""
        return taken_files.resize_of(self.preparation)

    @property
    def reads_files(self) -> bool:
        """Whether a file, a picture or a sound, is an example, as those that it learned from."""
        return taken_files.reads_files(self.network, self.preparation)

    def pictures(self, path: Path, *, sizes: bool = False) -> Iterator[tuple[list[str], Examples, list[DataError]]]:
        """Yield the pictures, or sounds, in a folder or an archive, many at a time.

        Of each time their names, they as examples, and what is wrong with those that cannot be read.

        Args:
            path: of the folder or archive.
            sizes: whether their own sizes are asked for.

        Raises:
            DataError: there are none.
        """
        return example_files.read_files(path, form_of(self.network, self.preparation, f"{path}"), sizes=sizes)

    def sound(self, samples: ArrayLike, rate: int) -> NDArray[Any]:
        """Return a sound in memory as an example for `predict`, (1, …): resampled, cut or filled up as its files were.

        Args:
            samples: (N,), or (N, channels), floats from -1 to 1; or whole numbers as a WAV file has them.
            rate: how many of them are a second.

        Raises:
            DataError: the model has not learned from sounds, or these are none.
        """
        return taken_files.sound_of(self, samples, rate)

    @property
    def text_column(self) -> str:
        """The column of texts, or `text` of texts in files, that alone it reads; empty of other models."""
        return taken_files.text_column(self.preparation)

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
        return taken_files.texts_of(self, given)

    def endings(self) -> tuple[str, ...]:
        """Return how the names of files end that the model may take: `.npy`, and where it takes pictures theirs."""
        return taken_files.endings(self.network, self.preparation)

    def probabilities(self, images: Given) -> Any:
        """Return the probability of each class, (N, K), for (N, C, H, W), (N, H, W), (N, F, L) or (N, F).

        They are bytes, floats, or token numbers (N, L). Where the outputs are no probabilities, as with the loss mse,
        they are returned as they are; one output x becomes (1 - x, x), for two classes. Of a network of several inputs
        the images are by their names, and of several outputs what is returned.

        Raises:
            DataError: the model names no classes, or the images do not fit it.
        """
        self._require_answers()
        return outputs_of(self).probabilities(self._in_batches(images, self.model.logits))

    @property
    def gives_probabilities(self) -> bool:
        """Whether the outputs are probabilities of classes; of several outputs whether all are."""
        return outputs_of(self).gives_probabilities

    @property
    def input_again(self) -> str:
        """The name of the output that is the input again, where there is one such; empty where there is none."""
        return outputs_of(self).input_again

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
        return in_batches(self.model, self.variables, self.checked(images), function)

    def checked(self, images: Given) -> Arrays:
        """Return examples as the network takes them; those of several inputs each by its name.

        Raises:
            DataError: they do not fit, or have values that are not finite.
        """
        return given_arrays.checked(self.network, images, self.preparation)

    def predict(self, images: Given) -> Any:
        """Return a prediction for each image, a list of them; shapes as for `probabilities`.

        Of several outputs there is such a list for each, by its name. Where the outputs are no probabilities, as with
        the loss mse, it has the outputs themselves. Of a table whose windows are examples there is one for each row,
        which is None where not as many rows as a window takes end in it.
        """
        self._require_answers()
        table = self.preparation.table if self.preparation else None
        given = given_arrays.rows_of(self.network, images, self.preparation) if table and table.windows else None
        if given is not None:
            found = self.predict(given.array)
            if isinstance(found, Mapping):
                return {name: given.by_row(answers) for name, answers in found.items()}
            return given.by_row(found)
        if self.tags:
            raise DataError(
                f"{self.file} gives each word a label", "run.tag(texts) returns the words with their labels"
            )
        outputs = outputs_of(self)
        if len(outputs.graph.outputs) == 1:
            probable = outputs.gives_probabilities
            rows = self.probabilities(images) if probable else self.in_units(self.outputs(images))
            return outputs.predictions(outputs.graph.outputs[0], rows)
        scores = self.probabilities(images)
        numbers = {} if outputs.gives_probabilities else self.outputs(images)
        return {
            o.name: outputs.predictions(
                o, scores[o.name] if outputs.names_classes(o) else self.in_units(numbers[o.name], o.name)
            )
            for o in outputs.graph.outputs
        }

    @property
    def several_labels(self) -> bool:
        """Whether an example may be of several classes at once; of several outputs each has an answer of its own."""
        return outputs_of(self).several_labels

    @property
    def output_names(self) -> tuple[str, ...]:
        """The class that each output stands for; empty where the outputs are numbers, not classes.

        One output that is a probability stands for two.
        """
        return outputs_of(self).names

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
        learned_data.require_split(split)
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
        return learned_data.asked_part(self, dataset, split, other=other)

    def part(self, dataset: Dataset, split: str) -> Split:
        """Return a part of a dataset, as the training divided it; raises DataError where nothing was held out."""
        return learned_data.part_of(self, dataset, split)

    def dataset(self, data: Data | None = None, *, progress: DownloadProgress | None = None) -> Dataset:
        """Return the dataset that the model was trained on, unless another is given.

        Raises:
            DataError: when it cannot be had, does not fit the network, or is not the same any more.
        """
        return learned_data.dataset_of(self, data, progress)


def open_run(path: str | Path, device: str | jax.Device | None = None) -> Run:
    """Open a run folder or a model file.

    Raises:
        RunError: when there is none.
        ModelFileError: when the model file is damaged or does not fit its own spec.
    """
    return Run(path, device)
