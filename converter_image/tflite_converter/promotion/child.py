"""The process that runs the published artifact on the samples of the new one: whatever that file does, it ends alone.

Started by measurement.py as `python -m tflite_converter.promotion.child`, with a PublishedOrder on stdin.
"""

import logging
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tflite_converter.artifact import flatbuffer
from tflite_converter.core.baseline import BaselineUnusable, unusable
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.step_files import write_model
from tflite_converter.core.tensors import SignatureFacts
from tflite_converter.promotion import pairing
from tflite_converter.promotion.messages import REFUSED, PublishedOrder, Refusal
from tflite_converter.promotion.pairing import Pair
from tflite_converter.scoring import label_files, placing
from tflite_converter.scoring.scores import Scores
from tflite_converter.verify import litert, reference, sequence
from tflite_converter.verify.reference import Reference
from tflite_converter.worker.reporter import die_with_parent


def run(order: PublishedOrder) -> None:
    """Run the published artifact, and write what its metrics add up.

    Raises:
        StepFailure: why it cannot be the baseline.
    """
    signatures = [each.wanted for each in order.signatures]
    references = [reference.load(Path(each.reference_dir)) for each in order.signatures]
    labels = {each.wanted.key: label_files.load(Path(each.reference_dir)) for each in order.signatures}
    scores = Scores(placing.placed(order.metrics, signatures), labels)
    outputs = _outputs_by_key(scores)
    # What keeps state gets the samples of every signature, in the turns of the model.
    in_turn = any(seen.in_sequence for seen in references)
    wanted = [(ours, seen) for ours, seen in zip(signatures, references, strict=True) if in_turn or ours.key in outputs]
    file = Path(order.file)
    theirs = _signatures(file)
    pairs = [pairing.pair(ours, theirs, outputs.get(ours.key, ()), seen.given) for ours, seen in wanted]
    renamed = [_renamed(seen, pair) for (_, seen), pair in zip(wanted, pairs, strict=True)]
    for signature, number, expected, got in sequence.pairs(file, [pair.key for pair in pairs], renamed):
        found = {name: got[other] for name, other in pairs[signature].outputs.items()}
        pairing.check_outputs(found, expected)
        prefix = f"{wanted[signature][0].key}/" if len(signatures) > 1 else ""
        scores.add_published(number, {f"{prefix}{name}": value for name, value in found.items()})
    arrays: dict[str, Any] = {str(number): rows for number, rows in scores.published().items()}
    np.savez(order.figures, **arrays)


def _signatures(file: Path) -> Mapping[str, SignatureFacts]:
    """Return the signatures of the file, if what it computes can be compared with anything."""
    try:
        facts = flatbuffer.read(file)
    except Exception as error:  # whatever the code that flatbuffers generates meets in rubbish
        raise unusable(f"it cannot be read as a flatbuffer ({type(error).__name__}: {error})") from error
    if facts.select_tf:
        raise unusable(f"only a device with the Flex delegate can run it: it uses {', '.join(facts.select_tf)}")
    if facts.random:
        raise unusable(f"it draws random numbers: it uses {', '.join(facts.random)}")
    return litert.signatures(file)


def _outputs_by_key(scores: Scores) -> dict[str, list[str]]:
    """Return the outputs that metrics hold against what is published, by the keys of their signatures."""
    found: dict[str, list[str]] = {}
    for placed in scores.promoted:
        found.setdefault(placed.key, []).append(placed.tensor)
    return found


def _renamed(seen: Reference, pair: Pair) -> Reference:
    given = tuple({pair.inputs[name]: value for name, value in sample.items()} for sample in seen.given)
    return replace(seen, given=given)


def main() -> int:
    """Do as ordered; return 0 where the figures are written, REFUSED where a refusal is."""
    die_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    order = PublishedOrder.model_validate_json(sys.stdin.buffer.read())
    try:
        run(order)
    except StepFailure as failure:
        # LiteRT's own words, where it is that which cannot run the file.
        why = failure.why if isinstance(failure, BaselineUnusable) else failure.found
        write_model(Path(order.refusal), Refusal(why=why))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
