"""How fast each way of computing is with each version of JAX, as measured: what the cost model counts with.

Measured with `python benchmarks/rates.py`, on two cores of an AMD EPYC server with AVX-512, 2026-11-29, the memory of a
step kept for the next one. What decides is the ratio of these numbers, and that differs little between CPUs, but much
between versions: XLA's own convolutions take 0.6 to 0.75 times as long with JAX 0.12 as with 0.10.

A run records the version of the rates that it was planned with. FIRST are those of runs that recorded none: they stay.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

__all__ = ["FIRST", "Rates", "rates_for", "rates_here", "rates_of_version"]


@dataclass(frozen=True, slots=True)
class Rates:
    """What the cost model counts with, on a CPU.

    Attributes:
        version: what they are recorded as.
        product: floating-point operations a microsecond in large matrix products.
        stream: bytes a microsecond, read or written.
        cached: bytes that an operation may move in a pass so that the caches are still of some use.
        start: microseconds to start one more loop or product.
        direct: share of `product` that XLA's convolution reaches forward, where gradients follow.
        direct_alone: likewise where none follow.
        direct_back: likewise in each of the gradients.
        columns: how often im2col passes over its columns, forward and in each gradient.
    """

    version: str
    product: float
    stream: float
    cached: float
    start: float
    direct: float
    direct_alone: float
    direct_back: float
    columns: float


FIRST = Rates(
    version="1",
    product=220e3,
    stream=16e3,
    cached=64e6,
    start=3.0,
    direct=0.7,
    direct_alone=0.5,
    direct_back=0.4,
    columns=2.5,
)

_BY_JAX = {
    (0, 10): replace(FIRST, version="2, jax 0.10", direct=1.0, direct_alone=0.5, direct_back=0.58, columns=2.5),
    (0, 12): replace(FIRST, version="2, jax 0.12", direct=1.35, direct_alone=0.5, direct_back=0.77, columns=2.5),
}
"""By the oldest version of JAX that they hold for."""


def rates_for(jax: str) -> Rates:
    """Return the rates of a version of JAX: those measured with the newest one that is no newer, else the oldest."""
    found = re.match(r"(\d+)\.(\d+)", jax)
    version = (int(found[1]), int(found[2])) if found else max(_BY_JAX)
    return _BY_JAX[max((known for known in _BY_JAX if known <= version), default=min(_BY_JAX))]


def rates_of_version(version: str) -> Rates | None:
    """Return the rates that are recorded as a version; None where this netspec does not know them."""
    return next((rates for rates in (FIRST, *_BY_JAX.values()) if rates.version == version), None)


@cache
def rates_here() -> Rates:
    """Return the rates of the JAX that is installed, which is not imported for that."""
    # Who checks a spec needs neither.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return rates_for(version("jax"))
    except PackageNotFoundError:
        return rates_for("")
