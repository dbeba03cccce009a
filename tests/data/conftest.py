"""Every test here runs without the network, with its own cache, and with MNIST only where it asks for it."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from data_helpers import Server

from netspec.data.arrays import idx

GIVEN = os.environ.get("NETSPEC_DATA", "")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETSPEC_OFFLINE", "1")
    monkeypatch.setenv("NETSPEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("NETSPEC_DATA", raising=False)


@pytest.fixture
def mnist_folder(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the real MNIST, also set as NETSPEC_DATA."""
    for folder in (Path(GIVEN) / "mnist", Path(GIVEN)):
        if GIVEN and all(idx.find(folder, name) for name in idx.NAMES):
            monkeypatch.setenv("NETSPEC_DATA", GIVEN)
            return folder
    pytest.skip("NETSPEC_DATA names no folder that holds mnist/")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A web server on this machine; the network is allowed, for nothing else is asked."""
    monkeypatch.delenv("NETSPEC_OFFLINE")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield running
        finally:
            running.done.set()
            running.shutdown()
            thread.join()
