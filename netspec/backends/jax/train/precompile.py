"""Ahead-of-time compilation in threads, while the host or the device has other work."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax

__all__ = ["Program", "without_debug_modes"]


class Program:
    """A function that is compiled for each shape and each choice, when it is first called or before.

    Args:
        function: pure, of arrays; keyword arguments are choices that are compiled in.
        donate: which arrays' memory the results reuse.
    """

    def __init__(self, function: Callable[..., Any], donate: tuple[int, ...] = ()) -> None:
        self._jit = partial(jax.jit, function, donate_argnums=donate)
        self._jitted: dict[Hashable, Any] = {}
        self._prepared: dict[Hashable, Future[Any]] = {}

    def prepare(self, pool: ThreadPoolExecutor, *examples: Any, **choices: Any) -> None:
        """Begin to compile for arrays such as these, in a thread of `pool`; nothing is waited for."""
        key = self._key(examples, choices)
        shapes = jax.tree.map(_shape, examples)
        if key not in self._prepared:
            self._prepared[key] = pool.submit(lambda: self._compiled(shapes, choices))

    def _compiled(self, shapes: tuple[Any, ...], choices: dict[str, Any]) -> Any:
        with without_debug_modes():
            return self.lower(*shapes, **choices).compile()

    def ready(self, timeout: float) -> bool:
        """Return whether all that was prepared is compiled, after waiting for it so many seconds at most."""
        return not wait(self._prepared.values(), timeout).not_done

    def lower(self, *examples: Any, **choices: Any) -> Any:
        """Return what would be compiled for arrays such as these."""
        return self._jit(static_argnames=tuple(choices)).lower(*examples, **choices)

    def __call__(self, *arrays: Any, **choices: Any) -> Any:
        """Run it; a program that is being compiled is waited for."""
        with without_debug_modes():
            return self._run(arrays, choices)

    def _run(self, arrays: tuple[Any, ...], choices: dict[str, Any]) -> Any:
        prepared = self._prepared.get(self._key(arrays, choices))
        if prepared is not None:
            return prepared.result()(*arrays)
        names = tuple(choices)
        if names not in self._jitted:
            self._jitted[names] = self._jit(static_argnames=names)
        return self._jitted[names](*arrays, **choices)

    @staticmethod
    def _key(arrays: tuple[Any, ...], choices: dict[str, Any]) -> Hashable:
        return tuple(choices.values()), tuple(getattr(a, "shape", None) for a in arrays)


@contextmanager
def without_debug_modes() -> Iterator[None]:
    """Compile and run without JAX's debug modes: values that are not used are NaN here."""
    config: Any = jax.config
    if not (config.jax_debug_nans or config.jax_debug_infs or config.jax_disable_jit):
        yield
        return
    with jax.debug_nans(False), jax.debug_infs(False), jax.disable_jit(False):
        yield


def _shape(array: jax.Array) -> Any:
    """Return the shape, type and sharding of an array; its memory may be reused before that is needed."""
    return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=array.sharding)  # type: ignore[no-untyped-call]
