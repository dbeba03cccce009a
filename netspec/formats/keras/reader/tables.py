"""The layers of Keras: what each becomes, and which are refused, with what could stand for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netspec.formats.keras.reader import activations, dense, norms, preparation, sequences, shapes, windows
from netspec.formats.keras.reader.network import Network
from netspec.formats.keras.reader.use import Use
from netspec.formats.keras.reader.values import Value

__all__ = ["INSTEAD", "LAYERS", "REFUSED"]

LAYERS: Mapping[str, Callable[[Network, Use, Value], Value]] = {
    **dense.LAYERS,
    **windows.LAYERS,
    **norms.LAYERS,
    **preparation.LAYERS,
    **activations.LAYERS,
    **shapes.LAYERS,
    **sequences.LAYERS,
}
"""Layers that read one value."""

REFUSED = {
    "Lambda": "a function in Python, and no code from a file is run",
    "TFOpLambda": "an operation of TensorFlow",
    "SlicingOpLambda": "a cut by TensorFlow",
    "TensorFlowOpLayer": "an operation of TensorFlow",
    "TFSMLayer": "a program of TensorFlow",
    "TorchModuleWrapper": "a module of PyTorch, which lies in the file as pickled code",
    "JaxLayer": "a function of JAX",
    "FlaxLayer": "a module of Flax",
    "Masking": "padding that is told by its features",
    "Attention": "an attention without products",
    "AdditiveAttention": "an attention by sums",
    "GroupQueryAttention": "an attention whose heads share keys",
    "RNN": "a recurrence of cells",
    "StackedRNNCells": "a recurrence of cells",
    "ConvLSTM1D": "a recurrence of convolutions",
    "ConvLSTM2D": "a recurrence of convolutions",
    "ConvLSTM3D": "a recurrence of convolutions",
    "CuDNNLSTM": "an LSTM with two biases in an order of its own",
    "CuDNNGRU": "a GRU in an order of its own",
    "LocallyConnected1D": "a layer whose kernels differ from place to place",
    "LocallyConnected2D": "a layer whose kernels differ from place to place",
    "EinsumDense": "a product along axes of its own",
    "TextVectorization": "a dictionary of words",
    "StringLookup": "a dictionary of words",
    "IntegerLookup": "a dictionary of numbers",
    "Hashing": "a hash of its input",
    "Discretization": "classes of numbers",
    "CategoryEncoding": "a preparation of tables",
    "Resizing": "another size of pictures",
    "CenterCrop": "a preparation of pictures",
    "RandomCrop": "a part of pictures",
    "UnitNormalization": "a normalization to length 1",
    "RMSNormalization": "a normalization by the root of the mean square",
    "SpectralNormalization": "a kernel that is divided by its norm",
}
INSTEAD = {
    "Lambda": "write what it does with netspec's layers",
    "TFOpLambda": "write what it does with netspec's layers",
    "SlicingOpLambda": "`crop` or `channels`",
    "TensorFlowOpLayer": "write what it does with netspec's layers",
    "Masking": "`mask=` of an input of tokens",
    "Attention": "`attention`, trained anew",
    "AdditiveAttention": "`attention`, trained anew",
    "GroupQueryAttention": "`attention`, trained anew",
    "ConvLSTM2D": "`lstm`, trained anew",
    "CuDNNLSTM": "load it in Keras 2 and save it as an LSTM",
    "CuDNNGRU": "load it in Keras 2 and save it as a GRU",
    "LocallyConnected1D": "`conv`",
    "LocallyConnected2D": "`conv`",
    "EinsumDense": "`fc … pointwise`",
    "TextVectorization": "`text words` of the data, and tokens as the input",
    "StringLookup": "tokens as the input",
    "IntegerLookup": "tokens as the input",
    "Resizing": "the size of the `input`, and `resize stretch` of the data",
    "CenterCrop": "`crop`",
    "RandomCrop": "`crop`, and `augment pad=` of the data",
}
