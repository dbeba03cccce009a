"""How many bytes a network needs, worked out from its graph: nothing is allocated to find out.

All values are float32. What is not counted is the workspace of an algorithm, such as the patches that a convolution by
matrix product makes, so that the figure belongs to the network and not to the device. Beside XLA's own account
(`memory_analysis`) it is right within a factor of two for the ready-made networks, in inference for the plain way to
compute them, which a test keeps so. The workspace of Winograd's filtering made a VGG's inference 2.7 times as large; a
LeNet's, each convolution one program with its pooling, took an eighth of the figure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from math import prod

from netspec.graph.graph import Graph
from netspec.graph.parts import learning_values, parts
from netspec.graph.recipe_checks import used_batch
from netspec.ir.network import Network
from netspec.ops import Bias

__all__ = ["answered_at_once", "augment_bytes", "evaluated_at_once", "inference_bytes", "training_bytes"]

_FLOAT = 4
_MOST_AT_ONCE = 1000
_MOST_BYTES = 512_000_000
"""Examples that inference takes at a time, and what their values may take: more is hardly faster."""


def training_bytes(network: Network, graph: Graph) -> int:
    """Return the bytes of one training step at the recipe's batch size.

    They are the weights, their gradients, the optimizer's averages and the running averages; for each example all that
    the backward pass reads again, and the gradients that are under way, two as large as the largest value; or what
    `augment` takes for each, where that is more.
    """
    frozen = parts(network, graph).forever
    weights = sum(p.size for p in graph.parameters.values() if p.trainable)
    moved = sum(p.size for p in graph.parameters.values() if p.trainable and p.path not in frozen)
    state = sum(p.size for p in graph.parameters.values() if not p.trainable)
    # A bias is added in place, and its gradient needs no value of the forward pass.
    sizes = {o.output: prod(o.shape) for o in graph.operations if not isinstance(o.op, Bias)}
    largest = max([*(prod(i.shape) for i in graph.inputs), *sizes.values()])
    values = graph.input_values + sum(_read_again(graph, sizes, frozen)) + 2 * largest
    kept = weights + moved * (1 + network.recipe.optimizer.averages()) + state
    # Images are changed before the first layer computes: what that takes is free again by then.
    return _FLOAT * kept + max(_FLOAT * used_batch(network) * values, augment_bytes(network, graph))


def _read_again(graph: Graph, sizes: Mapping[int, int], frozen: Collection[str]) -> Iterator[int]:
    """Yield the sizes of the values of an example that the backward pass reads: all, but those of what is frozen."""
    if not frozen:
        yield from sizes.values()
        return
    learning = learning_values(graph, frozen)
    read = {value for o in graph.operations if o.output in learning for value in (o.output, *o.inputs)}
    yield from (size for value, size in sizes.items() if value in read)


def augment_bytes(network: Network, graph: Graph) -> int:
    """Return the bytes that `augment` takes in a training step, the images included; 0 without it."""
    augment = network.data.augment if network.data else None
    if augment is None:
        return 0
    images = [i.shape for i in graph.inputs if network.varies(i.shape)]
    return _FLOAT * used_batch(network) * sum(prod(shape) + augment.values(shape) for shape in images)


def inference_bytes(network: Network, graph: Graph) -> int:
    """Return the bytes of a forward pass on one batch: the weights, and the most values that live at once.

    A kernel that normalization is folded into takes the place of the declared one and is as large; where both are kept,
    as `Model` keeps them, the copy is not counted.
    """
    weights = sum(p.size for p in graph.parameters.values())
    return _FLOAT * (weights + network.at_once(used_batch(network)) * _peak(graph))


def evaluated_at_once(network: Network, graph: Graph) -> int:
    """Return how many examples an evaluation in training takes at a time: as the recipe says, else as memory allows."""
    return network.recipe.evaluate.batch or _affordable(network, graph)


def answered_at_once(network: Network, graph: Graph) -> int:
    """Return how many examples a trained model takes at a time: what memory allows, or fewer if the recipe says so.

    Runs of earlier versions record 1000 for every network, whether anybody asked for it or not.
    """
    return min(evaluated_at_once(network, graph), _affordable(network, graph))


def _affordable(network: Network, graph: Graph) -> int:
    """Return how many examples have room: 1000, or as many as stay below a bound by the values that live at once."""
    example = _FLOAT * max(1, _peak(graph))
    count = max(1, min(_MOST_AT_ONCE, _MOST_BYTES // example))
    # All views of few images are computed together.
    return max(1, count * count // network.at_once(count))


def _peak(graph: Graph) -> int:
    """Return the largest sum of the values of one example that are alive at the same time."""
    last: dict[int, int] = {output.index: len(graph.operations) for output in graph.outputs}
    for at, operation in enumerate(graph.operations):
        for value in operation.inputs:
            last[value] = max(last.get(value, 0), at)
    alive = peak = graph.input_values
    for at, operation in enumerate(graph.operations):
        in_place = isinstance(operation.op, Bias)
        alive += 0 if in_place else prod(operation.shape)
        peak = max(peak, alive)
        for value in set(operation.inputs):
            if last[value] == at and not in_place:
                alive -= prod(graph.shape(value))
    return peak
