"""How a network is trained, and how it is computed."""

from typing import Annotated, Literal

from pydantic import model_validator

from netspec.recipe.losses import AnyLoss
from netspec.recipe.metrics import AnyMetrics, Measurement
from netspec.recipe.optimizers import Adam, AnyOptimizer
from netspec.recipe.schedules import AnySchedule, Constant
from netspec.recipe.settings import Checkpoint, Clip, EarlyStop, Ema, Evaluate, OnNonfinite, TimeLimit
from netspec.schema.definition import Definition, option
from netspec.schema.types import Also, NonNegativeFloat, NonNegativeInt, PositiveInt

__all__ = ["Compile", "Recipe"]


class Recipe(Definition):
    """How the network is trained."""

    kind: Literal["train"] = "train"
    later = ("metrics",)
    optimizer: AnyOptimizer = option(Adam, "how gradients move the parameters")
    schedule: AnySchedule = option(Constant, "how the learning rate moves")
    loss: AnyLoss | None = option(
        None, "what is made small; follows from the last layer, and from the data, unless given"
    )
    batch: PositiveInt = option(64, "examples a step; all of them where there are fewer")
    epochs: PositiveInt = option(5, "times through the training set")
    seed: NonNegativeInt = option(0, "all randomness follows from it")
    l2: NonNegativeFloat = option(0.0, "λ: λ·‖W‖² of every kernel (not of biases) is added to the loss")
    clip: Clip | None = option(None, "gradient clipping")
    accumulate: PositiveInt = option(
        1, "batches whose gradients are averaged for one update, as if they were one large batch"
    )
    ema: Ema | None = option(None, "an average of the weights is evaluated and saved in their place")
    evaluate: Evaluate = option(Evaluate, "evaluation beside the one after each epoch")
    metrics: AnyMetrics | None = option(
        None, "what else is measured of the validation and the test set: `metrics f1 auroc`, of the [metrics](#metrics)"
    )
    best: Measurement | None = option(
        None,
        "what the best epoch is best by; the accuracy, then the loss, unless given: on the validation set where there "
        "is one, else on the test set",
    )
    early_stop: EarlyStop | None = option(None, "when to end before the last epoch")
    time_limit: TimeLimit | None = option(None, "how long to train at most")
    checkpoint: Checkpoint = option(Checkpoint, "when the training is saved, to be resumed")
    on_nonfinite: OnNonfinite = option(OnNonfinite, "what to do when a number is no longer finite")
    steps_per_call: PositiveInt | None = option(
        None, "steps that one call of the compiled program takes; chosen for the device and the network unless given"
    )
    devices: PositiveInt = option(1, "devices that share each batch")
    precision: Annotated[Literal["float32", "bfloat16"], Also(bf16="bfloat16", fp32="float32")] = option(
        "float32", "what a training step computes in; weights, gradients, averages and the loss are float32 in any case"
    )

    @model_validator(mode="after")
    def _an_example_for_each(self) -> "Recipe":
        if self.devices > self.batch:
            fewer = f"say `devices {self.batch}` or less, or a larger `batch`"
            raise ValueError(f"{self.devices} devices cannot share a batch of {self.batch}: {fewer}")
        return self


class Compile(Definition):
    """How the network is computed, where that is not left to the compiler: its speed depends on it, and nothing else.

    The ways to compute each operation are those of `planning.STRATEGIES`.
    """

    kind: Literal["compile"] = "compile"
    conv: Literal["auto", "direct", "im2col", "winograd", "matmul", "taps", "slices"] = option(
        "auto", "how convolutions are computed, those that can be"
    )
    deconv: Literal["auto", "direct", "columns"] = option(
        "auto", "how transposed convolutions are computed, those that can be"
    )
    pool: Literal["auto", "reshape", "slices", "reduce_window"] = option(
        "auto", "how maxima of windows are found, where it can be done so"
    )
    layout: Literal["auto", "channels_last", "channels_first", "batch_last"] = option(
        "auto", "how values lie in memory, where an operation can have it; what comes in and goes out stays as declared"
    )
    autotune: Literal["off", "on"] = option(
        "off", "measure the ways on the device, once, in place of expecting how long each takes"
    )
