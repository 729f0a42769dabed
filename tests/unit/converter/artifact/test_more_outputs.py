"""A file with more outputs computes what it did, and LiteRT keeps the tensors that were made outputs."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tests.unit.converter.artifact import convolutions
from tflite_converter.artifact import inventory, more_outputs

X = np.random.default_rng(3).standard_normal((1, 8, 8, convolutions.CHANNELS)).astype(np.float32)


def computed(content: bytes, *, keep: bool = False) -> list[np.ndarray]:
    """Return what a signature gives, and then what each layer holds."""
    interpreter = Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=keep,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    outputs = interpreter.get_signature_runner(convolutions.KEY)(x=X)
    assert [*outputs] == ["y"]
    layers = inventory.signature_graph(content, convolutions.KEY).layers
    return [outputs["y"].copy(), *(interpreter.get_tensor(layer.index) for layer in layers)]


@pytest.mark.parametrize("padding", range(4))
def test_every_layer_is_there_after_a_run_as_where_litert_keeps_all(padding: int) -> None:
    plain = convolutions.file(6, 8) + b"\0" * padding
    layers = inventory.signature_graph(plain, convolutions.KEY).layers
    more = more_outputs.with_outputs(plain, 0, [layer.index for layer in layers])
    expected = computed(plain, keep=True)
    assert all(map(np.array_equal, computed(more), expected))
    assert not all(map(np.array_equal, computed(plain), expected))
    assert len(more) - len(plain) == 4 * 7 + -padding % 4


def test_an_output_that_is_one_already_is_not_given_twice() -> None:
    plain = convolutions.file(2, 8)
    assert len(more_outputs.with_outputs(plain, 0, [4, 4])) - len(plain) == 4 + 4
