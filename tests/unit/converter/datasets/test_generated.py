"""Generated inputs: the same each time, of several distributions, and of values that suit what they stand for."""

import numpy as np
import pytest

from tflite_converter.core.tensors import Array, Shape, TensorFacts
from tflite_converter.datasets import generated
from tflite_converter.datasets.distributions import IN_TURN, draw
from tflite_converter.datasets.generated import LEAST, Sampling
from tflite_converter.datasets.meanings import Indices, Mask, Meaning, Pixels, Scaled

SAMPLING = Sampling((1, 2), (32, 48), 10)


def values(meaning: Meaning | None, dtype: str = "float32", shape: Shape = (4, 50), count: int = 20) -> list[Array]:
    tensor = TensorFacts("x", dtype, shape)
    meanings = {} if meaning is None else {"x": meaning}
    return [sample["x"] for sample in generated.generate([tensor], SAMPLING, meanings, count)]


def test_the_same_arguments_give_the_same_samples_wherever_they_begin() -> None:
    facts = [TensorFacts("x", "float32", (-1, 3)), TensorFacts("y", "int32", (-1, -1))]
    whole = list(generated.generate(facts, SAMPLING, {}, 20))
    parts = [*generated.generate(facts, SAMPLING, {}, 5), *generated.generate(facts, SAMPLING, {}, 15, start=5)]
    for one, other in zip(whole, parts, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_every_distribution_meets_every_size() -> None:
    facts = [TensorFacts("x", "float32", (-1, -1))]
    seen = {
        (IN_TURN[number % LEAST], sample["x"].shape)
        for number, sample in enumerate(generated.generate(facts, SAMPLING, {}, 4 * LEAST))
    }
    assert len(seen) == LEAST * 4


def test_real_inputs_come_at_several_scales() -> None:
    generator = np.random.default_rng(1)
    drawn = {name: np.stack([draw(name, generator, (1000,)) for _ in range(40)]) for name in IN_TURN}
    assert [float(drawn[name].std()) for name in IN_TURN[:-1]] == pytest.approx([1, 0.29, 0.58, 0.3], abs=0.03)
    sparse = np.mean(drawn["Sparse"] != 0, axis=1)
    # Some are 0 throughout; the one of a slow model with one input is not.
    assert 5 < np.sum(sparse == 0) < 15
    assert np.max(sparse) == pytest.approx(1 / 8, abs=0.05)
    facts = [TensorFacts("x", "float32", (1, 1000))]
    assert all(np.any(sample["x"]) for sample in generated.generate(facts, SAMPLING, {}))


def test_a_mask_is_of_zeros_and_ones_in_the_ways_that_masks_are() -> None:
    found = values(Mask(), "int32")
    assert {int(value) for one in found for value in one.ravel()} == {0, 1}
    assert np.all(found[0] == 1)
    # Padding at the end, and gaps anywhere.
    assert np.all(np.diff(found[1], axis=-1) <= 0)
    assert np.any(np.diff(found[2], axis=-1) > 0)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32", "int64"])
def test_pixels_fill_their_range(dtype: str) -> None:
    found = np.concatenate(values(Pixels(), dtype))
    assert found.dtype == dtype
    assert (found.min(), found.max()) == (0, 255)
    assert np.all(found == np.round(found))


def test_indices_reach_the_last_of_their_table_and_nothing_beyond() -> None:
    found = np.concatenate(values(Indices(1, 50), "float32", (40, 50)))
    assert (found.min(), found.max()) == (1, 50)


def test_what_the_model_scales_is_given_at_the_size_that_it_scales_from() -> None:
    found = np.stack(values(Scaled((1000.0, 0.5), (100.0, 0.1)), shape=(400, 2)))
    assert found[..., 0].mean() == pytest.approx(1000, abs=30)
    assert found[..., 1].std() == pytest.approx(0.06, abs=0.02)
    sound = np.concatenate(values(Scaled((0.0,), (32768.0,), whole=True), "int16"))
    assert sound.min() < -30000
    assert sound.max() > 30000
    counts = np.concatenate(values(Scaled((0.0,), (1000.0,), whole=True), "int32"))
    assert (counts.min(), counts.max()) == (0, 1000)


@pytest.mark.parametrize(
    ("dtype", "meaning", "words"),
    [
        ("int32", Mask(), "a mask of 0 and 1"),
        ("int32", Indices(0, 50), "indices from 0 to 49"),
        ("int32", None, "whole numbers from 0 to 9"),
        ("uint8", None, "all that uint8 holds"),
        ("float32", None, "real numbers around 0"),
        ("float32", Scaled((0.0,), (1000.0,)), "numbers of the size 1e+03, by which the model divides them"),
    ],
)
def test_a_guess_has_words(dtype: str, meaning: Meaning | None, words: str) -> None:
    assert SAMPLING.described(TensorFacts("x", dtype, (1,)), meaning) == words


def test_a_model_without_real_inputs_has_one_distribution() -> None:
    whole = [TensorFacts("x", "int32", (1,))]
    assert {generated.distribution(whole, {}, SAMPLING, number) for number in range(9)} == {"WholeNumbers"}
    mixed = [*whole, TensorFacts("y", "float32", (1,))]
    assert {generated.distribution(mixed, {}, SAMPLING, number) for number in range(9)} == set(IN_TURN)


def test_longer_inputs_begin_beyond_those_that_were_tried() -> None:
    facts = [TensorFacts("x", "float32", (-1, -1))]
    longer = list(generated.longer(facts, SAMPLING, first=False))
    assert [one.sizes for one in longer] == sorted(one.sizes for one in longer)
    assert all(one.sizes > SAMPLING.sizes and one.batches == SAMPLING.batches for one in longer)
    assert {one.batches for one in generated.longer(facts, SAMPLING, first=True)} > {SAMPLING.batches}
