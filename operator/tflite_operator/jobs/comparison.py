"""Compares the pod that is with the pod that was asked for. Pure.

Where no admission policy keeps others from making pods, a report is believed only if the containers that wrote it are
those that the operator asked for. What schedulers, quotas and the usual webhooks change may differ; docs/security.md
lists it.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from tflite_api.field_types import quantity
from tflite_api.resource.pods.metadata import is_reserved
from tflite_api.text import one_line
from tflite_operator.core.fields import Object, field, mapping, objects, text

_WORDS: Final = 120
"""Of a value that is told."""
_FREE: Final = frozenset(
    {
        "activeDeadlineSeconds",
        "affinity",
        "enableServiceLinks",
        "imagePullSecrets",
        "nodeName",
        "nodeSelector",
        "overhead",
        "preemptionPolicy",
        "priority",
        "priorityClassName",
        "resources",
        "restartPolicy",
        "runtimeClassName",
        "schedulerName",
        "schedulingGates",
        "serviceAccount",
        "serviceAccountName",
        "terminationGracePeriodSeconds",
        "tolerations",
        "topologySpreadConstraints",
    }
)
"""Fields of a pod that say where, when and as whom it runs, and not what."""
_LISTED: Final = frozenset({"containers", "initContainers", "volumes", "securityContext"})
"""Fields that are compared by themselves."""
_POD_DEFAULTS: Final[Mapping[str, object]] = {"dnsPolicy": "ClusterFirst"}
_CONTAINER_FREE: Final = frozenset({"name", "imagePullPolicy", "resources", "resizePolicy"})
_CONTAINER_LISTED: Final = frozenset({"image", "env", "volumeMounts", "securityContext"})
_CREDENTIALS: Final = frozenset(
    {
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_ROLE_ARN",
        "AWS_STS_REGIONAL_ENDPOINTS",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    }
)
"""Variables that the webhooks of Amazon EKS add for workload identity."""
_TOKENS: Final = "/var/run/secrets/"
"""Below it webhooks mount tokens; nothing that runs is there."""
_DIGEST: Final = "@sha256:"
_OF_EVERY_JOB: Final = frozenset(
    {"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"}
)
"""Labels that the API server gives the pods of a Job."""


def difference(wanted: Object, shown: Object) -> str:
    """Return in a few words what of a pod's spec is not as it was asked for; nothing where all that counts is.

    Args:
        wanted: the spec that was asked for.
        shown: the spec that the API server shows.
    """
    asked = {text(one, "name"): one for kind in ("initContainers", "containers") for one in objects(wanted, kind)}
    mounted = {text(mount, "name") for container in asked.values() for mount in objects(container, "volumeMounts")}
    for kind in ("initContainers", "containers"):
        names = [text(one, "name") for one in objects(wanted, kind)]
        found = {text(one, "name"): one for one in objects(shown, kind)}
        if [name for name in found if name in asked] != names:
            return f"its {kind} are {_told(list(found))} instead of {_told(names)}"
        for name, container in found.items():
            said = _of_container(asked[name], container) if name in asked else _of_another(container, mounted)
            if said:
                return f"container {one_line(name, _WORDS)} {said}"
    return _of_volumes(wanted, shown) or _of_pod(wanted, shown)


def difference_of_marks(wanted: Object, shown: Object) -> str:
    """Return in a few words what of a pod's labels and annotations is not as it was asked for; nothing where all is.

    Others may be there, as queues and webhooks add them, but none that loosens the confinement of a container or has
    credentials put into it.

    Args:
        wanted: the metadata that were asked for.
        shown: the metadata that the API server shows.
    """
    for kind in ("labels", "annotations"):
        asked, found = mapping(wanted, kind), mapping(shown, kind)
        other = [name for name, value in asked.items() if found.get(name) != value]
        if other:
            return f"its {kind} {_told(other)} are not as they were asked for"
        more = [name for name in found if name not in asked and name not in _OF_EVERY_JOB and is_reserved(name)]
        if more:
            return f"its {kind} hold {_told(more)}"
    return ""


def _of_pod(wanted: Object, shown: Object) -> str:
    if not _fits(mapping(wanted, "securityContext"), mapping(shown, "securityContext")):
        return "its securityContext is another"
    for name in sorted({*wanted, *shown} - _FREE - _LISTED):
        default = _POD_DEFAULTS.get(name)
        if (wanted.get(name) or default) != (shown.get(name) or default):
            return f"its {one_line(name, _WORDS)} is {_told(shown.get(name))} instead of {_told(wanted.get(name))}"
    return ""


def _of_volumes(wanted: Object, shown: Object) -> str:
    found = {text(one, "name"): one for one in objects(shown, "volumes")}
    for volume in objects(wanted, "volumes"):
        name = text(volume, "name")
        if not _fits(volume, found.get(name)):
            return f"its volume {name} is another"
    return ""


def _of_container(wanted: Object, shown: Object) -> str:
    if not _is_same_image(text(wanted, "image"), text(shown, "image")):
        return f"runs the image {_told(shown.get('image'))} instead of {_told(wanted.get('image'))}"
    for name in sorted({*wanted, *shown} - _CONTAINER_FREE - _CONTAINER_LISTED):
        if (wanted.get(name) or None) != (shown.get(name) or None):
            return f"has as its {one_line(name, _WORDS)} {_told(shown.get(name))} instead of {_told(wanted.get(name))}"
    return (
        _of_variables(list(objects(wanted, "env")), list(objects(shown, "env")))
        or _of_mounts(list(objects(wanted, "volumeMounts")), list(objects(shown, "volumeMounts")))
        or _of_privileges(mapping(wanted, "securityContext"), mapping(shown, "securityContext"))
    )


def _of_another(container: Object, mounted: set[str]) -> str:
    """Return what is wrong with a container that was not asked for: sidecars there may be."""
    if any(text(mount, "name") in mounted for mount in objects(container, "volumeMounts")):
        return "mounts a volume of the steps'"
    return "has privileges" if _is_privileged(mapping(container, "securityContext")) else ""


def _of_variables(wanted: list[Object], shown: list[Object]) -> str:
    names = [text(one, "name") for one in shown]
    asked = {text(one, "name") for one in wanted}
    more = [name for name in names if name not in asked and name not in _CREDENTIALS]
    if more or len(set(names)) < len(names):
        return f"has more variables than it was given: {_told(more or names)}"
    found = dict(zip(names, shown, strict=True))
    changed = [text(one, "name") for one in wanted if one != found.get(text(one, "name"))]
    return f"has other values of the variables {_told(changed)}" if changed else ""


def _of_mounts(wanted: list[Object], shown: list[Object]) -> str:
    found = {text(one, "mountPath"): one for one in shown}
    for mount in wanted:
        path = text(mount, "mountPath")
        other = found.pop(path, None)
        # A part of a volume, or one that may be written, is another.
        if other is None or {**other, "recursiveReadOnly": None} != {**_with_default(mount), "recursiveReadOnly": None}:
            return f"has another volume at {path}"
    elsewhere = [path for path in found if not path.startswith(_TOKENS) or ".." in path]
    return f"has more volumes, at {_told(elsewhere)}" if elsewhere else ""


def _with_default(mount: Object) -> Object:
    return mount if mount.get("readOnly") else {name: value for name, value in mount.items() if name != "readOnly"}


def _of_privileges(wanted: Object, shown: Object) -> str:
    return "has another securityContext" if not _fits(wanted, shown) or _is_privileged(shown) else ""


def _is_privileged(security: Object) -> bool:
    return security.get("privileged") is True or bool(field(security, "capabilities", "add"))


def _is_same_image(wanted: str, shown: str) -> bool:
    """Return whether two names mean the same image: registries may be mirrored, and a digest names the content."""
    if wanted == shown:
        return True
    asked, found = wanted.partition(_DIGEST), shown.partition(_DIGEST)
    return bool(asked[2]) and asked[2] == found[2]


def _fits(wanted: object, shown: object) -> bool:
    """Return whether all that was asked for is there; the API server adds defaults."""
    match wanted, shown:
        case dict(), dict():
            return all(_fits(value, shown.get(name)) for name, value in wanted.items())
        case list(), list():
            return len(wanted) == len(shown) and all(map(_fits, wanted, shown))
        case _:
            return wanted == shown or _is_same_amount(wanted, shown)


def _is_same_amount(wanted: object, shown: object) -> bool:
    """Return whether two texts are the same quantity: the API server writes 4294967296 as 4Gi."""
    if not isinstance(wanted, str) or not isinstance(shown, str):
        return False
    try:
        return quantity(wanted) == quantity(shown)
    except ValueError:
        return False


def _told(value: object) -> str:
    if isinstance(value, str):
        return one_line(value, _WORDS) or "nothing"
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        return one_line(", ".join(str(one) for one in value), _WORDS) or "nothing"
    return "nothing" if value is None else one_line(str(value), _WORDS)
