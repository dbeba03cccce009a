"""What the tests of training share."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from netspec.backends.jax.train.step import Trainer


@pytest.fixture(scope="session")
def kept_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile each program once: every session of a training that is resumed needs the same ones."""
    settings = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("programs")),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a training ask whether to stop after its calls only, not while it waits for the compiler."""
    monkeypatch.setattr(Trainer, "ready", lambda self, timeout: True)
