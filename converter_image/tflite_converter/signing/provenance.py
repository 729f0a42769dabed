"""What an artifact was made of and how, as an in-toto statement with SLSA provenance. Pure.

Statement: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
Predicate: https://slsa.dev/spec/v1.1/provenance
Every word comes from the resource, the operator or prepare. The container that runs the model has no say in it but for
which candidate of quantization.type Auto was chosen, as far as the spec leaves that open. What it reported of its
measurements stands in the artifact's metadata, and here is but their digest.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tflite_api.names import API_VERSION, BUILD_TYPE, BUILDER_ID, KIND
from tflite_api.resource.quantization import ChosenQuantization
from tflite_api.steps.step import FetchedDataset, Invocation, PreparedModel, StepRequest
from tflite_converter.core.digests import bare

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
RESULT: Final = "result"
"""The byproduct that the artifact's metadata hold: what was measured, as `object_metadata.packed_result` gives it."""
PAGE: Final = "report"
"""The byproduct that is the report page."""
TIMESTAMP: Final = "%Y-%m-%dT%H:%M:%SZ"
_DIR_HASH: Final = "dirHash"
"""Of the names and contents of files, as `digests.folder_digest` gives it
(https://github.com/in-toto/attestation/blob/main/spec/v1/digest_set.md)."""
_DIGEST: Final = re.compile(r"@(sha256):([0-9a-f]{64})$")

Descriptor = dict[str, Any]
"""https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md"""


@dataclass(frozen=True)
class Run:
    """The run that made an artifact."""

    invocation: Invocation
    recipe: str
    versions: Mapping[str, str]
    """Of the programs that took part, by name."""
    finished: datetime
    byproducts: Mapping[str, str]
    """What was left beside the artifact: SHA-256 by name."""
    quantization: ChosenQuantization | None = None
    """What type Auto chose."""


def statement(request: StepRequest, prepared: PreparedModel, sha256: str, run: Run) -> dict[str, Any]:
    """Return the statement about the artifact with this SHA-256."""
    where = request.spec.destination.s3
    namespace, _, name = request.owner.partition("/")
    conversion = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"namespace": namespace, "name": name},
        "spec": request.spec.to_object(),
    }
    chosen = {"quantization": run.quantization.to_object()} if run.quantization is not None else {}
    times = {"startedOn": prepared.started, "finishedOn": run.finished.strftime(TIMESTAMP)}
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": where.key.rpartition("/")[2], "uri": where.uri, "digest": {"sha256": sha256}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"conversion": conversion},
                "internalParameters": {"recipeHash": run.recipe, **chosen},
                "resolvedDependencies": [*_materials(request, prepared), _image(run.invocation.image)],
            },
            "runDetails": {
                "builder": {"id": BUILDER_ID, "version": dict(run.versions)},
                "metadata": {
                    "invocationId": run.invocation.id,
                    **{name: time for name, time in times.items() if time is not None},
                },
                "byproducts": [{"name": name, "digest": {"sha256": digest}} for name, digest in run.byproducts.items()],
            },
        },
    }


def _materials(request: StepRequest, prepared: PreparedModel) -> Iterator[Descriptor]:
    spec = request.spec
    yield _material("model", spec.model.source.uri, _DIR_HASH, prepared.model_digest)
    calibration = spec.quantization.calibration
    if calibration is not None and calibration.dataset is not None:
        yield _dataset("calibration", calibration.dataset, prepared.datasets.calibration)
    if spec.verification is not None and spec.verification.samples is not None:
        yield _dataset("verification", spec.verification.samples.dataset, prepared.datasets.verification)


def _dataset(name: str, address: str, fetched: FetchedDataset | None) -> Descriptor:
    # A folder of a bucket ends with a slash.
    algorithm = _DIR_HASH if address.endswith("/") else "sha256"
    return _material(name, address, algorithm, fetched.digest if fetched is not None else None)


def _material(name: str, uri: str, algorithm: str, digest: str | None) -> Descriptor:
    described: Descriptor = {"name": name, "uri": uri}
    return described if digest is None else {**described, "digest": {algorithm: bare(digest)}}


def _image(reference: str) -> Descriptor:
    """Describe the converter image; only a reference by digest says for certain which one it is."""
    described: Descriptor = {"name": "converter", "uri": f"oci://{reference}"}
    found = _DIGEST.search(reference)
    return described if found is None else {**described, "digest": {found[1]: found[2]}}
