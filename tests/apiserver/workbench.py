"""Conversions in a namespace of a test's own, and the Jobs that the operator makes of them."""

from typing import Final

from tests.apiserver.admin import CONVERSIONS, Admin, Object
from tflite_api import names
from tflite_operator.core.labels import CONVERSION_LABEL

SPEC: Final = {
    "model": {"handle": "https://tfhub.dev/google/model/1"},
    "destination": {"s3": {"bucket": "models", "key": "a.tflite", "secretRef": {"name": "s3"}}},
}


class Workbench:
    """One namespace."""

    def __init__(self, admin: Admin, namespace: str) -> None:
        """Take a namespace that exists."""
        self.admin = admin
        self.namespace = namespace
        self.conversions = f"{CONVERSIONS}/namespaces/{namespace}/{names.PLURAL}"
        self.job_path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self.pod_path = f"/api/v1/namespaces/{namespace}/pods"

    def create(self, name: str, metadata: Object | None = None, spec: Object | None = None) -> Object:
        """Create a conversion; `metadata` and `spec` are beside the usual ones."""
        head = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name, **(metadata or {})}}
        return self.admin.create(self.conversions, head | {"spec": SPEC | (spec or {})})

    def create_whole(self, conversion: Object) -> Object:
        """Create a conversion as it is given."""
        return self.admin.create(self.conversions, conversion)

    def all(self) -> list[Object]:
        """Return the conversions."""
        found: list[Object] = self.admin.get(self.conversions)["items"]
        return found

    def get(self, name: str) -> Object:
        """Read a conversion."""
        return self.admin.get(f"{self.conversions}/{name}")

    def patch(self, name: str, changes: Object) -> Object:
        """Merge changes into a conversion."""
        return self.admin.patch(f"{self.conversions}/{name}", changes)

    def delete(self, name: str) -> None:
        """Delete a conversion; nobody deletes its Job."""
        self.admin.delete(f"{self.conversions}/{name}")

    def jobs(self) -> list[Object]:
        """Return the Jobs."""
        found: list[Object] = self.admin.get(self.job_path)["items"]
        return found

    def jobs_of(self, conversion: Object) -> list[Object]:
        """Return the Jobs of a conversion."""
        uid = conversion["metadata"]["uid"]
        return [job for job in self.jobs() if job["metadata"]["labels"].get(CONVERSION_LABEL) == uid]

    def has_job(self, conversion: Object) -> bool:
        """Return whether a conversion has a Job, and its status tells of it."""
        told = self.get(conversion["metadata"]["name"]).get("status", {}).get("job", {})
        return [job["metadata"]["name"] for job in self.jobs_of(conversion)] == [told.get("name")]

    def reason(self, name: str) -> str:
        """Return the reason of a conversion's Ready condition; empty where there is none yet."""
        conditions = self.get(name).get("status", {}).get("conditions", [])
        return next((str(one["reason"]) for one in conditions if one["type"] == "Ready"), "")

    def delete_job(self, job: Object) -> None:
        """Delete a Job."""
        self.admin.delete(f"{self.job_path}/{job['metadata']['name']}")

    def make_pod(self, job: Object, node: str = "") -> Object:
        """Make a Job's pod, as the Job controller does, on a node where one is named."""
        head, template = job["metadata"], job["spec"]["template"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": head["name"], "uid": head["uid"], "controller": True}
        named = template["metadata"] | {"name": f"{head['name']}-pod", "ownerReferences": [owner]}
        placed = template["spec"] | ({"nodeName": node} if node else {})
        return self.admin.create(self.pod_path, {"metadata": named, "spec": placed})

    def run_pod(self, job: Object, node: str = "") -> Object:
        """Make a Job's pod, whose first container runs: what the Job controller and a kubelet do."""
        made = self.make_pod(job, node)
        running = {"running": {"startedAt": made["metadata"]["creationTimestamp"]}}
        return self._tell(made, "Pending", {made["spec"]["initContainers"][0]["name"]: running})

    def fail_beside_a_proxy(self, job: Object) -> Object:
        """Make a Job's pod, whose last step has failed while something else in it runs on."""
        made = self.make_pod(job, "worker-2")
        when = made["metadata"]["creationTimestamp"]
        well = {"exitCode": 0, "reason": "Completed", "startedAt": when, "finishedAt": when}
        report = '{"reason": "CredentialsRefused", "message": "the storage refused the credentials"}'
        ends = {
            names.PREPARE: {"terminated": well},
            names.CONVERT: {"terminated": well},
            names.PUBLISH: {"terminated": well | {"exitCode": 3, "reason": "Error", "message": report}},
        }
        return self._tell(made, "Running", ends)

    def delete_pod(self, pod: Object, grace_seconds: int) -> None:
        """Delete a pod, as somebody does who waits for its containers to end."""
        self.admin.delete(f"{self.pod_path}/{pod['metadata']['name']}?gracePeriodSeconds={grace_seconds}")

    def _tell(self, pod: Object, phase: str, states: Object) -> Object:
        """Write what a kubelet tells of a pod's containers."""
        status: Object = {"phase": phase, "initContainerStatuses": [], "containerStatuses": []}
        for name, state in states.items():
            kind = "containerStatuses" if name == names.PUBLISH else "initContainerStatuses"
            told = {"name": name, "image": "converter", "imageID": "", "ready": False, "restartCount": 0}
            status[kind].append(told | {"state": state})
        return self.admin.patch(f"{self.pod_path}/{pod['metadata']['name']}/status", {"status": status})

    def message(self, name: str) -> str:
        """Return the message of a conversion's Ready condition; empty where there is none yet."""
        conditions = self.get(name).get("status", {}).get("conditions", [])
        return next((str(one["message"]) for one in conditions if one["type"] == "Ready"), "")

    def clear(self) -> None:
        """Delete everything: no controller runs that would, not even with the namespace."""
        for path in (self.conversions, self.job_path, self.pod_path):
            if self.admin.find(path) is not None:
                self.admin.delete(path)
