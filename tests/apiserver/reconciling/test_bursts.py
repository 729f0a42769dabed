"""Much at once, and what comes again under the same name."""

from tests.apiserver.conftest import Start
from tests.apiserver.fixtures.workbench import Workbench

MANY = 300
EACH = 3
"""One of so many stays."""
AGAIN = 30


def test_conversions_that_come_and_go_at_once_are_counted_right(bench: Workbench, start: Start) -> None:
    operator = start()
    operator.until_ready()
    for number in range(MANY):
        bench.create(f"many-{number}")
        if number % EACH:
            bench.delete(f"many-{number}")
    operator.until("those left are counted", lambda: operator.metric("tflite_operator_conversions") == MANY // EACH)
    operator.until("each has a Job", lambda: all("job" in one["status"] for one in bench.all()))
    bench.admin.delete(bench.conversions)
    operator.until("none is counted", lambda: operator.metric("tflite_operator_conversions") == 0)
    assert operator.complaints == []
    assert operator.exit_codes == []


def test_a_conversion_that_comes_again_under_its_name_gets_its_own_job(bench: Workbench, start: Start) -> None:
    operator = start()
    operator.until_ready()
    for _ in range(AGAIN):
        bench.create("again")
        bench.delete("again")
    last = bench.create("again")
    operator.until("the last one has a Job", lambda: bench.has_job(last))
    assert operator.metric("tflite_operator_conversions") == 1
    # On a busy machine it may find each time that it reads that the conversion is another one by then.
    assert [one for one in operator.complaints if "change faster than they can be read" not in one["message"]] == []
    assert operator.exit_codes == []
