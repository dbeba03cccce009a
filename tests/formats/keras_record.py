"""Writes the small files of Keras in foreign/, and what Keras computes with them in answers/; run by hand.

KERAS_BACKEND=jax python -m tests.formats.keras_record
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

FOREIGN, ANSWERS = Path(__file__).parent / "foreign", Path(__file__).parent / "answers"


def residual(keras: Any) -> Any:
    """Return a network with a residual, a gate, a model in it, and a row behind `Flatten`."""
    k = keras.layers
    body = keras.Sequential([keras.Input((4, 3, 4)), k.DepthwiseConv2D(3, padding="same"), k.PReLU(shared_axes=[1, 2])])
    body.name = "body"
    first = keras.Input((8, 6, 3), name="picture")
    x = k.Conv2D(4, 3, strides=2, padding="same", use_bias=False, name="stem")(first)
    x = k.BatchNormalization(name="norm")(x)
    x = k.Add(name="sum")([x, body(x)])
    gate = k.Dense(4, activation="hard_sigmoid", name="gate")(k.GlobalAveragePooling2D(keepdims=True)(x))
    x = k.Flatten()(k.Multiply()([x, gate]))
    model = keras.Model(first, k.Dense(3, activation="softmax", name="head")(x), name="residual")
    model.compile(keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
    return model


def sentence(keras: Any) -> Any:
    """Return a network of tokens with padding, and recurrences."""
    k = keras.layers
    layers = [k.Embedding(9, 3, mask_zero=True), k.Bidirectional(k.GRU(2)), k.Dense(1)]
    return keras.Sequential([keras.Input((5,), dtype="int32"), *layers], name="sentence")


def record(keras: Any, model: Any, file: str, given: np.ndarray[Any, Any]) -> None:
    """Save a model with random weights, and what it computes."""
    rng = np.random.default_rng(0)
    for variable in model.weights:
        shape = tuple(variable.shape)
        variable.assign(rng.uniform(0.5, 2, shape) if "variance" in variable.path else rng.normal(0, 0.5, shape))
    model.save(FOREIGN / file)
    found = model(given, training=False)
    said = {
        "file": file,
        "keras": keras.__version__,
        "inputs": {"input": [given.tolist(), str(given.dtype)]},
        "outputs": [np.asarray(found).round(7).tolist()],
    }
    (ANSWERS / f"{Path(file).stem}.json").write_text(json.dumps(said) + "\n")


def main() -> None:
    """Write all files."""
    import keras  # noqa: PLC0415

    ANSWERS.mkdir(exist_ok=True)
    rng = np.random.default_rng(1)
    record(keras, residual(keras), "keras_residual.keras", rng.random((2, 8, 6, 3)).round(3).astype(np.float32))
    tokens = np.array([[3, 1, 8, 0, 0], [2, 5, 4, 7, 1]], np.int32)
    record(keras, sentence(keras), "keras_sentence.h5", tokens)


if __name__ == "__main__":
    main()
