"""Whether as many threads as a budget names can compute at once."""

from tflite_api.reasons import Reason
from tflite_api.resource.budget import Budget
from tflite_converter.core.failure import StepFailure
from tflite_converter.worker import cpus


def check(budget: Budget | None) -> None:
    """Make sure that threads do not wait for each other: what they take then is no measure of the artifact.

    Raises:
        StepFailure: InvalidSpec.
    """
    if budget is None or budget.threads is None:
        return
    most = cpus.available()
    if budget.threads > max(most, 1):
        raise StepFailure(
            Reason.INVALID_SPEC,
            f"budget.threads is {budget.threads}, but the artifact is timed where {most:g} CPUs may be used",
            f"write at most {max(int(most), 1)}, or give the conversion more with resources.limits.cpu and a node that"
            " has as many",
        )
