"""The values parameters begin with, drawn on the host: the same numbers on every device and for every back end.

Each parameter's stream depends on the seed and its path alone, so a layer added elsewhere changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.graph.graph import Parameter
from netspec.recipe import initializers as init

__all__ = ["draw", "stream"]

Array = NDArray[np.float32]


def stream(seed: int, path: str) -> np.random.Generator:
    """Return the random stream of one parameter."""
    key = int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, key])))


def draw(parameter: Parameter, seed: int) -> Array:
    """Return the initial value of a parameter: float32, of its shape."""
    rng = stream(seed, parameter.path)
    # What is too large for float32 becomes infinite; the training says so, and where.
    with np.errstate(over="ignore"):
        return np.asarray(_DRAW[type(parameter.init)](parameter.init, parameter, rng), np.float32)


def _uniform(limit: float, p: Parameter, rng: np.random.Generator) -> Array:
    return rng.uniform(-limit, limit, p.shape).astype(np.float32)


def _normal(std: float, p: Parameter, rng: np.random.Generator) -> Array:
    return rng.standard_normal(p.shape, np.float32) * np.float32(std)


def _mean_fan(p: Parameter) -> float:
    return (p.fans[0] + p.fans[1]) / 2


def _orthogonal(i: init.Orthogonal, p: Parameter, rng: np.random.Generator) -> Array:
    rows, columns = p.shape[0], prod(p.shape[1:])
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    # QR is unique only up to signs; fixing them makes the matrix uniform over all orthogonal ones (Mezzadri 2007).
    q = q * np.sign(np.diag(r))
    q = q.T if rows < columns else q
    return (i.gain * q.reshape(p.shape)).astype(np.float32)


_DRAW: dict[type[init.Initializer], Callable[[Any, Parameter, np.random.Generator], Array]] = {
    init.XavierUniform: lambda i, p, rng: _uniform(sqrt(i.magnitude / _mean_fan(p)), p, rng),
    init.XavierNormal: lambda i, p, rng: _normal(sqrt(i.magnitude / _mean_fan(p)), p, rng),
    init.HeUniform: lambda _, p, rng: _uniform(sqrt(6 / p.fans[0]), p, rng),
    init.HeNormal: lambda _, p, rng: _normal(sqrt(2 / p.fans[0]), p, rng),
    init.LecunUniform: lambda _, p, rng: _uniform(sqrt(3 / p.fans[0]), p, rng),
    init.LecunNormal: lambda _, p, rng: _normal(sqrt(1 / p.fans[0]), p, rng),
    init.Torch: lambda _, p, rng: _uniform(sqrt(1 / p.fans[0]), p, rng),
    init.Normal: lambda i, p, rng: np.float32(i.mean) + _normal(i.std, p, rng),
    init.Uniform: lambda i, p, rng: rng.uniform(i.range[0], i.range[1], p.shape).astype(np.float32),
    init.Zeros: lambda _, p, rng: np.zeros(p.shape, np.float32),
    init.Ones: lambda _, p, rng: np.ones(p.shape, np.float32),
    init.Constant: lambda i, p, rng: np.full(p.shape, i.value, np.float32),
    init.Orthogonal: _orthogonal,
}
