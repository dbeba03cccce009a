"""One table a family: which kernel computes which operation."""

from collections.abc import Mapping

from netspec import ops
from netspec.backends.jax.emitters import masks, norm, sequence, shape, values, window
from netspec.backends.jax.emitters.base import EmitContext, Emitter, OpContext
from netspec.backends.jax.emitters.merge import MERGERS

__all__ = ["EMITTERS", "MERGERS", "EmitContext", "Emitter", "OpContext"]

EMITTERS: Mapping[type[ops.Op], Emitter] = {
    **window.EMITTERS,
    **norm.EMITTERS,
    **values.EMITTERS,
    **shape.EMITTERS,
    **sequence.EMITTERS,
    **masks.EMITTERS,
}
