"""How fast each strategy is, as measured, by version of JAX: the rates of the cost model.

`python benchmarks/rates.py` measures. FIRST are rates of two cores of a server CPU with JAX 0.10; what decides is their
ratio, and that differs little between CPUs. JAX 0.12 has none of its own: XLA's convolutions take 0.6 to 0.8 times as
long there, each alone, but a whole step of ResNet-20 that used them took twice the processor time, so that no other
choice was shown to be better (AMD EPYC with AVX-512, two cores, 2026-11-30).

A run records the version of the rates that it was planned with: those of a version stay as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from netspec.system.packages import installed_version

__all__ = ["FIRST", "Rates", "rates_for", "rates_here", "rates_of_version"]


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of the cost model, on a CPU.

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

_BY_JAX = {(0, 10): FIRST}
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
    return rates_for(installed_version("jax") or "")
