"""Labels and annotations for the pods of a conversion, and those that nobody may give them."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from tflite_api.names import GROUP
from tflite_api.resource.pods.selectors import LabelKey, Labels
from tflite_api.schema import Schema, matching

RESERVED_KEYS: Final = (
    # The operator's own: policies on networks, and dashboards, know the pods by them.
    "app.kubernetes.io/name",
    "app.kubernetes.io/component",
    "app.kubernetes.io/managed-by",
    # The Job controller's.
    "controller-uid",
    "job-name",
)
RESERVED_PREFIXES: Final = (
    f"{GROUP}/",
    "batch.kubernetes.io/",
    # The kubelet does not run a pod that it takes for the mirror of one of its own.
    "kubernetes.io/config.",
    # What has credentials put into every container, that of the model among them.
    "azure.workload.identity/",
    "eks.amazonaws.com/",
    "iam.amazonaws.com/",
    "vault.hashicorp.com/",
    # What has images, volumes or programs of somebody's choice put beside the containers, or into them.
    "sidecar.istio.io/bootstrapOverride",
    "sidecar.istio.io/proxyImage",
    "sidecar.istio.io/userVolume",
    "inject.istio.io/",
    "proxy.istio.io/overrides",
    "config.linkerd.io/proxy-image",
    "config.linkerd.io/init-image",
    "config.linkerd.io/debug-image",
    "consul.hashicorp.com/consul-sidecar-user-volume",
    "dapr.io/",
    "instrumentation.opentelemetry.io/",
    # What loosens the confinement of a container.
    "container.apparmor.security.beta.kubernetes.io/",
    "container.seccomp.security.alpha.kubernetes.io/",
    "seccomp.security.alpha.kubernetes.io/",
    "seccomp-profile.kubernetes.cri-o.io",
    "dev.gvisor.",
    "io.containerd.",
    "io.containers.",
    "io.katacontainers.",
    "io.kubernetes.cri",
    "org.systemd.property.",
    "run.oci.",
)
ANNOTATIONS_BYTES: Final = 8192
"""Of the keys and values of all annotations."""


def is_reserved(key: str) -> bool:
    """Return whether no conversion, and no administrator, may choose this label or annotation."""
    return key in RESERVED_KEYS or key.startswith(RESERVED_PREFIXES)


def _free(entries: dict[str, str]) -> dict[str, str]:
    if reserved := [key for key in entries if is_reserved(key)]:
        raise ValueError(
            f"holds {', '.join(reserved)}, reserved for the operator, or for what confines the containers"
            " and gives them credentials: leave it out, or write another key"
        )
    return entries


def _short(entries: dict[str, str]) -> dict[str, str]:
    found = sum(len(key) + len(value.encode()) for key, value in entries.items())
    if found > ANNOTATIONS_BYTES:
        raise ValueError(
            f"the keys and values must have at most {ANNOTATIONS_BYTES} bytes together (found {found}): shorten them"
        )
    return entries


PodLabels = Annotated[Labels, AfterValidator(_free)]
AnnotationValue = Annotated[
    str,
    StringConstraints(max_length=4096),
    matching(r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$", "must hold no control characters but tabs and line breaks"),
]
PodAnnotations = Annotated[
    dict[LabelKey, AnnotationValue], Field(max_length=16), AfterValidator(_free), AfterValidator(_short)
]


class PodMetadata(Schema):
    """Labels and annotations of the pods, beside the operator's own."""

    labels: PodLabels | None = None
    annotations: PodAnnotations | None = None
