"""The real things the demo works on, fetched from PyPI: a published model and a piece of music."""

import io
import shutil
import subprocess
import sys
import wave
import zipfile
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

MODEL_WHEEL: Final = "basic-pitch==0.4.0"
"""Spotify's automatic music transcription (Apache-2.0): holds the SavedModel and the authors' own .tflite."""
MUSIC_WHEEL: Final = "pygame-ce==2.5.8"
"""Its examples hold house_lo.wav, 7 s of music: mono, 11025 Hz, 8 bit."""

_MODELS = "basic_pitch/saved_models/icassp_2022/"
_MUSIC = "pygame/examples/data/house_lo.wav"
SAMPLE_RATE: Final = 22050
"""The sample rate that basic-pitch expects (basic_pitch/constants.py, AUDIO_SAMPLE_RATE), in Hz."""
WINDOW: Final = 43844
"""Samples of one input of basic-pitch (AUDIO_N_SAMPLES)."""


def wheel(requirement: str, folder: Path) -> Path:
    """Download a wheel once and return its path.

    Raises:
        subprocess.CalledProcessError: pip could not fetch it; its message is on stderr.
    """
    target = folder / requirement.replace("==", "-")
    if not list(target.glob("*.whl")):
        partial = target.with_name(target.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*command, "--dest", str(partial), requirement], check=True)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    return next(target.glob("*.whl"))


def serve_basic_pitch(wheels: Path, hub: Path) -> str:
    """Put the SavedModel where the Hub server serves it; return its path below the server's address."""
    handle = "spotify/basic-pitch/1"
    target = hub / handle
    if not (target / "saved_model.pb").exists():
        partial = hub / f".{handle.replace('/', '-')}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        prefix = f"{_MODELS}nmp/"
        with zipfile.ZipFile(wheel(MODEL_WHEEL, wheels)) as archive:
            for name in archive.namelist():
                if name.startswith(prefix) and not name.endswith("/"):
                    file = partial / name.removeprefix(prefix)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(archive.read(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    return handle


def authors_tflite(wheels: Path) -> bytes:
    """Return the .tflite that the model's authors published beside the SavedModel."""
    with zipfile.ZipFile(wheel(MODEL_WHEEL, wheels)) as archive:
        return archive.read(f"{_MODELS}nmp.tflite")


def music(wheels: Path) -> npt.NDArray[np.float32]:
    """Return one window of music: [1, 43844, 1] float32 in [-1, 1] at 22050 Hz."""
    with zipfile.ZipFile(wheel(MUSIC_WHEEL, wheels)) as archive:
        content = io.BytesIO(archive.read(_MUSIC))
    with wave.open(content) as recording:
        rate = recording.getframerate()
        frames = np.frombuffer(recording.readframes(recording.getnframes()), np.uint8)
    audio = (frames.astype(np.float32) - 128) / 128
    times = np.arange(WINDOW) / SAMPLE_RATE
    resampled = np.interp(times, np.arange(len(audio)) / rate, audio)
    return resampled.astype(np.float32).reshape(1, WINDOW, 1)
