"""Which dataset a spec names: the first that is there, and only inside the folder of the spec."""

from __future__ import annotations

from pathlib import Path

from netspec.diagnostics.diagnostic import DataError
from netspec.ir.network import Network
from netspec.recipe.catalog import find
from netspec.system.files import kind_of

__all__ = ["names_to_try"]


def names_to_try(network: Network, data: str | Path | None, base: Path | None) -> tuple[list[str], list[str]]:
    """Return the datasets to try, in their order, and what to say of one that is left out."""
    if data is not None:
        return [str(data)], []
    if network.data is None:
        raise DataError(
            "the spec names no dataset", "add `data mnist` or `data digits` to it, or give one: --data digits"
        )
    source, name = network.data, _inside(network.data.name, base)
    if source.fallback is None:
        return [name], []
    fallback = _inside(source.fallback, base)
    if find(name) is None and kind_of(Path(name), DataError) is None:
        return [fallback], [f"{source.name} does not exist: using {source.fallback}"]
    return [name, fallback], []


def _inside(name: str, base: Path | None) -> str:
    """Return a name as it is, and a path of a spec as one inside the spec's own folder."""
    if find(name) or base is None:
        return name
    path = (base / name).resolve()
    if not path.is_relative_to(base.resolve()):
        raise DataError(
            f"the spec's data path {name} leads outside the spec's folder",
            "name other files with --data PATH",
        )
    return str(path)
