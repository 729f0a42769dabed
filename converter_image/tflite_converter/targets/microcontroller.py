"""The target Microcontroller: LiteRT for Microcontrollers (tflite-micro) runs the artifact as a device would."""

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from tflite_api.reasons import Reason
from tflite_api.resource.status import TargetFit
from tflite_api.resource.targets import Target
from tflite_api.text import one_line
from tflite_converter.artifact.main_signature import read_main_signature
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import Array, Outputs, Sample, SignatureFacts
from tflite_converter.core.units import bytes_in_words
from tflite_converter.targets import examination, tool_process
from tflite_converter.targets.examination import Examination, Subject
from tflite_converter.targets.tool_process import Tool
from tflite_converter.targets.tools import micro
from tflite_converter.verify import litert, metrics
from tflite_converter.verify.metrics import Accuracy

MICRO: Final = Tool("tflite-micro", "tflite_converter.targets.tools.micro", "tflite-micro", "Linux on x86-64 alone")
_SAMPLES: Final = 8
_ARENA: Final = re.compile(r"Arena allocation total ([0-9]{1,12}) bytes")
_FAILED: Final = re.compile(r"^(?:(.*)\n)?Node (\w+) \(number [0-9]+\) failed to (?:prepare|invoke)", re.MULTILINE)
"""tensorflow/lite/micro/recording_micro_allocator.cc and micro_interpreter_graph.cc; why is in the line before."""
_NO_ROOM: Final = re.compile(r"Requested: [0-9]+, available [0-9]+, missing: [0-9]+")
"""tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.cc"""
_NO_KERNEL: Final = "tflite-micro has no kernel of it"
_CURE: Final = "leave out Microcontroller"


def examine(asked: Target, subject: Subject) -> Examination:
    """Run an artifact with tflite-micro, and compare what it computes with what LiteRT does.

    Raises:
        StepFailure: TargetUnmet where tflite-micro ends without saying what is in its way.
    """
    content = subject.artifact.read_bytes()
    main = read_main_signature(content, subject.key)
    folder = tool_process.fresh_folder(subject.scratch, "micro")
    shutil.copyfile(subject.artifact, folder / micro.MODEL)
    inputs, outputs = litert.details(subject.artifact, main.key)
    samples = list(islice(fitting(subject.samples, inputs), _SAMPLES))
    for number, sample in enumerate(samples):
        for place, tensor in enumerate(main.inputs):
            value = litert.quantized(sample[tensor.name], inputs[tensor.name])
            np.save(folder / micro.input_name(number, place), value)
    end = tool_process.run(MICRO, [str(folder), str(len(samples))], folder)
    found = examination.operators(content)
    lacking = without_kernel(end.said, found)
    if not end.succeeded and not lacking and _NO_ROOM.search(end.said):
        words = f"targets: tflite-micro needs an arena of more than {bytes_in_words(micro.ARENA_BYTES)}"
        cure = "use a smaller model, or smaller sizes in signature.inputs: no microcontroller has that much"
        raise StepFailure(Reason.TARGET_UNMET, words, cure)
    if not end.succeeded and not lacking:
        raise examination.tool_failed(asked, MICRO, end, _CURE)
    arena = _ARENA.findall(end.said)
    fit = _fit(asked, found, lacking, int(arena[-1]) if arena else None)
    if (flexible := flexible_input(main)) is not None:
        return Examination(fit, misses=flexible)
    if lacking or not samples or not subject.compares:
        return Examination(fit)
    expected = litert.run(subject.artifact, main.key, samples)
    return compared(fit, expected, _computed(folder, main, outputs, len(samples)), subject.min_snr_decibels)


def fitting(samples: Iterable[Sample], details: Mapping[str, Any]) -> Iterator[Sample]:
    """Return the samples that have the sizes of a file's inputs, of larger batches the first of each."""
    for sample in samples:
        cut = {name: value[:1] if _is_batch_of_one(details[name]) else value for name, value in sample.items()}
        if all(list(value.shape) == list(details[name]["shape"]) for name, value in cut.items()):
            yield cut


def _is_batch_of_one(details: Mapping[str, Any]) -> bool:
    signature = details["shape_signature"]
    return len(signature) > 0 and signature[0] == -1 and details["shape"][0] == 1


def flexible_input(main: SignatureFacts) -> str | None:
    """Return which input has no one size beside its batch, in words: tflite-micro takes that of the file alone."""
    for tensor in main.inputs:
        if -1 in (tensor.shape or ())[1:]:
            return f"tflite-micro takes inputs of one size alone, and {tensor} is flexible: pin it in signature.inputs"
    return None


def without_kernel(said: str, found: Mapping[str, int]) -> dict[str, tuple[int, str]]:
    """Return what tflite-micro does not run, by name: how many of it, and why.

    Args:
        said: by it, about a file.
        found: how many operators that file has, by name.
    """
    names = dict.fromkeys(micro.NO_KERNEL.findall(said))
    lacking = {name: (found[name], _NO_KERNEL) for name in names if name in found}
    if "CUSTOM" in names:
        lacking |= {name: (count, _NO_KERNEL) for name, count in found.items() if not name.isupper()}
    if lacking:
        # What fails then is what stands in for them.
        return lacking
    failed = _FAILED.search(said)
    if failed is None or failed[2] not in found:
        return {}
    return {failed[2]: (1, one_line(failed[1] or "it fails there"))}


def _fit(
    asked: Target, found: Counter[str], lacking: Mapping[str, tuple[int, str]], arena_bytes: int | None
) -> TargetFit:
    counts = {name: count for name, (count, _) in lacking.items()}
    shown, truncated = examination.elsewhere(counts, {name: why for name, (_, why) in lacking.items()})
    return TargetFit(
        name=asked.name,
        tool=MICRO.title,
        operators=found.total(),
        on_target=found.total() - sum(counts.values()),
        elsewhere=shown,
        arena_bytes=arena_bytes,
        truncated=True if truncated else None,
    )


def compared(fit: TargetFit, expected: Iterable[Outputs], found: Iterable[Outputs], gate: int) -> Examination:
    """Return what was found with how near two runs of a file are to each other, at the worst output.

    Args:
        fit: what was found before.
        expected: what LiteRT computes, by sample.
        found: what tflite-micro does.
        gate: how near that must be (dB); 0 where it is only measured.
    """
    accuracy: dict[str, Accuracy] = {}
    for ours, theirs in zip(expected, found, strict=True):
        for name, value in ours.items():
            try:
                accuracy.setdefault(name, Accuracy()).add(value, theirs[name])
            except ValueError as error:
                words = f"tflite-micro gives the output {name} {error}: leave out {fit.name}"
                return Examination(fit, misses=words)
    nearest = {name: one.snr_decibels if one.finite else -np.inf for name, one in accuracy.items()}
    worst = min(nearest, key=lambda name: nearest[name])
    decibels = metrics.decibels(nearest[worst])
    told = Examination(fit.model_copy(update={"snr_decibels": decibels}))
    if gate == 0 or float(decibels) >= gate:
        return told
    return Examination(
        told.fit,
        misses=f"tflite-micro computes {worst} within {decibels} dB of LiteRT, and verification.minSNRDecibels asks for"
        f" {gate}: lower that, or leave out {fit.name}",
    )


def _computed(folder: Path, main: SignatureFacts, details: Mapping[str, Any], samples: int) -> Iterator[Outputs]:
    for number in range(samples):
        yield {
            tensor.name: litert.dequantized(_load(folder / micro.output_name(number, place)), details[tensor.name])
            for place, tensor in enumerate(main.outputs)
        }


def _load(path: Path) -> Array:
    try:
        # Without pickles it is numbers, whatever wrote it.
        array: Array = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        words = f"targets: tflite-micro left no output that can be read ({one_line(str(error), 200)})"
        raise StepFailure(Reason.TARGET_UNMET, words, _CURE) from error
    return array
