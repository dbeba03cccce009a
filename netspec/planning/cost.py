"""What each strategy to compute an operation is expected to take.

A roofline: multiplications at the rate that matrix products reach, plus every pass over memory at the rate that large
arrays stream, plus a little for each program that is started. The rates are of two cores of a server CPU; what decides
is their ratio, and that differs little between CPUs. Where a rule is not good enough, autotuning measures.

On GPUs the platform's own library chooses its algorithms and layouts by itself: there the direct strategy with
the channels last is taken throughout.
"""

from __future__ import annotations

from math import prod

from netspec import ops
from netspec.ops import Shape
from netspec.planning.layouts import BATCH_LAST, CHANNELS_FIRST, CHANNELS_LAST, Layout
from netspec.planning.op_instance import OpInstance, Strategy
from netspec.planning.rates import Rates, rates_here

__all__ = ["conversion", "expected"]


def expected(instance: OpInstance, strategy: Strategy, platform: str, rates: Rates | None = None) -> float:
    """Return the microseconds that an operation is expected to take, gradients included where they are computed.

    Args:
        instance: the operation.
        strategy: how it is computed.
        platform: `cpu`, `gpu` …
        rates: of the cost model; those of the installed JAX unless given.
    """
    if platform != "cpu":
        return _off_cpu(strategy)
    rates = rates or rates_here()
    if isinstance(instance.op, ops.Conv):
        return _conv(instance, strategy, rates)
    if isinstance(instance.op, ops.ConvTranspose):
        return _conv_transpose(instance, strategy, rates)
    if isinstance(instance.op, ops.MaxPool):
        return _max_pool(instance, strategy, rates)
    if isinstance(instance.op, ops.MatMul):
        return _product(_flops(instance), instance, rates) + _values(instance) * 1.5 / rates.stream
    return rates.start + _passes(instance, 2) * _values(instance) / rates.stream


def conversion(
    shape: Shape,
    batch: int,
    source: Layout,
    target: Layout,
    *,
    gradient: bool,
    training: bool = True,
    rates: Rates | None = None,
) -> float:
    """Return the microseconds to bring a value from one layout to another, and its gradient back where there is one."""
    rates = rates or rates_here()
    if source == target or _same_memory(shape, batch, source, target):
        return 0.0
    size = 4.0 * batch * prod(shape)
    # Transposing reads or writes across cache lines. In inference XLA has the reader do it, each time it reads.
    across = 4 if training else 12
    return (2 if gradient else 1) * (rates.start + across * size / rates.stream)


def _same_memory(shape: Shape, batch: int, source: Layout, target: Layout) -> bool:
    """Return whether two layouts of a value differ only by axes of length 1."""
    lengths = (batch, *shape)

    def order(layout: Layout) -> list[int]:
        return [axis for axis in layout.axes(len(lengths)) if lengths[axis] > 1]

    return order(source) == order(target)


def _off_cpu(strategy: Strategy) -> float:
    preferred = {"direct": 0, "reshape": 0, "reduce_window": 1, "": 0}
    return preferred.get(strategy.name, 10) + 3 * (strategy.layout != CHANNELS_LAST) + 1.0


def _flops(instance: OpInstance) -> float:
    """Return the floating-point operations of one forward pass."""
    return float(instance.batch * instance.op.flops(instance.output, *instance.inputs, *instance.parameters))


def _passes(instance: OpInstance, both: int) -> int:
    """Return how often something is done: forward, and for the gradients with respect to parameters and input."""
    return 1 if not instance.gradient else 1 + both if instance.input_gradient else both


def _product(flops: float, instance: OpInstance, rates: Rates, rate: float | None = None) -> float:
    times = _passes(instance, 2)
    return times * (rates.start + flops / (rate or rates.product))


def _values(instance: OpInstance) -> float:
    """Return the bytes of what goes in and comes out."""
    return 4.0 * instance.batch * (sum(map(prod, instance.inputs)) + prod(instance.output))


def _run(instance: OpInstance, layout: Layout) -> float:
    """Return how much slower memory is passed over because what lies together is short: 1 where it is long."""
    channels, *_, width = instance.out
    inner = {CHANNELS_LAST: channels, CHANNELS_FIRST: width, BATCH_LAST: width * instance.batch}[layout]
    return 1 + 4 / inner


def _conv(instance: OpInstance, strategy: Strategy, rates: Rates) -> float:
    outputs, inputs = instance.out[0], instance.parameters[0][1]
    flops, values = _flops(instance), _values(instance)
    # Matrix products of few rows or columns do not reach the rate of large ones.
    rate = rates.product * min(outputs, 64) / (min(outputs, 64) + 12)
    rate *= min(1.0, (inputs * prod(instance.window) + 8) / 40)
    columns = 4.0 * instance.batch * instance.image[0] * prod(instance.window) * prod(instance.out[1:])
    groups = getattr(instance.op, "groups", 1)
    run = _run(instance, strategy.layout)
    if strategy.name == "direct" and instance.is_volume:
        # XLA's own is not made for volumes: measured at two to five times the time of their slices.
        return 4 * _direct(instance, strategy.layout, flops, values, groups, rates)
    if strategy.name in {"direct", "slices"}:
        return _direct(instance, strategy.layout, flops, values, groups, rates)
    if strategy.name == "matmul":
        return (
            _product(flops, instance, rates, rate)
            + _passes(instance, 2) * values / rates.stream
            + groups * 2 * rates.start
        )
    if strategy.name == "taps":
        return (
            rates.start * prod(instance.window)
            + _passes(instance, 2) * prod(instance.window) * values * run / 2.5 / rates.stream
        )
    if strategy.name == "winograd":
        terms = instance.window[1] + 3
        fewer = terms / (4 * instance.window[1])
        transformed = columns * fewer + 4.0 * instance.batch * prod(instance.out) * terms / 4
        once = (transformed + values) * run
        moved = (1.0 if once < rates.cached else 1.5) * _passes(instance, 2) * once
        return terms * _product(flops * fewer / terms, instance, rates, rate) + moved / rates.stream + 6 * rates.start
    # im2col: the columns are written and read, and for the gradients read, written and added up.
    moved = _passes(instance, 2) * rates.columns * columns * run + values
    return (
        _product(flops, instance, rates, rate)
        + moved / rates.stream
        + rates.start * prod(instance.window)
        + groups * 2 * rates.start
    )


def _direct(instance: OpInstance, layout: Layout, flops: float, values: float, groups: int, rates: Rates) -> float:
    """The platform's convolution: good forward, slower backward, slow in groups; it wants the channels last."""
    # Of a volume's kernel each slice is a convolution of its own.
    outputs, depth = instance.out[0], instance.parameters[0][1] * prod(instance.parameters[0][2:][-2:])
    if instance.pooled and layout == CHANNELS_LAST and groups == 1 and not instance.is_volume:
        return _direct_pooled(instance, flops, rates)
    # It computes several outputs at once, and several terms of each.
    rate = rates.product * depth / (depth + 32) * outputs / (outputs + 8)
    # Where no gradient follows, XLA hands it to a library, slower with a convolution alone.
    spent = flops / ((rates.direct if instance.gradient else rates.direct_alone) * rate)
    if instance.gradient:
        spent += (_passes(instance, 2) - 1) * flops / (rates.direct_back * rate)
    if groups > 1:
        spent *= 10
    moved = 0.0 if layout == CHANNELS_LAST else 4 * _passes(instance, 2) * values / rates.stream
    return spent + _passes(instance, 2) * (3 * rates.start + values / rates.stream) + moved


def _direct_pooled(instance: OpInstance, flops: float, rates: Rates) -> float:
    """The platform's convolution with the pooling that follows: a few lines at a time, what lies between stays there.

    Measured on a CPU with AVX2 (medians), 1,024 images, 1 to 32 and 32 to 32 channels, 5 x 5: 18 and 37 ms with relu
    and pooling, 45 and 98 ms alone.
    """
    inputs, outputs = instance.parameters[0][1], instance.out[0]
    depth = inputs * prod(instance.window)
    # Channels are computed in vectors of eight, whole or not.
    share = outputs / _filled(outputs) * (inputs / _filled(inputs) if inputs > 1 else 1.0)
    rate = rates.product * share * depth / (depth + 15) * outputs / (outputs + 8)
    return 3 * rates.start + 1.15 * flops / rate + _values(instance) / rates.stream / 2


def _filled(count: int) -> int:
    """Return a number of values filled up to whole vectors."""
    return -(-count // 8) * 8


def _conv_transpose(instance: OpInstance, strategy: Strategy, rates: Rates) -> float:
    flops, values = _flops(instance), _values(instance)
    if strategy.name == "direct":
        spread = prod(instance.strides("stride"))
        return 3 * flops * spread / (0.3 * rates.product) * (10 if getattr(instance.op, "groups", 1) > 1 else 1)
    columns = 4.0 * instance.batch * prod(instance.image[1:]) * instance.out[0] * prod(instance.window)
    moved = _passes(instance, 2) * 1.5 * columns * _run(instance, strategy.layout) + values
    return _product(flops, instance, rates) + moved / rates.stream


def _max_pool(instance: OpInstance, strategy: Strategy, rates: Rates) -> float:
    values, run = _values(instance), _run(instance, strategy.layout)
    taps = prod(instance.window)
    if strategy.name == "reshape":
        return rates.start + _passes(instance, 2) * values * run / rates.stream
    if strategy.name == "slices":
        overlap = 4.0 * instance.batch * prod(instance.output) * taps
        return rates.start * taps + _passes(instance, 2) * (values + overlap / 2) * run / rates.stream
    if instance.gradient:
        return rates.start + 40 * values / rates.stream  # XLA's select-and-scatter
    # With the channels last it is one program with the convolution before it, which counts what it reads.
    return rates.start + (0 if strategy.layout == CHANNELS_LAST else 2) * values / rates.stream
