"""What the schema accepts about pods, the API server accepts in the Jobs that are made of it."""

import pytest

from bench.scale.largest import largest_spec
from tests.apiserver.fixtures.admin import Object
from tests.apiserver.fixtures.control_plane import ControlPlane
from tests.apiserver.fixtures.workbench import Workbench
from tests.e2e.schema_cases import placement, pod
from tflite_api.resource.pods.affinity import Affinity
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.core.identity import Identity
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import build_cleanup, build_job
from tflite_operator.settings import Settings

ACCEPTED = {name: specs for name, specs, _, _ in (*pod.RULES, *placement.RULES)} | {"largest": [largest_spec()]}
TERMS = [{"matchExpressions": [{"key": "pool", "operator": "Exists"}]}] * 8
DEFAULT = Affinity.from_object(
    {"nodeAffinity": {placement.REQUIRED: {"nodeSelectorTerms": TERMS}}, "podAffinity": {placement.REQUIRED: []}}
)
SETTINGS = {
    "nothing by default": Settings(converter_image="converter:1", cluster_id="tests"),
    "a default": Settings(converter_image="converter:1", cluster_id="tests", converter_affinity=DEFAULT),
}


@pytest.mark.parametrize("default", SETTINGS)
def test_the_job_of_an_accepted_spec_is_accepted(plane: ControlPlane, bench: Workbench, default: str) -> None:
    identity = Identity(bench.namespace, "made", "11111111-2222-3333-4444-555555555555", 1)
    path = f"{bench.job_path}?dryRun=All&fieldValidation=Strict"

    def refusals(given: Object) -> list[str]:
        spec, settings = ConversionSpec.from_object(given), SETTINGS[default]
        jobs = build_job(identity, spec, Attempt(1), settings), build_cleanup(identity, spec, settings)
        return [said for job in jobs if (said := plane.admin.refusal("POST", path, job))]

    assert len(ACCEPTED) > 30
    assert {case: said for case, specs in ACCEPTED.items() for spec in specs if (said := refusals(spec))} == {}
