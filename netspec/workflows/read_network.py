"""The network that a spec, a run folder or a model file declares, read without JAX."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from netspec.compiler import analyze, load_source, require
from netspec.diagnostics.diagnostic import NetspecError, RunError, Source, SpecError
from netspec.graph.graph import Graph
from netspec.graph.losses import recorded
from netspec.graph.trace import trace
from netspec.ir.network import Network
from netspec.runs.listing import newest
from netspec.system.arguments import as_path, described
from netspec.system.files import kind_of, open_to_read
from netspec.system.nearby import nearby, path_fix

__all__ = ["network_of", "read_network"]

_NETWORK = "network.json"


def read_network(path: Path) -> tuple[Network, Graph]:
    """Return the network of a spec, of a run folder, or of a `.safetensors` model, and its graph.

    Raises:
        SpecError: when the spec is wrong.
        RunError: when the folder is no run.
        ModelFileError: when the model file is damaged.
        NetspecError: when there is no such file.
    """
    try:
        folder = path.is_dir()
    except OSError:  # a name that is too long, for one: reading it says so
        folder = False
    if folder:
        return _of_run(newest(path))
    if path.suffix == ".safetensors":
        # NumPy and safetensors are needed for models only.
        from netspec.runs.model_file import read  # noqa: PLC0415

        model = read(path)
        return model.network, model.graph
    near = nearby(path, ".net", ".safetensors", runs=True) if not os.path.lexists(path) else None
    if near:
        raise NetspecError(f"{path}: there is no such file", f"did you mean {near}?")
    return require(analyze(load_source(path)))


def network_of(given: Any, data: Any = None) -> tuple[Network, Graph, Path | None]:
    """Return the network that a Python program hands in, its graph, and the folder of its spec where that is a file.

    A path, a text that ends in `.net` and one that names a file are read as a file; a text of several words or lines is
    a spec. Where `data` is the path of a text, it counts in place of the text that the spec names.

    Raises:
        SpecError: when the spec is wrong, or the shapes of a network made in Python do not fit.
        NetspecError: when it is none of these.
    """
    if isinstance(given, Network):
        given.require_valid()
        return given, trace(given), given.folder
    other = data if isinstance(data, str | Path) else None
    file = _named_file(given)
    if file is not None:
        return *require(analyze(load_source(file), data=other)), file.absolute().parent
    if isinstance(given, str) and len(given.split()) > 1 and not given.lstrip().startswith("{"):
        return *require(analyze(Source("network.net", given), name="network", data=other)), None
    what = "an empty text" if isinstance(given, str) and not given.strip() else described(given)
    raise NetspecError(f"a network was expected, not {what}", _way_to_a_network(given))


def _named_file(given: Any) -> Path | None:
    """Return the spec file that was named, if one was.

    Raises:
        NetspecError: when it is a path to something else.
    """
    text = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(text, str) or not text or "\n" in text:
        return None
    try:
        kind = kind_of(Path(text), NetspecError)
    except NetspecError:  # a text may be too long for a name
        kind = None
    if kind == "folder" or text.endswith(".safetensors"):
        raise NetspecError(f"{text} is no spec", f"where it is a trained model: ns.open({text!r}).network")
    # A text with a `;` is no path but where there is a file of that name.
    named = text.endswith(".net") and ";" not in text
    return as_path(given, "network", "specs/lenet.net") if named or kind or isinstance(given, os.PathLike) else None


def _way_to_a_network(given: Any) -> str:
    """Return how to come to a network from what was given."""
    if hasattr(given, "network"):
        return "give its .network"
    if isinstance(given, Mapping):
        return "ns.Network.model_validate(given) makes one of what model_dump() gave"
    if isinstance(given, str) and given.lstrip().startswith("{"):
        return "ns.Network.model_validate_json(text) reads JSON"
    if isinstance(given, str) and given.strip() and len(given) <= 60:
        return f"name a file, such as {given}.net, or give the text of a spec, such as 'input 4; fc 2'"
    return "ns.load(path) and ns.parse(text) return one; a path and the text of a spec are taken too"


def _of_run(folder: Path) -> tuple[Network, Graph]:
    file = folder / _NETWORK
    try:
        with open_to_read(file) as stream:
            network = Network.model_validate_json(stream.read())
        graph = trace(network, recorded=True)
        return recorded(network, graph), graph
    except FileNotFoundError:
        fix = path_fix(folder, runs=True, otherwise="give a run folder such as runs/lenet/001")
        raise RunError(f"{folder} is not a run folder: it has no {_NETWORK}", fix) from None
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RunError(f"{file} is damaged, or of a newer netspec: {where}: {first['msg']}") from None
    except SpecError as error:
        raise RunError(f"{file}: {error.diagnostics[0].message}") from None
