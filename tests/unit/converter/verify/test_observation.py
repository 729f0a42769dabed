"""Which inputs a model is run on, how many, and what is said where it takes none."""

import time
from collections import Counter
from itertools import count

import numpy as np
import pytest

from tflite_api.reasons import Reason
from tflite_converter.core.failure import RunRefused, StepFailure
from tflite_converter.core.tensors import Outputs, Sample, Shape, TensorFacts, Work
from tflite_converter.datasets.distributions import IN_TURN
from tflite_converter.datasets.generated import LEAST, MOST
from tflite_converter.datasets.meanings import Mask
from tflite_converter.verify.observation import Inputs, Run, observe
from tflite_converter.verify.reference import Reference, cut_in_words


@pytest.mark.parametrize(
    ("shape", "cures"),
    [
        ((-1, 8), ["signature.inputs", "verification.samples"]),
        (None, ["signature.inputs", "verification.samples"]),
        # Its owner has pinned all there is to pin.
        ((1, 8), ["verification.samples"]),
    ],
)
def test_a_model_that_refuses_all_generated_inputs_is_told_what_can_help(shape: Shape | None, cures: list[str]) -> None:
    def run(_: Sample) -> Outputs:
        raise RunRefused("expected 9 columns")

    with pytest.raises(StepFailure, match="expected 9 columns") as raised:
        observe(run, Inputs([TensorFacts("x", "float32", shape)], {}), None, assigns_state=False)
    assert raised.value.reason is Reason.VERIFICATION_FAILED
    advice = raised.value.message.rpartition("): ")[2]
    assert [field for field in ("signature.inputs", "verification.samples") if field in advice] == cures


def test_inputs_that_the_model_takes_are_kept() -> None:
    def run(sample: Sample) -> Outputs:
        return {"y": sample["x"] * 2}

    seen: Reference = observe(run, Inputs([TensorFacts("x", "float32", (1, 8))], {}), None, assigns_state=False)
    assert seen.responds
    assert seen.repeats
    assert seen.inconclusive is None


def observed(run: Run, *facts: TensorFacts) -> Reference:
    return observe(run, Inputs(facts, {}), None, assigns_state=False)


def frames(sample: Sample) -> Outputs:
    """Sums of 400 samples each, as many as are whole."""
    (sound,) = sample.values()
    whole = sound[..., : sound.shape[-1] // 400 * 400]
    return {"y": whole.reshape(*sound.shape[:-1], -1, 400).sum(axis=-1)}


@pytest.mark.parametrize("shape", [(-1,), (1, -1), (-1, -1)])
def test_lengths_that_give_nothing_are_made_longer(shape: Shape) -> None:
    seen = observed(frames, TensorFacts("x", "float32", shape))
    assert all(output["y"].size for output in seen.compared)
    assert len({output["y"].shape for output in seen.compared}) > 1
    assert "512 and 768" in seen.sizes or "4096 and 6144" in seen.sizes


def test_a_sound_that_is_padded_to_a_frame_is_given_more_than_one() -> None:
    def run(sample: Sample) -> Outputs:
        padded = np.pad(sample["x"], (0, max(0, 1000 - sample["x"].size)))
        return frames({"x": padded[: padded.size // 1000 * 1000]})

    seen = observed(run, TensorFacts("x", "float32", (-1,)))
    assert len({output["y"].shape for output in seen.compared}) > 1


def padded_frames(sample: Sample) -> Outputs:
    """One frame of whatever is shorter than two."""
    return {"y": np.resize(sample["x"], max(1, sample["x"].shape[0] // 1000))}


@pytest.mark.parametrize("run", [frames, padded_frames])
def test_the_lengths_are_the_same_on_slow_machines_and_on_fast_ones(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = set()
    for seconds in (0.0, 1e-3, 10.0):
        monkeypatch.setattr(time, "process_time", count(0, seconds).__next__)
        sizes.add(observed(run, TensorFacts("x", "float32", (-1,))).sampling)
    assert len(sizes) == 1


@pytest.mark.parametrize(
    ("dtype", "shape", "longest"),
    [("float32", (1, -1), 24576), ("float32", (1, -1, 8), 6144), ("int32", (1, -1), 6144)],
)
def test_only_sound_is_made_so_long_that_attention_would_take_all_memory(
    dtype: str, shape: Shape, longest: int
) -> None:
    lengths = []

    def run(sample: Sample) -> Outputs:
        lengths.append(sample["x"].shape[1])
        return {"y": sample["x"][:, :0]}

    observed(run, TensorFacts("x", dtype, shape))
    assert max(lengths) == longest


def test_what_gives_a_row_for_each_of_a_batch_stays_at_small_batches() -> None:
    seen = observed(lambda sample: {"y": sample["x"] * 2}, TensorFacts("x", "float32", (-1,)))
    assert seen.sizes == "first dimension 1 and 2"


def test_a_model_that_never_gives_anything_is_insensitive() -> None:
    seen = observed(lambda sample: {"y": sample["x"][:, :0]}, TensorFacts("x", "float32", (1, -1)))
    assert seen.caveat is not None


def test_small_models_are_run_on_many_samples_of_each_distribution() -> None:
    seen = observed(lambda sample: {"y": sample["x"] * 2}, TensorFacts("x", "float32", (1, 8)))
    assert Counter(seen.distributions) == dict.fromkeys(IN_TURN, MOST // LEAST)


@pytest.mark.parametrize("seconds", [0.0, 1e-3, 0.05])
def test_as_many_are_generated_on_slow_and_busy_machines(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "process_time", count(0, seconds).__next__)
    seen = observed(lambda sample: {"y": sample["x"] * 2}, TensorFacts("x", "float32", (1, 8)))
    assert len(seen.given) == MOST
    assert not seen.cut_short


def test_a_model_that_computes_much_is_run_on_fewer() -> None:
    inputs = Inputs([TensorFacts("x", "float32", (1, 8))], {}, Work(multiplications=4 * 10**9))
    seen = observe(lambda sample: {"y": sample["x"] * 2}, inputs, None, assigns_state=False)
    assert len(seen.given) == LEAST
    assert not seen.cut_short


def test_what_takes_longer_than_its_graph_tells_is_cut_short_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "process_time", count(0, 1.0).__next__)
    seen = observed(lambda sample: {"y": sample["x"] * 2}, TensorFacts("x", "float32", (1, 8)))
    assert LEAST <= len(seen.given) < MOST
    assert len(seen.given) == len(seen.outputs) == len(seen.distributions)
    (words,) = cut_in_words([seen])
    assert f"on the first {len(seen.given)} generated samples alone" in words


def test_a_sample_that_a_model_refuses_is_left_out() -> None:
    calls = count()

    def run(sample: Sample) -> Outputs:
        if next(calls) > 20:
            raise RunRefused("no more")
        return {"y": sample["x"]}

    seen = observed(run, TensorFacts("x", "float32", (1, 8)))
    assert len(seen.given) == len(seen.distributions) == 20


def test_the_words_name_each_guess() -> None:
    whole = [TensorFacts(name, "int32", (1, 4)) for name in ("ids", "mask")]
    seen = observe(
        lambda sample: {"y": sample["ids"] * sample["mask"] + sample["x"]},
        Inputs([*whole, TensorFacts("x", "float32", (1,))], {"mask": Mask()}),
        None,
        assigns_state=False,
    )
    assert seen.guessed == "Generated: ids as whole numbers from 0 to 9, mask as a mask of 0 and 1"
