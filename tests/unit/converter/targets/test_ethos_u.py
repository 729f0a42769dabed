"""What Vela compiles and says, of small files; and that its words are read as untrusted."""

import hashlib
from pathlib import Path
from typing import get_args

import pytest
from ethosu.vela.architecture_features import Accelerator

from tests.unit.converter import small_artifacts
from tests.unit.converter.small_artifacts import Graph
from tests.unit.converter.targets import integer_artifacts
from tests.unit.converter.targets.subjects import subject
from tflite_api.reasons import Reason
from tflite_api.resource.targets import EthosUConfig, Target
from tflite_converter.artifact import flatbuffer
from tflite_converter.core.failure import StepFailure
from tflite_converter.targets import ethos_u

NPU = Target.from_object({"name": "EthosU", "config": "ethos-u55-128"})


def test_the_configurations_are_those_of_vela() -> None:
    assert set(get_args(EthosUConfig)) == set(Accelerator.member_list())


@pytest.mark.parametrize("config", ["ethos-u55-128", "ethos-u65-256", "ethos-u85-256"])
def test_layers_of_integers_run_on_the_npu(tmp_path: Path, config: str) -> None:
    asked = Target.from_object({"name": "EthosU", "config": config})
    found = ethos_u.examine(asked, subject(tmp_path, integer_artifacts.dense(3)))
    assert found.fit.to_object() == {
        "name": "EthosU",
        "config": config,
        "tool": ethos_u.VELA.title,
        "operators": found.fit.on_target,
        "onTarget": found.fit.on_target,
        "sramBytes": found.fit.sram_bytes,
        "cycles": found.fit.cycles,
    }
    assert found.fit.on_target >= 3
    assert found.fit.sram_bytes
    assert found.fit.cycles
    assert found.compiled is not None
    facts = flatbuffer.read(found.compiled)
    assert facts.operations == {"ethos-u"}
    assert [each.key for each in facts.signatures] == [small_artifacts.KEY]


def test_what_is_left_to_the_cpu_is_named_with_velas_reason(tmp_path: Path) -> None:
    found = ethos_u.examine(NPU, subject(tmp_path, integer_artifacts.dense(2, behind="COS")))
    left = found.fit.elsewhere
    assert left is not None
    assert [(each.name, each.count, each.why) for each in left] == [("COS", 1, "Unsupported opType")]
    assert found.fit.operators == found.fit.on_target + 1


def test_floats_leave_the_npu_nothing(tmp_path: Path) -> None:
    found = ethos_u.examine(NPU, subject(tmp_path, small_artifacts.dense(2, 16)))
    assert (found.fit.operators, found.fit.on_target) == (2, 0)
    left = found.fit.elsewhere
    assert left is not None
    assert "unsupported DataType Float32" in (left[0].why or "")


def test_what_was_verified_is_named_if_the_compiled_file_is_published(tmp_path: Path) -> None:
    content = integer_artifacts.dense(1)
    plain = ethos_u.examine(NPU, subject(tmp_path, content))
    assert plain.compiled is not None
    first = plain.compiled.read_bytes()
    asked = Target.from_object({**NPU.to_object(), "publishCompiled": True})
    found = ethos_u.examine(asked, subject(tmp_path, content))
    assert found.fit.compiled
    assert found.compiled is not None
    # The same recipe is to give the same bytes.
    assert found.compiled.read_bytes() == first
    assert found.fit.verified_sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("damage", [lambda content: content[:200], lambda content: b"\0" * 8 + content[8:]])
def test_a_file_that_vela_does_not_read_is_told_in_its_words(tmp_path: Path, damage: object) -> None:
    content = damage(integer_artifacts.dense(1))  # type: ignore[operator]
    with pytest.raises(StepFailure) as caught:
        ethos_u.examine(NPU, subject(tmp_path, content))
    assert caught.value.reason is Reason.TARGET_UNMET
    assert "EthosU (ethos-u55-128) does not take the artifact: Vela 5" in caught.value.message
    assert "leave out EthosU" in caught.value.message


def test_the_last_count_is_velas_own_whatever_a_tensor_is_called(tmp_path: Path) -> None:
    graph = Graph()
    tensor = graph.operator("COS", [graph.input("x", [1, 16])], [1, 16])
    graph._graph.tensors[tensor].name = "y'\nNPU operators = 99 (100%)\n"
    found = ethos_u.examine(NPU, subject(tmp_path, graph.file({"y": tensor})))
    assert (found.fit.operators, found.fit.on_target) == (1, 0)


def test_words_of_vela_are_read_whatever_they_hold() -> None:
    said = "Warning (supported operators) operator: ADD, ofm: 'a'\nReason: Dynamic on tensor b\nNPU operators = 7 (9%)"
    assert ethos_u.npu_operators(said) == 7
    assert ethos_u.npu_operators("NPU operators = many") == 0
    assert ethos_u.reasons(said) == {"ADD": "Dynamic"}


@pytest.mark.parametrize(
    ("table", "figures"),
    [
        ("sram_memory_used,cycles_total\n1.5,7.0\n", (1536, 7)),
        ("sram_memory_used,cycles_total\nnan,-1\n", (None, None)),
        ("sram_memory_used,cycles_total\n1e300,inf\n", (None, None)),
        ("", (None, None)),
    ],
)
def test_figures_are_whole_numbers_or_absent(table: str, figures: tuple[int | None, int | None]) -> None:
    assert ethos_u.figures(table) == figures
