"""Examines the Jobs and pods that pass for a conversion's: are they as the operator makes them?

Whoever may make Jobs or pods in a namespace may have them look like the operator's, unless admission policies keep
them from it.
"""

from collections.abc import Mapping, Sequence

from tflite_operator.core.fields import Object, mapping
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.comparison import difference, difference_of_marks
from tflite_operator.jobs.job import build_cleanup, build_job
from tflite_operator.observe.conversion import ObservedConversion
from tflite_operator.observe.job import ObservedJob
from tflite_operator.observe.pod import ObservedPod
from tflite_operator.settings import Settings

SeenJob = tuple[ObservedJob, Object]
"""With the Job as the API server shows it."""
SeenPod = tuple[ObservedPod, Object]
"""With the pod as the API server shows it."""


def examine(
    conversion: ObservedConversion, jobs: Sequence[SeenJob], pods: Sequence[SeenPod], settings: Settings
) -> dict[str, str]:
    """Compare Jobs with what the operator would make now, and pods with the Jobs that they belong to.

    A pod is held against its Job as it is, and not against what would be made now: another version of the operator, or
    one with other settings, may have made it. What a Job runs nobody can change.

    Args:
        conversion: whose Jobs and pods these are said to be.
        jobs: each with what was read of it.
        pods: each with what was read of it.
        settings: what the operator would make Jobs with.

    Returns:
        In a few words what is wrong with a Job or pod, by its UID; none of what fits.
    """
    templates = {job.uid: _pod_spec(shown) for job, shown in jobs}
    of_jobs = {job.uid: _doubt(conversion, job, shown, settings) for job, shown in jobs}
    of_pods = {
        pod.uid: difference(template, mapping(shown, "spec"))
        for pod, shown in pods
        if (template := templates.get(pod.job_uid)) is not None
    }
    return {uid: doubt for uid, doubt in {**of_jobs, **of_pods}.items() if doubt}


def _doubt(conversion: ObservedConversion, job: ObservedJob, shown: Object, settings: Settings) -> str:
    wanted = _wanted(conversion, job, settings)
    if wanted is None:
        return ""
    # Those of pods anybody may change, and they change nothing in a pod that is there.
    asked, found = (mapping(one, "spec", "template", "metadata") for one in (wanted, shown))
    return difference(_pod_spec(wanted), _pod_spec(shown)) or difference_of_marks(asked, found)


def _wanted(conversion: ObservedConversion, job: ObservedJob, settings: Settings) -> Object | None:
    """Return the Job that the operator would make; None where this one is none that it follows."""
    identity, spec = conversion.identity, conversion.spec
    if spec is None:
        return None
    if job.cleans_up(identity):
        return build_cleanup(identity, spec, settings)
    if not job.is_of(identity):
        return None
    return build_job(identity, spec, Attempt(job.attempt, job.failures, job.request, job.forced), settings)


def _pod_spec(job: Object) -> Mapping[str, object]:
    return mapping(job, "spec", "template", "spec")
