"""Reads Jobs and pods from Kubernetes' protobuf encoding, as far as a decision needs them.

An API server keeps and sends its own kinds as protobuf, so a watch in JSON has it write each event once more: with it
1000 conversions at once take a tenth more CPU in all (docs/scaling.md). Custom resources are JSON in any case.

Field numbers are those of k8s.io/api and k8s.io/apimachinery (generated.proto), which never change; what is not named
here is skipped. Frames and envelopes: https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from tflite_operator.core.fields import timestamp

STREAM: Final = "application/vnd.kubernetes.protobuf;stream=watch"
"""What to accept for a watch."""
MEDIA_TYPE: Final = "application/vnd.kubernetes.protobuf"
MAGIC: Final = b"k8s\0"
"""An envelope begins with it."""
_PACKAGE: Final = "tflite_operator"

Take = Callable[[Any], Any]
"""Makes JSON's value of a field's."""

_SCALARS: Final = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "int": FieldDescriptorProto.TYPE_INT64,
    "int?": FieldDescriptorProto.TYPE_INT64,
    "bool": FieldDescriptorProto.TYPE_BOOL,
}
_LEFT_OUT: Final = object()
"""In place of a value that protobuf names, and JSON leaves out because it is empty."""
_LIST: Final = "[]"
_MAP: Final = "{}"
_MESSAGES: Final[Mapping[str, Mapping[str, tuple[int, str]]]] = {
    "WatchEvent": {"type": (1, "string"), "object": (2, "RawExtension")},
    "RawExtension": {"raw": (1, "bytes")},
    "Unknown": {"typeMeta": (1, "TypeMeta"), "raw": (2, "bytes")},
    "TypeMeta": {"apiVersion": (1, "string"), "kind": (2, "string")},
    "Time": {"seconds": (1, "int")},
    "Status": {"message": (3, "string"), "reason": (4, "string"), "details": (5, "StatusDetails"), "code": (6, "int")},
    "StatusDetails": {"causes": (4, "[]StatusCause")},
    "StatusCause": {"reason": (1, "string"), "message": (2, "string")},
    "ObjectMeta": {
        "name": (1, "string"),
        "namespace": (3, "string"),
        "uid": (5, "string"),
        "resourceVersion": (6, "string"),
        "generation": (7, "int?"),
        "creationTimestamp": (8, "Time"),
        "deletionTimestamp": (9, "Time"),
        "labels": (11, "{}string"),
        "annotations": (12, "{}string"),
        "ownerReferences": (13, "[]OwnerReference"),
        "finalizers": (14, "[]string"),
    },
    "OwnerReference": {
        "kind": (1, "string"),
        "name": (3, "string"),
        "uid": (4, "string"),
        "apiVersion": (5, "string"),
        "controller": (6, "bool"),
        "blockOwnerDeletion": (7, "bool"),
    },
    "Pod": {"metadata": (1, "ObjectMeta"), "spec": (2, "PodSpec"), "status": (3, "PodStatus")},
    "PodStatus": {
        "phase": (1, "string"),
        "conditions": (2, "[]Condition"),
        "message": (3, "string"),
        "reason": (4, "string"),
        "containerStatuses": (8, "[]ContainerStatus"),
        "initContainerStatuses": (10, "[]ContainerStatus"),
    },
    # Of a pod and of a Job: the same numbers.
    "Condition": {
        "type": (1, "string"),
        "status": (2, "string"),
        "lastTransitionTime": (4, "Time"),
        "reason": (5, "string"),
        "message": (6, "string"),
    },
    "ContainerStatus": {
        "name": (1, "string"),
        "state": (2, "ContainerState"),
        "image": (6, "string"),
        "imageID": (7, "string"),
    },
    "ContainerState": {
        "waiting": (1, "ContainerStateWaiting"),
        "running": (2, "ContainerStateRunning"),
        "terminated": (3, "ContainerStateTerminated"),
    },
    "ContainerStateWaiting": {"reason": (1, "string"), "message": (2, "string")},
    "ContainerStateRunning": {"startedAt": (1, "Time")},
    "ContainerStateTerminated": {
        "exitCode": (1, "int"),
        "signal": (2, "int?"),
        "reason": (3, "string"),
        "message": (4, "string"),
        "startedAt": (5, "Time"),
        "finishedAt": (6, "Time"),
    },
    "Job": {"metadata": (1, "ObjectMeta"), "spec": (2, "JobSpec"), "status": (3, "JobStatus")},
    "JobSpec": {
        "template": (6, "PodTemplateSpec"),
        "ttlSecondsAfterFinished": (8, "int"),
        "suspend": (10, "bool"),
    },
    "JobStatus": {"conditions": (1, "[]Condition")},
    "PodTemplateSpec": {"spec": (2, "PodSpec")},
    "PodSpec": {
        "containers": (2, "[]Container"),
        "nodeSelector": (7, "{}string"),
        "nodeName": (10, "string"),
        "initContainers": (20, "[]Container"),
    },
    "Container": {
        "name": (1, "string"),
        "image": (2, "string"),
        "resources": (8, "ResourceRequirements"),
        "restartPolicy": (24, "string"),
    },
    "ResourceRequirements": {"limits": (1, "{}Quantity")},
    "Quantity": {"string": (1, "string")},
}
_READ: Final = frozenset({"Pod", "Job", "Status"})
"""The kinds that a watch of ours may bring."""


def watch_event(frame: bytes) -> tuple[str, dict[str, Any]]:
    """Read an event of a watch: its type, and the object as JSON would give the part that is read.

    Raises:
        ValueError: it is none, or one of a kind that is not watched.
    """
    event = _parsed("WatchEvent", frame)
    return event.get("type", ""), read(event.get("object", {}).get("raw", b""))


def read(content: bytes) -> dict[str, Any]:
    """Read an object in its envelope: a pod, a Job, or the server's status.

    Raises:
        ValueError: it is none of these.
    """
    if not content.startswith(MAGIC):
        raise ValueError("not in Kubernetes' protobuf envelope")
    envelope = _parsed("Unknown", content[len(MAGIC) :])
    kind = envelope.get("typeMeta", {}).get("kind", "")
    if kind not in _READ:
        raise ValueError(f"a {kind or 'nameless kind'} is not what was asked for")
    return _parsed(kind, envelope.get("raw", b""))


def _parsed(kind: str, content: bytes) -> dict[str, Any]:
    try:
        return _as_json(_CLASSES[kind].FromString(content))
    except (DecodeError, OverflowError, ValueError) as error:
        raise ValueError(f"malformed {kind}") from error


def _as_json(message: Message) -> dict[str, Any]:
    found = {}
    for descriptor, value in message.ListFields():
        name, take = _TAKES[descriptor]
        taken = take(value)
        if taken is not _LEFT_OUT:
            found[name] = taken
    return found


def _as_is(value: Any) -> Any:  # noqa: ANN401 - whatever the field holds
    return value


def _unless_empty(value: str | int) -> object:
    return value or _LEFT_OUT


def _time(message: Any) -> str | None:  # noqa: ANN401 - its class is made below
    # An empty one is the zero time, null in JSON.
    return _written(message.seconds) if message.ByteSize() else None


@lru_cache(maxsize=1024)
def _written(seconds: int) -> str:
    return timestamp(datetime.fromtimestamp(seconds, UTC))


def _quantity(message: Any) -> str:  # noqa: ANN401 - its class is made below
    return str(message.string)


_SINGLE: Final[Mapping[str, Take]] = {
    "string": _unless_empty,
    "int?": _unless_empty,
    "Time": _time,
    "Quantity": _quantity,
    **dict.fromkeys(("bytes", "int", "bool"), _as_is),
}


def _take(of: str) -> Take:
    """Return what makes JSON's value of a field's."""
    if of.startswith(_LIST):
        one: Take = _SINGLE.get(of.removeprefix(_LIST), _as_json)
        return lambda values: [one(value) for value in values]
    if of.startswith(_MAP):
        item: Take = _as_is if of == "{}string" else _SINGLE[of.removeprefix(_MAP)]
        return lambda values: {key: item(value) for key, value in values.items()}
    return _SINGLE.get(of, _as_json)


def _file() -> FileDescriptorProto:
    file = FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto2")
    for kind, fields in _MESSAGES.items():
        message = file.message_type.add(name=kind)
        for name, (number, of) in fields.items():
            field = message.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
            if of.startswith(_LIST):
                field.label = FieldDescriptorProto.LABEL_REPEATED
                _set_type(field, of.removeprefix(_LIST))
            elif of.startswith(_MAP):
                field.label = FieldDescriptorProto.LABEL_REPEATED
                entry = message.nested_type.add(name=f"{name.capitalize()}Entry")
                entry.options.map_entry = True
                for part, (key, part_of) in {"key": (1, "string"), "value": (2, of.removeprefix(_MAP))}.items():
                    _set_type(
                        entry.field.add(name=part, number=key, label=FieldDescriptorProto.LABEL_OPTIONAL), part_of
                    )
                _set_type(field, f"{kind}.{entry.name}")
            else:
                _set_type(field, of)
    return file


def _set_type(field: FieldDescriptorProto, of: str) -> None:
    if of in _SCALARS:
        field.type = _SCALARS[of]
    else:
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{of}"


def _classes() -> dict[str, type[Message]]:
    pool = DescriptorPool()
    pool.AddSerializedFile(_file().SerializeToString())
    return {kind: GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{kind}")) for kind in _MESSAGES}


_CLASSES: Final = _classes()
_TAKES: Final = {
    message.DESCRIPTOR.fields_by_name[name]: (name, _take(of))
    for kind, message in _CLASSES.items()
    for name, (_, of) in _MESSAGES[kind].items()
}
