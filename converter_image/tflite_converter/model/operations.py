"""Which operations LiteRT lacks: known before trying, or from the words of TensorFlow's converter."""

import re
from collections.abc import Collection
from typing import Final

from tflite_api.reasons import Reason
from tflite_converter.core.failure import StepFailure

_PYTHON_ONLY: Final = frozenset({"EagerPyFunc", "PyFunc", "PyFuncStateless"})
"""Their code is in the exporting Python process, not in the model: nothing else can ever run them."""

_LACKING: Final = frozenset(
    {
        *("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cosh", "Sinh", "Tan"),
        *("Betainc", "Digamma", "Igamma", "Igammac", "Polygamma", "Zeta"),
        *("Cholesky", "MatrixDeterminant", "MatrixInverse", "MatrixSolve", "MatrixTriangularSolve"),
        *("Cross", "Cumprod", "Qr", "SelfAdjointEigV2", "SparseTensorDenseMatMul", "Svd"),
        *("FFT", "FFT2D", "FFT3D", "IFFT", "IFFT2D"),
        *("AdjustContrastv2", "AdjustHue", "AdjustSaturation", "CropAndResize", "ExtractImagePatches"),
        *("HSVToRGB", "RGBToHSV", "ResizeArea", "ResizeBicubic"),
        *("AvgPool3D", "Dilation2D", "MaxPool3D", "MaxPoolWithArgmax"),
        *("BitwiseAnd", "Bincount", "CTCGreedyDecoder", "DynamicPartition", "InTopKV2", "RandomShuffle"),
        *("SegmentMax", "SegmentMean", "SegmentProd", "UniqueV2"),
    }
)
"""LiteRT has no operator for these and TensorFlow's converter no substitute; a test holds each against it. There are
others; Erf is none, as the converter knows it for a part of GELU."""

_CUSTOM: Final = frozenset({"AudioSpectrogram", "Mfcc"})
"""What LiteRT has all the same, as custom operators that its resolver knows (tensorflow/lite/kernels/register.cc)."""

_ASSIGNING: Final = re.compile(
    r"Assign|ResourceApply|Resource(Sparse|Scatter)|Scatter(Add|Sub|Mul|Div|Min|Max|Update|NdAdd|NdSub|NdUpdate)$"
    r"|Apply[A-Z]|SparseApply|CountUpTo|ResourceCountUpTo|.*(Queue|Stack|Map|Barrier)(Enqueue|Push|Stage|Insert)"
)
"""What changes a variable or another resource between calls (tensorflow/core/ops/*.cc)."""

_NOT_LEGAL: Final = re.compile(r"error: .*?(?:operation 'tf\.(\w+)'|'tf\.(\w+)' op )")
"""`'tf.Xyz' op is neither a custom op nor a flex op`, `failed to legalize operation 'tf.Xyz'` and the like."""
_SUMMARY: Final = re.compile(r"^\s*(TF Select|Custom) ops: (.+)$", re.MULTILINE)
"""The converter's own sorting: what the Flex delegate has, and what nothing has."""
_DETAILS: Final = re.compile(r"^\ttf\.(\w+)(\(.*?\) -> \(.*?\))", re.MULTILINE)
"""How it shows the types that such an operation is used with, a line for each: `tf.Relu(tensor<?x8xf16>) -> (…)`."""
_KIND: Final = re.compile(r"[x<](f16|bf16|f64)>")
_COMPLEX_RESULT: Final = re.compile(r"-> \(tensor<[^)]*complex<")
_BRANCHES: Final = frozenset({"Case", "StatelessCase"})
_OF_VARIABLES: Final = frozenset({"AssignVariableOp", "ReadVariableOp", "VarHandleOp"})
_FLOATS: Final = {"f16": "float16", "bf16": "bfloat16", "f64": "float64"}
HALVES: Final = frozenset({"float16", "bfloat16"})
_PLACE: Final = re.compile(r"^loc\(.*\): ")
_NO_KERNEL: Final = re.compile(r"Op type not registered '(\w+)'")
_SHOWN: Final = 20


def check_before_trying(operations: Collection[str]) -> None:
    """Refuse what surely cannot be converted.

    Raises:
        StepFailure: UnsupportedOperation, naming the operations.
    """
    lacking = sorted(_PYTHON_ONLY.intersection(operations))
    if lacking:
        raise StepFailure(
            Reason.UNSUPPORTED_OPERATION,
            f"The graph calls Python code that is not part of the model ({', '.join(lacking)})",
            "export the model without tf.py_function and tf.numpy_function",
        )


def known_lacking(operations: Collection[str]) -> tuple[str, ...]:
    """Name those that LiteRT is known to lack, sorted; only trying tells of all."""
    return tuple(sorted(_LACKING.intersection(operations)))


def assigns_state(operations: Collection[str]) -> bool:
    """Return whether any of them changes what a later call computes."""
    return any(_ASSIGNING.match(operation) for operation in operations)


def are_tensor_lists(operations: Collection[str]) -> bool:
    """Return whether operations on lists of tensors are among these: loops over time steps have them."""
    return any(operation.startswith("TensorList") for operation in operations)


def named_in(words: str) -> tuple[str, ...]:
    """Return the operations that TensorFlow's error text says it lacks, sorted."""
    found = {name for names in _NOT_LEGAL.findall(words) for name in names if name}
    found.update(_NO_KERNEL.findall(words))
    for _, listed in _SUMMARY.findall(words):
        found.update(_split(listed))
    return tuple(sorted(found))


def _split(listed: str) -> set[str]:
    return {name.strip() for name in listed.split(",") if re.fullmatch(r"\s*\w+\s*", name)}


def converter_failure(words: str, *, is_calibrated: bool = False) -> StepFailure:
    """Return what TensorFlow's converter meant: UnsupportedOperation with names, or ConversionFailed.

    Args:
        words: its error.
        is_calibrated: whether activations are to be measured, which the calibrator cannot do on TensorFlow's own
            operations.
    """
    if not (lacking := named_in(words)):
        return StepFailure(
            Reason.CONVERSION_FAILED,
            f"TensorFlow's converter gave up: {_telling_line(words)}",
            "Export the model with what it names computed in another way",
        )
    nowhere = {name for kind, listed in _SUMMARY.findall(words) if kind == "Custom" for name in _split(listed)}
    shown = ", ".join(lacking[:_SHOWN]) + (f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else "")
    cure = "Export it without them"
    found = f"LiteRT lacks operations of this graph: {shown}"
    if of_complex := _of_complex_numbers(words, lacking):
        found = f"LiteRT has no kernels of these operations for complex numbers: {shown}"
        cure = of_complex
    if _BRANCHES.intersection(lacking):
        # The variables that its branches read are told as lacking with it.
        lacking = tuple(name for name in lacking if name not in _OF_VARIABLES)
        found = "LiteRT has conditions of two sides alone, and this graph has some of more (tf.switch_case): "
        found += ", ".join(lacking)
        cure = "Export it with tf.cond in tf.cond"
    if dtypes := _other_floats(words, lacking):
        found = f"LiteRT has no kernels of these operations for {' and '.join(sorted(dtypes))}: {shown}"
        cure = "Export the model in float32"
    if not nowhere:
        cure += ", or allow TensorFlow's own with ops.selectTF: true"
        cure += " and use quantization.type DynamicRange" if is_calibrated else ""
    return LackingOperations(found, cure, lacking, flex_has_them=not nowhere, dtypes=dtypes)


def _of_complex_numbers(words: str, lacking: Collection[str]) -> str | None:
    """Return what to do where all these are lacking for complex numbers alone; None where it is otherwise."""
    types: dict[str, list[str]] = {name: [] for name in lacking}
    for name, shown in _DETAILS.findall(words):
        types.setdefault(name, []).append(shown)
    if known_lacking(lacking) or not all(
        shown and all(_COMPLEX_RESULT.search(each) for each in shown) for shown in types.values()
    ):
        return None
    return "Export it with real and imaginary parts by themselves (tf.math.real, tf.math.imag)"


def _other_floats(words: str, lacking: Collection[str]) -> frozenset[str]:
    """Name the real numbers other than float32 that all of these operations compute with; none where one has others."""
    found: dict[str, set[str]] = {name: set() for name in lacking}
    for name, types in _DETAILS.findall(words):
        found.setdefault(name, set()).update(_FLOATS[kind] for kind in _KIND.findall(types))
    if not all(found.values()):
        return frozenset()
    return frozenset(dtype for dtypes in found.values() for dtype in dtypes)


class LackingOperations(StepFailure):
    """UnsupportedOperation, with the names."""

    def __init__(
        self,
        found: str,
        cure: str,
        operations: tuple[str, ...],
        *,
        flex_has_them: bool,
        dtypes: frozenset[str] = frozenset(),
    ) -> None:
        """Keep the operations that are lacking, whether the Flex delegate has all of them, and what they compute with.

        Args:
            found: what was found.
            cure: what to change.
            operations: those that are lacking.
            flex_has_them: whether the Flex delegate has all of them.
            dtypes: the types of real numbers that are the cause; none where it is another.
        """
        super().__init__(Reason.UNSUPPORTED_OPERATION, found, cure)
        self.operations = operations
        self.flex_has_them = flex_has_them
        self.dtypes = dtypes

    @property
    def are_custom(self) -> bool:
        """Return whether LiteRT has all of them as custom operators."""
        return _CUSTOM.issuperset(self.operations)

    @property
    def are_lacking_for_sure(self) -> bool:
        """Return whether one of them has no operator in LiteRT whatever its shapes and types."""
        return bool(known_lacking(self.operations))


def _telling_line(words: str) -> str:
    """Choose the line that tells most: converter errors begin with paths of TensorFlow's own source."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    errors = [line.partition("error: ")[2] for line in lines if "error: " in line]
    told = next(iter([*errors, *lines]), "it gave no reason")
    return _PLACE.sub("", told)[:600]
