"""Runs the artifacts on music and compares their outputs."""

import math

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

Array = npt.NDArray[np.float32]
NOTE_THRESHOLD = 0.3
"""The threshold from which basic-pitch takes a frame for a note (basic_pitch/inference.py, frame_threshold)."""
LOWEST_MIDI_NOTE = 21
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def listen(tflite: bytes, audio: Array) -> dict[str, Array]:
    """Return contour [1, 172, 264], note [1, 172, 88] and onset [1, 172, 88] for a window [1, 43844, 1]."""
    interpreter = Interpreter(model_content=tflite, num_threads=2)
    outputs: dict[str, Array] = interpreter.get_signature_runner("serving_default")(input_2=audio)
    return outputs


def snr_decibels(reference: dict[str, Array], other: dict[str, Array]) -> float:
    """Return the signal-to-noise ratio of the worst output, matched by name (dB; inf where all are the same)."""

    def one(name: str) -> float:
        noise = float(np.sum((reference[name] - other[name]) ** 2))
        return math.inf if noise == 0 else 10 * math.log10(float(np.sum(reference[name] ** 2)) / noise)

    return min(one(name) for name in reference)


def notes(outputs: dict[str, Array]) -> str:
    """Return the names of the three pitches that sound longest."""
    frames = (outputs["note"][0] > NOTE_THRESHOLD).sum(axis=0)
    longest = [int(index) for index in np.argsort(-frames)[:3] if frames[index] > 0]
    midi = sorted(index + LOWEST_MIDI_NOTE for index in longest)
    return " ".join(f"{_NAMES[number % 12]}{number // 12 - 1}" for number in midi) or "none"
