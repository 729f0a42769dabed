"""Does what the Job controller and a kubelet do of a pod that ends: no such run beside this API server."""

import json

from tests.apiserver.admin import Object
from tests.apiserver.workbench import Workbench


def report(bench: Workbench, job: Object, told: Object | None = None, *, name: str = "pod", image: str = "") -> None:
    """Make a Job's pod where there is none, and say how it is.

    Args:
        bench: where.
        job: the Job.
        told: what publish reported in the end; where there is none, the first container runs.
        name: how the pod's name ends.
        image: takes the place of publish's in the pod that is there then.
    """
    head, template = job["metadata"], job["spec"]["template"]
    path = f"{bench.pod_path}/{head['name']}-{name}"
    if bench.admin.find(path) is None:
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": head["name"], "uid": head["uid"]}
        owned = {"name": f"{head['name']}-{name}", "ownerReferences": [owner | {"controller": True}]}
        bench.admin.create(bench.pod_path, {"metadata": template["metadata"] | owned, "spec": template["spec"]})
    if image:
        others = [one | {"image": image} for one in bench.admin.get(path)["spec"]["containers"]]
        bench.admin.patch(path, {"spec": {"containers": others}})
    began = head["creationTimestamp"]
    status: Object = {"phase": "Pending"}
    if told is None:
        first = template["spec"].get("initContainers", template["spec"]["containers"])[0]
        status["initContainerStatuses"] = [_status(first, {"running": {"startedAt": began}})]
    else:
        end = {"exitCode": 0, "startedAt": began, "finishedAt": began, "message": json.dumps(told)}
        last = template["spec"]["containers"][0]
        ended = _status(last, {"terminated": end | {"containerID": "containerd://1"}})
        status = {"phase": "Succeeded", "containerStatuses": [ended]}
    bench.admin.patch(f"{path}/status", {"status": status})


def complete(bench: Workbench, job: Object) -> None:
    """End a Job whose pod has succeeded."""
    when = job["metadata"]["creationTimestamp"]
    done = [
        {"type": kind, "status": "True", "reason": "CompletionsReached", "lastTransitionTime": when}
        for kind in ("SuccessCriteriaMet", "Complete")
    ]
    status = {"startTime": when, "completionTime": when, "succeeded": 1, "conditions": done}
    bench.admin.patch(f"{bench.job_path}/{job['metadata']['name']}/status", {"status": status})


def _status(container: Object, state: Object) -> Object:
    told = {"name": container["name"], "image": container["image"], "imageID": "", "ready": False, "restartCount": 0}
    return told | {"state": state}
