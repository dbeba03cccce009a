"""The specs that come of the small networks in foreign/, word for word; `--update` writes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspec.workflows.import_model import import_model

FOREIGN = Path(__file__).parent / "foreign"
FILES = sorted(path for path in FOREIGN.iterdir() if path.suffix != ".net")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_spec_of_a_small_network(tmp_path: Path, path: Path, request: pytest.FixtureRequest) -> None:
    if path.suffix in {".h5", ".keras"}:
        pytest.importorskip("h5py", reason="h5py is not installed: pip install h5py")
    text = import_model([path], out=tmp_path / "a.net", partial=True).spec.read_text()
    golden = path.with_suffix(".net")
    if request.config.getoption("--update"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_golden_has_its_network() -> None:
    assert {path.stem for path in FOREIGN.glob("*.net")} == {path.stem for path in FILES}
