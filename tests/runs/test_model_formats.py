"""Files of every version of the format are read, and predict what they did; docs/model_file.md is true of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors

import netspec as ns
from netspec.data.builtin import digits
from netspec.runs import model_file, safetensors_file
from netspec.runs import safetensors_header as sealed_header
from netspec.runs.model_file import FORMAT_VERSION

ROOT = Path(__file__).parents[2]
FORMATS = ROOT / "tests" / "formats"
PAGE = (ROOT / "docs" / "model_file.md").read_text(encoding="utf-8")
NEWEST = FORMATS / f"model_v{FORMAT_VERSION}.safetensors"


def metadata(path: Path) -> dict[str, str]:
    with safetensors.safe_open(path, "numpy") as file:
        return dict(file.metadata())


def test_there_is_a_file_of_each_version_and_no_other() -> None:
    """Who raises FORMAT_VERSION adds a file that the new version wrote, and leaves the old ones alone."""
    found = sorted(path.name for path in FORMATS.glob("model_v*.safetensors"))
    assert found == sorted(f"model_v{version}.safetensors" for version in range(1, FORMAT_VERSION + 1))


@pytest.mark.parametrize("version", range(1, FORMAT_VERSION + 1))
def test_a_file_of_each_version_predicts_what_it_did(version: int) -> None:
    path = FORMATS / f"model_v{version}.safetensors"
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert metadata(path)["version"] == str(version)
    run = ns.open(path)
    assert run.network.name == expected["name"]
    assert list(run.labels) == expected["labels"]
    assert run.training == expected["training"]
    assert run.model.graph.parameter_count == expected["parameters"]
    images = digits.load()[1].images[:4]
    assert {name: list(labels) for name, labels in run.output_labels.items()} == expected.get("output_labels", {})
    found, wanted = run.probabilities(images), expected["probabilities"]
    for name in run.output_labels:
        np.testing.assert_allclose(found[name], wanted[name], rtol=0, atol=1e-5)
    if not run.output_labels:
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def test_what_an_older_netspec_can_read_is_written_as_such(tmp_path: Path) -> None:
    old = FORMATS / "model_v1.safetensors"
    model_file.write(tmp_path / "again.safetensors", model_file.read(old))
    assert metadata(tmp_path / "again.safetensors")["version"] == "1"
    model_file.write(tmp_path / "again.safetensors", model_file.read(NEWEST))
    assert (tmp_path / "again.safetensors").read_bytes() == NEWEST.read_bytes()


@pytest.mark.parametrize("names", ['["a"]', '{"colour": ["a"]}', '{"digit": 3}', '{"digit": ["a", "a"]}', "{"])
def test_names_of_several_outputs_that_are_none(tmp_path: Path, names: str) -> None:
    model = model_file.read(NEWEST)
    texts = {**metadata(NEWEST), "output_labels": names}
    kept = {key: texts[key] for key in ("name", "spec", "labels", "training", "output_labels")}
    safetensors_file.write(tmp_path / "a.safetensors", model_file._KIND, model.arrays, kept)
    with pytest.raises(ns.ModelFileError):
        ns.open(tmp_path / "a.safetensors")


# --- the page -----------------------------------------------------------------------------------------------------


def test_the_page_lists_every_field() -> None:
    table = PAGE.partition("## Metadata")[2].partition("##")[0]
    # That file learned from arrays, to which nothing is fitted.
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == {*metadata(NEWEST), "preparation"}
    assert f"this page describes {FORMAT_VERSION}" in table
    assert f"at most {sealed_header.MAX_BYTES:,} |" in PAGE


def verified(path: Path) -> int:
    """Run the page's program."""
    found = re.search(r"<!-- verify:begin -->\n```python\n(.*?)```\n<!-- verify:end -->", PAGE, re.DOTALL)
    assert found
    command = [sys.executable, "-I", "-S", "-c", found[1], str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).returncode


def test_the_program_of_the_page_tells_whole_from_damaged(tmp_path: Path) -> None:
    assert verified(NEWEST) == 0
    data = NEWEST.read_bytes()
    other = tmp_path / "other.safetensors"
    for at in (len(data) - 1, data.index(b'"spec":"') + 20, data.index(b'"sha256":"') + 30):
        other.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert verified(other) == 1
