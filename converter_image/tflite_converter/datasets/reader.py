"""Reading a dataset of inputs: from a file or folder to samples that surely fit the signature.

TensorFlow's calibrator takes nearly anything without a word: NaN or an empty dataset give a float file, a wrong size is
accepted (own measurement on 2.21). So everything is checked before it sees a sample.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import Samples
from tflite_api.resource.spec import LabelledSamples
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Array, Sample, SignatureFacts, TensorFacts
from tflite_converter.datasets import images, labelled, numpy_files, tfrecord
from tflite_converter.datasets.labelled import LabelledSample

Example = Mapping[str, Array]
"""One example: an array for each name in the dataset, without the dimension that counts examples."""


@dataclass(frozen=True)
class _Wanted:
    """What is taken of the examples, and how many there must be."""

    least: int
    most: int
    labels: Collection[str]


def read(
    path: Path, signatures: Sequence[SignatureFacts], settings: Samples, least: int = 1, *, field: str
) -> dict[str, tuple[Sample, ...]]:
    """Return samples for each signature, by its key; every sample has the inputs' exact names, dtypes and ranks.

    An example without a first dimension of its own becomes a batch of one; where the signature pins a larger batch, as
    many examples as it holds become one, unless each is a whole batch already. With several signatures, arrays named
    `key/input` are for that signature.

    Args:
        path: what was fetched.
        signatures: those to give samples for.
        settings: what is taken, and how images are prepared.
        least: how many examples there must be, unless `settings` asks for fewer.
        field: the spec's field that names the dataset, for messages: there may be two.

    Raises:
        StepFailure: DatasetInvalid where it cannot be read, DatasetMismatch where it does not fit.
    """
    given = LabelledSamples(max_samples=settings.max_samples, images=settings.images)
    found = read_labelled(path, signatures, given, {}, least, field=field)
    return {key: tuple(each.inputs for each in samples) for key, samples in found.items()}


def read_labelled(
    path: Path,
    signatures: Sequence[SignatureFacts],
    settings: LabelledSamples,
    labels: Mapping[str, Collection[str]],
    least: int = 1,
    *,
    field: str,
) -> dict[str, tuple[LabelledSample, ...]]:
    """Return the same with labels.

    Args:
        path: what was fetched.
        signatures: those to give samples for.
        settings: what is taken, and how images are prepared.
        labels: the names of the arrays that are labels, by the key of the signature whose outputs they are for.
        least: how many examples there must be, unless `settings` asks for fewer.
        field: the spec's field that names the dataset, for messages: there may be two.

    Raises:
        StepFailure: as `read` does.
    """
    found = {}
    try:
        for signature in signatures:
            wanted = frozenset(labels.get(signature.key, ()))
            read_all = _examples(path, signature, settings, wanted)
            examples = _named_for(signature, read_all, several=len(signatures) > 1)
            taken = itertools.islice(examples, settings.max_samples)
            found[signature.key] = tuple(_samples(signature, taken, _Wanted(least, settings.max_samples, wanted)))
    except StepFailure as failure:
        raise StepFailure(failure.reason, f"{field}: {failure.found}", failure.cure) from failure
    return found


def _examples(
    path: Path, signature: SignatureFacts, settings: LabelledSamples, labels: Collection[str]
) -> Iterator[Example]:
    name = path.name.lower()
    if path.is_dir() or name.endswith(images.ARCHIVES):
        if labels and settings.classes is None:
            _refuse(
                f"{path.name} holds images, which have no labels, but verification.metrics names {', '.join(labels)}",
                "set classes where each class has a folder, or write an .npz or a TFRecord file with images and labels",
            )
        return images.read(path, signature, settings, settings.classes)
    if settings.classes is not None:
        _refuse(f"{path.name} is no folder or archive with a folder of images for each class", "leave classes out")
    if name.endswith((".npz", ".npy")):
        return numpy_files.read(path, signature)
    if tfrecord.is_named(name):
        return tfrecord.read(path, signature, settings, labels)
    raise StepFailure(
        Reason.DATASET_INVALID,
        f"The name {path.name} says no format",
        "give a .npz, .npy, .tfrecord or .tfrecord.gz file, a .zip, .tar or .tar.gz archive of images, or a folder of"
        " images (with a slash at its end)",
    )


def _named_for(signature: SignatureFacts, examples: Iterator[Example], *, several: bool) -> Iterator[Example]:
    prefix = f"{signature.key}/"
    for example in examples:
        if several and any(name.startswith(prefix) for name in example):
            yield {name.removeprefix(prefix): value for name, value in example.items() if name.startswith(prefix)}
        else:
            yield example


def _samples(signature: SignatureFacts, examples: Iterator[Example], wanted: _Wanted) -> Iterator[LabelledSample]:
    size, labels = _batch(signature), wanted.labels
    count = 0
    waiting = list[dict[str, Array]]()
    taken = list[Example]()
    for number, example in enumerate(examples):
        _check_names(signature, example, labels)
        waiting.append({tensor.name: _fitted(tensor, example, number) for tensor in signature.inputs})
        taken.append(example)
        count += 1
        is_whole = _is_whole(signature, example)
        if len(waiting) == size or is_whole:
            yield LabelledSample(_batched(waiting), labelled.of_examples(taken, labels, is_whole=is_whole))
            waiting.clear()
            taken.clear()
    _check_count(count, min(wanted.least, wanted.most), size if waiting or not count else 1, wanted.most)


def _check_count(count: int, least: int, size: int, most: int) -> None:
    """Check that there are enough examples.

    Args:
        count: how many were read.
        least: how many there must be.
        size: how many it takes to fill one batch.
        most: how many are read.
    """
    if count == 0:
        words = f"add {max(least, size)} at least, better 100"
        raise StepFailure(Reason.DATASET_INVALID, "The dataset is empty", words)
    if count == most < size:
        _refuse(f"maxSamples takes {most} examples, but a batch of the model has {size}", f"raise maxSamples to {size}")
    if count < max(least, size):
        _refuse(f"The dataset has {count} examples, but {max(least, size)} are the least", "add some, better 100")


def _is_whole(signature: SignatureFacts, example: Example) -> bool:
    """Return whether an example has the dimension of the batch itself."""
    return any(np.ndim(example[tensor.name]) == len(tensor.shape or ()) for tensor in signature.inputs)


def _batch(signature: SignatureFacts) -> int:
    """Return how many examples become one sample: the first dimension that all inputs share, where it is pinned."""
    first = {tensor.shape[0] for tensor in signature.inputs if tensor.shape}
    size = first.pop() if len(first) == 1 else 1
    return max(size, 1) if all(tensor.shape and len(tensor.shape) > 1 for tensor in signature.inputs) else 1


def _check_names(signature: SignatureFacts, example: Example, labels: Collection[str]) -> None:
    """Check that an example has every input and label; it may have more, such as other labels."""
    has = ", ".join(sorted(example)) or "nothing"
    if any(tensor.name not in example for tensor in signature.inputs):
        wanted = "; ".join(map(str, signature.inputs))
        _refuse(
            f"The dataset has {has}, but the inputs of signature {signature.key} are {wanted}",
            "Name what it has like these inputs",
        )
    if lacking := sorted(set(labels) - set(example)):
        _refuse(
            f"The dataset has {has}, but verification.metrics names the labels {', '.join(lacking)}",
            "Name an array that it has, or add one",
        )


def _fitted(tensor: TensorFacts, example: Example, number: int) -> Array:
    """Return one example's array for an input with a first dimension of 1, or whole where the input has none."""
    array = np.asarray(example[tensor.name])
    shape = tensor.shape or ()
    given = (1, *array.shape) if len(shape) == array.ndim + 1 else array.shape
    expected = shape[1:] if len(shape) == array.ndim + 1 else shape
    if len(expected) != array.ndim or any(
        want not in {-1, have} for want, have in zip(expected, array.shape, strict=True)
    ):
        _refuse(
            f"Example {number} has the shape {list(array.shape)} for input {tensor.name}, which is {list(shape)}",
            f"give each example {_in_words(expected)}",
        )
    fitted = _cast(array, tensor, number).reshape(given)
    if fitted.dtype.kind in "fc" and not np.all(np.isfinite(fitted)):
        what = "NaN" if np.any(np.isnan(fitted)) else "an infinity"
        _refuse(f"Example {number} has {what} in input {tensor.name}", "remove such examples from the dataset")
    return fitted


def _in_words(shape: Sequence[int]) -> str:
    return f"the shape {list(shape)}" + (", where -1 is any size" if -1 in shape else "")


def _cast(array: Array, tensor: TensorFacts, number: int) -> Array:
    """Cast without loss of meaning: to fewer digits of the same kind, or whole numbers to a type that holds them."""
    wanted = np.dtype(tensor.dtype)
    if array.dtype == wanted or np.can_cast(array.dtype, wanted, "safe") or (array.dtype.kind == wanted.kind == "f"):
        return array.astype(wanted)
    if array.dtype.kind in "iu" and wanted.kind in "iu":
        limits = np.iinfo(wanted)
        if array.size == 0 or (int(array.min()) >= limits.min and int(array.max()) <= limits.max):
            return array.astype(wanted)
        _refuse(
            f"Example {number} has values beyond {wanted} in input {tensor.name}",
            f"keep them from {limits.min} to {limits.max}",
        )
    is_number = array.dtype.kind in "biufc"
    return _refuse(
        f"The dataset has {array.dtype} for input {tensor.name}, which is {wanted}",
        f"write it with .astype('{wanted}')" if is_number else f"write numbers of {wanted} in its place",
    )


def _batched(examples: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    if len(examples) == 1:
        return dict(examples[0])
    return {name: np.concatenate([example[name] for example in examples]) for name in examples[0]}


def _refuse(found: str, cure: str) -> NoReturn:
    raise StepFailure(Reason.DATASET_MISMATCH, found, cure)
