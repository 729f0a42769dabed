"""Which operations LiteRT lacks: known before trying, or from the words of TensorFlow's converter."""

import re
from collections.abc import Collection
from typing import Final

from tflite_api.reasons import Reason
from tflite_converter.failure import StepFailure

_PYTHON_ONLY: Final = frozenset({"EagerPyFunc", "PyFunc", "PyFuncStateless"})
"""Their code is in the exporting Python process, not in the model: nothing else can ever run them."""

_NOT_LEGAL: Final = re.compile(r"error: .*?(?:operation 'tf\.(\w+)'|'tf\.(\w+)' op )")
"""`'tf.Xyz' op is neither a custom op nor a flex op`, `failed to legalize operation 'tf.Xyz'` and the like."""
_SUMMARY: Final = re.compile(r"^\s*(?:TF Select ops|Custom ops): (.+)$", re.MULTILINE)
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
            f"The graph calls Python code that is not part of the model ({', '.join(lacking)}):"
            " export the model without tf.py_function and tf.numpy_function",
        )


def named_in(words: str) -> tuple[str, ...]:
    """Give the operations that TensorFlow's error text says it lacks, sorted."""
    found = {name for names in _NOT_LEGAL.findall(words) for name in names if name}
    found.update(_NO_KERNEL.findall(words))
    for line in _SUMMARY.findall(words):
        found.update(name.strip() for name in line.split(",") if re.fullmatch(r"\s*\w+\s*", name))
    return tuple(sorted(found))


def converter_failure(words: str) -> StepFailure:
    """Give what TensorFlow's converter meant: UnsupportedOperation with names, else ConversionFailed with its words."""
    lacking = named_in(words)
    if lacking:
        shown = ", ".join(lacking[:_SHOWN]) + (f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else "")
        return StepFailure(
            Reason.UNSUPPORTED_OPERATION, f"LiteRT lacks operations of this graph: {shown}; export it without them"
        )
    return StepFailure(Reason.CONVERSION_FAILED, f"TensorFlow's converter gave up: {_telling_line(words)}")


def _telling_line(words: str) -> str:
    """Choose the line that tells most: converter errors begin with paths of TensorFlow's own source."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    errors = [line.partition("error: ")[2] for line in lines if "error: " in line]
    return next(iter([*errors, *lines]), "it gave no reason")[:600]
