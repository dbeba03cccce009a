"""Counts and times of a server, as Prometheus reads them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Lock

__all__ = ["CONTENT_TYPE", "Histogram", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """How often a value was at most each of some bounds, and the sum of all values."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def lines(self, name: str) -> list[str]:
        """Return the samples."""
        found, total = [], 0
        for bound, count in zip((*map(_number, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            found.append(f'{name}_bucket{{le="{bound}"}} {total}')
        return [*found, f"{name}_sum {_number(self.sum)}", f"{name}_count {total}"]


class Metrics:
    """What a server counts; any thread may add to it."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._lock = Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._errors: Counter[str] = Counter()
        self._seconds = Histogram(_SECONDS)
        self._batches = Histogram(sizes)
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}

    def gauge(self, name: str, what: str, value: Callable[[], float]) -> None:
        """Add a value that is looked up when the metrics are asked for."""
        self._gauges[name] = (what, value)

    def answered(self, path: str, status: int) -> None:
        """Count a response."""
        with self._lock:
            self._requests[path, status] += 1

    def failed(self, kind: str) -> None:
        """Count an error."""
        with self._lock:
            self._errors[kind] += 1

    def took(self, seconds: float) -> None:
        """Count the time that a prediction took, from its request to its response."""
        with self._lock:
            self._seconds.add(seconds)

    def computed(self, examples: int) -> None:
        """Count a batch of so many examples."""
        with self._lock:
            self._batches.add(examples)

    def text(self) -> str:
        """Return all of them in the text format of Prometheus."""
        with self._lock:
            requests = [
                f'netspec_requests_total{{path="{path}",status="{status}"}} {count}'
                for (path, status), count in sorted(self._requests.items())
            ]
            errors = [f'netspec_errors_total{{kind="{kind}"}} {n}' for kind, n in sorted(self._errors.items())]
            seconds = self._seconds.lines("netspec_predict_seconds")
            batches = self._batches.lines("netspec_batch_examples")
        lines = [
            *_head("netspec_requests_total", "Responses by path and status.", "counter"),
            *requests,
            *_head("netspec_errors_total", "Requests that were not answered, by kind.", "counter"),
            *errors,
            *_head("netspec_predict_seconds", "Seconds from a request for predictions to its response.", "histogram"),
            *seconds,
            *_head("netspec_batch_examples", "Examples that were computed together.", "histogram"),
            *batches,
        ]
        for name, (what, value) in self._gauges.items():
            lines += [*_head(name, what, "gauge"), f"{name} {_number(value())}"]
        return "\n".join(lines) + "\n"


def _head(name: str, what: str, kind: str) -> list[str]:
    return [f"# HELP {name} {what}", f"# TYPE {name} {kind}"]


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
