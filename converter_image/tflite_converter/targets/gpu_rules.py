"""Which operators LiteRT's GPU delegate takes, by what TensorFlow's source says of them.

TensorFlow's analyzer has had these checks removed (tensorflow#77042): 2.21's warns of none of LOG_SOFTMAX and TOPK_V2,
which the delegate refuses. The delegate itself still goes by the rules that are in
tensorflow/lite/tools/versioning/gpu_compatibility.cc; here is what they come to for a file, as of commit 03a5e4e.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

VERSION: Final = "rules of TensorFlow's GPU delegate, 03a5e4e"

_REAL: Final = frozenset({"float16", "float32"})


@dataclass(frozen=True)
class TensorUse:
    """A tensor that an operator reads or writes."""

    dtype: str
    shape: tuple[int, ...] = ()
    constant: bool = False


@dataclass(frozen=True)
class OperatorUse:
    """An operator in its place."""

    name: str
    inputs: Sequence[TensorUse]
    """Without optional ones that are not given."""
    outputs: Sequence[TensorUse]
    options: Mapping[str, float] = field(default_factory=dict)
    """Those that the rules look at, by their names in the schema."""

    @property
    def varying(self) -> list[TensorUse]:
        """Its inputs that are no constants."""
        return [tensor for tensor in self.inputs if not tensor.constant]


Rule = Callable[[OperatorUse], str | None]
"""Returns why an operator is not taken; None where it is."""


def problem_of(used: OperatorUse) -> str | None:
    """Return why the delegate leaves an operator to the CPU; None where it takes it."""
    rule = _RULES.get(used.name)
    return rule(used) if rule is not None else "the delegate does not know it"


def _always(_: OperatorUse) -> None:
    return None


def _one_varying(used: OperatorUse) -> str | None:
    if len(used.varying) != 1 or len(used.outputs) != 1:
        return f"it takes one input that varies, not {len(used.varying)}"
    return None


def _one_alone(used: OperatorUse) -> str | None:
    return _one_varying(used) or ("it takes no constant" if len(used.inputs) != 1 else None)


def _pair(used: OperatorUse) -> str | None:
    if len(used.inputs) != 2 or not used.varying or len(used.outputs) != 1:
        return "it takes two inputs, of which one may be a constant"
    return None


def _convolution(used: OperatorUse) -> str | None:
    return "it takes at most two inputs that vary" if len(used.varying) > 2 else None


def _depthwise(used: OperatorUse) -> str | None:
    taken, given = used.inputs[0].shape, used.outputs[0].shape
    if len(taken) != 4 or len(given) != 4:
        return "it takes tensors of 4 dimensions"
    if given[3] != taken[3] and taken[3] != 1:
        return "it multiplies channels of an input with one channel alone"
    return _convolution(used)


def _dense(used: OperatorUse) -> str | None:
    if used.options.get("weightsFormat"):
        return "it takes weights in the usual order alone"
    if used.inputs[0].constant or len(used.varying) > 2:
        return "it takes an input that varies"
    if used.options.get("keepNumDims") and len(used.inputs[0].shape) != len(used.outputs[0].shape):
        return "it keeps the number of dimensions"
    return None


def _axes(used: OperatorUse) -> str | None:
    axes = used.inputs[1] if len(used.inputs) > 1 else None
    if axes is None or not axes.constant or axes.dtype != "int32":
        return "it takes constant int32 axes alone"
    return _one_varying(used)


def _cast(used: OperatorUse) -> str | None:
    kinds = used.inputs[0].dtype, used.outputs[0].dtype
    is_logical = "bool" in kinds and _REAL & set(kinds)
    if is_logical or set(kinds) <= {"float32", "int32"}:
        return _one_varying(used)
    return f"it makes no {kinds[1]} of {kinds[0]}"


def _dequantize(used: OperatorUse) -> str | None:
    return "it takes no int16" if used.inputs[0].dtype == "int16" else None


def _gather(used: OperatorUse) -> str | None:
    if used.inputs[0].dtype == "int32":
        return "it takes no int32"
    if len(used.inputs[1].shape) != 1 or used.inputs[1].dtype != "int32":
        return "it takes int32 indices of one dimension alone"
    return _pair(used)


def _slice(used: OperatorUse) -> str | None:
    for mask in ("ellipsisMask", "newAxisMask", "shrinkAxisMask"):
        if used.options.get(mask):
            return f"it takes no {mask}"
    rank = len(used.inputs[0].shape)
    return None if rank in {3, 4} else f"it takes tensors of 3 or 4 dimensions, not of {rank}"


def _pad(used: OperatorUse) -> str | None:
    if used.name == "MIRROR_PAD" and used.options.get("mode"):
        return "it pads by reflection alone"
    shape = used.inputs[1].shape
    return _one_varying(used) if shape in {(3, 2), (4, 2)} else "it pads tensors of 3 or 4 dimensions alone"


def _softmax(used: OperatorUse) -> str | None:
    return "it takes beta 1 alone" if used.options.get("beta", 1) != 1 else None


def _blocks(used: OperatorUse) -> str | None:
    return _one_varying(used) if used.options.get("blockSize", 0) > 1 else "it takes blocks of more than 1"


def _resize(used: OperatorUse) -> str | None:
    if used.options.get("alignCorners") and used.options.get("halfPixelCenters"):
        return "it takes alignCorners or halfPixelCenters, not both"
    return _one_varying(used)


def _broadcast(used: OperatorUse) -> str | None:
    if len(used.inputs) != 2:
        return "it takes two inputs"
    one, other = (tensor.shape for tensor in used.inputs)
    if len(one) == len(other):
        both = any(a < b for a, b in zip(one, other, strict=True)) and any(
            a > b for a, b in zip(one, other, strict=True)
        )
        return "one input must be no smaller in any dimension" if both and used.name == "MUL" else None
    if min(len(one), len(other)) > 1 and not _is_broadcast(one, other):
        return f"it does not bring {list(one)} and {list(other)} together"
    return None


def _is_broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    shorter = min(len(one), len(other))
    pairs = zip(one[len(one) - shorter :], other[len(other) - shorter :], strict=True)
    return all(a == b or 1 in {a, b} for a, b in pairs)


def _select(used: OperatorUse) -> str | None:
    if len(used.inputs) != 3 or used.inputs[0].dtype not in {"bool", *_REAL}:
        return "it takes a condition and two inputs"
    for branch in used.inputs[1:]:
        is_one = not branch.shape or branch.shape == (1,)
        if branch.dtype not in _REAL or not (is_one or branch.shape == used.outputs[0].shape):
            return "it takes floats of the output's shape, or one number"
    return None


def _cumsum(used: OperatorUse) -> str | None:
    return "it takes floats alone" if used.inputs[0].dtype not in _REAL else _axes(used)


_BY_RULE: Final[Mapping[Rule, str]] = {
    _always: "ADD_N BATCH_MATMUL CONCATENATION LEAKY_RELU PACK PRELU RELU RELU6 RELU_N1_TO_1 SPLIT SPLIT_V",
    _one_alone: "ABS CEIL COS ELU EXP FLOOR GELU LOG LOGISTIC NEG RSQRT SIGN SIN SQRT SQUARE TANH",
    _one_varying: "AVERAGE_POOL_2D HARD_SWISH MAX_POOL_2D QUANTIZE RESHAPE TILE TRANSPOSE",
    _pair: "ATAN2 DIV EQUAL FLOOR_DIV FLOOR_MOD GREATER GREATER_EQUAL LESS LESS_EQUAL LOGICAL_AND MAXIMUM MINIMUM"
    " NOT_EQUAL POW SQUARED_DIFFERENCE SUB",
    _axes: "MEAN REDUCE_MAX REDUCE_MIN REDUCE_PROD SUM",
    _broadcast: "ADD MUL",
    _convolution: "CONV_2D TRANSPOSE_CONV",
    _depthwise: "DEPTHWISE_CONV_2D",
    _dense: "FULLY_CONNECTED",
    _cast: "CAST",
    _dequantize: "DEQUANTIZE",
    _gather: "GATHER",
    _slice: "SLICE STRIDED_SLICE",
    _pad: "MIRROR_PAD PAD PADV2",
    _softmax: "SOFTMAX",
    _blocks: "DEPTH_TO_SPACE SPACE_TO_DEPTH",
    _resize: "RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR",
    _select: "SELECT SELECT_V2",
    _cumsum: "CUMSUM",
}
"""What is rarer (LSTM, EMBEDDING_LOOKUP, DYNAMIC_UPDATE_SLICE, ONE_HOT and StableHLO) counts as not taken."""
_RULES: Final = {name: rule for rule, names in _BY_RULE.items() for name in names.split()}
