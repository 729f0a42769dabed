"""Why a conversion is where it is: one closed set, used by the steps, the status and the documentation.

What a person needs to know of each is in explanations.toml.
"""

from enum import Enum, StrEnum


class Outcome(Enum):
    """What follows from a reason."""

    PROGRESS = "the conversion goes on by itself"
    SUCCESS = "the artifact is in the bucket"
    STALLED = "the spec, or what it names, must change"
    RETRIED = "another attempt follows"
    PAUSED = "nothing happens until the spec says so"
    DELETION = "says what became of the artifact of a deleted conversion"
    VERDICT = "says what the accuracy measurement was worth"


class Reason(StrEnum):
    """The reasons in conditions, events, results and metrics, each with what follows from it."""

    outcome: Outcome

    def __new__(cls, name: str, outcome: Outcome = Outcome.STALLED) -> "Reason":
        """Make a member that is its name; most reasons mean that something must change."""
        reason = str.__new__(cls, name)
        reason._value_ = name
        reason.outcome = outcome
        return reason

    # on its way
    PENDING = "Pending", Outcome.PROGRESS
    QUEUED = "Queued", Outcome.PROGRESS
    PREPARING = "Preparing", Outcome.PROGRESS
    CONVERTING = "Converting", Outcome.PROGRESS
    PUBLISHING = "Publishing", Outcome.PROGRESS
    SECRET_NOT_FOUND = "SecretNotFound", Outcome.PROGRESS
    VOLUME_NOT_FOUND = "VolumeNotFound", Outcome.PROGRESS
    CONFIG_MAP_NOT_FOUND = "ConfigMapNotFound", Outcome.PROGRESS
    JOB_REFUSED = "JobRefused", Outcome.PROGRESS
    POD_NOT_STARTING = "PodNotStarting", Outcome.PROGRESS
    POD_STUCK_TERMINATING = "PodStuckTerminating", Outcome.PROGRESS
    # at rest because the spec says so
    SUSPENDED = "Suspended", Outcome.PAUSED
    # done
    CONVERTED = "Converted", Outcome.SUCCESS
    REUSED = "Reused", Outcome.SUCCESS
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
    METRIC_MISMATCH = "MetricMismatch"
    TOO_FEW_LABELS = "TooFewLabels"
    BASELINE_UNUSABLE = "BaselineUnusable"
    CONVERSION_FAILED = "ConversionFailed"
    CONVERSION_CRASHED = "ConversionCrashed"
    QUANTIZATION_NOT_APPLIED = "QuantizationNotApplied"
    VERIFICATION_FAILED = "VerificationFailed"
    BUDGET_EXCEEDED = "BudgetExceeded"
    BUDGET_UNREACHABLE = "BudgetUnreachable"
    TARGET_UNMET = "TargetUnmet"
    OUT_OF_MEMORY = "OutOfMemory"
    OUT_OF_DISK = "OutOfDisk"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    CREDENTIALS_REFUSED = "CredentialsRefused"
    BUCKET_NOT_FOUND = "BucketNotFound"
    STORAGE_REFUSED = "StorageRefused"
    DESTINATION_CONFLICT = "DestinationConflict"
    ARTIFACT_REFUSED = "ArtifactRefused"
    SIGNING_KEY_INVALID = "SigningKeyInvalid"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    UNSCHEDULABLE = "Unschedulable"
    NAME_COLLISION = "NameCollision"
    INTERNAL_ERROR = "InternalError"
    # another attempt follows
    MODEL_UNAVAILABLE = "ModelUnavailable", Outcome.RETRIED
    DATASET_UNAVAILABLE = "DatasetUnavailable", Outcome.RETRIED
    STORAGE_UNAVAILABLE = "StorageUnavailable", Outcome.RETRIED
    SERVER_UNREACHABLE = "ServerUnreachable", Outcome.RETRIED
    DESTINATION_CHANGED = "DestinationChanged", Outcome.RETRIED
    POD_DISRUPTED = "PodDisrupted", Outcome.RETRIED
    JOB_DELETED = "JobDeleted", Outcome.RETRIED
    START_FAILED = "StartFailed", Outcome.RETRIED
    STEP_CRASHED = "StepCrashed", Outcome.RETRIED
    # what the measurement was worth
    SNR_SUFFICIENT = "SNRSufficient", Outcome.VERDICT
    METRICS_SUFFICIENT = "MetricsSufficient", Outcome.VERDICT
    REPORT_ONLY = "ReportOnly", Outcome.VERDICT
    NON_DETERMINISTIC = "NonDeterministic", Outcome.VERDICT
    STATEFUL = "Stateful", Outcome.VERDICT
    NON_FINITE = "NonFinite", Outcome.VERDICT
    INSENSITIVE = "Insensitive", Outcome.VERDICT
    REAL_DATA_NOT_SEEN = "RealDataNotSeen", Outcome.VERDICT
    SELECT_TF = "SelectTF", Outcome.VERDICT
    # of a deleted conversion, in Events
    ARTIFACT_DELETED = "ArtifactDeleted", Outcome.DELETION
    CLEANUP_FAILED = "CleanupFailed", Outcome.DELETION
