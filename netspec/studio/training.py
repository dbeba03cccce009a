"""One training at a time, in a process of its own: its events as they come, and its end when it is asked for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from netspec.diagnostics.diagnostic import RunError

__all__ = ["Training"]

_MOST_EVENTS = 20_000
"""Events that are kept; beyond them every second step is forgotten."""


class Training:
    """What trains now, or trained last.

    Attributes:
        events: of the training, the oldest first, each with an `id`, which rises.
        number: of trainings so far.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None
        self.events: list[dict[str, Any]] = []
        self.number = 0
        self._ids = count(1)

    @property
    def runs(self) -> bool:
        """Whether one trains now."""
        return self._process is not None and self._process.poll() is None

    def start(self, verb: str, *words: str) -> None:
        """Start a verb of `netspec` with some words, such as `train t.net`; raises RunError where one trains."""
        with self._lock:
            if self.runs:
                raise RunError("a training is running", "stop it first")
            self.events, self.number = [], self.number + 1
            # `--json` makes each event a line. Its own group: Ctrl-C in the terminal is for the studio.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "netspec", verb, "--json", *words],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=_environment(),
                start_new_session=True,
            )
            Thread(target=self._read, args=(self._process, self.number), daemon=True).start()

    def stop(self) -> None:
        """Ask the training to save and stop."""
        with self._lock:
            if self._process is not None and self.runs:
                self._process.send_signal(signal.SIGINT)

    def end(self, seconds: float = 30) -> None:
        """Stop the training and wait for what it saves."""
        self.stop()
        if self._process is not None:
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _read(self, process: subprocess.Popen[str], number: int) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        said: list[str] = []
        errors = Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
        errors.start()
        with process.stdout, process.stderr:
            for line in process.stdout:
                event = _event(line)
                if event is not None:
                    self._add(event, number)
            code = process.wait()
            errors.join()
        text = "".join(said).strip()
        stopped = code in {130, 143, 129}
        if code and not stopped:
            self._add({"event": "failed", "text": text[-4000:] or f"the training ended with exit code {code}"}, number)
        self._add({"event": "ended", "stopped": stopped, "code": code}, number)

    def _add(self, event: dict[str, Any], number: int) -> None:
        with self._lock:
            if number != self.number:
                return
            self.events.append({**event, "id": next(self._ids)})
            if len(self.events) > _MOST_EVENTS:
                steps = [i for i, each in enumerate(self.events) if each.get("event") == "step"]
                dropped = set(steps[::2])
                self.events = [each for i, each in enumerate(self.events) if i not in dropped]


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _environment() -> Mapping[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1"}
