"""Every layer in every format that can hold it: the other program's output equals ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from export_cases import CASES, case

from netspec.formats import FORMATS, NotInstalledError, Options, difference, program_of

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
