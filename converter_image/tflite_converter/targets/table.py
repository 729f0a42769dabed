"""The targets: one table of what looks at each."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tflite_api.resource.targets import Target, TargetName
from tflite_converter.targets import ethos_u, gpu, microcontroller
from tflite_converter.targets.examination import Examination, Subject

_EXAMINERS: Final[Mapping[TargetName, Callable[[Target, Subject], Examination]]] = {
    TargetName.ETHOS_U: ethos_u.examine,
    TargetName.MICROCONTROLLER: microcontroller.examine,
    TargetName.GPU: gpu.examine,
}


def examine(targets: Sequence[Target], subject: Subject) -> tuple[Examination, ...]:
    """Return what was found on each target, in their order.

    Raises:
        StepFailure: TargetUnmet where the tool of one does not take the artifact at all.
    """
    return tuple(_EXAMINERS[target.name](target, subject) for target in targets)
