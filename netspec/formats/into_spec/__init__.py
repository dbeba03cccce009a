"""Weights of another program into a given spec: by name where names agree, else by order and shape."""

from netspec.formats.into_spec.match import Matched, matched_weights
from netspec.formats.into_spec.weights import State, Weight

__all__ = ["Matched", "State", "Weight", "matched_weights"]
