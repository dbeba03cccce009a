"""Every layer in every format that can hold it: the other program's output equals ours."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_cases import CASES, case

from netspec.formats import FORMATS, NotInstalledError, Options, difference, program_of


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run written programs here, where hundreds of them take no time to start; `tests/cli` runs them as users do."""
    monkeypatch.setattr("netspec.formats.jax.run_file", run_here)


def run_here(file: Path, package: str, inputs: dict[str, Any], call: str) -> list[np.ndarray]:
    pytest.importorskip(package)
    spec = spec_from_file_location("exported", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    names: dict[str, Any] = {"module": module, "inputs": inputs}
    exec(call, names)
    return [np.asarray(array) for array in names["made"]]


computing = [name for name, each in FORMATS.items() if each.computes]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("to", computing)
def test_another_program_computes_the_same(to: str, name: str, tmp_path: Path) -> None:
    format_, known = FORMATS[to], case(name)
    program = program_of(known.trained, raw=True, folded=format_.folded)
    if format_.unheld(program):
        pytest.skip(f"{to} does not hold {', '.join(format_.unheld(program))}")
    target = tmp_path / format_.file
    try:
        format_.write(program, target, Options())
        found = format_.run(program, target, known.inputs)
        alone = format_.run(program, target, {key: x[1:2] for key, x in known.inputs.items()})
    except NotInstalledError:
        pytest.skip(f"{format_.checker} is not installed")
    assert difference(found, known.expected).accepted, difference(found, known.expected)
    # The number of examples is open.
    assert difference(alone, [x[1:2] for x in known.expected]).relative < 1e-4
