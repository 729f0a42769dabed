"""Squares, which LiteRT has no kernels for in 16 bits: written out as what it has some for.

Every normalization by a layer's or batch's own mean has one (own measurement: 42 to 46 dB so in Int16x8).
"""

from typing import Any, Final

from tflite_api.reasons import Reason
from tflite_converter.artifact import flatbuffer
from tflite_converter.core.failure import StepFailure
from tflite_converter.quantize import quantization

_SQUARE: Final = "SQUARE"
_SQUARED_DIFFERENCE: Final = "SQUARED_DIFFERENCE"
_DIFFERENCE: Final = "/difference"
"""Ends the name of what is squared."""


def written_out(content: bytes) -> bytes:
    """Return a file of floats whose squares, of differences as well, are multiplied with themselves.

    Raises:
        StepFailure: OperationNotQuantizable where there are some, and a file of that size cannot be written anew.
    """
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    root = schema.Model.GetRootAs(content, 0)
    names = dict(enumerate(flatbuffer.operator_names(root)))
    squaring = {number for number, name in names.items() if name in {_SQUARE, _SQUARED_DIFFERENCE}}
    if not squaring:
        return content
    model = schema.ModelT.InitFromObj(root)
    subtraction = _added_code(model, schema.BuiltinOperator.SUB)
    multiplication = _added_code(model, schema.BuiltinOperator.MUL)
    for graph in model.subgraphs:
        operators = []
        for operator in graph.operators:
            if operator.opcodeIndex in squaring and _is_of_floats(graph, operator):
                if names[operator.opcodeIndex] == _SQUARED_DIFFERENCE:
                    operators.append(_subtraction(graph, operator, subtraction))
                    operator.inputs = operators[-1].outputs
                operator.inputs = [operator.inputs[0]] * 2
                operator.opcodeIndex = multiplication
                operator.builtinOptionsType = schema.BuiltinOptions.MulOptions
                operator.builtinOptions = schema.MulOptionsT()
            operators.append(operator)
        graph.operators = operators
    used = {operator.opcodeIndex for graph in model.subgraphs for operator in graph.operators}
    for number in {*squaring, subtraction, multiplication} - used:
        # The calibrator refuses files with operators that they do not use.
        model.operatorCodes[number] = model.operatorCodes[min(used)]
    try:
        return flatbuffer.packed(model, len(content))
    except flatbuffer.TooLargeError as error:
        raise StepFailure(
            Reason.OPERATION_NOT_QUANTIZABLE,
            f"LiteRT has no kernels of 16 bits for {' and '.join(sorted(names[number] for number in squaring))}, which"
            " are written out as others that it has, but for files of more than 2 GB",
            quantization.cure_by_8_bits(()),
        ) from error


def _added_code(model: Any, kind: int) -> int:  # noqa: ANN401 - see above
    """Add an operator to those that a file uses, and return its number."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = kind
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _is_of_floats(graph: Any, operator: Any) -> bool:  # noqa: ANN401 - see above
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    return bool(graph.tensors[operator.outputs[0]].type == schema.TensorType.FLOAT32)


def _subtraction(graph: Any, operator: Any, code: int) -> Any:  # noqa: ANN401 - see above
    """Return the operator that gives what an operator squares, in a new tensor of the same shape as its square."""
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - takes long

    square, difference = graph.tensors[operator.outputs[0]], schema.TensorT()
    difference.name = square.name + _DIFFERENCE.encode()
    difference.type, difference.shape, difference.shapeSignature = square.type, square.shape, square.shapeSignature
    # The first buffer is that of whatever has no constant values.
    difference.buffer = 0
    graph.tensors.append(difference)
    made = schema.OperatorT()
    made.opcodeIndex = code
    made.inputs, made.outputs = operator.inputs, [len(graph.tensors) - 1]
    made.builtinOptionsType = schema.BuiltinOptions.SubOptions
    made.builtinOptions = schema.SubOptionsT()
    return made
