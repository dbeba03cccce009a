"""One table a family: which kernel computes which operation."""

from collections.abc import Mapping

from netspec import ops
from netspec.backends.jax.emitters import masks, norm, sequence, shape, values, window
from netspec.backends.jax.emitters.base import EmitContext, Emitter, Kept, OpContext, Stepping
from netspec.backends.jax.emitters.merge import MERGERS

__all__ = ["EMITTERS", "MERGERS", "STEPS", "EmitContext", "Emitter", "Kept", "OpContext", "Stepping"]

EMITTERS: Mapping[type[ops.Op], Emitter] = {
    **window.EMITTERS,
    **norm.EMITTERS,
    **values.EMITTERS,
    **shape.EMITTERS,
    **sequence.EMITTERS,
    **masks.EMITTERS,
}

STEPS: Mapping[type[ops.Op], Stepping] = {**window.STEPS, **values.STEPS, **sequence.STEPS, **masks.STEPS}
"""How operations whose positions know of one another, or of their numbers, go from one position to the next."""
