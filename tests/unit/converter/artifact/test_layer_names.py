"""Layers go by the first of the operations in their names where that is enough."""

import pytest

from tflite_converter.artifact import flatbuffer, layer_names

LAYERS = frozenset({"relu;conv", "add;conv", "add;mul", "softmax", "pool;softmax", "bias;x"})
TENSORS = LAYERS | {"weights;conv", "bias", "input"}


@pytest.fixture(autouse=True)
def _file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flatbuffer, "layer_names", lambda _: LAYERS)
    monkeypatch.setattr(flatbuffer, "tensor_names", lambda _: TENSORS)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("relu;conv", "relu;conv"), ("relu", "relu;conv"), ("softmax", "softmax"), ("bias", "bias"), ("input", "input")],
)
def test_a_name_means_itself_or_the_one_layer_that_begins_with_it(asked: str, meant: str) -> None:
    assert layer_names.full([asked], b"") == ((meant,), ())


@pytest.mark.parametrize("asked", ["add", "conv", "weights", "rel", "relu;"])
def test_what_begins_several_layers_or_none_means_nothing(asked: str) -> None:
    assert layer_names.full(["softmax", asked], b"") == (("softmax",), (asked,))


def test_every_short_name_means_what_it_was_made_of() -> None:
    short = layer_names.short(b"")
    assert short == {
        "relu;conv": "relu",
        "add;conv": "add;conv",
        "add;mul": "add;mul",
        "softmax": "softmax",
        "pool;softmax": "pool",
        # It would mean the constant.
        "bias;x": "bias;x",
    }
    assert all(layer_names.full([name], b"") == ((whole,), ()) for whole, name in short.items())
