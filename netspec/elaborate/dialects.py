"""What other programs have by names that netspec does not: how it says the same, or that it cannot.

Without these, the nearest word would be proposed, which often means something else: `rope` is no `dropout`.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["LAYERS", "MEMBERS", "SETTINGS"]

_ONE_BEHIND = "a layer is the lines behind each other: it needs no word of its own"
_PREPARED = "it is done before the network: what tables and texts become is fitted by `data`"
_CELL = "layers go over the whole sequence: `lstm 64`, `gru 64` or `rnn 64`"
_RMS_NORM = "`include blocks`, then `rms_norm 64` for 64 channels (or features)"
_UNIT_NORM = "`include blocks`, then `unit_norm` divides the channels (or features) by their length"
_SWIGLU = "`branch { fc 64 silu pointwise } { fc 64 pointwise } multiply`, or `glu` of one layer twice as wide"
_PRODUCT = "`attention`, `dot LABEL` and `fc` multiply; a product of two labelled matrices cannot be said"
_GLOBAL = "`globalpool`, or `globalpool max`; to a smaller image, `avgpool` with the kernel that gives it"
_PERIODIC = "there is no sine: `position sinusoidal` marks positions, `attention 8 rotary` turns by them"
_AUGMENT = "random changes of images are settings of the data: `data mnist { augment flip rotate=10 }`"
_ROPE = "it is a word of what reads the positions: `attention 8 rotary`"

_PARTS = (
    "`part 1 of=2` takes the first half of the channels, and `from` the same label `part 2 of=2` the other; "
    "`channels 16 offset=8` takes so many, `crop` positions"
)
LAYERS: Mapping[str, str] = {
    "while": "`repeat 3 { … }` runs commands several times",
    "loop": "`repeat 3 { … }` runs commands several times",
    "def": "`block res(c) { … }` gives commands a name",
    "function": "`block res(c) { … }` gives commands a name",
    "class": "`block res(c) { … }` gives commands a name",
    "return": "remove it: a network has one output, its last layer",
    "model": "remove it: the file is the network, and its name is the network's",
    "network": "remove it: the file is the network, and its name is the network's",
    "import": 'no code is run here: `include blocks` for the library, or `include "file.net"`',
    "activation": "an activation is a layer by its own name: `relu`",
    "Lambda": "no code is run here: `exp`, `log`, `abs`, `square`, `sqrt`, `clamp` and `times` are layers",
    "CoordConv": "`coordinates; conv 16 3x3` is one",
    "PairwiseDistance": "`subtract a as d; dot d; clamp min=0.000001; sqrt` is the distance to the value labelled `a`",
    "split": _PARTS,
    "Split": _PARTS,
    "chunk": _PARTS,
    "slice": _PARTS,
    "Slice": _PARTS,
    "narrow": _PARTS,
    "mul": "`times 2` multiplies by a number, `multiply LABEL` by a labelled value",
    "div": "`times 0.5` divides by 2, `divide LABEL` by a labelled value",
    "plus": "`times 1 plus=2` adds a number, `add LABEL` a labelled value",
    "sub": "`times 1 plus=-2` subtracts a number, `subtract LABEL` a labelled value",
    "pow": "`square` and `sqrt` are layers",
    "mean": "`globalpool` is the mean over all positions, `average LABEL` that of labelled values",
    "sum": "`globalpool sum` is the sum over all positions, `add LABEL` that of labelled values",
    "rmsnorm": _RMS_NORM,
    "rms_norm": _RMS_NORM,
    "RMSNorm": _RMS_NORM,
    "RMSNormalization": _RMS_NORM,
    "l2norm": _UNIT_NORM,
    "l2_norm": _UNIT_NORM,
    "unit_norm": _UNIT_NORM,
    "L2Normalize": _UNIT_NORM,
    "UnitNormalization": _UNIT_NORM,
    "RepeatVector": "`reshape 64x1; upsample 20` gives 64 features at each of 20 positions",
    "tile": "`upsample 2` repeats each position, `concat LABEL` channels",
    "TimeDistributed": "`fc 64 pointwise` is computed at each position, and so are convolutions of one position",
    "Bidirectional": "it is a word of the layer: `lstm 64 bidirectional`",
    "Masking": "it is said of the input: `input 64 tokens=1000 mask=0`",
    "SeparableConv1D": "`depthwise 3 pad=same; conv 64 1`",
    "SeparableConv2D": "`depthwise 3x3 pad=same; conv 64 1x1`",
    "AdaptiveAvgPool1d": _GLOBAL,
    "AdaptiveAvgPool2d": _GLOBAL,
    "AdaptiveMaxPool2d": _GLOBAL,
    "GlobalMaxPool1D": "`globalpool max`",
    "GlobalMaxPool2D": "`globalpool max`",
    "maxout": "`fc 64 as a; from input; fc 64; maximum a`: the larger of several layers, each with its weights",
    "GaussianDropout": "`dropout 0.2` zeroes values, `noise 0.1` adds to them",
    "AlphaDropout": "`dropout 0.2` zeroes values, `noise 0.1` adds to them",
    "ActivityRegularization": "`train { l2 0.0001 }` is of kernels; what layers give cannot be made small",
    "spectral_norm": "kernels are trained as they are: `train { l2 0.0001 }`, or `batchnorm`",
    "weight_norm": "kernels are trained as they are: `train { l2 0.0001 }`, or `batchnorm`",
    "stack": "`concat LABEL` puts channels one after the other",
    "cat": "`concat LABEL` puts channels one after the other",
    "expand": "one number a channel, and one channel, are spread by `multiply` as they are",
    "unsqueeze": "`reshape 64x1` makes a sequence of 64 features, and `flatten` a row",
    "squeeze": "`flatten` makes a row, `reshape` any shape of as many values",
    "Resizing": "`data` resizes pictures to the input; within a network, `upsample 2` and `avgpool 2`",
    "RandomFlip": _AUGMENT,
    "RandomRotation": _AUGMENT,
    "RandomZoom": _AUGMENT,
    "RandomCrop": _AUGMENT,
    "Normalization": "columns of tables are standardized by themselves, images by `data mnist { normalize channels }`",
    "CategoryEncoding": _PREPARED,
    "StringLookup": _PREPARED,
    "IntegerLookup": _PREPARED,
    "Hashing": _PREPARED,
    "TextVectorization": _PREPARED,
    "Discretization": _PREPARED,
    "matmul": _PRODUCT,
    "bmm": _PRODUCT,
    "einsum": _PRODUCT,
    "EinsumDense": "`fc 64 pointwise` is computed at each position",
    "AdditiveAttention": "`attention 8`, or `attention 8 memory=LABEL` to another sequence, by scaled products",
    "sin": _PERIODIC,
    "cos": _PERIODIC,
    "sinusoid": "`position sinusoidal` adds sines and cosines of the position",
    "PositionalEncoding": "`position sinusoidal`, or `position` for a trained one",
    "PositionalEmbedding": "`embedding 64; position`",
    "rope": _ROPE,
    "RotaryEmbedding": _ROPE,
    "swiglu": _SWIGLU,
    "SwiGLU": _SWIGLU,
    "geglu": _SWIGLU.replace("silu", "gelu"),
    "moe": "of experts `a` and `b`: "
    "`fc 2 softmax as gates; part 1; multiply a as one; from gates; part 2; multiply b; add one`",
    "ConvLSTM2D": "frames one after the other are a volume, channels x time x height x width: `conv 16 3x3x3`",
    "LSTMCell": _CELL,
    "GRUCell": _CELL,
    "RNNCell": _CELL,
    "SimpleRNNCell": _CELL,
    "Sequential": _ONE_BEHIND,
    "argmax": "the largest output is the answer: end in `softmax`, and `netspec predict` names the class",
    "topk": "the likeliest classes are measured: `train { metrics top5 }`",
    "max": "`globalpool max` is the largest of all positions, `maximum LABEL` that of labelled values",
    "min": "`minimum LABEL` is the smallest of labelled values",
    "logsumexp": "`exp; globalpool sum; log`",
}
"""By the name of a layer: what to write."""

_L1 = "`l2 0.0001` makes kernels small, and so does `optimizer adamw weight_decay=0.01`"
_STOP = "`early_stop 3`, with `data … { validation 15% }`"
_PLATEAU = "rates follow the step alone: `schedule cosine`, and `early_stop 3` ends what no longer improves"

SETTINGS: Mapping[str, str] = {
    "l1": _L1,
    "l1_l2": _L1,
    "regularizer": _L1,
    "label_smoothing": "it is an argument of the loss: `loss cross_entropy smoothing=0.1`",
    "smoothing": "it is an argument of the loss: `loss cross_entropy smoothing=0.1`",
    "class_weight": "it is an argument of the loss: `loss cross_entropy class_weights=balanced`",
    "class_weights": "it is an argument of the loss: `loss cross_entropy class_weights=balanced`",
    "pos_weight": "it is an argument of the loss: `loss binary_cross_entropy pos_weight=2`",
    "ignore_index": "it is an argument of the loss: `loss cross_entropy ignore=-1`",
    "amp": "`precision bfloat16`",
    "fp16": "`precision bfloat16`",
    "gradient_clip": "`clip 1` scales gradients down to that norm, `clip value=0.5` cuts each value",
    "gradient_clip_val": "`clip 1` scales gradients down to that norm, `clip value=0.5` cuts each value",
    "max_grad_norm": "`clip 1`",
    "clipvalue": "`clip value=0.5`",
    "clip_value": "`clip value=0.5`",
    "gradient_accumulation": "`accumulate 4`",
    "patience": _STOP,
    "swa": "`ema 0.999` evaluates and saves an average of the weights",
    "dropout": "it is a layer: `dropout 0.1` between others",
    "callbacks": "`early_stop 3`, `checkpoint every=100`, `best val_loss`; in Python `ns.train` yields what happens",
    "sample_weight": "classes can count more, `loss cross_entropy class_weights=balanced`; single examples cannot",
    "num_workers": "remove it: what is not in memory is read ahead by itself",
    "workers": "remove it: what is not in memory is read ahead by itself",
}
"""By the name of a setting of `train`: what to write."""

_NUMBERS_NEAR = "`loss huber` is quadratic near 0 and linear far off, as it is"
_SPREAD = "how far answers may be off: an output with `loss=quantile(0.1)`, another with `loss=quantile(0.9)`"
_IN_BATCH = "`loss triplet` is of three examples, `loss contrastive` of two; all others of a batch cannot be compared"
_DIVERGENCE = "`loss cross_entropy` takes rows of shares as targets, and differs from it by what is not learned"
_RATIO = "`target price log` in `data` learns the logarithm of a column of a table, by `loss mse` or `loss mae`"
_RESTARTS = "a rate that begins anew cannot be said: `schedule cosine warmup=1`, or `schedule onecycle`"

MEMBERS: Mapping[str, str] = {
    "gaussian_nll": _SPREAD,
    "GaussianNLLLoss": _SPREAD,
    "info_nce": _IN_BATCH,
    "InfoNCE": _IN_BATCH,
    "NTXent": _IN_BATCH,
    "ntxent": _IN_BATCH,
    "kl_div": _DIVERGENCE,
    "KLDivLoss": _DIVERGENCE,
    "KLDivergence": _DIVERGENCE,
    "log_cosh": _NUMBERS_NEAR,
    "LogCosh": _NUMBERS_NEAR,
    "msle": _RATIO,
    "MeanSquaredLogarithmicError": _RATIO,
    "mape": _RATIO,
    "MeanAbsolutePercentageError": _RATIO,
    "categorical_hinge": "`loss hinge` sums over all wrong classes, not only the worst",
    "CategoricalHinge": "`loss hinge` sums over all wrong classes, not only the worst",
    "ReduceLROnPlateau": _PLATEAU,
    "reduce_on_plateau": _PLATEAU,
    "plateau": _PLATEAU,
    "CosineAnnealingWarmRestarts": _RESTARTS,
    "CosineDecayRestarts": _RESTARTS,
    "cosine_restarts": _RESTARTS,
    "cyclic": _RESTARTS,
    "CyclicLR": _RESTARTS,
    "CosineAnnealingLR": "`schedule cosine`: it ends with the training",
}
"""By the name of a loss or a schedule: what to write."""
