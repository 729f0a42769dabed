"""What the administrator decides, read from the environment."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from tflite_api import urls
from tflite_api.field_types import CLUSTER_ID_PATTERN
from tflite_api.names import UNKNOWN_CLUSTER
from tflite_api.resource.pods.affinity import Affinity
from tflite_api.resource.pods.metadata import PodAnnotations, PodLabels
from tflite_api.resource.pods.scheduling import NodeSelector, Toleration
from tflite_api.resource.spec import Resources, StepResources
from tflite_api.steps.step import FetchLimits
from tflite_operator.kube.lease import LeaseTerms

Name = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", max_length=253)]
ClusterName = Annotated[str, StringConstraints(pattern=rf"^({CLUSTER_ID_PATTERN.strip('^$')})?$")]
Seconds = Annotated[float, Field(gt=0, le=7 * 86400)]


class SettingsError(Exception):
    """The environment does not make sense; the message says which variable."""


class ConverterResources(StepResources):
    """Requests and limits of all containers of a conversion's pods."""

    convert: Resources | None = None


class Settings(BaseModel):
    """Each field is an environment variable of the same name in upper case."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    converter_image: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
    """The image of all three containers of a converter pod."""
    cluster_id: ClusterName = ""
    """Of what conversions write to buckets; a rebuilt cluster keeps it. Empty for the UID of namespace kube-system."""
    watch_namespaces: tuple[str, ...] = ()
    """Separated by commas; empty for all."""
    converter_pull_secrets: tuple[Name, ...] = ()
    """Separated by commas: Secrets of the conversions' namespaces, with which the converter's image is pulled."""
    converter_http_proxy: str = ""
    """The proxy for http addresses of models, datasets and storage, as http://host:port."""
    converter_https_proxy: str = ""
    """The proxy for https addresses, as http://host:port."""
    converter_no_proxy: str = ""
    """Hosts and domains that are asked directly, separated by commas."""
    converter_proxy_secret: Name = ""
    """A Secret of each conversion's namespace with HTTPS_PROXY, perhaps also HTTP_PROXY, instead of the two above."""
    converter_ca_config_map: Name = ""
    """A ConfigMap of the conversions' namespaces with certificate authorities to trust beside the public ones."""
    converter_ca_key: Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+$")] = "ca.crt"
    """The key in that ConfigMap."""
    converter_node_selector: NodeSelector = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    """Labels of the nodes on which conversions run, as JSON; those of a spec are added, or stand in their place."""
    converter_tolerations: tuple[Toleration, ...] = ()
    """Taints that all conversions tolerate beside those of their specs, as a JSON list like a pod's."""
    converter_affinity: Affinity = Affinity()
    """Which nodes all conversions need or prefer, and near what they run, as JSON like a pod's; a spec adds its own."""
    converter_runtime_class_name: Name = ""
    """The RuntimeClass of the pods that convert if a spec names none."""
    converter_pod_labels: PodLabels = {}
    """Labels of the pods that convert, as JSON; those of a spec are added, or stand in their place."""
    converter_pod_annotations: PodAnnotations = {}
    """Annotations of the pods that convert, as JSON; those of a spec are added, or stand in their place."""
    fixed_user: bool = True
    """Whether operator and converter run as user 65532; off, the cluster or the image chooses another than root."""
    converter_resources: ConverterResources = ConverterResources()
    """Requests and limits of prepare, convert, publish and cleanup if a spec says nothing, as JSON."""
    retry_base_seconds: Seconds = 10
    """The pause before the second attempt; each further one is twice as long."""
    retry_max_seconds: Seconds = 300
    """The longest pause before another attempt."""
    crash_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """After so many attempts that crashed, whose Job was deleted, or that found no way to a server, the conversion is
    Stalled."""
    image_pull_seconds: Seconds = 300
    """How long a pod may wait for its image."""
    unschedulable_seconds: Seconds = 300
    """How long a pod may wait for a node."""
    job_ttl_seconds: Annotated[int, Field(ge=0)] = 3600
    """How long a finished Job and its logs are kept."""
    cleanup_seconds: Seconds = 120
    """How long the deletion of a conversion may wait for that of its artifact."""
    recheck_seconds: Seconds = 60
    """How often an unfinished conversion is read from the API server although nothing was heard of it."""
    request_timeout_seconds: Seconds = 30
    """How long a request to the API server may take."""
    watch_silence_seconds: Seconds = 90
    """How long a watch may tell nothing before it counts as dead; the API server says something every minute."""
    workers: Annotated[int, Field(ge=1, le=100)] = 8
    """How many conversions are reconciled at once."""
    http_port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Of /healthz, /readyz and /metrics."""
    log_level: Annotated[str, StringConstraints(to_upper=True, pattern="^(?i:debug|info|warning|error)$")] = "INFO"
    """Of the log, one JSON object a line: DEBUG, INFO, WARNING or ERROR."""

    leader_election: bool = False
    """Of several replicas one works; the others wait for its lease."""
    lease_namespace: str = ""
    """Needed for leader election; in a cluster the operator's own."""
    lease_name: Annotated[str, StringConstraints(min_length=1)] = "tflite-operator-leader"
    """The Role in deploy/ speaks of this one."""
    lease_duration_seconds: Annotated[int, Field(ge=2, le=3600)] = 12
    """So long after its holder's last renewal, another replica takes over."""
    lease_renew_seconds: Seconds = 8
    """So long after its last renewal, the holder gives up and writes no more."""
    lease_retry_seconds: Seconds = 2
    """The time between two renewals; those who wait look twice as often."""

    max_archive_bytes: Annotated[int, Field(ge=1)] = FetchLimits().max_archive_bytes
    """The largest archive of a model that is downloaded."""
    max_unpacked_bytes: Annotated[int, Field(ge=1)] = FetchLimits().max_unpacked_bytes
    """The largest model when unpacked."""
    max_files: Annotated[int, Field(ge=1)] = FetchLimits().max_files
    """The most files that a model may have."""
    max_ratio: Annotated[int, Field(ge=1)] = FetchLimits().max_ratio
    """The most by which an archive may grow when it is unpacked."""
    fetch_timeout_seconds: Annotated[int, Field(ge=1)] = FetchLimits().timeout_seconds
    """How long a download may take."""
    allow_local_addresses: bool = False
    """Whether models may come from loopback and link-local addresses."""

    @field_validator("watch_namespaces", "converter_pull_secrets", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        if isinstance(given, str):
            return tuple(name.strip() for name in given.split(",") if name.strip())
        return given

    @field_validator("cluster_id")
    @classmethod
    def _check_cluster_id(cls, given: str) -> str:
        if given == UNKNOWN_CLUSTER:
            raise ValueError(f"{UNKNOWN_CLUSTER} stands for the clusters of objects without an id: choose another")
        return given

    @field_validator(
        "converter_resources",
        "converter_node_selector",
        "converter_tolerations",
        "converter_affinity",
        "converter_pod_labels",
        "converter_pod_annotations",
        mode="before",
    )
    @classmethod
    def _parse(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        try:
            return json.loads(given)
        except ValueError as error:
            raise ValueError(f"must be JSON: {error}") from error

    @field_validator("converter_http_proxy", "converter_https_proxy")
    @classmethod
    def _check_proxy(cls, given: str) -> str:
        """Take nothing that must be hidden: whoever may read pods reads this. Nothing of it is in the message."""
        if not given:
            return given
        parts = urls.split(given)
        if parts is None:
            # urllib's own words quote what may be a password.
            raise ValueError("must be http:// or https://, a host and a port")
        if parts.username is not None:
            raise ValueError("holds a user, which everybody who may read pods would see: use CONVERTER_PROXY_SECRET")
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
            raise ValueError("must be http:// or https://, a host and a port")
        return given

    @model_validator(mode="after")
    def _check_proxies(self) -> Self:
        if self.converter_proxy_secret and (self.converter_http_proxy or self.converter_https_proxy):
            raise ValueError(
                "CONVERTER_PROXY_SECRET: stands in the place of CONVERTER_HTTP_PROXY and CONVERTER_HTTPS_PROXY;"
                " set it or them"
            )
        return self

    @model_validator(mode="after")
    def _check_lease(self) -> Self:
        if self.leader_election and not self.lease_namespace:
            raise ValueError(
                "LEASE_NAMESPACE: leader election needs the namespace of its Lease; set it, or LEADER_ELECTION=false"
            )
        if self.lease_retry_seconds * 2 > self.lease_renew_seconds:
            raise ValueError(
                f"LEASE_RENEW_SECONDS: {self.lease_renew_seconds:g} must be at least twice LEASE_RETRY_SECONDS"
                f" ({self.lease_retry_seconds:g}), or one lost answer costs the lease"
            )
        if self.lease_renew_seconds >= self.lease_duration_seconds:
            raise ValueError(
                f"LEASE_RENEW_SECONDS: {self.lease_renew_seconds:g} must be less than LEASE_DURATION_SECONDS"
                f" ({self.lease_duration_seconds}), or two replicas could write at once"
            )
        return self

    @property
    def lease_terms(self) -> LeaseTerms | None:
        """How the lease is held; None without leader election."""
        if not self.leader_election:
            return None
        return LeaseTerms(self.lease_duration_seconds, self.lease_renew_seconds, self.lease_retry_seconds)

    @property
    def limits(self) -> FetchLimits:
        """What prepare may take in."""
        return FetchLimits(
            max_archive_bytes=self.max_archive_bytes,
            max_unpacked_bytes=self.max_unpacked_bytes,
            max_files=self.max_files,
            max_ratio=self.max_ratio,
            timeout_seconds=self.fetch_timeout_seconds,
            allow_local_addresses=self.allow_local_addresses,
        )

    def retry_delay(self, attempt: int) -> timedelta:
        """Return how long after the end of an attempt the next one starts: doubling from the base to the maximum."""
        doubled = self.retry_base_seconds * 2.0 ** min(max(attempt, 1) - 1, 30)
        return timedelta(seconds=min(doubled, self.retry_max_seconds))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings; an empty variable counts as absent.

        Raises:
            SettingsError: a variable is missing or wrong.
        """
        given = {name: value for name in cls.model_fields if (value := environment.get(name.upper(), ""))}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            problems = "; ".join(_problem(one["loc"], one["msg"]) for one in error.errors())
            raise SettingsError(f"the environment does not make sense: {problems}") from error


def _problem(place: tuple[int | str, ...], message: str) -> str:
    # What is wrong between several variables has no place of its own, and names them itself.
    if not place:
        return message.removeprefix("Value error, ")
    variable, *inside = place
    return f"{'.'.join([str(variable).upper(), *map(str, inside)])}: {message}"
