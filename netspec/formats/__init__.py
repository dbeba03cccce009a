"""The formats that a model can be exported to, by name; a further one is entered here."""

from collections.abc import Mapping

from netspec.formats.format import TOLERANCE, Difference, Format, NotInstalledError, Options, difference
from netspec.formats.jax import Jax
from netspec.formats.keras import Keras
from netspec.formats.onnx import Onnx
from netspec.formats.program import Input, Output, Program, Trained, program_of
from netspec.formats.stablehlo import StableHlo
from netspec.formats.torch import Torch
from netspec.formats.weights import Npz, Safetensors

__all__ = [
    "FORMATS",
    "TOLERANCE",
    "Difference",
    "Format",
    "Input",
    "NotInstalledError",
    "Options",
    "Output",
    "Program",
    "Trained",
    "difference",
    "program_of",
]

FORMATS: Mapping[str, Format] = {
    each.name: each for each in (Onnx(), StableHlo(), Torch(), Keras(), Jax(), Safetensors(), Npz())
}
"""In the order of the reference page."""
