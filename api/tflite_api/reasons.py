"""Why a conversion is where it is: one closed set, used by the steps, the status and the documentation."""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final


class Outcome(Enum):
    """What follows from a reason."""

    PROGRESS = "the conversion goes on by itself"
    SUCCESS = "the artifact is in the bucket"
    STALLED = "the spec, or what it names, must change"
    RETRIED = "another attempt follows"
    VERDICT = "says what the accuracy measurement was worth"


class Reason(StrEnum):
    """The reasons in conditions, events, results and metrics."""

    # on its way
    PENDING = "Pending"
    PREPARING = "Preparing"
    CONVERTING = "Converting"
    PUBLISHING = "Publishing"
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 - a reason, no secret
    JOB_REFUSED = "JobRefused"
    # done
    CONVERTED = "Converted"
    REUSED = "Reused"
    # the spec, or what it names, must change
    INVALID_SPEC = "InvalidSpec"
    MODEL_NOT_FOUND = "ModelNotFound"
    MODEL_ACCESS_DENIED = "ModelAccessDenied"
    ADDRESS_REFUSED = "AddressRefused"
    MODEL_TOO_LARGE = "ModelTooLarge"
    DIGEST_MISMATCH = "DigestMismatch"
    ARCHIVE_REFUSED = "ArchiveRefused"
    NOT_A_SAVED_MODEL = "NotASavedModel"
    TAGS_NOT_FOUND = "TagsNotFound"
    MODEL_LOAD_FAILED = "ModelLoadFailed"
    SIGNATURE_NOT_FOUND = "SignatureNotFound"
    INPUT_NOT_FOUND = "InputNotFound"
    INPUT_SHAPE_MISMATCH = "InputShapeMismatch"
    INPUT_UNSUPPORTED = "InputUnsupported"
    UNSUPPORTED_OPERATION = "UnsupportedOperation"
    OPERATION_NOT_QUANTIZABLE = "OperationNotQuantizable"
    INVALID_METADATA = "InvalidMetadata"
    DATASET_NOT_FOUND = "DatasetNotFound"
    DATASET_ACCESS_DENIED = "DatasetAccessDenied"
    DATASET_TOO_LARGE = "DatasetTooLarge"
    DATASET_INVALID = "DatasetInvalid"
    DATASET_MISMATCH = "DatasetMismatch"
    CONVERSION_FAILED = "ConversionFailed"
    CONVERSION_CRASHED = "ConversionCrashed"
    QUANTIZATION_NOT_APPLIED = "QuantizationNotApplied"
    VERIFICATION_FAILED = "VerificationFailed"
    OUT_OF_MEMORY = "OutOfMemory"
    OUT_OF_DISK = "OutOfDisk"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    CREDENTIALS_REFUSED = "CredentialsRefused"
    BUCKET_NOT_FOUND = "BucketNotFound"
    DESTINATION_CONFLICT = "DestinationConflict"
    ARTIFACT_REFUSED = "ArtifactRefused"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    UNSCHEDULABLE = "Unschedulable"
    NAME_COLLISION = "NameCollision"
    INTERNAL_ERROR = "InternalError"
    # another attempt follows
    MODEL_UNAVAILABLE = "ModelUnavailable"
    DATASET_UNAVAILABLE = "DatasetUnavailable"
    STORAGE_UNAVAILABLE = "StorageUnavailable"
    DESTINATION_CHANGED = "DestinationChanged"
    POD_DISRUPTED = "PodDisrupted"
    JOB_DELETED = "JobDeleted"
    STEP_CRASHED = "StepCrashed"
    # what the measurement was worth
    SNR_SUFFICIENT = "SNRSufficient"
    REPORT_ONLY = "ReportOnly"
    NON_DETERMINISTIC = "NonDeterministic"
    STATEFUL = "Stateful"
    NON_FINITE = "NonFinite"
    INSENSITIVE = "Insensitive"
    SELECT_TF = "SelectTF"


@dataclass(frozen=True)
class Explanation:
    """What a person needs to know about a reason."""

    outcome: Outcome
    cause: str
    cure: str


_NOTHING = "Nothing to do."
_P, _S, _X, _R, _V = Outcome.PROGRESS, Outcome.SUCCESS, Outcome.STALLED, Outcome.RETRIED, Outcome.VERDICT

EXPLANATIONS: Final[dict[Reason, Explanation]] = {
    Reason.PENDING: Explanation(_P, "The Job exists; its pod has not started yet.", _NOTHING),
    Reason.PREPARING: Explanation(
        _P, "The prepare container looks for a finished artifact and fetches the model.", _NOTHING
    ),
    Reason.CONVERTING: Explanation(_P, "The convert container converts the model and measures the result.", _NOTHING),
    Reason.PUBLISHING: Explanation(_P, "The publish container uploads the artifact.", _NOTHING),
    Reason.SECRET_NOT_FOUND: Explanation(
        _P,
        "The Secret named in destination.s3.secretRef is not there yet, or lacks a key.",
        "Create the Secret with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; it goes on by itself.",
    ),
    Reason.JOB_REFUSED: Explanation(
        _P,
        "The API server refused the Job: a ResourceQuota, a LimitRange or an admission webhook.",
        "Free or raise the quota, or lower spec.resources; the operator tries again by itself.",
    ),
    Reason.CONVERTED: Explanation(_S, "The model was converted, measured and uploaded.", _NOTHING),
    Reason.REUSED: Explanation(_S, "The bucket already held the artifact of this very recipe.", _NOTHING),
    Reason.INVALID_SPEC: Explanation(
        _X, "The spec does not fit the schema this operator knows.", "Correct the field named in the message."
    ),
    Reason.MODEL_NOT_FOUND: Explanation(_X, "The server knows no model at model.handle.", "Correct model.handle."),
    Reason.MODEL_ACCESS_DENIED: Explanation(
        _X,
        "The server wants credentials for model.handle.",
        "Use a handle that is readable without credentials.",
    ),
    Reason.ADDRESS_REFUSED: Explanation(
        _X,
        "model.handle, or a redirect from it, leads to a loopback or link-local address.",
        "Use a handle elsewhere, or have the administrator allow such addresses.",
    ),
    Reason.MODEL_TOO_LARGE: Explanation(
        _X,
        "The archive exceeds the administrator's limits of size, or of download time.",
        "Use a smaller model, or have the limits raised.",
    ),
    Reason.DIGEST_MISMATCH: Explanation(
        _X,
        "The archive's SHA-256 is not model.sha256.",
        "Find out why the model changed; then correct model.sha256.",
    ),
    Reason.ARCHIVE_REFUSED: Explanation(
        _X,
        "The archive holds paths or links that leave it, special files, too many files or far too much data.",
        "Pack the SavedModel folder again as a plain tar.gz.",
    ),
    Reason.NOT_A_SAVED_MODEL: Explanation(
        _X,
        "What model.handle gives is no archive, or holds no saved_model.pb.",
        "Point model.handle at a TensorFlow SavedModel.",
    ),
    Reason.TAGS_NOT_FOUND: Explanation(
        _X, "The model has no MetaGraph with model.tags.", "Set model.tags to a set named in the message."
    ),
    Reason.MODEL_LOAD_FAILED: Explanation(
        _X,
        "TensorFlow cannot load the SavedModel.",
        "Export the model again; the message has TensorFlow's words.",
    ),
    Reason.SIGNATURE_NOT_FOUND: Explanation(
        _X,
        "The model has no signature with signature.key, or several and none was named.",
        "Set signature.key to one named in the message.",
    ),
    Reason.INPUT_NOT_FOUND: Explanation(
        _X, "signature.inputs names an input that the signature lacks.", "Use a name listed in the message."
    ),
    Reason.INPUT_SHAPE_MISMATCH: Explanation(
        _X,
        "A shape in signature.inputs has another rank than the model's, or contradicts a fixed dimension.",
        "Use a shape that fits the one in the message.",
    ),
    Reason.INPUT_UNSUPPORTED: Explanation(
        _X,
        "The signature has an input or output of a dtype that LiteRT cannot take.",
        "Export a signature with numeric inputs and outputs.",
    ),
    Reason.UNSUPPORTED_OPERATION: Explanation(
        _X,
        "The graph has operations that LiteRT lacks.",
        "Export the model without the operations named in the message.",
    ),
    Reason.OPERATION_NOT_QUANTIZABLE: Explanation(
        _X,
        "quantization.type asks for integers throughout, but operations of this model stay in floats.",
        "List the operations named in the message in quantization.keepFloat.operations, or use another type.",
    ),
    Reason.INVALID_METADATA: Explanation(
        _X,
        "metadata names inputs or outputs that the signature lacks, or labels and numbers that do not fit them.",
        "Correct the field named in the message.",
    ),
    Reason.DATASET_NOT_FOUND: Explanation(
        _X, "There is nothing at quantization.calibration.dataset.", "Correct the address, or upload the dataset."
    ),
    Reason.DATASET_ACCESS_DENIED: Explanation(
        _X,
        "The server refuses to give quantization.calibration.dataset.",
        "Let the credentials of destination.s3.secretRef read it, or use an address that is readable without any.",
    ),
    Reason.DATASET_TOO_LARGE: Explanation(
        _X,
        "The dataset exceeds the administrator's limits of size, count or download time.",
        "Use a smaller dataset: a few hundred samples are enough.",
    ),
    Reason.DATASET_INVALID: Explanation(
        _X,
        "The dataset cannot be read as the format its name says, or holds no samples.",
        "Write it again as the message says.",
    ),
    Reason.DATASET_MISMATCH: Explanation(
        _X,
        "The dataset's samples do not fit the signature: names, shapes, dtypes, infinities or NaN.",
        "Correct the dataset as the message says.",
    ),
    Reason.CONVERSION_FAILED: Explanation(
        _X,
        "TensorFlow's converter gave up on this model.",
        "The message has the converter's words; change the model or the recipe.",
    ),
    Reason.CONVERSION_CRASHED: Explanation(
        _X,
        "TensorFlow's converter ended by a signal.",
        "Try another quantization.type; report the model to TensorFlow.",
    ),
    Reason.QUANTIZATION_NOT_APPLIED: Explanation(
        _X,
        "The converter returned weights of another type than quantization.type asks for.",
        "Use quantization.type None for this model.",
    ),
    Reason.VERIFICATION_FAILED: Explanation(
        _X,
        "The artifact differs from the model by more than verification.minSNRDecibels allows.",
        "Use a gentler quantization.type, or lower verification.minSNRDecibels if the error is acceptable.",
    ),
    Reason.OUT_OF_MEMORY: Explanation(
        _X,
        "A container exceeded its memory limit.",
        "Raise spec.resources.limits.memory; the message names the limit.",
    ),
    Reason.OUT_OF_DISK: Explanation(
        _X,
        "The pod exceeded its scratch space, or filled the disk behind it.",
        "Use a smaller model, or give it more room.",
    ),
    Reason.DEADLINE_EXCEEDED: Explanation(
        _X, "The attempt took longer than spec.activeDeadlineSeconds.", "Raise spec.activeDeadlineSeconds."
    ),
    Reason.CREDENTIALS_REFUSED: Explanation(
        _X,
        "The storage refused the credentials, or they lack a permission.",
        "Correct the Secret or its permissions, then change the spec or apply the conversion anew.",
    ),
    Reason.BUCKET_NOT_FOUND: Explanation(
        _X, "destination.s3.bucket does not exist.", "Create the bucket, or correct its name."
    ),
    Reason.DESTINATION_CONFLICT: Explanation(
        _X,
        "destination.s3.key holds an object that another conversion, or no conversion, wrote.",
        "Choose another key, or remove the object.",
    ),
    Reason.ARTIFACT_REFUSED: Explanation(
        _X,
        "What the convert container left is no whole TensorFlow Lite file with a well-formed report.",
        "The model interferes with its conversion: do not trust it.",
    ),
    Reason.IMAGE_PULL_FAILED: Explanation(
        _X,
        "The converter image cannot be pulled.",
        "Have the administrator correct the operator's converter image.",
    ),
    Reason.UNSCHEDULABLE: Explanation(
        _X, "No node can take the pod.", "Lower spec.resources.requests, or add a node that fits."
    ),
    Reason.NAME_COLLISION: Explanation(
        _X,
        "A Job that is not ours has the name this conversion needs.",
        "Remove that Job, or rename the conversion.",
    ),
    Reason.INTERNAL_ERROR: Explanation(
        _X,
        "An error of tflite-operator itself.",
        "Report it with the log of the container named in the message.",
    ),
    Reason.MODEL_UNAVAILABLE: Explanation(
        _R, "The model's server did not answer, or answered with an error of its own.", _NOTHING
    ),
    Reason.DATASET_UNAVAILABLE: Explanation(
        _R, "The dataset's server did not answer, or answered with an error of its own.", _NOTHING
    ),
    Reason.STORAGE_UNAVAILABLE: Explanation(
        _R, "The storage did not answer, or answered with an error of its own.", _NOTHING
    ),
    Reason.DESTINATION_CHANGED: Explanation(_R, "The object changed between the first look and the upload.", _NOTHING),
    Reason.POD_DISRUPTED: Explanation(_R, "The pod was evicted, preempted or drained.", _NOTHING),
    Reason.JOB_DELETED: Explanation(_R, "Somebody deleted the Job before it was done.", _NOTHING),
    Reason.STEP_CRASHED: Explanation(
        _R, "A container ended without a report.", "If it goes on: look at the container's log."
    ),
    Reason.SNR_SUFFICIENT: Explanation(_V, "Every output passed the gate.", _NOTHING),
    Reason.REPORT_ONLY: Explanation(_V, "minSNRDecibels is 0: the error was measured, not judged.", _NOTHING),
    Reason.NON_DETERMINISTIC: Explanation(
        _V,
        "The model differs from itself between two runs, so no comparison means anything.",
        "Check the artifact by hand.",
    ),
    Reason.NON_FINITE: Explanation(
        _V, "The original model gives infinities or NaN on the samples.", "Check the artifact by hand."
    ),
    Reason.STATEFUL: Explanation(
        _V,
        "The model keeps state between calls, so that its outputs depend on what it was given before.",
        "Check the artifact by hand.",
    ),
    Reason.INSENSITIVE: Explanation(
        _V,
        "The model gives the same outputs for all samples, as an artifact that ignores its inputs would.",
        "Name inputs that the model responds to in verification.samples.",
    ),
    Reason.SELECT_TF: Explanation(
        _V,
        "The artifact uses TensorFlow's own operations, which nothing here can run.",
        "Check the artifact on a device with the Flex delegate.",
    ),
}
