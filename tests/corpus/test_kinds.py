"""Small models of kinds that people report trouble with: what is right comes of them, and is right in use.

A handful; `make corpus` has all of them, in all types of quantization. TFLITE_KINDS=all tries them all here.
"""

import os
from pathlib import Path

import pytest

from tests.corpus.kinds import runs, table_of_kinds
from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import FIXED, QuantizationType

HANDFUL = [
    ("stablehlo", QuantizationType.INT8),
    ("non-max-suppression", QuantizationType.NONE),
    ("channels-first", QuantizationType.DYNAMIC_RANGE),
    ("quantization-aware", QuantizationType.INT16X8),
    ("two-weights", QuantizationType.DYNAMIC_RANGE),
    ("tf1-estimator", QuantizationType.INT8),
    ("pooled-by-a-mask", QuantizationType.INT8),
    ("vanishing-alarm", QuantizationType.INT8),
]
EVERYTHING = [(kind.name, wanted) for kind in table_of_kinds.ALL for wanted in FIXED]

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kinds")


@pytest.mark.parametrize(("name", "wanted"), EVERYTHING if os.environ.get("TFLITE_KINDS") == "all" else HANDFUL)
def test_a_kind_comes_to_what_is_right_for_it(made: Path, tmp_path: Path, name: str, wanted: QuantizationType) -> None:
    kind = table_of_kinds.named(name)
    runs.make(kind, made / name)
    row = runs.row(kind, wanted, made / name, tmp_path / "work")
    assert row.is_as_expected, row


def test_every_kind_has_a_name_of_its_own_and_expects_reasons_that_exist() -> None:
    assert len({kind.name for kind in table_of_kinds.ALL}) == len(table_of_kinds.ALL) >= 60
    expected = {outcome for kind in table_of_kinds.ALL for one in FIXED for outcome in kind.outcomes(one)}
    assert expected - {"right"} <= {reason.value for reason in Reason}
    assert Reason.INTERNAL_ERROR not in expected
