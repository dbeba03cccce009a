"""Activations that multiply: x times a factor that depends on x, or one half of it by a function of the other."""

from typing import Annotated, ClassVar, Literal

from netspec import ops
from netspec.layers.base import ActivationLayer, Builder, Tensor
from netspec.schema.definition import AlsoKeyed, option

__all__ = ["Gelu", "Glu", "HardSwish", "Mish", "Silu"]


class Gelu(ActivationLayer):
    """x·Φ(x), with the exact normal distribution Φ or its tanh approximation. Hendrycks & Gimpel 2016."""

    kind: Literal["gelu"] = "gelu"
    example: ClassVar[str] = "gelu"
    approximate: Annotated[bool, AlsoKeyed(tanh=True, none=False)] = option(
        False, "use the tanh approximation; `approximate=tanh` and `approximate=none` are understood too"
    )


class Silu(ActivationLayer):
    """x·sigmoid(x), also called swish. Elfwing et al. 2018; Ramachandran et al. 2017."""

    kind: Literal["silu"] = "silu"
    example: ClassVar[str] = "silu"


class Mish(ActivationLayer):
    """x·tanh(softplus(x)). Misra 2019."""

    kind: Literal["mish"] = "mish"
    example: ClassVar[str] = "mish"


class HardSwish(ActivationLayer):
    """x·min(max(x + 3, 0), 6)/6. Howard et al. 2019."""

    kind: Literal["hard_swish"] = "hard_swish"
    example: ClassVar[str] = "hard_swish"


class Glu(ActivationLayer):
    """The first half of the channels (or features) times the sigmoid of the second half. Dauphin et al. 2017."""

    kind: Literal["glu"] = "glu"
    example: ClassVar[str] = "glu"

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Gate one half with the other."""
        return g.apply(ops.Gated("sigmoid"), x)
