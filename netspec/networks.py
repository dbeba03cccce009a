"""Floor 6: the network that a spec, a run folder or a model file declares, read without JAX."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from netspec.compiler import analyze, load_source, require
from netspec.diagnostics import NetspecError, RunError, SpecError
from netspec.files import open_to_read
from netspec.graph import Graph
from netspec.ir import Network
from netspec.nearby import nearby, path_fix
from netspec.run_lists import newest
from netspec.tracing import recorded, trace

__all__ = ["read_network"]

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
        from netspec.model_file import read  # noqa: PLC0415

        model = read(path)
        return model.network, model.graph
    near = nearby(path, ".net", ".safetensors", runs=True) if not os.path.lexists(path) else None
    if near:
        raise NetspecError(f"{path}: there is no such file", f"did you mean {near}?")
    return require(analyze(load_source(path)))


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
