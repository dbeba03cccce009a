"""A variational autoencoder on MNIST, and a picture of what it reconstructs and draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import netspec as ns
from learned.frame import Effort, Found, first, trained

__all__ = ["PICTURE", "SPECS", "TEXT", "TITLE", "measure", "sheet"]

TITLE = "A variational autoencoder"
TEXT = (
    "MNIST again, from 20 numbers an image (Kingma & Welling 2014). The figures are nats per test image: of the "
    "reconstruction (binary cross-entropy, summed over the pixels, from the mean of the code), and of the divergence "
    "of the code from a standard normal distribution. The decoder is a network of its own, which takes the weights of "
    "the layers of the same names."
)
SPECS = {
    "encoder and decoder": """input 1x28x28
fc 400 relu
fc 40 as code                      # 20 means, then 20 logarithms of variances
sample
fc 400 relu as hidden
fc 784 sigmoid as image
output image
output code loss=kl weight=(1 / 784)

data mnist { target input }
train { optimizer adam lr=0.001; schedule cosine; batch 128; epochs 15 }""",
    "decoder": """input 20
fc 400 relu as hidden
fc 784 sigmoid as image""",
}
PICTURE = "vae.png"
CAPTION = "Above: test images, and what they are reconstructed to. Below: drawn from the decoder."

_COLUMNS = 12
_PIXELS = 784


def measure(effort: Effort) -> Found:
    """Return the nats per image of the test part, and draw the picture."""
    spec, epochs = SPECS["encoder and decoder"], None
    if effort.short:
        spec, epochs = spec.replace("data mnist", "data digits"), 1
    end = trained(spec, "digits" if effort.short else None, effort.seed, name="vae", epochs=epochs)
    outputs = end.result.outputs
    image, code = (float(outputs[name]["test_loss"] or 0) for name in ("image", "code"))
    figures = {
        "reconstruction": (image * _PIXELS,),
        "divergence": (code,),
        "sum": (image * _PIXELS + code,),
        "parameters": (float(end.result.parameters),),
    }
    images, _ = first(effort.digits().test, _COLUMNS)
    again = np.asarray(end.model.forward(end.variables, images)["image"])
    decoder = ns.compile(ns.parse(SPECS["decoder"]))
    learned = ns.Variables({name: end.variables.params[name] for name in ("hidden", "image")}, {})
    codes = np.random.default_rng(effort.seed).normal(size=(2 * _COLUMNS, 20)).astype(np.float32)
    drawn = np.asarray(decoder.forward(learned, codes))
    effort.pictures.mkdir(parents=True, exist_ok=True)
    sheet(images.astype(np.float32) / np.float32(255), again, drawn).save(effort.pictures / PICTURE, optimize=True)
    return Found(figures={"VAE": figures})


def sheet(*images: NDArray[np.float32]) -> Image.Image:
    """Return pictures of values from 0 to 1 in rows, those of each argument below the one before."""
    rows = np.concatenate([part.reshape(-1, _COLUMNS, 28, 28) for part in images])
    grey = np.round(255 * (1 - rows.transpose(0, 2, 1, 3).reshape(28 * len(rows), 28 * _COLUMNS)))
    return Image.fromarray(grey.astype(np.uint8)).resize((56 * _COLUMNS, 56 * len(rows)), Image.Resampling.NEAREST)
