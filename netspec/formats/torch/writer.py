"""A program as a file of PyTorch."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent
from typing import Any

from numpy.typing import NDArray

from netspec.formats.program import Input, Program
from netspec.formats.python.expressions import scaled
from netspec.formats.python.library import helpers_of, names_in
from netspec.formats.python.statements import Call, Statements, wrapped
from netspec.formats.python.words import input_words, labels_text, name_of, output_words, quoted, returned
from netspec.formats.torch.emitters import EMITTERS
from netspec.formats.torch.modules import Modules
from netspec.formats.torch.weighted import follow

__all__ = ["source_of"]

_LIBRARY = Path(__file__).with_name("library.py")
_RESERVED = {"torch", "nn", "F", "math", "load", "load_file", "self", "LABELS", "Path"}


def source_of(program: Program, weights: str) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return the text of a file, and the state of its module; `weights` is the name of the file of that."""
    modules = Modules(program.arrays)

    def write(call: Call) -> str:
        return EMITTERS[type(call.operation.op)](call.operation.op, call, modules)

    helpers = names_in(_LIBRARY)
    statements = Statements.of(program, write, prepare=_prepared, follow=follow, reserved=_RESERVED | helpers)
    lines, given = statements.ended(returned(statements.outputs))
    name = _class_name(program, helpers)
    arguments = ", ".join(statements.arguments.values())
    module = "\n".join(
        [
            f"class {name}(nn.Module):",
            f'    """{output_words(program)} of {input_words(program, statements.arguments)}."""',
            "",
            *(
                [
                    "    def __init__(self):",
                    "        super().__init__()",
                    *(f"        self.{attribute} = {text}" for attribute, text in modules.lines.items()),
                    "",
                ]
                if modules.lines
                else []
            ),
            f"    def forward(self, {arguments}):",
            *(indent(line, " " * 8) for line in lines),
            indent(wrapped(f"return {given}"), " " * 8),
        ]
    ).replace("\\\n", "\n")
    load = "\n".join(
        [
            f"def load(path=Path(__file__).with_name({quoted(weights)})):",
            '    """Return the network with its weights, as it answers."""',
            f"    network = {name}()",
            "    network.load_state_dict(load_file(path))",
            "    return network.eval()",
        ]
    )
    used = helpers_of(_LIBRARY, module)
    text = "\n".join((*used, module))
    head = "\n".join(
        [
            f'"""The network {name_of(program)} in PyTorch, written by netspec.',
            "",
            "    network = load()",
            f"    network({arguments})",
            "",
            "Images are (N, C, H, W), sequences (N, D, L), token numbers (N, L).",
            '"""',
            "",
            *(["import math"] if "math." in text else []),
            "from pathlib import Path",
            "",
            *(["import torch"] if "torch." in text else []),
            *(["import torch.nn.functional as F"] if "F." in text else []),
            "from safetensors.torch import load_file",
            "from torch import nn",
        ]
    )
    labels = labels_text(program)
    parts = [f"{head}\n\n{labels}" if labels else head, *used, module, load]
    return "\n\n\n".join(parts) + "\n", modules.ordered_state()


def _class_name(program: Program, taken: set[str]) -> str:
    words = re.split(r"[^A-Za-z0-9]+", program.name)
    name = "".join(word[:1].upper() + word[1:] for word in words)
    fits = name[:1].isalpha() and name not in {*taken, "F", "Path", "True", "False", "None", "LABELS"}
    return name if fits else f"Network{name}"


def _prepared(given: Input, name: str) -> str:
    if given.kind != "bytes":
        return name
    return scaled(given, f"{name}.float()", lambda n: f"torch.tensor({n}, device={name}.device)[:, None, None]")
