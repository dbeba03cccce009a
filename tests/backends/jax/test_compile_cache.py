"""The folder of compiled programs: the user's own, or none; and only the command line uses it."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import netspec
from netspec.backends.jax.compile_cache import OFF, CompileCache, compile_cache, mend
from netspec.cli.process import OwnProcess

ROOT = Path(netspec.__file__).parent.parent
SPEC = "fc 10 softmax\ndata digits\ntrain { batch 500; epochs 1 }\n"

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners and modes are those of POSIX")


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("NETSPEC_CACHE", str(tmp_path / "cache"))
    for name in (OFF, "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache" / "compiled"


def train(folder: Path) -> str:
    """Train on the command line; returns what it says on standard error."""
    (folder / "net.net").write_text(SPEC)
    done = subprocess.run(
        [sys.executable, "-m", "netspec", "train", "net.net", "--quiet"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stderr


def test_a_training_keeps_its_programs_for_nobody_else(root: Path, tmp_path: Path) -> None:
    assert train(tmp_path) == ""
    found = compile_cache()
    assert found.reason == ""
    assert found.folder.parent == root
    assert [p.stat().st_mode & 0o777 for p in (root, found.folder)] == [0o700, 0o700]
    count, size = found.size()
    assert count > 2
    assert size > 1000
    kept = {p.name: p.stat().st_size for p in found.folder.iterdir() if p.name.endswith("-cache")}
    # The next process finds them and adds none. What a killed one or a full disk left of them is made again, without
    # a word.
    for left, name in enumerate(sorted(kept)):
        with (found.folder / name).open("rb+") as file:
            file.truncate(100 * left)
    assert train(tmp_path) == ""
    again = {p.name: p.stat().st_size for p in found.folder.iterdir() if p.name.endswith("-cache")}
    assert again.keys() == kept.keys()
    assert all(size > 0.9 * kept[name] for name, size in again.items())


def test_what_cannot_be_kept_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "jit_g-1-cache"
    other.write_bytes(b"whole")
    (tmp_path / "jit_f-1-cache").write_bytes(b"a piece")
    said: list[str] = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_: said.append(f"warning: {message}"))
    mend(CompileCache(tmp_path), said.append)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        for text in (
            "Error writing persistent compilation cache entry for 'jit_f': OSError: no space",
            "Error writing persistent compilation cache entry for 'jit_g': OSError: no space",
            "Error reading persistent compilation cache entry for 'jit_f': error: cut off",
            "Error reading persistent compilation cache entry for '../jit_g': error: cut off",
            "of something else",
        ):
            warnings.warn(text, stacklevel=1)
    unknown = "Error reading persistent compilation cache entry for '../jit_g': error: cut off"
    assert said == ["OSError: no space", f"warning: {unknown}", "warning: of something else"]
    assert list(tmp_path.iterdir()) == [other]


@pytest.mark.parametrize("word", ["off", "0", "NO"])
def test_it_can_be_turned_off(
    word: str, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(OFF, word)
    assert OFF in compile_cache().reason
    assert not compile_cache().notable
    if word == "off":
        OwnProcess().enable_compile_cache()
        assert capsys.readouterr().err == ""
        assert not root.exists()


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_can_write_to_is_not_used(
    mode: int, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root.mkdir(parents=True)
    root.chmod(mode)
    found = compile_cache()
    assert found.notable
    assert found.reason == f"others can write to {root}"
    if mode == 0o777:
        OwnProcess().enable_compile_cache()
        assert f"note: compiled programs are not kept: others can write to {root}" in capsys.readouterr().err
        assert list(root.iterdir()) == []


def test_nor_is_one_within_a_folder_where_others_could_replace_it(root: Path) -> None:
    root.mkdir(parents=True)
    root.parent.chmod(0o777)
    assert compile_cache().reason == f"others can write to {root.parent}"
    # As in /tmp: there everyone makes folders, and nobody moves those of others.
    root.parent.chmod(0o1777)
    assert compile_cache().reason == ""


def test_nor_a_link_or_a_file_or_a_folder_of_somebody_else(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.parent.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    root.symlink_to(tmp_path / "elsewhere")
    assert compile_cache().reason == f"{root} is no folder"
    root.unlink()
    root.write_text("")
    assert compile_cache().notable
    root.unlink()
    root.mkdir(mode=0o700)
    assert compile_cache().reason == ""
    own = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    assert compile_cache().reason == f"{root} belongs to another user"


def test_a_choice_made_for_jax_itself_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/somewhere")
    assert "JAX_COMPILATION_CACHE_DIR" in compile_cache().reason
    assert not compile_cache().notable


def test_the_library_changes_nothing_of_jax(root: Path) -> None:
    code = (
        "import jax, netspec as ns\n"
        "before = dict(jax.config.values)\n"
        f"list(ns.train(ns.parse({SPEC!r})))\n"
        "assert dict(jax.config.values) == before\n"
        "assert jax.config.jax_compilation_cache_dir is None\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=300)
    assert not root.exists()
