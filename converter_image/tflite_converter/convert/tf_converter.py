"""TensorFlow's converter, on a SavedModel that this package wrote itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from tflite_api.resource.quantization import KeepFloat, Quantization
from tflite_api.resource.quantization_types import Activations, QuantizationType
from tflite_converter.convert.rewriting import graph_edits
from tflite_converter.core.step_files import write_whole
from tflite_converter.core.tensors import Sample
from tflite_converter.model import operations
from tflite_converter.quantize import biases, calibrator, halves, headroom, quantization, squares, vanishing, zeros
from tflite_converter.verify import kernels


@dataclass(frozen=True)
class ConverterSettings:
    """What is asked of the converter."""

    keys: tuple[str, ...]
    """The signatures that go into the file."""
    quantization: Quantization
    samples: Callable[[], Iterator[tuple[str, Sample]]] | None = None
    """Calibration samples, each with the key of its signature; for the types that measure activations."""
    custom: bool = False
    """Whether what LiteRT has as custom operators alone goes in as such: nothing else may be lacking."""
    select_tf: bool = False
    single_batch: bool = False
    fused_lstm: bool = False
    """Whether Keras' LSTM layers become UNIDIRECTIONAL_SEQUENCE_LSTM. It keeps its state from call to call, which the
    model does not, and the converter gets some stacks of them wrong (own measurement: 10 dB where loops give 127)."""
    calibrated_file: Path | None = None
    """Where to leave the float file with the ranges of its activations, for the types that are selective."""
    is_calibrated: bool = False
    """Whether the very same conversion has left it there already, so that nothing is to be measured again."""


def convert(folder: Path, settings: ConverterSettings) -> bytes:
    """Convert signatures of a SavedModel with the tag `serve`.

    Raises:
        StepFailure: UnsupportedOperation, OperationNotQuantizable or ConversionFailed, with the converter's words.
    """
    from tensorflow.lite.python.convert import ConverterError  # noqa: PLC0415 - takes seconds

    if not settings.fused_lstm:
        folder = graph_edits.without_fusion(folder)
    folder = graph_edits.with_rows_cut_off(graph_edits.without_prints(folder))
    graph = _graph(folder)
    try:
        converted = _directly(folder, graph, settings) or _publicly(folder, settings)
    except ConverterError as error:
        is_calibrated = settings.quantization.type.facts.is_calibrated
        raise operations.converter_failure(str(error), is_calibrated=is_calibrated) from error
    except (ValueError, NotImplementedError, RuntimeError) as error:
        if (explained := kernels.of_the_float_file(str(error))) is not None:
            raise explained from error
        raise quantization.quantizer_failure(settings.quantization.type, str(error)) from error
    in_halves = settings.quantization.type is QuantizationType.FLOAT16
    if in_halves and vanishing.confirms(halves.suspicion(converted), folder):
        floats = convert(folder, replace(settings, quantization=Quantization(type=QuantizationType.NONE)))
        return halves.restored(converted, floats)
    in_16_bits = settings.quantization.type.facts.activations is Activations.INT16
    return zeros.scaled(converted) if in_16_bits else converted


def _graph(folder: Path) -> Any:  # noqa: ANN401 - TensorFlow has no types
    from tensorflow.python.saved_model import loader_impl  # noqa: PLC0415 - takes seconds

    return loader_impl.parse_saved_model(str(folder)).meta_graphs[0].graph_def


def _publicly(folder: Path, settings: ConverterSettings) -> bytes:
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=list(settings.keys))
    _configure(converter, settings)
    converted: bytes = converter.convert()
    return converted


def _directly(folder: Path, graph: Any, settings: ConverterSettings) -> bytes | None:  # noqa: ANN401 - see above
    """Do what the public way does without loading the model twice more for debug information and statistics.

    None where this TensorFlow is not the one whose inside is known (2.21's tensorflow/lite/python/lite.py); a test
    holds that both ways give the same graph. The public way adds a metadata entry with the converter's environment.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds
    from tensorflow.lite.python import lite  # noqa: PLC0415 - takes seconds

    kind_of_converter: Any = getattr(lite, "TFLiteSavedModelConverterV2", None)
    if not tf.__version__.startswith("2.21.") or not hasattr(kind_of_converter, "_convert_from_saved_model"):
        return None
    converter = _selective()(str(folder), {tf.saved_model.SERVING}, list(settings.keys))
    converter.kept_float = settings.quantization.keep_float
    converter.calibrated_file = settings.calibrated_file
    converter.is_calibrated = settings.is_calibrated
    converter.per_tensor = settings.quantization.is_per_tensor
    converter.in_16_bits = settings.quantization.type.facts.activations is Activations.INT16
    _configure(converter, settings)
    converted: bytes = converter._convert_from_saved_model(graph)  # noqa: SLF001 - see above
    return converted


@cache
def _selective() -> Any:  # noqa: ANN401 - TensorFlow has no types
    """Return the converter's class with one step replaced, the one between the float file and the integer one."""
    from tensorflow.lite.python import lite  # noqa: PLC0415 - takes seconds

    class Selective(lite.TFLiteSavedModelConverterV2):  # type: ignore[misc] # untyped
        """Refuses what the calibrator would crash on, and leaves out what is to stay in floats."""

        kept_float: KeepFloat | None = None
        calibrated_file: Path | None = None
        is_calibrated = False
        per_tensor: bool = False
        in_16_bits: bool = False

        def _quantize(self, result: bytes, *args: Any) -> bytes:  # noqa: ANN401 - handed through as they are
            quantization.check_calibratable(result)
            if self.in_16_bits:
                result = biases.apart(squares.written_out(result))
            calibrator.take_all_sizes_at_once()
            if self.in_16_bits:
                self._experimental_calibrate_only = True
                roomy = headroom.given(super()._quantize(result, *args))
                *types, allow_float = args[:5]
                return calibrator.quantized(roomy, types, allow_float=allow_float, per_tensor=self.per_tensor)
            if self.is_calibrated and self.calibrated_file is not None:
                calibrated: bytes = self.calibrated_file.read_bytes()
            else:
                self._experimental_calibrate_only = True
                calibrated = super()._quantize(result, *args)
                if self.calibrated_file is not None:
                    write_whole(self.calibrated_file, calibrated)
            if self.kept_float is None:
                quantization.check_ranges(calibrated)
            return quantization.quantize_selected(
                calibrated,
                self.kept_float or KeepFloat(),
                self.inference_input_type,
                self.inference_output_type,
                per_tensor=self.per_tensor,
            )

    return Selective


def _configure(converter: Any, settings: ConverterSettings) -> None:  # noqa: ANN401 - TensorFlow has no types
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    quantization.configure(converter, settings.quantization)
    converter.allow_custom_ops = settings.custom
    if settings.samples is not None:
        converter.representative_dataset = settings.samples
    if settings.select_tf:
        converter.target_spec.supported_ops = [*converter.target_spec.supported_ops, tf.lite.OpsSet.SELECT_TF_OPS]
        converter._experimental_lower_tensor_list_ops = False  # noqa: SLF001 - the converter's own error names it
    if settings.single_batch:
        converter._experimental_default_to_single_batch_in_tensor_list_ops = True  # noqa: SLF001 - no public way
