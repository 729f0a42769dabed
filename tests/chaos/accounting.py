"""The accounts of a chaos run: what was lost, doubled or left behind. Each function gives its complaints."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tests.chaos.audit import Attempt, Ledger, names
from tests.chaos.cases import Case
from tests.e2e.fixtures.conversions import Object, is_finished
from tflite_api.names import WRITE_TEST_SUFFIX
from tflite_operator.core.labels import ATTEMPT_ANNOTATION

_WRITES_PER_JOB = 5
"""The most status writes that a conversion takes; a kill costs none."""


def doubled(ledger: Ledger) -> list[str]:
    """Return attempts that got more than one Job."""
    twice = [attempt for attempt, times in Counter(ledger.made_jobs()).items() if times > 1]
    cleaned = [uid for uid, times in Counter(ledger.made_cleanups()).items() if times > 1]
    return [
        *([f"more than one Job: {names(twice)}"] if twice else []),
        *([f"more than one Job deleted the artifacts of {', '.join(cleaned)}"] if cleaned else []),
    ]


def miscounted(ledger: Ledger, cases: Sequence[Case]) -> list[str]:
    """Return generations with a gap in their attempts, or with more or fewer than their scenario expects."""
    numbers: dict[tuple[str, int], set[int]] = defaultdict(set)
    for attempt in (*ledger.made_jobs(), *ledger.perhaps_made_jobs()):
        numbers[attempt.uid, attempt.generation].add(attempt.number)
    cleanups = Counter(ledger.made_cleanups())
    perhaps = ledger.perhaps_made_cleanups()
    complaints = []
    for case in cases:
        least, most = case.attempts
        for name, uid in case.uids.items():
            of_this = {generation: made for (owner, generation), made in numbers.items() if owner == uid}
            if least > 0 and not of_this:
                complaints.append(f"{name} got no Job")
            complaints += [
                f"{name} generation {generation}: attempts {sorted(made)}, expected {least} to {most}"
                for generation, made in of_this.items()
                if made != set(range(1, len(made) + 1)) or not least <= len(made) <= most
            ]
        made = sum(cleanups[uid] or uid in perhaps for uid in case.uids.values())
        if case.cleanups is not None and made != case.cleanups:
            complaints.append(f"{case.name}: {made} Jobs deleted its artifact, expected {case.cleanups}")
    known = {uid for case in cases for uid in case.uids.values()}
    return complaints + [f"a Job for a conversion that nobody made: {uid}" for uid, _ in numbers if uid not in known]


def restarted(ledger: Ledger) -> list[str]:
    """Return Jobs for a generation whose outcome was already in the status, beyond one for each request."""
    settled: dict[str, int] = {}
    requests: Counter[str] = Counter()
    complaints = []
    for change in ledger.changes:
        if change.is_status_write and is_finished(change.answered):
            settled[change.uid] = change.answered["metadata"]["generation"]
        elif change.asks_for_a_run:
            requests[change.uid] += 1
        elif change.is_new_job:
            attempt = Attempt.of(change.answered)
            if settled.get(attempt.uid) != attempt.generation:
                continue
            if requests[attempt.uid] == 0:
                complaints.append(f"a Job for a settled conversion: {names([attempt])}")
            requests[attempt.uid] -= 1
            del settled[attempt.uid]
    return complaints


def overwritten(ledger: Ledger) -> list[str]:
    """Return conversions whose status was written more often than it changed."""
    writes = writes_of(ledger)
    jobs = Counter(attempt.uid for attempt in ledger.made_jobs())
    return [
        f"{uid}: {count} status writes for {jobs[uid]} Jobs"
        for uid, count in writes.items()
        if count > _WRITES_PER_JOB * max(jobs[uid], 1) + 1
    ]


def writes_of(ledger: Ledger) -> Counter[str]:
    """Count the status writes of each conversion."""
    return Counter(write.uid for write in ledger.status_writes())


def misplaced(cases: Iterable[Case], stored: Mapping[str, str], uploads: Mapping[str, int]) -> list[str]:
    """Return objects that no scenario explains, or that were written more often than it explains."""
    by_key = {case.key: case for case in cases}
    # An attempt that is killed between the two leaves what it tried the storage with.
    unexpected = [
        f"an object that nobody asked for: {key}" for key in stored if key.removesuffix(WRITE_TEST_SUFFIX) not in by_key
    ]
    more = [
        f"{key} was uploaded {count} times, at most {by_key[key].uploads} expected"
        for key, count in uploads.items()
        if key in by_key and count > by_key[key].uploads
    ]
    lost = [f"{key} is there, but its upload was not seen" for key in stored if not uploads.get(key)]
    return [*unexpected, *more, *lost]


def orphaned(conversions: Iterable[Object], jobs: Sequence[Object], pods: Iterable[Object]) -> list[str]:
    """Return Jobs without their conversion, pods without their Job, and what still runs after the end."""
    owners = {one["metadata"]["uid"] for one in conversions}
    job_uids = {job["metadata"]["uid"] for job in jobs}
    # What deletes an artifact outlives the conversion, and is nobody's.
    owned = [job for job in jobs if ATTEMPT_ANNOTATION in job["metadata"]["annotations"]]
    lonely = [f"Job {_name(job)} belongs to nobody" for job in owned if not _owned(job, owners)]
    running = [f"Job {_name(job)} still runs" for job in jobs if not is_over(job)]
    left = [f"pod {_name(pod)} belongs to nobody" for pod in pods if not _owned(pod, job_uids)]
    return [*lonely, *running, *left]


def kept(jobs: Iterable[Object]) -> list[str]:
    """Return Jobs that nothing will ever remove."""
    return [f"Job {_name(job)} has no time to live" for job in jobs if "ttlSecondsAfterFinished" not in job["spec"]]


def is_over(job: Object) -> bool:
    """Return whether a Job has ended."""
    conditions = job.get("status", {}).get("conditions", [])
    return any(one["type"] in {"Complete", "Failed"} and one["status"] == "True" for one in conditions)


def _owned(thing: Object, uids: set[str]) -> bool:
    return any(owner["uid"] in uids for owner in thing["metadata"].get("ownerReferences", []))


def _name(thing: Object) -> str:
    return str(thing["metadata"]["name"])
