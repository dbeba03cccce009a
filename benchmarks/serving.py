"""Measures how many requests a served model answers: requests a second, how long they take, and that none is lost.

    python benchmarks/serving.py                    # prints, and writes the table of docs/serving.md
    python benchmarks/serving.py --only "LeNet, 8"  # only the rows whose names contain this

For each row a server is started in a process of its own and asked over connections that stay open, each of which sends
its next request when it has its answer. After a warm-up it is asked for some seconds. Then it gets SIGTERM while it is
asked: a request that was sent and has no whole answer is lost.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "serving.md"
NOT_YET = "not measured yet"


@dataclass(frozen=True)
class Row:
    """One line of the table: a model, how many ask at once, and options of the server."""

    model: str
    connections: int
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the line is called."""
        return ", ".join([self.model, str(self.connections), *self.options])


ROWS = [
    *(Row("a row of a table", count) for count in (1, 8, 32)),
    *(Row("LeNet", count) for count in (1, 8, 32)),
    Row("LeNet", 32, ("--batch 1",)),
]
TRAININGS = {
    "a row of a table": ["specs/own/table.net", "--epochs", "1"],
    "LeNet": ["specs/lenet.net", "--data", "digits", "--epochs", "1"],
}


def request_of(model: str) -> bytes:
    """Return a whole request for one example."""
    if model == "LeNet":
        stream = io.BytesIO()
        pixels = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
        Image.fromarray(pixels).save(stream, "PNG")
        body, media = stream.getvalue(), "image/png"
    else:
        row = {"height": 33.5, "leaves": 26, "soil": "bog", "shade": "yes"}
        body, media = json.dumps(row).encode(), "application/json"
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@dataclass
class Counted:
    """What was seen of the requests of one server."""

    seconds: list[float] = field(default_factory=list)
    wrong: int = 0
    lost: int = 0
    counting: bool = False


async def ask(port: int, request: bytes, counted: Counted) -> None:
    """Ask over one connection until the server closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while not reader.at_eof():
            began = time.perf_counter()
            writer.write(request)
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = re.search(rb"content-length: (\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
            except (asyncio.IncompleteReadError, ConnectionError):
                counted.lost += 1
                return
            if counted.counting:
                counted.seconds.append(time.perf_counter() - began)
            counted.wrong += not head.startswith(b"http/1.1 200")
            if b"connection: close" in head:
                return
    finally:
        writer.close()


async def load(process: subprocess.Popen[str], port: int, row: Row, warm: float, seconds: float) -> Counted:
    """Return what was counted of a server that is asked, and then ended while it is asked."""
    counted = Counted()
    request = request_of(row.model)
    asking = [asyncio.create_task(ask(port, request, counted)) for _ in range(row.connections)]
    await asyncio.sleep(warm)
    counted.counting = True
    await asyncio.sleep(seconds)
    counted.counting = False
    os.kill(process.pid, signal.SIGTERM)
    await asyncio.gather(*asking)
    return counted


@contextmanager
def server(run: Path, row: Row) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a server and give its process and port."""
    options = [word for option in row.options for word in option.split()]
    command = [sys.executable, "-m", "netspec", "serve", str(run), "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            raise SystemExit(f"{' '.join(command)} did not start")
        yield process, int(address.rpartition(":")[2])
        if process.wait(60) != 143:
            raise SystemExit(f"the server ended with {process.returncode}")


def cells(counted: Counted, seconds: float) -> list[str]:
    """Return the figures of a line: requests a second, the median and the 99th percentile, wrong and lost ones."""
    times = sorted(counted.seconds)
    if not times:
        return ["0", "", "", str(counted.wrong), str(counted.lost)]
    middle, late = (1000 * times[min(len(times) - 1, int(share * len(times)))] for share in (0.5, 0.99))
    return [f"{len(times) / seconds:,.0f}", f"{middle:.1f}", f"{late:.1f}", str(counted.wrong), str(counted.lost)]


def written(text: str, row: Row, figures: list[str], machine: str) -> str:
    """Return the page with the figures of one line."""
    start = f"| {row.name} |"
    lines = [f"{start} {' | '.join(figures)} |" if line.startswith(start) else line for line in text.split("\n")]
    return re.sub(r"<!-- machine -->.*", lambda _: f"<!-- machine -->{machine}", "\n".join(lines))


def machine_text() -> str:
    """Return what the figures were measured with."""
    from recorded import commit  # noqa: PLC0415

    packages = ", ".join(f"{name} {version(name)}" for name in ("jax", "starlette", "uvicorn"))
    load_before = os.getloadavg()[0]
    return (
        f"Last row written on {date.today()}, commit `{commit('docs/serving.md')}`: "
        f"Python {platform.python_version()}, {packages}, {platform.system()} {platform.machine()}, {os.cpu_count()} "
        f"cores, which the client shares; load of the machine {load_before:.1f}."
    )


def main() -> int:
    """Measure, print, write; return the exit code."""
    parser = argparse.ArgumentParser(description="Measure a served model.")
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--warm", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE")
    chosen = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as name:
        runs: dict[str, Path] = {}
        for row in ROWS:
            if chosen.only not in row.name:
                continue
            if row.model not in runs:
                runs[row.model] = Path(name) / str(len(runs))
                words = ["train", *TRAININGS[row.model], "-o", str(runs[row.model]), "--quiet"]
                subprocess.run([sys.executable, "-m", "netspec", *words], cwd=ROOT, check=True)
            machine = machine_text()
            with server(runs[row.model], row) as (process, port):
                counted = asyncio.run(load(process, port, row, chosen.warm, chosen.seconds))
            figures = cells(counted, chosen.seconds)
            print(row.name, *figures, sep=" | ", flush=True)
            failed = failed or counted.wrong > 0 or counted.lost > 0
            text = written(chosen.page.read_text(encoding="utf-8"), row, figures, machine)
            chosen.page.write_text(text, encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
