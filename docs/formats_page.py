"""Makes docs/formats.md: what each format is, what it needs, and which operations it holds."""

from __future__ import annotations

from inspect import getdoc
from pathlib import Path

from netspec import ops
from netspec.formats import FORMATS, TOLERANCE, Format


def formats_page() -> str:
    """Return the page of the formats that models are exported to."""
    computing = [each for each in FORMATS.values() if each.computes]
    lines = [
        "# Models elsewhere",
        "",
        "Made from the code by `python docs/generate.py`.",
        "",
        "```",
        f"netspec export RUN|MODEL --to {'|'.join(FORMATS)} [--raw] [--torch-names] [-o FILE]",
        "```",
        "",
        "writes a trained model in another format. Without `-o` the file lies in the run folder, or beside the model",
        "file, and an export that is there is replaced; files of a run and models are not, nor is what has the name of",
        "a program's weights and does not belong to an earlier export.",
        "",
        "The exported model takes what the model learned from: pictures as bytes (uint8, N x C x H x W), scaled and",
        "normalized inside, token numbers, or floats. It gives probabilities where the network is for classes: of a",
        "single one (`fc 1`) one number, not two. With `--raw` it takes floats that are already scaled, and gives",
        "logits. The number of examples is open. Inputs and outputs have the names of the spec; the only output is",
        "`probabilities`, `logits` or, where it is neither, `output`. Dropout and noise are left out, and so is",
        "`views`: each picture is looked at once.",
        "",
        "Before the files are kept, another program runs them, on up to 32 examples of the test set if the data is",
        "on this machine, else on random ones, and the largest difference to what netspec computes is printed. Nothing",
        f"is kept, and the exit code is 1, if it is more than {TOLERANCE:g} of the largest value and than rounding",
        "explains (four times the difference between float32 and double precision in netspec itself). Fewer examples",
        "are run where a value of all of them together would have more than 67 million numbers. If that program is not",
        "installed, the files are kept, and it is said how to install it.",
        "",
        "| --to | what | files | written with | run by |",
        "|---|---|---|---|---|",
        *map(_row, FORMATS.values()),
        "",
        "`--torch-names` names the weights of `safetensors` and `npz` as PyTorch's layers do: `conv_1.weight` for",
        "`conv_1/kernel`.",
        "",
        "An `onnx` file has opset 17. Its metadata are the spec (`spec`), the class names (`labels`, JSON), the",
        "SHA-256 of the model file (`sha256`), the name and, of a text or a table, what is prepared by it",
        "(`preparation`, JSON: the vocabulary, the columns). Normalizations are folded into the kernels near them.",
        "",
        "Texts go in as their token numbers, rows of a table as the vectors made of them; numbers that a table",
        "standardizes come out standardized.",
        "",
        "A program of `torch` or `jax` has a class or a function for each block of the spec, one for all uses of a",
        "block that differ in numbers only, and loops where blocks follow each other. What a spec repeats without a",
        "name is called `block`. In it are also the shapes, as comments, and how it is used, at its head. Weights are",
        "named as the blocks are nested. [Exports of the ready-made specs](exports.md) says how far each is from what",
        "netspec computes.",
        "",
        "## Operations",
        "",
        "Layers consist of these operations (`netspec show FILE --as ops`). All that a format cannot hold is refused",
        "at once. `keras` also refuses weights that layers of different kinds share.",
        "",
        f"| operation | what | {' | '.join(each.name for each in computing)} |",
        f"|---|---|{'---|' * len(computing)}",
        *(_held(op, computing) for op in _operations()),
    ]
    return "\n".join(lines) + "\n"


def _row(each: Format) -> str:
    files = ", ".join(f"`{file.name}`" for file in each.files(Path(each.file)))
    return f"| `{each.name}` | {each.summary} | {files} | {each.extra or 'netspec'} | {each.checker} |"


def _operations() -> list[type[ops.Op]]:
    found = [op for op in vars(ops).values() if isinstance(op, type) and issubclass(op, ops.Op) and op is not ops.Op]
    return sorted(found, key=lambda op: op.__name__)


def _held(op: type[ops.Op], formats: list[Format]) -> str:
    said = (getdoc(op) or "").partition("\n")[0].replace("|", "\\|")
    return f"| {op.__name__} | {said} | {' | '.join('yes' if op in each.holds else 'no' for each in formats)} |"
