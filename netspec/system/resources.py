"""Resources of the package: the grammar and the ready-made specs, in a wheel and in a source checkout alike."""

from pathlib import Path

__all__ = ["grammar_text", "library_folder", "ready_made", "specs_folder"]

_PACKAGE = Path(__file__).parent.parent


def _folder(name: str) -> Path:
    """Return the bundled copy (wheel), or the sibling of the package (checkout, editable install)."""
    bundled = _PACKAGE / "_bundled" / name
    return bundled if bundled.is_dir() else _PACKAGE.parent / name


def grammar_text() -> str:
    """Return the text of `grammar/netspec.lark`."""
    return (_folder("grammar") / "netspec.lark").read_text(encoding="utf-8")


def specs_folder() -> Path:
    """Return the folder of ready-made specs."""
    return _folder("specs")


def ready_made() -> dict[str, Path]:
    """Return the ready-made specs by name; those in `own/` belong to the examples beside them."""
    files = sorted(specs_folder().rglob("*.net"), key=lambda path: path.stem)
    return {path.stem: path for path in files if path.parent.name != "own"}


def library_folder() -> Path:
    """Return the folder of the blocks that travel with netspec: `include blocks`."""
    return _PACKAGE / "library"
