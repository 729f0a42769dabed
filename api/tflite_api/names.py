"""The names that the operator, the converter and the manifests share."""

from collections.abc import Mapping
from typing import Final

GROUP: Final = "tflite-operator.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
BUILD_TYPE: Final = f"https://{API_VERSION}/conversion"
BUILDER_ID: Final = f"https://{GROUP}/converter"
"""What made an artifact, and by which rules, in the words of its attestation (https://slsa.dev/spec/v1.1/provenance)."""
KIND: Final = "TFLiteConversion"
PLURAL: Final = "tfliteconversions"

PREPARE: Final = "prepare"
CONVERT: Final = "convert"
PUBLISH: Final = "publish"
CLEANUP: Final = "cleanup"
"""The one container of the Job that deletes the artifact of a deleted conversion."""
STEPS: Final = (PREPARE, CONVERT, PUBLISH)
"""The containers of a converter pod in the order in which they run."""
CONTAINERS: Final = (*STEPS, CLEANUP)

REQUESTED_AT_ANNOTATION: Final = f"{GROUP}/requestedAt"
"""On a conversion: a new value asks for one more run, whatever is in the bucket already."""
FINALIZER: Final = f"{GROUP}/artifact"
"""On a conversion with deletionPolicy Delete: it stays until its artifact is gone."""
QUEUE_LABEL_PREFIX: Final = "kueue.x-k8s.io/"
"""Labels of a conversion that its Jobs carry too: Kueue queues by them
(https://kueue.sigs.k8s.io/docs/tasks/run/jobs/)."""

REPORT_SUFFIX: Final = ".report.html"
"""Behind the artifact's key: the key of its report page."""

STEP_REQUEST_ENV: Final = "TFLITE_STEP_REQUEST"
"""Environment variable that hands a step its `StepRequest` as JSON."""
CA_BUNDLE_ENV: Final = "TFLITE_CA_BUNDLE"
"""Environment variable that names a file of certificate authorities to trust beside the public ones."""

S3_CREDENTIALS: Final[Mapping[str, bool]] = {
    "AWS_ACCESS_KEY_ID": False,
    "AWS_SECRET_ACCESS_KEY": False,
    "AWS_SESSION_TOKEN": True,
}
"""The variables that hold a key of an S3 server, and which may be absent; `s3_secret` has the entries of Secrets."""
MODEL_ENV_PREFIX: Final = "MODEL_"
"""In front of the variables that hold the credentials of the model's source, beside those of the destination."""
VOLUME_DIR: Final = "/volume"
"""Where prepare sees the volume that the model comes from, read-only; absent from the other steps."""
SIGNING_KEY_ENV: Final = "TFLITE_SIGNING_KEY"
SIGNING_PASSWORD_ENV: Final = "TFLITE_SIGNING_PASSWORD"  # noqa: S105 - a name, no password
"""Environment variables of publish alone: the private key that signs the attestation, and its password."""
VERIFYING_KEY_ENV: Final = "TFLITE_VERIFYING_KEY"
"""Environment variable of prepare alone: the public key that attestations in the bucket must be signed by."""
VERIFYING_KEY_ENTRY: Final = "cosign.pub"
"""The entry of a signing key's Secret with its public key, as `cosign generate-key-pair k8s://` names it."""
SIGNING_PASSWORD_ENTRY: Final = "cosign.password"  # noqa: S105 - a name, no password
"""The entry of a signing key's Secret with its password, as `cosign generate-key-pair k8s://` names it."""
ATTESTATION_SUFFIX: Final = ".intoto.jsonl"
"""Follows the artifact's key in that of its attestation
(https://github.com/in-toto/attestation/blob/main/spec/v1/bundle.md#file-naming-convention)."""

VARIANT_PLACE: Final = "{variant}"
"""In the key of a destination: where the name of each variant goes."""

WRITE_TEST_SUFFIX: Final = ".write-test"
"""Behind the artifact's key: the key of an object that shows whether the storage keeps conditions, and is removed."""

UNKNOWN_CLUSTER: Final = "unknown"
"""In the place of a cluster's id: what was written before objects had one."""

MODEL_DIR: Final = "/model"
"""Written by prepare, read-only for convert and publish."""
OUTPUT_DIR: Final = "/output"
"""Written by convert, read-only for publish, absent from prepare."""
TERMINATION_LOG: Final = "/dev/termination-log"
TERMINATION_LOG_BYTES: Final = 4096
"""The kubelet cuts a longer message (https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/)."""

DEFAULT_SIGNATURE_KEY: Final = "serving_default"
"""TensorFlow's DEFAULT_SERVING_SIGNATURE_DEF_KEY; taken when the spec names no key and the model has it."""
