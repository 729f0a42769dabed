"""Whether an artifact that anybody made computes what its model computes.

`python -m bench.corpus.judge reference SAVED_MODEL FOLDER` runs the model's signatures and keeps what they give;
`python -m bench.corpus.judge compare FOLDER ARTIFACT MODE` compares one artifact with that and prints the outcome.
"""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import Quantization
from tflite_api.resource.quantization_types import QuantizationType
from tflite_converter.artifact import flatbuffer
from tflite_converter.artifact.flatbuffer import ArtifactFacts
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.tensors import TensorFacts
from tflite_converter.model import operations, saved_model, selection
from tflite_converter.model.inputs import guesses
from tflite_converter.model.running import loader
from tflite_converter.quantize import quantization
from tflite_converter.verify import litert, observation, reference
from tflite_converter.verify.metrics import Comparison
from tflite_converter.verify.observation import Inputs

_KEYS: Final = "keys.json"


def keep_reference(model_dir: Path, folder: Path) -> None:
    """Run every signature that can be run on generated inputs; what is flexible is tried at several sizes."""
    graph = selection.choose_graph(saved_model.read(model_dir), None)
    model = loader.load(model_dir, graph)
    kept: dict[str, str] = {}
    for key, facts in model.signatures.items():
        assigns = operations.assigns_state(graph.operations(key))
        target = folder / str(len(kept))
        try:
            inputs = Inputs(facts.inputs, guesses.of(model.function(facts), facts.inputs))
            seen = observation.observe(partial(model.run, key), inputs, None, assigns_state=assigns)
            reference.save(seen, target)
        except Exception as error:  # noqa: BLE001 - a signature that cannot be judged must not hide the others
            print(f"{key}: {error}", file=sys.stderr)
        else:
            kept[key] = target.name
    (folder / _KEYS).write_text(json.dumps(kept))


def compare(folder: Path, artifact: Path, mode: QuantizationType) -> str:
    """Return the verdict on an artifact: `right (90.1 dB)`, `wrong: …` or `not judged: …`."""
    facts = flatbuffer.read(artifact)
    if facts.lost_weights:
        return "wrong: weights lost"
    if facts.select_tf:
        return "not judged: needs the Flex delegate"
    try:
        worst = _worst(folder, artifact, facts)
        quantization.check_applied(Quantization.model_construct(type=mode, keep_float=None), facts)
    except _NotJudged as why:
        return f"not judged: {why}"
    except StepFailure as failure:
        return f"wrong: {failure.message}"
    measured = f"{worst:.1f} dB"
    return f"right ({measured})" if worst >= mode.min_snr_decibels else f"wrong: {measured}"


class _NotJudged(Exception):  # noqa: N818 - an answer, no error
    """Nothing can be said of an artifact."""


def _worst(folder: Path, artifact: Path, facts: ArtifactFacts) -> float:
    """Return the lowest SNR (dB) of all outputs of all signatures."""
    kept = json.loads((folder / _KEYS).read_text())
    comparison = Comparison()
    for signature in facts.signatures:
        if signature.key not in kept:
            raise _NotJudged(f"signature {signature.key} cannot be run")
        seen = reference.load(folder / kept[signature.key])
        if seen.inconclusive is not None:
            raise _NotJudged(seen.inconclusive.reason)
        _check_names(signature.inputs, seen)
        measured = litert.run(artifact, signature.key, seen.samples)
        for expected, found in zip(seen.compared, measured, strict=True):
            comparison.add(expected, found)
    if not comparison.samples:
        raise StepFailure(Reason.VERIFICATION_FAILED, "no signature", OWN_CURE)
    return comparison.worst()[1].snr_decibels


def _check_names(inputs: tuple[TensorFacts, ...], seen: reference.Reference) -> None:
    asked, given = set(seen.given[0]), {tensor.name for tensor in inputs}
    if asked != given:
        words = f"inputs {sorted(given)} in the place of {sorted(asked)}"
        raise StepFailure(Reason.VERIFICATION_FAILED, words, OWN_CURE)


def main() -> None:
    """Do as told."""
    match sys.argv[1:]:
        case ["reference", model_dir, folder]:
            keep_reference(Path(model_dir), Path(folder))
        case ["compare", folder, artifact, mode]:
            print(compare(Path(folder), Path(artifact), QuantizationType(mode)))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
