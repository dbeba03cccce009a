"""The outputs of a trained model: what each stands for, and the predictions that follow from its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netspec.graph.graph import Graph, GraphOutput
from netspec.ir.network import Network
from netspec.workflows.predictions import (
    Prediction,
    at_positions,
    class_names,
    class_scores,
    gives_probabilities,
    prediction_of,
    several,
)

if TYPE_CHECKING:
    from netspec.workflows.trained import Run

__all__ = ["Outputs", "outputs_of"]


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs of a trained model.

    Attributes:
        network: as it was declared.
        graph: the same in operations.
        labels: the class names of a single output; empty where it has none.
        by_name: of several outputs the class names of those that have some, by the names of the outputs.
    """

    network: Network
    graph: Graph
    labels: tuple[str, ...]
    by_name: Mapping[str, tuple[str, ...]]
    columns: tuple[str, ...] = ()

    @property
    def gives_probabilities(self) -> bool:
        """Whether the outputs are probabilities of classes; of several outputs whether all are."""
        return not self.network.reconstructs and all(map(self.names_classes, self.graph.outputs))

    @property
    def input_again(self) -> str:
        """The name of the output that is the input again, where there is one such; empty where there is none."""
        again = [o.name for o in self.graph.outputs if o.loss.compares] if self.network.reconstructs else []
        return again[0] if len(again) == 1 else ""

    @property
    def several_labels(self) -> bool:
        """Whether an example may be of several classes at once; of several outputs each has an answer of its own."""
        outputs = self.graph.outputs
        return len(outputs) == 1 and self._gives_several_labels(outputs[0])

    @property
    def names(self) -> tuple[str, ...]:
        """The class that each number of a single output stands for; empty where they are numbers, not classes.

        One number that is a probability stands for two.
        """
        if len(self.graph.outputs) > 1:
            return ()
        shape = self.graph.shape(self.graph.output)
        if self.gives_probabilities and len(shape) > 1:
            return class_names(self.labels, max(shape[0], 2))
        classes = 2 if self.gives_probabilities and shape == (1,) else int(np.prod(shape))
        known = self.gives_probabilities or (len(shape) == 1 and classes == len(self.labels) > 1)
        return class_names(self.labels, classes) if known and not self.network.reconstructs else ()

    @property
    def labels_by_target(self) -> dict[str, tuple[str, ...]]:
        """The class names by the targets that have some."""
        outputs = self.graph.outputs
        if len(outputs) == 1:
            return {outputs[0].target: self.labels} if self.labels else {}
        return {o.target: self.by_name[o.name] for o in outputs if o.name in self.by_name}

    def names_classes(self, output: GraphOutput) -> bool:
        """Return whether an output gives probabilities of classes."""
        return gives_probabilities(self.graph.only(output))

    def probabilities(self, logits: Any) -> Any:
        """Return the probability of each class; the outputs as they are where they are no probabilities.

        Args:
            logits: (N, …); of several outputs by their names, as what is returned.
        """
        if not isinstance(logits, dict):
            return class_scores(self.graph, logits)
        return {
            output.name: class_scores(self.graph.only(output), logits[output.name])
            if self.names_classes(output)
            else logits[output.name]
            for output in self.graph.outputs
        }

    def predictions(self, output: GraphOutput, rows: NDArray[Any]) -> list[Prediction]:
        """Return the predictions of one output, from its probabilities or from its numbers in their own unit."""
        labels = self._labels_of(output)
        if not self.names_classes(output):
            return [prediction_of(row, labels, probable=False) for row in rows.reshape(len(rows), -1)]
        names = class_names(labels, rows.shape[1])
        if rows.ndim > 2:
            return [at_positions(scores, names) for scores in rows]
        if self._gives_several_labels(output):
            # Each of several columns is a label.
            own = self.columns if len(self.columns) == rows.shape[1] and len(self.graph.outputs) == 1 else names
            return [several(row, own) for row in rows]
        return [prediction_of(row, names, probable=True) for row in rows]

    def _labels_of(self, output: GraphOutput) -> tuple[str, ...]:
        """Return the names of the classes of an output; none where it has none."""
        return self.labels if len(self.graph.outputs) == 1 else self.by_name.get(output.name, ())

    def _gives_several_labels(self, output: GraphOutput) -> bool:
        """Return whether an example may be of several classes of an output at once: each is a probability of its own.

        What learned one class of several knows their names.
        """
        alone = self.graph.only(output)
        sigmoid = "sigmoid" in (alone.link, alone.ends_in) and alone.shape(output.index)[0] > 1
        return sigmoid and not self._labels_of(output) and not self.network.reconstructs


def outputs_of(run: Run) -> Outputs:
    """Return the outputs of a trained model."""
    return Outputs(run.network, run.model.graph, run.labels, run.output_labels, run.learned_columns)
