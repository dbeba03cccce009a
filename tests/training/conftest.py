"""What the tests of training share."""

from __future__ import annotations

import pytest

from netspec.backends.jax.train.step import Trainer


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a training ask whether to stop after its calls only, not while it waits for the compiler."""
    monkeypatch.setattr(Trainer, "ready", lambda self, timeout: True)
