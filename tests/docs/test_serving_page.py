"""The page of served models: what it shows can be typed, and is answered so."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from untrained import untrained

from netspec.serving.app import Limits, Service
from netspec.serving.errors import KINDS
from netspec.serving.server import Server, address_of, listen
from netspec.workflows.trained import open_run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
CALLS = re.findall(r"<!-- call: (\w+) -->\n```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def benchmark() -> Any:
    """Return the module of the benchmark, whose name is that of a folder of tests."""
    spec = importlib.util.spec_from_file_location("serving_benchmark", ROOT / "benchmarks" / "serving.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def asked(client: TestClient, command: str, folder: Path) -> Any:
    """Send what a command of curl sends."""
    program, *words = shlex.split(command)
    assert program == "curl"
    headers, form, body, target = {}, [], None, ""
    while words:
        word = words.pop(0)
        if word == "-H":
            key, _, value = words.pop(0).partition(": ")
            headers[key] = value
        elif word in {"-d", "--data-binary"}:
            text = words.pop(0)
            body = (folder / text[1:]).read_bytes() if text.startswith("@") else text.encode()
        elif word == "-F":
            name, _, file = words.pop(0).partition("=@")
            form.append((name, (file, (folder / file).read_bytes(), "image/png")))
        else:
            target = word
    path = target.removeprefix("localhost:8000")
    assert path != target
    return client.post(path, headers=headers, files=form) if form else client.post(path, headers=headers, content=body)


@pytest.mark.parametrize("name", ["table", "pictures"])
def test_what_is_shown_is_answered(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = untrained(tmp_path, name)
    (tmp_path / "rows.csv").write_text("height,leaves,soil,shade\n33.5,26,bog,yes\n", encoding="utf-8")
    shown = [(kind, text) for model, kind, text in CALLS if model == name]
    assert shown
    service = Service(open_run(file), Limits(batch=1, wait=0))
    client = TestClient(service, base_url="http://localhost")
    for kind, text in shown:
        if kind == "python":
            with listen("127.0.0.1", 0) as sock, Server(service, sock, print):
                exec(text.replace("http://localhost:8000", address_of(sock)), {})
            assert re.fullmatch(r"(\w+ 0\.\d+\n){2}", capsys.readouterr().out)
            continue
        for command in text.strip().splitlines():
            if name == "pictures" and not (tmp_path / "shape.png").exists():
                (tmp_path / "shape.png").write_bytes((tmp_path / "fruit" / "0.png").read_bytes())
            response = asked(client, command, tmp_path)
            assert response.status_code == 200, response.text
    if name == "table":
        wrong = json.loads(re.findall(r"```json\n(\{\"error.*)\n```", PAGE)[0])
        row = {"height": "tall", "leaves": 26, "soil": "bog", "shade": "yes"}
        assert client.post("/predict", json=row).json() == wrong
    service.end()


def test_every_status_is_on_the_page() -> None:
    stated = {
        int(word) for row in re.findall(r"^\| (4\d\d.*?|5\d\d) \|", PAGE, re.MULTILINE) for word in row.split(", ")
    }
    assert stated == set(KINDS)


def test_the_defaults_are_those_on_the_page() -> None:
    limits = Limits()
    assert f"`--queue {limits.queue}`" in PAGE
    assert "in a batch of 1, 8 or 64" in PAGE
    assert limits.batch == 64
    assert f"a pause of {limits.pause:.0f} seconds, or {limits.upload:.0f} in all" in PAGE


def test_the_benchmark_writes_its_lines() -> None:
    module = benchmark()
    names = re.findall(r"^\| ((?:a row|LeNet).*?) \|", PAGE, re.MULTILINE)
    assert names == [row.name for row in module.ROWS]
    counted = module.Counted(seconds=[0.001 * n for n in range(1, 101)], lost=2)
    figures = module.cells(counted, 2.0)
    assert figures == ["50", "51.0", "100.0", "0", "2"]
    text = module.written(PAGE, module.ROWS[0], figures, "here")
    assert "| a row of a table, 1 | 50 | 51.0 | 100.0 | 0 | 2 |\n" in text
    assert "<!-- machine -->here\n" in text
    assert text.count("\n") == PAGE.count("\n")
    for row in module.ROWS:
        assert b"\r\n\r\n" in module.request_of(row.model)
