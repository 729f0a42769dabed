"""What of a pod may differ from what was asked for, and what may not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.operator.builders import Object, conversion, job
from tflite_operator.jobs.comparison import difference, difference_of_marks

Change = Callable[[Any], None]

SIDECAR = {"name": "istio-proxy", "image": "istio/proxyv2:1", "volumeMounts": [{"name": "istio", "mountPath": "/etc"}]}
DIGEST = "sha256:" + "a" * 64


def wanted() -> Object:
    spec: Object = job(conversion())["spec"]["template"]["spec"]
    return spec


def as_the_api_server_shows_it(spec: Object) -> Object:
    """With the defaults, the amounts in its own words, and what the scheduler and the usual plug-ins add."""
    shown = copy.deepcopy(spec)
    shown |= {
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "serviceAccount": "default",
        "serviceAccountName": "default",
        "nodeName": "node-1",
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
    }
    for volume in shown["volumes"]:
        if volume.get("emptyDir", {}).get("sizeLimit") == "8589934592":
            volume["emptyDir"]["sizeLimit"] = "8Gi"
        if "projected" in volume:
            volume["projected"]["defaultMode"] = 420
    return shown


def publish(spec: Any) -> Any:
    return spec["containers"][0]


def test_what_was_asked_for_fits() -> None:
    assert difference(wanted(), wanted()) == ""
    assert difference(wanted(), as_the_api_server_shows_it(wanted())) == ""


def identity(spec: Any) -> None:
    """What the webhook of Amazon EKS adds."""
    publish(spec)["env"] += [
        {"name": "AWS_ROLE_ARN", "value": "arn:aws:iam::1:role/a"},
        {"name": "AWS_REGION", "value": "eu-central-1"},
    ]
    mount = {
        "name": "aws-iam-token",
        "mountPath": "/var/run/secrets/eks.amazonaws.com/serviceaccount",
        "readOnly": True,
    }
    publish(spec)["volumeMounts"].append(mount)
    spec["volumes"].append({"name": "aws-iam-token", "projected": {"sources": []}})


def sidecar(spec: Any) -> None:
    spec["containers"].append(copy.deepcopy(SIDECAR))
    spec["initContainers"].insert(0, copy.deepcopy(SIDECAR) | {"name": "istio-validation"})


def limits(spec: Any) -> None:
    for container in [*spec["initContainers"], *spec["containers"]]:
        container["resources"]["limits"]["cpu"] = "2"


def always(spec: Any) -> None:
    publish(spec)["imagePullPolicy"] = "Always"


def placed(spec: Any) -> None:
    spec |= {"nodeSelector": {"pool": "a"}, "priorityClassName": "low", "imagePullSecrets": [{"name": "mirror"}]}
    spec |= {
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [{"maxSkew": 1}],
        "runtimeClassName": "kata",
    }


def stricter(spec: Any) -> None:
    publish(spec)["securityContext"]["seccompProfile"] = {"type": "RuntimeDefault"}


@pytest.mark.parametrize("change", [identity, sidecar, limits, always, placed, stricter])
def test_what_plug_ins_and_webhooks_change_may_differ(change: Change) -> None:
    shown = as_the_api_server_shows_it(wanted())
    change(shown)
    assert difference(wanted(), shown) == ""


def running(image: str) -> Object:
    spec = wanted()
    for container in [*spec["initContainers"], *spec["containers"]]:
        container["image"] = image
    return spec


def test_an_image_may_come_from_a_mirror_where_a_digest_says_what_it_is() -> None:
    asked = running(f"ghcr.io/a/converter:1@{DIGEST}")
    assert difference(asked, running(f"mirror.example.com/a/converter@{DIGEST}")) == ""
    assert "runs the image" in difference(asked, running(f"ghcr.io/a/converter:1@sha256:{'b' * 64}"))
    by_tag = running("ghcr.io/a/converter:1")
    assert "runs the image" in difference(by_tag, running("mirror.example.com/a/converter:1"))
    assert "runs the image" in difference(by_tag, running(f"ghcr.io/a/converter:1@{DIGEST}"))


def set_in(path: str, value: object) -> Change:
    """Return what sets a field of publish, or of the pod."""

    def change(spec: Any) -> None:
        kind, _, name = path.partition(".")
        (publish(spec) if kind == "publish" else spec)[name] = copy.deepcopy(value)

    return change


def add_variable(spec: Any) -> None:
    publish(spec)["env"].append({"name": "LD_PRELOAD", "value": "/output/a.so"})


def override_variable(spec: Any) -> None:
    publish(spec)["env"].append({"name": "HOME", "value": "/output"})


def change_variable(spec: Any) -> None:
    publish(spec)["env"][0]["value"] = "/output"


def other_secret(spec: Any) -> None:
    next(one for one in publish(spec)["env"] if "valueFrom" in one)["valueFrom"]["secretKeyRef"]["name"] = "other"


def other_amount(spec: Any) -> None:
    publish(spec)["env"][0] |= {"value": "1"}


def mount_over_the_program(spec: Any) -> None:
    publish(spec)["volumeMounts"].append({"name": "output", "mountPath": "/opt/project"})


def mount_beside_tokens(spec: Any) -> None:
    publish(spec)["volumeMounts"].append({"name": "output", "mountPath": "/var/run/secrets/../../../opt"})


def writable(spec: Any) -> None:
    next(mount for mount in publish(spec)["volumeMounts"] if mount["name"] == "output").pop("readOnly")


def sub_path(spec: Any) -> None:
    publish(spec)["volumeMounts"][0]["subPath"] = "a"


def other_volume(spec: Any) -> None:
    spec["volumes"][0] = {"name": spec["volumes"][0]["name"], "persistentVolumeClaim": {"claimName": "theirs"}}


def sidecar_on_the_output(spec: Any) -> None:
    spec["containers"].append(SIDECAR | {"volumeMounts": [{"name": "output", "mountPath": "/output"}]})


def sidecar_with_privileges(spec: Any) -> None:
    spec["initContainers"].append(SIDECAR | {"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}})


def no_convert(spec: Any) -> None:
    del spec["initContainers"][1]


def other_order(spec: Any) -> None:
    spec["initContainers"].reverse()


def privileged(spec: Any) -> None:
    publish(spec)["securityContext"]["privileged"] = True


EXEC = {"exec": {"command": ["sh"]}}
REFUSED: dict[str, tuple[Change, str]] = {
    "image": (set_in("publish.image", "evil"), "container publish runs the image evil instead of example.com/"),
    "command": (set_in("publish.command", ["sh", "-c", "true"]), "container publish has as its command sh, -c, true"),
    "args": (set_in("publish.args", ["--help"]), "has as its args --help instead of nothing"),
    "lifecycle": (set_in("publish.lifecycle", {"postStart": EXEC}), "has as its lifecycle"),
    "probe": (set_in("publish.startupProbe", EXEC), "has as its startupProbe"),
    "envFrom": (set_in("publish.envFrom", [{"secretRef": {"name": "a"}}]), "has as its envFrom"),
    "working directory": (set_in("publish.workingDir", "/output"), "has as its workingDir /output"),
    "report elsewhere": (set_in("publish.terminationMessagePath", "/output/a"), "has as its terminationMessagePath"),
    "report from the log": (set_in("publish.terminationMessagePolicy", "FallbackToLogsOnError"), "MessagePolicy"),
    "sidecar's restart": (set_in("publish.restartPolicy", "Always"), "has as its restartPolicy"),
    "a variable more": (add_variable, "has more variables than it was given: LD_PRELOAD"),
    "a variable twice": (override_variable, "has more variables"),
    "a variable's value": (change_variable, "has other values of the variables HOME"),
    "a variable's amount": (other_amount, "has other values of the variables HOME"),
    "a variable's Secret": (other_secret, "has other values of the variables AWS_ACCESS_KEY_ID"),
    "a mount more": (mount_over_the_program, "has more volumes, at /opt/project"),
    "a mount that leads out": (mount_beside_tokens, "has more volumes"),
    "a mount that may be written": (writable, "has another volume at /output"),
    "a part of a volume": (sub_path, "has another volume at /model"),
    "a volume": (other_volume, "its volume model is another"),
    "a sidecar on the output": (sidecar_on_the_output, "container istio-proxy mounts a volume of the steps'"),
    "a sidecar with privileges": (sidecar_with_privileges, "container istio-proxy has privileges"),
    "a step less": (no_convert, "its initContainers are prepare instead of prepare, convert"),
    "another order": (other_order, "its initContainers are convert, prepare"),
    "privileges": (privileged, "has another securityContext"),
    "root": (set_in("pod.securityContext", {"runAsUser": 0}), "its securityContext is another"),
    "names of hosts": (set_in("pod.hostAliases", [{"ip": "10.0.0.1"}]), "its hostAliases is"),
    "names from elsewhere": (set_in("pod.dnsPolicy", "None"), "its dnsPolicy is None instead of nothing"),
    "the node's network": (set_in("pod.hostNetwork", True), "its hostNetwork is True"),
    "processes": (set_in("pod.shareProcessNamespace", True), "its shareProcessNamespace is True"),
    "a token": (set_in("pod.automountServiceAccountToken", True), "its automountServiceAccountToken is True"),
    "a debugger": (set_in("pod.ephemeralContainers", [SIDECAR]), "its ephemeralContainers is"),
    "what nobody knows yet": (set_in("pod.invention", {"a": 1}), "its invention is"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_report_something_else_may_not(case: str) -> None:
    change, words = REFUSED[case]
    shown = as_the_api_server_shows_it(wanted())
    change(shown)
    assert words in difference(wanted(), shown)


def with_authorities() -> Object:
    """What is asked for where the model and the artifact have servers with authorities of their own."""
    made = job(
        conversion(
            model={"s3": {"bucket": "training", "key": "a.zip", "caConfigMapRef": {"name": "training-ca"}}},
            destination={
                "s3": {
                    "bucket": "models",
                    "key": "a.tflite",
                    "secretRef": {"name": "s3"},
                    "caConfigMapRef": {"name": "storage-ca"},
                }
            },
        )
    )
    spec: Object = made["spec"]["template"]["spec"]
    assert {one["name"] for one in spec["volumes"]} >= {"destination-authorities", "model-authorities"}
    return spec


def volume_of_authorities(spec: Any) -> Any:
    return next(one for one in spec["volumes"] if one["name"] == "destination-authorities")["configMap"]


def mount_of_authorities(spec: Any) -> Any:
    return next(one for one in publish(spec)["volumeMounts"] if one["name"] == "destination-authorities")


AUTHORITIES: dict[str, tuple[Change, str]] = {
    "another ConfigMap": (
        lambda spec: volume_of_authorities(spec).update(name="evil"),
        "its volume destination-authorities is another",
    ),
    "another entry": (
        lambda spec: volume_of_authorities(spec).update(items=[{"key": "evil", "path": "ca.crt"}]),
        "its volume destination-authorities is another",
    ),
    "one entry more": (
        lambda spec: volume_of_authorities(spec)["items"].append({"key": "evil", "path": "evil"}),
        "its volume destination-authorities is another",
    ),
    "elsewhere": (
        lambda spec: mount_of_authorities(spec).update(mountPath="/opt/project"),
        "has another volume at /etc/destination-authorities",
    ),
    "nowhere": (
        lambda spec: publish(spec)["volumeMounts"].remove(mount_of_authorities(spec)),
        "has another volume at /etc/destination-authorities",
    ),
    "a part of it": (
        lambda spec: mount_of_authorities(spec).update(subPath="ca.crt"),
        "has another volume at /etc/destination-authorities",
    ),
    "with the model": (
        lambda spec: spec["initContainers"][1]["volumeMounts"].append(mount_of_authorities(spec)),
        "container convert has more volumes, at /etc/destination-authorities",
    ),
}


def test_the_authorities_that_a_spec_names_fit_as_the_api_server_shows_them() -> None:
    shown = as_the_api_server_shows_it(with_authorities())
    for volume in shown["volumes"]:
        if "configMap" in volume:
            volume["configMap"]["defaultMode"] = 420
    assert difference(with_authorities(), shown) == ""


@pytest.mark.parametrize("case", AUTHORITIES)
def test_other_authorities_do_not_fit(case: str) -> None:
    change, words = AUTHORITIES[case]
    shown = as_the_api_server_shows_it(with_authorities())
    change(shown)
    assert words in difference(with_authorities(), shown)


def marks() -> Object:
    metadata: Object = job(conversion(podMetadata={"labels": {"team": "a"}}))["spec"]["template"]["metadata"]
    return metadata


def mark(kind: str, **entries: str) -> Object:
    """Return what was asked for with others beside it, or in its place."""
    return marks() | {kind: marks()[kind] | {name.replace("__", "/"): value for name, value in entries.items()}}


def test_marks_may_be_added_to() -> None:
    of_jobs = {"job-name": "a", "batch.kubernetes.io__job-name": "a", "batch.kubernetes.io__controller-uid": "b"}
    assert difference_of_marks(marks(), marks()) == ""
    assert difference_of_marks(marks(), mark("labels", app="theirs", **of_jobs)) == ""
    assert difference_of_marks(marks(), mark("annotations", **{"sidecar.istio.io__inject": "true"})) == ""


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (mark("labels", team="b"), "its labels team are not as they were asked for"),
        (mark("labels", **{"app.kubernetes.io__name": "other"}), "its labels app.kubernetes.io/name are not"),
        (marks() | {"labels": {}}, "its labels team, app.kubernetes.io/name, "),
        (mark("labels", **{"azure.workload.identity__use": "true"}), "its labels hold azure.workload.identity/use"),
        (
            mark("annotations", **{"container.apparmor.security.beta.kubernetes.io__convert": "unconfined"}),
            "its annotations hold container.apparmor.security.beta.kubernetes.io/convert",
        ),
        (mark("annotations", **{"io.kubernetes.cri-o.Devices": "/dev/sda"}), "hold io.kubernetes.cri-o.Devices"),
    ],
)
def test_marks_that_were_asked_for_stay_and_what_no_conversion_may_choose_stays_out(shown: Object, words: str) -> None:
    assert words in difference_of_marks(marks(), shown)


def test_words_of_others_are_told_in_one_short_line() -> None:
    shown = wanted()
    publish(shown)["image"] = "\x1b[31m" + "a" * 4000 + "\n"
    said = difference(wanted(), shown)
    assert said.isprintable()
    assert len(said) < 400
