"""What files of users become as examples: pictures of a size, or sounds of a length."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
import PIL
from numpy.typing import NDArray

from netspec.data.files.decoding import quiet
from netspec.data.files.picture_files import Resize, picture_of, require_picture_shape
from netspec.data.files.sound_samples import waveform
from netspec.data.files.spectrogram import log_mel
from netspec.data.files.wav import fitted
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.recipe.sound_settings import Sound
from netspec.sources.files.kinds import PICTURES, SOUNDS, FileKind
from netspec.sources.files.libsndfile import library_version
from netspec.sources.files.sound_headers import header_of
from netspec.sources.preparation import Preparation

__all__ = ["FileForm", "FileForms", "PictureForm", "SoundForm", "form_of"]


class FileForm(ABC):
    """How a file becomes an example.

    Attributes:
        kind: what the files are.
        dtype: of the numbers of an example.
        smaller: how examples take less memory, for messages.
    """

    kind: ClassVar[FileKind]
    dtype: ClassVar[np.dtype[Any]]
    smaller: ClassVar[str]

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of an example."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What an example depends on beside its file, as a text: what is kept decoded has it in its name."""

    @abstractmethod
    def of(self, content: bytes, name: str) -> NDArray[Any]:
        """Return the example that a file is; called in many threads, within `prepared`.

        Raises:
            DataError: it cannot be read.
        """

    def prepared(self) -> AbstractContextManager[None]:
        """Return what files are decoded within."""
        return nullcontext()

    def left_out(self, content: bytes, name: str) -> str:
        """Return what of a file, which can be read, is no part of the example; empty where that is nothing."""
        del content, name
        return ""

    @property
    def nbytes(self) -> int:
        """The bytes of an example."""
        return prod(self.shape) * self.dtype.itemsize

    def empty(self, count: int) -> NDArray[Any]:
        """Return an array for so many examples."""
        return np.empty((count, *self.shape), self.dtype)


@dataclass(frozen=True)
class PictureForm(FileForm):
    """Pictures in the size of an input.

    Attributes:
        size: channels, height and width.
        resize: how they get it.
    """

    kind = PICTURES
    dtype = np.dtype(np.uint8)
    smaller = "take a smaller input, such as `input 3x64x64`, or fewer pictures"

    size: tuple[int, ...]
    resize: Resize

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels, height and width."""
        return self.size

    @property
    def key(self) -> str:
        """What decodes, and how large they are."""
        return f"{PIL.__version__} {self.size} {self.resize}"

    def of(self, content: bytes, name: str) -> NDArray[np.uint8]:
        """Return a picture, (C, H, W); raises DataError where it is none."""
        return picture_of(content, name, self.size, self.resize, is_quiet=True)[0]

    def prepared(self) -> AbstractContextManager[None]:
        """Return what silences the warnings of Pillow, for all threads."""
        return quiet()


@dataclass(frozen=True)
class SoundForm(FileForm):
    """Sounds as waveforms or spectrograms.

    Attributes:
        sound: the settings.
    """

    kind = SOUNDS
    dtype = np.dtype(np.float32)
    smaller = "take less `seconds`, or `mel=40`, or fewer sounds"

    sound: Sound

    @property
    def shape(self) -> tuple[int, ...]:
        """(1, samples), or (1, bands, frames)."""
        return self.sound.shape

    @property
    def key(self) -> str:
        """The settings, what computes with them, and the version of what is kept."""
        return f"2 {np.__version__} {library_version()} {self.sound!r}"

    def of(self, content: bytes, name: str) -> NDArray[np.float32]:
        """Return a waveform or a spectrogram; raises DataError where the file is no sound."""
        return self._example(waveform(content, name, self.sound.rate, self.sound.samples))

    def left_out(self, content: bytes, name: str) -> str:
        """Return that a sound is longer than an example, by more than a hundredth; else nothing."""
        seconds = header_of(content, name).seconds
        is_longer = seconds > 1.01 * self.sound.seconds
        return f"of {seconds:.3g} s, of which the first {self.sound.seconds:g} s are read" if is_longer else ""

    def of_samples(self, given: NDArray[np.float64], rate: int) -> NDArray[np.float32]:
        """Return what samples of one channel, (N,), from -1 to 1, are as an example; `rate` of them are a second."""
        return self._example(fitted(given, rate, self.sound.rate, self.sound.samples))

    def _example(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return samples[None] if self.sound.mel is None else log_mel(samples, self.sound)


def form_of(network: Network, fitted: Preparation | None, what: str) -> FileForm:
    """Return how the files in a folder become what a network of one input reads.

    Args:
        network: says it.
        fitted: what a model was fitted to.
        what: what messages call the files.

    Raises:
        DataError: its input is none of pictures, and the spec does not say that they are sounds.
    """
    forms = FileForms.of(network.data, fitted)
    if forms.sound is None:
        require_picture_shape(network.input, what)
    return forms.of_size(network.input)


@dataclass(frozen=True)
class FileForms:
    """How files become examples, whatever their size: several inputs may read pictures of several sizes.

    Attributes:
        resize: how pictures get the size of an input.
        sound: the settings of sounds; None where the files are pictures.
    """

    resize: Resize = "crop"
    sound: Sound | None = None

    @classmethod
    def of(cls, data: DataSource | None, fitted: Preparation | None) -> FileForms:
        """Return how files are read as a model has learned, or as a spec says."""
        resize = fitted.resize if fitted else None
        return cls(resize or (data.resize if data else None) or "crop", data.sound if data else None)

    def of_size(self, size: Sequence[int]) -> FileForm:
        """Return what a file becomes for an input of a size."""
        return SoundForm(self.sound) if self.sound else PictureForm(tuple(size), self.resize)
