"""From a spec to a job: the recipe in numbers, a fixed part of the real data, netspec's initial weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

import netspec as ns
from comparison.cases import Case
from comparison.job import Array, Job, Layer
from netspec import data as datasets
from netspec.backends.initial import draw
from netspec.graph.graph import Graph

__all__ = ["load", "make_job", "product_flops"]

SEED = 0
_TESTED = 1024
_PRODUCTS = ("Conv", "ConvTranspose", "MatMul", "Attention")


def load(case: Case) -> ns.Network:
    """Return the network at a constant learning rate: schedules cost a few scalars, and each library counts its own."""
    return ns.load(case.spec, set=_settings(case))


def make_job(case: Case) -> Job:
    """Return what the workers need to run a case."""
    network = load(case)
    graph = network.graph()
    recipe = network.recipe
    batch = case.batch or recipe.batch
    factor, offset = network.data.scaling() if network.data else (1 / 255, 0.0)
    images, labels, test_images, test_labels = _examples(network, graph, batch * case.batches)
    kinds = [node.layer.canonical() for node in network.nodes]
    return Job(
        spec=str(case.spec),
        settings=_settings(case),
        name=case.spec.stem,
        batch=batch,
        batches=case.batches,
        optimizer=recipe.optimizer.model_dump(),
        clip=recipe.clip.norm if recipe.clip else None,
        l2=recipe.l2,
        classes=graph.shape(graph.output)[0],
        softmax="softmax" in (kinds[-1], _activation(network)),
        factor=factor,
        offset=offset,
        has_dropout="dropout" in kinds,
        scanned=not {"conv", "depthwise"} & set(kinds),
        images=images,
        labels=labels,
        test_images=test_images,
        test_labels=test_labels,
        layers=_layers(network, graph),
    )


def product_flops(case: Case) -> int:
    """Return the floating-point operations of the matrix products of one training step.

    Each product of the forward pass has two of the same size in the backward pass: one for the gradient of its kernel
    and one for that of its input, which the first layer does not need.
    """
    network = load(case)
    forward = [o.flops for o in network.graph().operations if type(o.op).__name__ in _PRODUCTS]
    return (case.batch or network.recipe.batch) * (3 * sum(forward) - forward[0])


def _settings(case: Case) -> dict[str, str]:
    rate = {} if case.rate is None else {"train.optimizer.lr": str(case.rate)}
    return {"train.schedule": "constant", **rate}


def _activation(network: ns.Network) -> str:
    activation = getattr(network.nodes[-1].layer, "activation", None)
    return activation.canonical() if activation else ""


def _examples(network: ns.Network, graph: Graph, count: int) -> tuple[Array, Array, Array, Array]:
    """Return training images and labels, then test ones: of MNIST, else of the bundled digits, else random."""
    rng = np.random.default_rng(SEED)
    if network.data:
        loaded = datasets.load(["mnist", "digits"], shape=network.input)
        chosen = rng.permutation(len(loaded.train))[np.arange(count) % len(loaded.train)]
        test = loaded.test.images[:_TESTED], loaded.test.labels[:_TESTED]
        return loaded.train.images[chosen], loaded.train.labels[chosen], *test
    tested = min(_TESTED, count)
    shape = (count + tested, *network.input)
    images = (
        rng.integers(0, graph.tokens, shape, np.int32) if graph.tokens else rng.integers(0, 256, shape, dtype=np.uint8)
    )
    labels = rng.integers(0, graph.shape(graph.output)[0], count + tested).astype(np.int32)
    return images[:count], labels[:count], images[count:], labels[count:]


def _layers(network: ns.Network, graph: Graph) -> tuple[Layer, ...]:
    owned: dict[str, dict[str, Array]] = {}
    for parameter in graph.parameters.values():
        node, _, name = parameter.path.rpartition("/")
        owned.setdefault(node, {})[name] = draw(parameter, SEED)
    inputs: Mapping[str, int] = graph.nodes
    return tuple(
        Layer(node.layer.canonical(), graph.shape(inputs[node.inputs[0]]), owned[node.name])
        for node in network.nodes
        if node.name in owned
    )
