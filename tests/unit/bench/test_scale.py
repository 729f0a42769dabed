"""What kwok plays is believed by the operator, and what is read off is read rightly."""

import json
import re

import pytest

from bench.scale.control_plane import MANIFESTS
from bench.scale.measurements import Section, document, in_turn, percentile
from bench.scale.operator_process import by_kind, parse_audit_log, writes
from bench.scale.stages import job, report, spec
from dev.host.checkout import Checkout
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.decide.step_report import check_artifact, read_report


def test_the_operator_believes_the_report_for_the_conversion_it_is_filled_in_for() -> None:
    rendered = re.search(r'printf "%s%s%s" `(.*)` \(index \.metadata\.annotations "\S+"\) `(.*)` \| Quote', report())
    assert rendered is not None
    result = read_report("publish", 0, f"{rendered[1]}mobile-7{rendered[2]}")
    check_artifact(result, ConversionSpec.from_object(spec("mobile-7")))


def test_what_is_installed_is_there() -> None:
    assert [one for one in MANIFESTS if not (Checkout.here().root / one).is_file()] == []


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(1, 1001)]
    assert percentile(values, 0.5) == 500
    assert percentile(values, 0.99) == 990
    assert percentile([3.0], 0.99) == 3
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_requests_are_counted_by_kind_and_a_watch_once() -> None:
    def event(verb: str, stage: str = "ResponseComplete", **reference: str) -> bytes:
        told = {"verb": verb, "stage": stage, "requestReceivedTimestamp": "2026-11-25T13:00:20.960760Z"}
        return json.dumps(told | ({"objectRef": reference} if reference else {})).encode()

    conversions = "tfliteconversions"
    log = [
        event("watch", "ResponseStarted", resource=conversions),
        event("watch", resource=conversions),
        event("patch", resource=conversions, subresource="status"),
        event("create", resource="jobs"),
        event("get"),
    ]
    requests = list(parse_audit_log(log))
    assert by_kind(requests) == {
        "watch tfliteconversions": 1,
        "patch tfliteconversions/status": 1,
        "create jobs": 1,
        "get other": 1,
    }
    assert writes(requests) == 2


def test_the_controllers_stand_side_by_side_whatever_each_was_asked() -> None:
    ours = Section("A run", (("Jobs exist", "3 s"), ("memory", "70 MiB")), (("create jobs", 5),))
    peers = Section("A run", (("memory", "100 MiB"),))
    text = document({"operator": ours, "peer": peers})
    assert "|  | operator | peer |" in text
    assert "| Jobs exist | 3 s |  |" in text
    assert "| memory | 70 MiB | 100 MiB |" in text
    assert "Requests of operator: 5 create jobs" in text
    assert "Requests of peer" not in text


def test_the_peers_job_can_be_filled_in() -> None:
    made = job()
    for metadata in (made["metadata"], made["spec"]["template"]["metadata"]):
        assert metadata["labels"]
        assert metadata["annotations"]


def test_rounds_are_told_by_their_median_and_each_in_its_order() -> None:
    rounds = [Section("1000 at once", (), figures=(("all Ready", seconds),)) for seconds in (50.04, 70.0, 52.0)]
    told = in_turn("1000 at once", rounds)
    assert told.lines == (("all Ready", "52.0 s (50.0, 70.0, 52.0)"),)
    assert rounds[0].brief == "1000 at once, all Ready 50.0 s"
