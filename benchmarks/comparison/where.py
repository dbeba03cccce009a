"""Where the time of a compiled program goes: a JAX trace joined with the program's own account of its operations."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Share", "Sources", "read_trace", "shares"]


@dataclass(frozen=True)
class Share:
    """Some operations that belong together, and the seconds they took on all threads."""

    name: str
    seconds: float
    operations: tuple[str, ...]


def read_trace(folder: Path) -> dict[str, float]:
    """Return the seconds of each operation of the compiled program in the newest trace of a folder, all threads summed.

    Raises:
        ValueError: when the folder holds no trace, or one without operations.
    """
    files = sorted(folder.rglob("*.trace.json.gz"), key=lambda file: file.stat().st_mtime)
    if not files:
        raise ValueError(f"JAX wrote no trace into {folder}")
    with gzip.open(files[-1], "rt", encoding="utf-8") as stream:
        events = json.load(stream)["traceEvents"]
    seconds: dict[str, float] = defaultdict(float)
    for event in events:
        operation = event.get("args", {}).get("hlo_op")
        if event.get("ph") == "X" and operation:
            seconds[operation] += event["dur"] * 1e-6
    if not seconds:
        raise ValueError("the trace names no operations of the compiled program")
    return dict(seconds)


def shares(seconds: Mapping[str, float], named: Callable[[str], str]) -> list[Share]:
    """Return the operations grouped by the name each is given, the largest group first."""
    groups: dict[str, list[str]] = defaultdict(list)
    for operation in seconds:
        groups[named(operation)].append(operation)
    found = [
        Share(name, sum(seconds[o] for o in own), tuple(sorted(own, key=lambda o: -seconds[o])))
        for name, own in groups.items()
    ]
    return sorted(found, key=lambda share: -share.seconds)


class Sources:
    """What a compiled program says of its operations: which function asked for each, and in which pass.

    XLA's text numbers files, functions, places and stack frames in tables at its head; each operation names the frame
    it comes from. The innermost frame inside the package is the kernel's own.
    """

    def __init__(self, text: str, package: Path, nodes: Collection[str] = ()) -> None:
        self.package, self.nodes = package, nodes
        self.files = {n: s.strip('"') for n, s in _section(text, "FileNames").items()}
        self.functions = {n: s.strip('"') for n, s in _section(text, "FunctionNames").items()}
        self.places = {n: _numbers(s) for n, s in _section(text, "FileLocations").items()}
        self.frames = {n: _numbers(s) for n, s in _section(text, "StackFrames").items()}
        self.operations = dict(_operations(text))

    def function(self, operation: str) -> str:
        """Return `kernels/pool.py max_pool2d`, with `gradient` where it belongs to the backward pass."""
        found = self.operations.get(operation)
        if found is None:
            return "unknown"
        name, frame = found
        where = self._inside(frame) or "elsewhere"
        return f"{where}, gradient" if "transpose(" in name else where

    def node(self, operation: str) -> str:
        """Return the node of the spec whose name is among the operation's scopes; its function where there is none."""
        name, _ = self.operations.get(operation, ("", 0))
        scopes = re.split(r"[/()]", name)
        node = next((scope for scope in reversed(scopes) if scope in self.nodes), None)
        return node or self.function(operation)

    def _inside(self, frame: int) -> str:
        seen: set[int] = set()
        while frame in self.frames and frame not in seen:
            seen.add(frame)
            place = self.places.get(self.frames[frame].get("file_location_id", 0), {})
            file = Path(self.files.get(place.get("file_name_id", 0), ""))
            if file.is_relative_to(self.package):
                function = self.functions.get(place.get("function_name_id", 0), "").partition(".<locals>")[0]
                return f"{file.relative_to(self.package).as_posix()} {function}"
            frame = self.frames[frame].get("parent_frame_id", 0)
        return ""


def _section(text: str, name: str) -> dict[int, str]:
    """Return the numbered lines of a table at the head of the program."""
    match = re.search(rf"^{name}\n((?:\d+ .*\n)*)", text, re.MULTILINE)
    lines: Iterable[str] = match[1].splitlines() if match else ()
    return {int(number): rest for number, _, rest in (line.partition(" ") for line in lines)}


def _numbers(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", text)}


def _operations(text: str) -> Iterable[tuple[str, tuple[str, int]]]:
    """Yield (operation, (its name with scopes, its frame)); of equal names the last, which is the program's own."""
    pattern = re.compile(r"^\s*(?:ROOT )?%?([\w.\-]+) = .*metadata=\{(.*?)\}", re.MULTILINE)
    for match in pattern.finditer(text):
        facts: Any = dict(re.findall(r'(\w+)=("[^"]*"|\d+)', match[2]))
        yield match[1], (facts.get("op_name", "").strip('"'), int(facts.get("stack_frame_id", 0)))
