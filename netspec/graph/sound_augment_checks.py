"""Can sounds be changed as `augment` says? What is for pictures alone is refused, with what fits instead."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.diagnostics.diagnostic import Diagnostic, Places, listing, plural
from netspec.ir.network import Network
from netspec.recipe.image_settings import Augment
from netspec.recipe.sound_settings import Sound, as_spectrogram

__all__ = ["check_augment_of_sounds", "fitting_settings", "of_images_misfit", "of_sounds_misfit"]

_BOTH = {"time_shift", "gain", "noise", "mixup", "until"}
_WAVEFORM = {*_BOTH, "polarity"}
_PLANE = {"shift", "pad", "fill", "interpolation", "cutout", "erase", "erase_area", "cutmix"}
_SPECTROGRAM = {*_BOTH, "time_mask", "frequency_mask", *_PLANE}
_INSTEAD = {
    "shift": "`time_shift` moves by seconds",
    "pad": "`time_shift` moves by seconds",
    "brightness": "`gain` makes louder or softer, by decibels",
    "contrast": "`gain` makes louder or softer, by decibels",
}

Misfit = tuple[str, str]
"""What is wrong, and what would be right."""


def of_images_misfit(augment: Augment) -> Misfit | None:
    """Return that settings are for sounds, where the examples are images; None where none is."""
    names = [f"`{name}`" for name in augment.of_sounds]
    if not names:
        return None
    verb = "is" if len(names) == 1 else "are"
    message = f"{listing(names, 'and')} {verb} for sounds, but the examples are images"
    return message, "say what to vary of images: `augment rotate=10 shift=2 brightness=0.2`"


def check_augment_of_sounds(network: Network, places: Places) -> Iterable[Diagnostic]:
    """Yield that settings of `augment` are for pictures, and the examples are sounds.

    Models of before may have been trained with them on spectrograms, and are opened still.
    """
    data, place = network.data, places.get("data")
    if data is None or data.augment is None or data.sound is None:
        return
    fitting = _WAVEFORM if data.sound.mel is None else _SPECTROGRAM
    wrong = [name for name in data.augment.stated if name not in fitting]
    if wrong:
        message, fix = _of_others(wrong, data.sound)
        yield Diagnostic("E0308", message, place.span if place else None, fix=fix)


def of_sounds_misfit(augment: Augment, sound: Sound) -> Misfit | None:
    """Return what cannot be done with waveforms or spectrograms; None where nothing is."""
    waveforms = sound.mel is None
    if augment.time_shift >= sound.seconds:
        message = f"`time_shift={augment.time_shift:g}` moves sounds of {sound.seconds:g} s out of hearing"
        return message, f"choose less than {sound.seconds:g}"
    if not waveforms and augment.time_mask >= sound.frames:
        of = f"spectrograms of {plural(sound.frames, 'frame')}"
        message = f"`time_mask={augment.time_mask}` may leave nothing of {of}"
        return message, f"choose less than {sound.frames}, such as `time_mask={max(1, sound.frames // 5)}`"
    if not waveforms and augment.frequency_mask >= (sound.mel or 0):
        message = f"`frequency_mask={augment.frequency_mask}` may leave nothing of spectrograms of {sound.mel} bands"
        return message, f"choose less than {sound.mel}, such as `frequency_mask={max(1, (sound.mel or 0) // 5)}`"
    return None


def _of_others(wrong: list[str], sound: Sound) -> Misfit:
    waveforms = sound.mel is None
    what, other = ("waveforms", "spectrograms") if waveforms else ("spectrograms", "waveforms")
    names, verb = listing([f"`{name}`" for name in wrong], "and"), "is" if len(wrong) == 1 else "are"
    of_other = _SPECTROGRAM - _PLANE if waveforms else _WAVEFORM
    for_what = other if set(wrong) <= of_other else "pictures"
    instead = list(dict.fromkeys(_INSTEAD[name] for name in wrong if name in _INSTEAD))
    if for_what == "spectrograms":
        instead = [f"`{as_spectrogram(sound.rate, sound.seconds).shortest}` makes spectrograms"]
    message = f"{names} {verb} for {for_what}, but the examples are {what}"
    return message, "; ".join([*instead, f"{what} are varied by `{fitting_settings(sound)}`"])


def fitting_settings(sound: Sound) -> str:
    """Return settings of `augment` that fit sounds, as they are written."""
    found = [f"time_shift={min(0.1, sound.seconds / 4):.2g}", "gain=6"]
    if sound.mel is None:
        return " ".join([*found, "polarity", "noise=0.01"])
    spans = {"time_mask": min(20, sound.frames // 5), "frequency_mask": min(8, sound.mel // 5)}
    return " ".join([*found, *(f"{name}={most}" for name, most in spans.items() if most), "noise=0.02"])
