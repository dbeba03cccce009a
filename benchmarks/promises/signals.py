"""Trainings that are interrupted by SIGINT or SIGTERM at random moments: each saves, soon, and can be resumed."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from random import Random
from statistics import median

from netspec.runs.checkpoints import Checkpoints
from promises.frame import Effort, Found
from promises.trainings import Training, campaigns

__all__ = ["measure"]

_ALLOWED = 2.0
"""Seconds from the signal to the end of the process; a step of this training takes a few milliseconds."""


def measure(effort: Effort) -> Found:
    """Send signals to trainings that have begun; see how long they take to end, and what they saved."""
    count = effort.of(200, 1)
    found, wrong = campaigns(effort, _interrupted, count)
    took = [seconds for seconds, _ in found]
    wrong += [problem for _, problem in found if problem]
    slow = sum(seconds > _ALLOWED for seconds in took)
    return Found(
        done=f"{len(found)} signals (SIGINT, SIGTERM) at random moments of trainings; each training resumed until it "
        "ended",
        figure=f"saved and ended after {median(took):.2f} s in the median, {max(took):.2f} s at most; {len(wrong)} not "
        "saved, with another exit code, or with other bits at the end" + (f": {wrong[0]}" if wrong else ""),
        kept=not wrong and (effort.short or not slow) and len(found) == count,
    )


def _interrupted(training: Training, rng: Random) -> tuple[float, str] | None:
    """Interrupt a process; returns the seconds until its end and what is wrong, None where it had ended before."""
    with training.begin() as process:
        return _ended(training, rng, process)


def _ended(training: Training, rng: Random, process: subprocess.Popen[str]) -> tuple[float, str] | None:
    assert process.stdout is not None
    line = process.stdout.readline()
    while line and json.loads(line)["event"] != "started":
        line = process.stdout.readline()
    steps: list[int] = []
    rest: list[str] = []

    def read() -> None:
        for text in process.stdout or ():
            rest.append(text)
            steps.append(json.loads(text).get("step") or 0)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(rng.uniform(0, 1.5))
    number = rng.choice((signal.SIGINT, signal.SIGTERM))
    told = max(steps, default=0)
    sent = time.perf_counter()
    process.send_signal(number)
    process.wait()
    seconds = time.perf_counter() - sent
    reader.join()
    error = process.stderr.read() if process.stderr else ""
    if process.returncode == 0:
        return None
    return seconds, _problem(training, process.returncode, 128 + number, told, rest, error)


def _problem(training: Training, code: int, wanted: int, told: int, rest: list[str], error: str) -> str:
    """Return what is wrong with how a training ended."""
    if code != wanted or error:
        return f"exit {code} instead of {wanted}: {error.strip()[-200:]}"
    last = json.loads(rest[-1]) if rest else {}
    snapshot, damaged = Checkpoints(training.run).newest()
    if last.get("event") != "stopped" or snapshot is None or damaged:
        return "nothing was saved"
    return "" if snapshot.step == last["step"] >= told else f"saved step {snapshot.step}, had told of step {told}"
