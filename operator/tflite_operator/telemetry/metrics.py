"""What Prometheus may know. No label holds a name that users choose: their number has no bound."""

from typing import get_args

from prometheus_client import Counter, Gauge, Histogram

from tflite_api.resource.quantization_types import FIXED
from tflite_api.resource.status import TrialOutcome

RECONCILES = Counter("tflite_operator_reconciles", "Reconciles of a conversion, by result.", ["result"])
RECONCILE_SECONDS = Histogram(
    "tflite_operator_reconcile_seconds",
    "Time that one reconcile took.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
QUEUE_LENGTH = Gauge("tflite_operator_queue_length", "Conversions that wait for a reconcile.")
LEADER = Gauge("tflite_operator_leader", "1 while this process holds the lease, or needs none; else 0.")
FINISHED = Counter("tflite_operator_conversions_finished", "Conversions that are done or failed for good.", ["reason"])
ATTEMPTS = Counter("tflite_operator_attempts", "Jobs made.")
TRIALS = Counter(
    "tflite_operator_trials",
    "Quantizations that conversions of type Auto tried, by their type and what came of them.",
    ["type", "outcome"],
)
for _type in FIXED:
    for _outcome in get_args(TrialOutcome):
        # There from the start: the increase of a series that begins at 1 is 0.
        TRIALS.labels(_type, _outcome)
STATUS_WRITES = Counter("tflite_operator_status_writes", "Patches of a conversion's status.")
STEP_SECONDS = Histogram(
    "tflite_operator_step_seconds",
    "Run time of a step of a finished conversion.",
    ["step"],
    buckets=(1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1800, 3600),
)
API_REQUESTS = Histogram(
    "tflite_operator_api_request_seconds",
    "Requests to the API server, without watches.",
    ["method", "resource", "code"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30),
)
