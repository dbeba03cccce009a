"""A program as a file of JAX and NumPy."""

from __future__ import annotations

from textwrap import indent

from netspec.formats.jax.emitters import EMITTERS, LIBRARY, TAKES_BIAS
from netspec.formats.program import Input, Program
from netspec.formats.python.expressions import scaled
from netspec.formats.python.library import helpers_of, names_in
from netspec.formats.python.statements import Call, Statements, bias_behind, wrapped
from netspec.formats.python.words import input_words, labels_text, name_of, output_words, quoted, returned

__all__ = ["source_of"]

_RESERVED = {"jax", "jnp", "np", "lax", "w", "load", "predict", "LABELS", "Path"}


def source_of(program: Program, weights: str) -> str:
    """Return the text of a file; `weights` is the name of the file of its arrays."""
    statements = Statements.of(
        program,
        _expression,
        prepare=_prepared,
        follow=lambda program, operations: bias_behind(program, operations, *TAKES_BIAS),
        reserved=_RESERVED | names_in(LIBRARY),
    )
    lines, given = statements.ended(returned(statements.outputs))
    body = [indent(line, "    ") for line in lines]
    arguments = ", ".join(statements.arguments.values())
    predict = "\n".join(
        [
            "@jax.jit",
            f"def predict(w, {arguments}):",
            f'    """Return {output_words(program)} of {input_words(program, statements.arguments)}."""',
            *body,
            indent(wrapped(f"return {given}"), "    "),
        ]
    )
    load = "\n".join(
        [
            f"def load(path=Path(__file__).with_name({quoted(weights)})):",
            '    """Return the weights of each layer by name."""',
            "    weights = {}",
            "    with np.load(path) as file:",
            "        for name in file.files:",
            '            layer, _, part = name.rpartition("/")',
            "            weights.setdefault(layer, {})[part] = file[name]",
            "    return weights",
        ]
    )
    helpers = helpers_of(LIBRARY, predict)
    uses_lax = any("lax." in text.replace("jax.lax.", "") for text in (*helpers, predict))
    uses_jnp = any("jnp." in text for text in (*helpers, predict))
    head = "\n".join(
        [
            f'"""The network {name_of(program)} in JAX, written by netspec.',
            "",
            "    weights = load()",
            f"    predict(weights, {arguments})",
            "",
            "Images are (N, C, H, W), sequences (N, D, L), token numbers (N, L).",
            '"""',
            "",
            "from pathlib import Path",
            "",
            "import jax",
            *(["import jax.numpy as jnp"] if uses_jnp else []),
            "import numpy as np",
            *(["from jax import lax"] if uses_lax else []),
        ]
    )
    labels = labels_text(program)
    parts = [f"{head}\n\n{labels}" if labels else head, load, *helpers, predict]
    return "\n\n\n".join(parts) + "\n"


def _expression(call: Call) -> str:
    return EMITTERS[type(call.operation.op)](call.operation.op, call)


def _prepared(given: Input, name: str) -> str:
    if given.kind != "bytes":
        return name
    return scaled(given, name, lambda numbers: f"np.float32({numbers})[:, None, None]")
