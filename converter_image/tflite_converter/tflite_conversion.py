"""TensorFlow's converter, on a SavedModel that this package wrote itself."""

from pathlib import Path
from typing import Any

from tflite_api.spec import QuantizationType
from tflite_converter import quantization


def convert(folder: Path, key: str, kind: QuantizationType) -> bytes:
    """Convert one signature of a SavedModel with the tag `serve`.

    Raises:
        ConverterError, ValueError, NotImplementedError: the converter's own.
    """
    converted = _directly(folder, key, kind)
    return converted if converted is not None else _publicly(folder, key, kind)


def _publicly(folder: Path, key: str, kind: QuantizationType) -> bytes:
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[key])
    quantization.configure(converter, kind)
    converted: bytes = converter.convert()
    return converted


def _directly(folder: Path, key: str, kind: QuantizationType) -> bytes | None:
    """Do what the public way does without loading the model twice more for debug information and statistics.

    None where this TensorFlow is not the one whose inside is known (2.21's tensorflow/lite/python/lite.py); a test
    holds that both ways give the same graph. The public way adds a metadata entry with the converter's environment.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds
    from tensorflow.lite.python import lite  # noqa: PLC0415 - takes seconds
    from tensorflow.python.saved_model import loader_impl  # noqa: PLC0415 - takes seconds

    kind_of_converter: Any = getattr(lite, "TFLiteSavedModelConverterV2", None)
    if not tf.__version__.startswith("2.21.") or not hasattr(kind_of_converter, "_convert_from_saved_model"):
        return None
    converter = kind_of_converter(str(folder), {tf.saved_model.SERVING}, [key])
    quantization.configure(converter, kind)
    graph = loader_impl.parse_saved_model(str(folder)).meta_graphs[0].graph_def
    converted: bytes = converter._convert_from_saved_model(graph)  # noqa: SLF001 - see above
    return converted
