"""Labelled data for small models: the digits that scikit-learn comes with, a made table, and made words of tones."""

import gzip
import io
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_DIGITS: Final = "sklearn/datasets/data/digits.csv.gz"
_GET_DIGITS: Final = "get the wheel with `pip download --no-deps scikit-learn`, and name it with --scikit-learn"
_SEED: Final = 20
_NOISE: Final = 1.0
WORDS: Final = 10
_SECONDS: Final = 0.5
_RATE: Final = 8000
_TONES: Final = (300, 450, 650, 900, 1250, 1700, 2300)
"""Hz."""
_SYLLABLES: Final = 3


@dataclass(frozen=True)
class Labelled:
    """Inputs and labels, apart for training and for measuring."""

    train: tuple[Floats, npt.NDArray[Any]]
    test: tuple[Floats, npt.NDArray[Any]]


def digits(scikit_learn: Path | None) -> Labelled:
    """Return 1797 images of 8 x 8 pixels from 0 to 1 and the digits that they show (E. Alpaydin, C. Kaynak, 1998).

    Args:
        scikit_learn: its wheel; None where it is installed.

    Raises:
        FileNotFoundError: it is neither.
    """
    rows = np.loadtxt(io.BytesIO(gzip.decompress(_digits_file(scikit_learn))), delimiter=",")
    images = (rows[:, :64] / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    return _split(images, rows[:, 64].astype(np.int64), 900)


def _digits_file(scikit_learn: Path | None) -> bytes:
    if scikit_learn is not None:
        with zipfile.ZipFile(scikit_learn) as wheel:
            return wheel.read(_DIGITS)
    try:
        # Its data alone: importing it would need SciPy.
        return Path(str(metadata.distribution("scikit-learn").locate_file(_DIGITS))).read_bytes()
    except metadata.PackageNotFoundError as error:
        raise FileNotFoundError(f"scikit-learn is not installed: {_GET_DIGITS}") from error


def table() -> Labelled:
    """Return ten columns, of which five have to do with the number that is to be told.

    J. H. Friedman, Multivariate Adaptive Regression Splines, The Annals of Statistics 19, 1991, (61).
    """
    chance = np.random.default_rng(_SEED)
    columns = chance.uniform(0, 1, (6000, 10))
    curve = 10 * np.sin(np.pi * columns[:, 0] * columns[:, 1]) + 20 * (columns[:, 2] - 0.5) ** 2
    told = curve + 10 * columns[:, 3] + 5 * columns[:, 4] + chance.normal(0, _NOISE, len(columns))
    return _split(columns.astype(np.float32), told.astype(np.float32)[:, None], 2000)


def words() -> Labelled:
    """Return spectrograms of ten words, each of three tones, spoken at any pitch, speed and loudness in noise."""
    chance = np.random.default_rng(_SEED)
    vocabulary = [chance.choice(_TONES, _SYLLABLES, replace=False) for _ in range(WORDS)]
    said = chance.integers(0, WORDS, 4000)
    heard = np.stack([_spectrogram(_spoken(vocabulary[word], chance)) for word in said])
    return _split(heard[..., None].astype(np.float32), said.astype(np.int64), 1000)


def _spoken(word: npt.NDArray[Any], chance: np.random.Generator) -> npt.NDArray[np.float64]:
    count = int(_RATE * _SECONDS)
    pitch, loudness = chance.uniform(0.9, 1.1), chance.uniform(0.3, 1)
    start, length = chance.uniform(0, 0.25), chance.uniform(0.5, 0.75)
    place = (np.arange(count) / count - start) / length * _SYLLABLES
    syllable = np.clip(place, 0, _SYLLABLES - 1e-9).astype(int)
    envelope = np.where((place >= 0) & (place < _SYLLABLES), np.sin(np.pi * (place % 1)) ** 0.5, 0)
    phase = 2 * np.pi * np.cumsum(word[syllable] * pitch) / _RATE
    return np.asarray(loudness * envelope * np.sin(phase) + chance.normal(0, 0.5, count))


def _spectrogram(sound: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return 49 steps of time by 40 bands of frequency, in tens of decibels."""
    size, step = 160, 80
    frames = np.lib.stride_tricks.sliding_window_view(sound, size)[::step][:49]
    power = np.abs(np.fft.rfft(frames * np.hanning(size), 2 * size))[:, :120] ** 2
    return np.asarray(np.log10(power.reshape(len(frames), 40, 3).mean(axis=2) + 1e-6))


def _split(inputs: Floats, labels: npt.NDArray[Any], test: int) -> Labelled:
    order = np.random.default_rng(_SEED).permutation(len(inputs))
    inputs, labels = inputs[order], labels[order]
    return Labelled((inputs[test:], labels[test:]), (inputs[:test], labels[:test]))
