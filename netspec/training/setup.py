"""Setup of a training: the examples on the device, the compiled program, the steps of an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax
from numpy.typing import NDArray

from netspec.backends.jax.devices import shared_devices
from netspec.backends.jax.inputs.prepare import at_each_pixel
from netspec.backends.jax.model import Model
from netspec.backends.jax.train.step import OnDevice, Trainer
from netspec.backends.jax.train.step_chunks import depends_on_batch, log_interval
from netspec.backends.jax.train.streamed import Streamed
from netspec.data.parts import divided, sizes
from netspec.data.texts.tagged import entity_labels
from netspec.data.types import Dataset, each_array
from netspec.data.units import columns_of, units_of
from netspec.diagnostics.diagnostic import DataError
from netspec.graph.causality import reads_ahead
from netspec.graph.memory import evaluated_at_once
from netspec.graph.parts import check_until, parts
from netspec.graph.recipe_checks import measurable, normalized_alone
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.ir.recipe import Recipe
from netspec.ir.text import layer_text
from netspec.recipe.metrics import Task
from netspec.training.events import Result, Started
from netspec.training.progress import TrainingProgress
from netspec.training.scores import Scorer, scorers_of, tasks_of
from netspec.training.selection import check_metrics
from netspec.training.steps import StepSchedule

__all__ = ["Setup", "set_up"]


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """All of a training that does not change while it runs.

    Attributes:
        model: the compiled network.
        dataset: what it learns from.
        seed: what all randomness follows from.
        devices: what computes, each a part of every batch.
        trainer: takes the steps.
        step_schedule: says which.
        train: the training set without the validation set.
        splits: what is evaluated after an epoch: `test`, and before it `validation` where examples are held out.
        tasks: what each output says, by its name, which the only one does not have; None where no metric is of it.
    """

    model: Model
    dataset: Dataset
    seed: int
    devices: tuple[jax.Device, ...]
    trainer: Trainer
    step_schedule: StepSchedule
    train: OnDevice | Streamed
    splits: Mapping[str, OnDevice | Streamed]
    tasks: Mapping[str, Task | None] = field(default_factory=dict)

    def scorers(self, split: str) -> dict[str, Scorer]:
        """Return what adds up the metrics that are asked for of a split, by the names of the outputs."""
        model, fitted = self.model, self.dataset.preparation
        units, columns = units_of(model.graph, fitted), columns_of(model.graph, fitted)
        tags = entity_labels(model.network, fitted)
        found = scorers_of(
            model.network, model.graph, model.inference, self.tasks, split, units=units, columns=columns, tags=tags
        )
        # What is measured of classes anyway is not measured twice.
        return {name: scorer for name, scorer in found.items() if scorer.names}

    def waited(self) -> float:
        """Return for how many seconds the device had nothing to do because examples were not there yet."""
        return sum(part.waited for part in (self.train, *self.splits.values()) if isinstance(part, Streamed))

    @property
    def evaluated_at_once(self) -> int:
        """The examples that an evaluation takes at a time."""
        return evaluated_at_once(self.model.network, self.model.graph)

    @property
    def recipe(self) -> Recipe:
        """The network's recipe."""
        return self.model.network.recipe

    def started(self, step: int, folder: Path | None) -> Started:
        """Return the first event of a training that begins, or is resumed after so many steps."""
        device = self.model.device
        return Started(
            name=self.model.network.name,
            parameters=self.model.graph.parameter_count,
            dataset=self.dataset.name,
            train=self.train.size,
            validation=self.splits["validation"].size if "validation" in self.splits else 0,
            test=self.splits["test"].size,
            epochs=self.recipe.epochs,
            steps_per_epoch=self.step_schedule.steps,
            batch=self.trainer.batch,
            seed=self.seed,
            steps_per_call=self.trainer.steps_per_call,
            device=device.device_kind if device.platform != "cpu" else "cpu",
            devices=tuple(f"{d.platform}:{d.id}" for d in self.devices),
            folder=folder,
            step=step,
            # Images that are read as a row or a sequence are images too.
            reads=_called(self.model.network),
            frozen=parts(self.model.network, self.model.graph).frozen_count(self.model.graph),
        )

    def result(self, progress: TrainingProgress, step: int, seconds: float) -> Result:
        """Return what a training has come to that ended after so many steps and seconds."""
        last, best = progress.last, progress.best
        assert last is not None
        # Nothing is known of the best where its model was lost and no epoch has ended since.
        best = best or last
        return Result(
            test_accuracy=last.test_accuracy,
            test_loss=last.test_loss,
            train_accuracy=last.train_accuracy,
            train_loss=last.train_loss,
            validation_accuracy=last.validation_accuracy,
            validation_loss=last.validation_loss,
            epochs=last.epoch,
            seconds=seconds,
            parameters=self.model.graph.parameter_count,
            best_epoch=best.epoch,
            best_test_accuracy=best.test_accuracy,
            best_test_loss=best.test_loss,
            dataset=self.dataset.name,
            seed=self.seed,
            device=self.model.device.platform,
            steps=step,
            stopped=progress.stopped or "epochs",
            left_out=len(progress.skipped),
            metrics={**last.metrics, **{f"best_{n}": v for n, v in best.metrics.items() if n.startswith("test_")}},
            outputs=last.outputs,
        )

    def notices(self) -> Iterator[str]:
        """Yield what to say before the training begins."""
        yield from self.dataset.notices
        yield from check_until(self.model.network)
        batch, graph = self.trainer.batch, self.model.graph
        if batch % len(self.devices) and depends_on_batch(graph):
            yield (
                f"a batch of {batch} cannot be cut into {len(self.devices)} equal parts, as batch "
                "normalization needs: each device computes all of it"
            )
        network = self.model.network
        foretells = network.data is not None and network.data.target == "next" and len(graph.outputs) == 1
        ahead = reads_ahead(network, self.model.training) if foretells else None
        if ahead:
            yield (
                f"`{layer_text(ahead.layer)}` ({ahead.name}) reads the tokens that the outputs are to give: the loss "
                "says nothing of how well they are foretold, and the model cannot write on; layers that look back only "
                "are `lstm`, `gru`, `attention 4 causal` and `conv 64 3 pad=causal`"
            )
        lone = normalized_alone(self.model.network, graph) if self.train.size % batch == 1 else None
        if lone:
            better = next(n for n in range(batch + 1, self.train.size + 1) if self.train.size % n != 1)
            yield (
                f"the last batch of an epoch is one example, too few for the statistics of `{lone}`: it is normalized "
                f"by the running averages, which stay as they are (`batch {better}` leaves none alone)"
            )


def set_up(
    model: Model,
    dataset: Dataset,
    *,
    seed: int | None,
    log_every: int | None,
    initial: Mapping[str, NDArray[Any]] | None = None,
) -> Setup:
    """Put the examples on the device and prepare the program; arguments as for `train`.

    Whether the dataset fits the network was checked before: by `load_data` and when the model was compiled.

    Raises:
        DataError: when the recipe selects or stops by a metric that there is not.
    """
    network = model.network
    recipe = network.recipe
    data = network.data or DataSource(name=dataset.name)
    seed = recipe.seed if seed is None else seed
    if not network.reconstructs:
        _check_moved(network, dataset)
    tasks = tasks_of(network, model.graph, dataset.train)
    found = measurable(network, model.graph)
    tagged = bool(entity_labels(network, dataset.preparation))
    known = {
        name: replace(each, tasks=(t,) if (t := tasks[name]) else (), entities=tagged) for name, each in found.items()
    }
    check_metrics(recipe, known, validation=sizes(network, dataset)[1] > 0)
    train, validation = divided(network, dataset)
    batch = min(recipe.batch, len(train))
    steps = -(-len(train) // batch)
    devices = shared_devices(model.device, recipe.devices, recipe.batch)
    trainer = Trainer(
        model,
        steps_per_epoch=steps,
        epochs=recipe.epochs,
        seed=seed,
        batch=batch,
        max_steps_per_call=log_every or log_interval(steps),
        devices=devices,
        initial=initial,
    )
    placed = trainer.examples(train)
    step_schedule = StepSchedule(
        trainer,
        recipe,
        data,
        placed,
        seed=seed,
        log_every=log_every or log_interval(steps, trainer.steps_per_call),
    )
    splits = {"validation": validation, "test": dataset.test} if validation else {"test": dataset.test}
    on_device = {name: trainer.examples(split) for name, split in splits.items()}
    return Setup(model, dataset, seed, devices, trainer, step_schedule, placed, on_device, tasks)


def _called(network: Network) -> str:
    """Return what examples are called."""
    if network.reads_sounds and not (network.data and network.data.is_table):
        return "sounds"
    return "images" if network.reads_images else "examples"


def _check_moved(network: Network, dataset: Dataset) -> None:
    """Raise DataError where images would be moved, and their targets would stay where they are."""
    augment = network.data.augment if network.data else None
    if augment is None or not augment.warps:
        return
    size = network.input[1:] if len(network.inputs) == 1 and len(network.input) == 3 else ()
    for labels in each_array(dataset.train.labels):
        placed = labels.ndim > 2 - (labels.dtype.kind != "f")
        if not placed or (len(size) == 2 and at_each_pixel(labels.shape, (size[0], size[1]))):
            continue
        raise DataError(
            "`augment` moves the images, and the targets at each position would stay where they are: they are not "
            "one for each pixel",
            "leave `rotate`, `shift`, `zoom`, `shear`, `elastic`, `resized_crop`, `trivialaugment`, `randaugment`, "
            "`pad` and `flip` out",
        )
