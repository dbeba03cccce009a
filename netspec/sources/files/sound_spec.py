"""What a commented spec to begin with says of sounds: how they become spectrograms, and the layers that read these."""

from __future__ import annotations

from netspec.recipe.sound_settings import Sound, as_spectrogram
from netspec.sources.files.sounds import Measured

__all__ = ["layers_for", "rate_text", "spectrogram_of"]

_LOW = 5
"""Bands, or frames, that are left at least where stages halve them."""


def spectrogram_of(facts: Measured) -> Sound:
    """Return settings by which sounds that were measured become spectrograms."""
    return as_spectrogram(facts.rate, max(facts.seconds, 0.1))


def rate_text(facts: Measured) -> str:
    """Return what is measured, in sentences."""
    of = "all" if len(facts.rates) == 1 else "most"
    cut = facts.said_of_cut(spectrogram_of(facts).seconds)
    said = f"Of {of} the rate is {facts.rate:,} Hz, and the longest is of {facts.longest:.3g} s."
    return f"{said} {cut}." if cut else said


def layers_for(sound: Sound) -> str:
    """Return the input, and the layers of a small network that reads such spectrograms, but for its end."""
    _, bands, frames = sound.shape
    stages = []
    for width in (16, 32, 64, 64):
        if min(bands, frames) // 2 < _LOW:
            break
        stages.append(f"stage {width}")
        bands, frames = bands // 2, frames // 2
    block = "block stage(c) {\n  conv c 3x3 pad=1; batchnorm relu\n  pool 2\n}\n"
    lines = block + "\n".join(stages) if stages else "conv 32 3x3 pad=1; batchnorm relu"
    return f"""\
input {"x".join(map(str, sound.shape))}  # 1 x bands x frames: it follows from `sound`
init he_normal

{lines}
avgpool 1x{frames}  # over the time that is left: when it sounds does not matter, how high it is does
flatten
dropout 0.3
"""
