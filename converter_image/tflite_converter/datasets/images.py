"""Examples from images: decoded by Pillow, fitted and normalised as the spec says."""

import gzip
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import numpy as np

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import ImagePreprocessing, Samples
from tflite_api.resource.spec import ImageClasses
from tflite_api.text import one_line
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Array, SignatureFacts, TensorFacts
from tflite_converter.datasets import class_folders, image_labels
from tflite_converter.datasets.image_names import is_image

if TYPE_CHECKING:
    from PIL import Image

ARCHIVES: Final = (".zip", ".tar", ".tar.gz", ".tgz")
_FORMATS: Final = ("JPEG", "PNG", "BMP", "WEBP", "GIF")
"""Pillow's names of those that `image_names.SUFFIXES` are of."""
_LISTED: Final = "JPEG, PNG, BMP, WebP or GIF"
_LARGEST_PIXELS: Final = 100_000_000
_LARGEST_FILE: Final = 256 * 1024**2
_UNREADABLE: Final = (
    *(tarfile.TarError, zipfile.BadZipFile, EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError),
    # tarfile and zipfile themselves: on links, on passwords and ways to pack that they do not know, on odd fields.
    *(KeyError, ValueError, OverflowError, RuntimeError, struct.error),
)
"""What is raised for an archive that is none, or that ends too early or holds rubbish."""
_MODES: Final = {"RGB": "RGB", "BGR": "RGB", "Grayscale": "L"}


def read(
    path: Path, signature: SignatureFacts, settings: Samples, classes: ImageClasses | None = None
) -> Iterator[Mapping[str, Array]]:
    """Yield an example for each image of a folder or archive, in the order of their names.

    Args:
        path: of the folder or archive.
        signature: has one input, which takes images.
        settings: how they are prepared.
        classes: how the folders of classes are numbered, where images have labels.

    Raises:
        StepFailure: DatasetMismatch where the model takes no image, or one has no label; DatasetInvalid where one
            cannot be read.
    """
    tensor = _image_input(signature)
    how = settings.images or ImagePreprocessing()
    try:
        if classes is None:
            for name, file in _files(path, settings.max_samples):
                yield {tensor.name: decode(file, name, tensor, how)}
            return
        labels = image_labels.of(path, classes, settings.max_samples)
        for name, file in _files(path, len(labels), labels):
            yield {class_folders.LABEL: np.array(labels[name]), tensor.name: decode(file, name, tensor, how)}
    except _UNREADABLE as error:
        words = f"{path.name} cannot be read as an archive: {one_line(str(error), 300) or type(error).__name__}"
        raise StepFailure(Reason.DATASET_INVALID, words, "Pack it again as a .zip, .tar or .tar.gz") from error


def _image_input(signature: SignatureFacts) -> TensorFacts:
    tensor = signature.inputs[0] if len(signature.inputs) == 1 else None
    shape = tensor.shape if tensor is not None else None
    if tensor is None or shape is None or len(shape) != 4 or shape[3] not in {1, 3}:
        listing = "; ".join(map(str, signature.inputs))
        raise StepFailure(
            Reason.DATASET_MISMATCH,
            "A dataset of images needs a model with one input of the shape [batch, height, width, 1 or 3 channels],"
            f" but signature {signature.key} has {listing}",
            "write an .npz instead",
        )
    if -1 in shape[1:3]:
        raise StepFailure(
            Reason.DATASET_MISMATCH,
            f"Input {tensor.name} takes images of any size, {list(shape)}",
            "pin height and width in signature.inputs",
        )
    return tensor


def _upright(opened: "Image.Image") -> "Image.Image":
    """Return an image as its EXIF block says that it is to be looked at; as it is where that cannot be read."""
    from PIL import ImageOps  # noqa: PLC0415 - only for datasets of images

    try:
        opened.getexif()
    except (struct.error, KeyError, TypeError, IndexError, ValueError, OverflowError, SyntaxError):
        return opened
    return ImageOps.exif_transpose(opened)


def decode(file: IO[bytes], name: str, tensor: TensorFacts, how: ImagePreprocessing) -> Array:
    """Return an image as an example of an input.

    Args:
        file: a JPEG, PNG, BMP, WebP or GIF; of an animation the first frame.
        name: for messages.
        tensor: the input, of the shape [batch, height, width, channels] with 1 or 3 channels.
        how: colours, fit, and what each channel is normalised with.

    Raises:
        StepFailure: DatasetInvalid where it is no image, DatasetMismatch where it does not fit.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415 - only for datasets of images

    _, height, width, channels = tensor.shape or ()
    if (how.color_space == "Grayscale") != (channels == 1):
        raise StepFailure(
            Reason.DATASET_MISMATCH,
            f"Input {tensor.name} has {channels} channels",
            f"set images.colorSpace to {'Grayscale' if channels == 1 else 'RGB'} (found {how.color_space})",
        )
    try:
        # No other: Pillow hands EPS to Ghostscript, whatever the file's name says, and knows dozens of old formats.
        with Image.open(file, formats=_FORMATS) as opened:
            _check_pixels(name, opened.width, opened.height)
            upright = _upright(opened).convert(_MODES[how.color_space])
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        words = f"{name} is no image that can be read as {_LISTED}: {one_line(str(error), 300)}"
        raise StepFailure(Reason.DATASET_INVALID, words, "Write it again, or leave it out") from error
    size, bilinear = (width, height), Image.Resampling.BILINEAR
    match how.fit:
        case "Stretch":
            fitted = upright.resize(size, bilinear)
        case "CenterCrop":
            fitted = ImageOps.fit(upright, size, bilinear)
        case "Pad":
            fitted = ImageOps.pad(upright, size, bilinear)
    return normalised(np.asarray(fitted).reshape(height, width, channels), tensor, how)


def _check_pixels(name: str, width: int, height: int) -> None:
    if width * height > _LARGEST_PIXELS:
        words = f"{name} has {width} x {height} pixels, too many for a sample"
        raise StepFailure(Reason.DATASET_INVALID, words, "scale it down, or leave it out")


def normalised(pixels: Array, tensor: TensorFacts, how: ImagePreprocessing) -> Array:
    """Return (value - mean) / std of each channel in the input's dtype.

    Args:
        pixels: uint8 [height, width, channels].
        tensor: the input.
        how: the means and standard deviations; BGR reverses the channels first.

    Raises:
        StepFailure: DatasetMismatch where their number fits no channel, or the values not the dtype.
    """
    channels = pixels.shape[-1]
    values = pixels[..., ::-1] if how.color_space == "BGR" else pixels
    wanted = np.dtype(tensor.dtype)
    if how.mean is None and how.std is None and wanted == np.uint8:
        return np.ascontiguousarray(values)
    result = (values.astype(np.float32) - _channels(how.mean, 0, channels)) / _channels(how.std, 1, channels)
    if wanted.kind == "f":
        return np.asarray(result, dtype=wanted)
    limits = np.iinfo(wanted)
    if result.min() < limits.min or result.max() > limits.max:
        raise StepFailure(
            Reason.DATASET_MISMATCH,
            f"Normalised images have values from {result.min():.3g} to {result.max():.3g}, beyond input {tensor.name}'s"
            f" {wanted}",
            "correct images.mean and std",
        )
    return np.asarray(np.round(result), dtype=wanted)


def _channels(numbers: Sequence[str] | None, default: float, channels: int) -> Array:
    values = np.array([float(number) for number in numbers] if numbers else [default], dtype=np.float32)
    if len(values) not in {1, channels}:
        raise StepFailure(
            Reason.DATASET_MISMATCH,
            f"images has {len(values)} numbers for {channels} channels",
            f"write one, or {channels}",
        )
    return values


def _files(path: Path, most: int, only: Collection[str] | None = None) -> Iterator[tuple[str, IO[bytes]]]:
    """Open the first images, or those of these names, in place: nothing of an archive is unpacked to disk."""

    def is_wanted(name: str) -> bool:
        return is_image(name) if only is None else name in only

    if path.is_dir():
        names = sorted(str(found.relative_to(path)) for found in path.rglob("*") if found.is_file())
        for name in list(filter(is_wanted, names))[:most]:
            with (path / name).open("rb") as plain:
                yield name, plain
    elif path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
            for name in sorted(filter(is_wanted, sizes))[:most]:
                with _bounded(name, sizes[name]), archive.open(name) as packed:
                    yield name, packed
    else:
        # A compressed tar can be read in its own order only.
        with tarfile.open(path) as tape:
            members = (member for member in tape if member.isfile() and is_wanted(member.name))
            for _, member in zip(range(most), members, strict=False):
                taken = tape.extractfile(member)
                if taken is not None:
                    with _bounded(member.name, member.size), taken:
                        yield member.name, taken


@contextmanager
def _bounded(name: str, size: int) -> Iterator[None]:
    if size > _LARGEST_FILE:
        raise StepFailure(
            Reason.DATASET_INVALID,
            f"{name} has {size} bytes, more than the {_LARGEST_FILE} that an image may have",
            "scale it down, or leave it out",
        )
    yield
