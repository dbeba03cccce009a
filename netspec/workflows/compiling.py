"""Networks compiled for a device, with strategies that are measured where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection

import jax

from netspec.backends.jax.autotune import Autotuner, Tuning
from netspec.backends.jax.devices import require_agreement, resolve, shared_devices
from netspec.backends.jax.model import Model
from netspec.backends.jax.train.device_group import rows_per_device
from netspec.data.labels import check_steps
from netspec.data.parts import sizes
from netspec.data.types import Dataset
from netspec.diagnostics.diagnostic import NetspecError
from netspec.graph.graph import Graph
from netspec.graph.memory import evaluated_at_once
from netspec.graph.trace import trace
from netspec.ir.network import Network
from netspec.planning import Recorded
from netspec.system.places import timings_folder

__all__ = ["autotunes", "compile_for_training", "compile_network"]


def compile_network(
    network: Network,
    device: str | jax.Device | None = None,
    precision: str = "float32",
    *,
    autotune: bool | None = None,
    graph: Graph | None = None,
    batches: Collection[int] | None = None,
    tuning: Callable[[Tuning], None] | None = None,
    recorded: Recorded | None = None,
) -> Model:
    """Return a network compiled for a device.

    Args:
        network: what is compiled.
        device: what computes.
        precision: of inference.
        autotune: whether the strategies are measured; as the network says unless given.
        graph: of the network; traced here unless given.
        batches: the batch sizes for which they are; all unless given.
        tuning: called with how far that is.
        recorded: the plans of a run that is resumed or replayed, which come before measured and expected ones.

    Raises:
        SpecError: when shapes do not fit.
        DeviceError: when there is no such device.
        NetspecError: when there is no such precision.
    """
    tunes = autotunes(network, autotune)
    tune = Autotuner(timings_folder(), batches=batches, progress=tuning) if tunes else None
    return Model(network, trace(network) if graph is None else graph, device, precision, tune, recorded)


def compile_for_training(
    network: Network,
    graph: Graph,
    dataset: Dataset,
    device: str | jax.Device | None,
    *,
    autotune: bool | None = None,
    tuning: Callable[[Tuning], None] | None = None,
    recorded: Recorded | None = None,
) -> Model:
    """Return a network compiled for its training on a dataset; arguments and errors as for `compile_network`."""
    devices = shared_devices(resolve(device), network.recipe.devices, network.recipe.batch)
    require_agreement(f"{network.model_dump_json()}{dataset.sha256}{dataset.labels}{dataset.target_labels}")
    if jax.process_count() > 1 and autotunes(network, autotune):
        # They must all come to the same program.
        raise NetspecError("processes that train together cannot autotune: each measures other times", "leave it out")
    batches = _batches(network, graph, dataset, len(devices))
    model = compile_network(
        network, device, autotune=autotune, graph=graph, batches=batches, tuning=tuning, recorded=recorded
    )
    check_steps(network, graph, dataset)
    return model


def autotunes(network: Network, autotune: bool | None) -> bool:
    """Return whether the ways to compute are measured: as asked for, else as the network says."""
    return network.compile.autotune == "on" if autotune is None else autotune


def _batches(network: Network, graph: Graph, dataset: Dataset, devices: int) -> set[int]:
    """Return the batch sizes that most of a training is spent on, on each device: not that of the rest of an epoch."""
    recipe, (train, held_out) = network.recipe, sizes(network, dataset)
    at_once = evaluated_at_once(network, graph)
    evaluated = (min(at_once, n) for n in (len(dataset.test), held_out) if n)
    batches = {min(recipe.batch, train), *evaluated}
    return {rows_per_device(batch, devices) for batch in batches}
