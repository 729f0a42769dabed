"""On how many generated samples models and artifacts are run."""

from tflite_converter.core.tensors import Work
from tflite_converter.datasets.generated import LEAST, MOST
from tflite_converter.verify.effort import affordable, cost, cost_in_16_bits


def test_small_models_get_all_samples_and_large_ones_the_least() -> None:
    assert affordable(10**6, size=100, share=1.0) == MOST
    assert affordable(10**10, size=100, share=1.0) == LEAST
    assert affordable(10**6, size=2**30, share=1.0) == LEAST


def test_in_between_their_number_doubles() -> None:
    found = [affordable(cost, size=100, share=1.0) for cost in (4 * 10**8, 9 * 10**8, 18 * 10**8)]
    assert found == [4 * LEAST, 2 * LEAST, LEAST]


def test_of_many_signatures_each_has_its_part() -> None:
    assert affordable(10**9, size=100, share=1.0) > LEAST
    assert affordable(10**9, size=100, share=0.1) == LEAST


def test_many_small_operations_cost_in_tensorflow_alone() -> None:
    work = Work(operations=10**5, multiplications=10**5)
    assert affordable(cost(work), size=100, share=1.0) == LEAST
    assert affordable(cost_in_16_bits(work), size=100, share=1.0) == MOST


def test_16_bits_are_slow() -> None:
    work = Work(operations=10, multiplications=10**8)
    assert affordable(cost(work), size=100, share=1.0) == MOST
    assert affordable(cost_in_16_bits(work), size=100, share=1.0) == LEAST
