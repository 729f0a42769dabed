"""Which layers are shown, and which are tried in floats."""

import math

import numpy as np
import pytest

from tflite_api.resource.quantization import KeepFloat
from tflite_api.steps.report import SHOWN_LAYERS, SUSPECTS
from tflite_converter.report.layer_errors import LayerPowers, suspects, worst
from tflite_converter.report.quantization_debugger import DebuggedLayers


def layer(name: str, decibels: float, steps: float = 0.29) -> LayerPowers:
    noise = 10 ** (-decibels / 10)
    return LayerPowers(name, "CONV_2D", step=math.sqrt(noise / 100) / steps, signal=1.0, noise=noise, elements=100)


def test_rounding_alone_is_0_29_steps() -> None:
    powers = LayerPowers("x", "CONV_2D", step=0.5)
    values = np.random.default_rng(1).uniform(-50, 50, 100_000)
    powers.add(values, np.round(values / 0.5) * 0.5)
    assert powers.error_in_steps == pytest.approx(1 / math.sqrt(12), rel=0.01)
    assert powers.as_shown().error_in_steps == "0.29"


def test_layers_with_more_than_rounding_are_suspected_the_worst_first() -> None:
    layers = [layer("good", 20), layer("bad", 15, 0.9), layer("worse", 10, 0.8), layer("fine", 5, 0.3)]
    assert suspects(layers) == ("worse", "bad")


def test_where_none_has_more_the_worst_one_is_tried() -> None:
    assert suspects([layer("a", 40), layer("b", 30), layer("c", 50)]) == ("b",)


def test_no_more_are_tried_than_the_report_holds() -> None:
    assert len(suspects([layer(str(number), 10, 2.0) for number in range(40)])) == SUSPECTS


@pytest.mark.parametrize("name", ["", "n" * 2049, "a\nb", "\u202e"])
def test_a_name_that_a_spec_cannot_hold_is_passed_over(name: str) -> None:
    assert suspects([layer(name, 10, 2.0), layer("b", 30)]) == ("b",)


@pytest.mark.parametrize("powers", [LayerPowers("a", "X", 1, 0, 1, 1), LayerPowers("a", "X", 1, 1, 0, 1)])
def test_a_layer_without_signal_or_error_is_not_tried(powers: LayerPowers) -> None:
    assert suspects([powers]) == ()


def test_the_worst_layers_are_kept_in_their_order() -> None:
    layers = [layer(str(number), 100 - number % 7) for number in range(SHOWN_LAYERS + 50)]
    kept = worst(layers)
    assert len(kept) == SHOWN_LAYERS
    assert [int(one.name) for one in kept] == sorted(int(one.name) for one in kept)
    assert min(one.snr_decibels for one in kept) == min(one.snr_decibels for one in layers)


def test_the_names_of_fused_layers_are_long_and_can_be_written_into_a_spec() -> None:
    name = ";".join(f"functional_1/batch_normalization_{number}/FusedBatchNormV3" for number in range(12))
    assert suspects([layer(name, 10, 2.0)]) == (name,)
    assert KeepFloat(tensors=(name,)).tensors == (name,)


ENDLESS = [
    LayerPowers("a", "X", 1, signal, noise, 1)
    for signal in (0.0, 5e-324, 1.0, 1e308, math.inf, math.nan)
    for noise in (0.0, 5e-324, 1.0, 1e308, math.inf, math.nan)
]


@pytest.mark.parametrize("powers", ENDLESS)
def test_figures_may_be_infinite_or_no_numbers(powers: LayerPowers) -> None:
    passed = DebuggedLayers.model_validate_json(DebuggedLayers(samples=1, layers=(powers,)).model_dump_json())
    shown = passed.layers[0].as_shown()
    assert float(shown.snr_decibels) == pytest.approx(powers.snr_decibels, abs=0.06, nan_ok=True)
    assert suspects([passed.layers[0], layer("b", 30)])


def test_layers_whose_figures_are_no_numbers_are_among_the_worst() -> None:
    layers = [layer(str(number), 50) for number in range(SHOWN_LAYERS)]
    assert "odd" in [one.name for one in worst([*layers, LayerPowers("odd", "X", 1, math.nan, 1, 1)])]
