"""The report page says what was measured, needs nothing but itself, and shows untrusted names as text alone."""

import html
import re
from html.parser import HTMLParser
from typing import Any

import pytest
import yaml

from tests import report_pages
from tests.report_pages import HOSTILE, data, result, spec
from tflite_api.resource.quantization import ChosenQuantization
from tflite_api.resource.spec import ConversionSpec
from tflite_api.resource.status import Baseline, Benchmark, Estimate, MeasuredError, TargetFit
from tflite_api.steps.step import StepResult
from tflite_converter.report import page as report_page

_ADDRESSES = {"src", "href", "xlink:href", "data", "action", "poster", "background", "srcset", "style"}


class Elements(HTMLParser):
    """What a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags = set[str]()
        self.attributes = set[str]()
        self.texts = list[str]()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def rendered(**changes: Any) -> str:
    return Elements(report_page.render("team/a", spec(), result(), data(**changes))).text


@pytest.mark.parametrize("make", [report_pages.usual, report_pages.hostile, report_pages.long])
def test_a_page_has_no_script_and_asks_for_nothing(make: Any) -> None:
    page = make()
    elements = Elements(page)
    assert (
        elements.tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "use", "image"} == set()
    )
    assert elements.attributes & _ADDRESSES == set()
    assert [name for name in elements.attributes if name.startswith("on")] == []
    style = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    assert len(style) == 1
    assert "url(" not in style[0]
    assert "@import" not in style[0]


def test_the_policy_of_a_page_allows_its_own_style_alone() -> None:
    page = report_pages.usual()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src &#39;none&#39;; style-src &#39;sha256-" in policy[1]
    assert "unsafe" not in policy[1]


def test_names_that_are_html_are_shown_as_they_are() -> None:
    page = report_pages.hostile()
    elements = Elements(page)
    assert HOSTILE in elements.text
    for part in ("<script", "</style></title>", "<img"):
        assert part not in page


def test_the_page_shows_metrics_of_model_and_artifact_side_by_side() -> None:
    text = Elements(report_pages.usual()).text
    for words in (
        "Metrics on labelled samples", "TopKAccuracy k 5", "0.712 0.701 to 0.723", "0.706 0.695 to 0.717",
        "0.006 -0.001 to 0.012", "at least 0.7, a drop of at most 0.01", "5000",
    ):  # fmt: skip
        assert words in text
    assert "Published" not in text
    bare = report_pages.result().model_copy(update={"verification": None})
    assert "Metrics on" not in Elements(report_page.render("team/a", spec(), bare, data())).text


def test_the_page_shows_what_an_artifact_was_held_against() -> None:
    usual = report_pages.result()
    assert usual.verification is not None
    (found,) = usual.verification.metrics or ()
    published = found.model_copy(update={"baseline": Estimate(value="0.709", low="0.698", high="0.72")})
    changes = {"metrics": (published,), "baseline": Baseline(source="Published", sha256="c" * 64)}
    text = page_of(usual.verification.model_copy(update=changes))
    for words in ("Model Published Artifact", "0.709 0.698 to 0.72", "c" * 64, "from what is published"):
        assert words in text
    text = page_of(usual.verification.model_copy(update={"baseline": Baseline(source="Model")}))
    assert "Nothing was published yet, so the model is the baseline" in text


def page_of(measured: MeasuredError) -> str:
    asked = spec().verification
    assert asked is not None
    (metric,) = asked.metrics or ()
    promoted = asked.model_copy(update={"metrics": (metric.model_copy(update={"baseline": "Published"}),)})
    told = report_pages.result().model_copy(update={"verification": measured})
    whole = spec().model_copy(update={"verification": promoted})
    return Elements(report_page.render("team/a", whole, told, data())).text


def test_the_page_tells_what_was_asked_and_what_came_out() -> None:
    text = Elements(report_pages.usual()).text
    for words in (
        "mobilenet_v2_100_224", "Shape of inputs [1, 224, 224, 3]", "Quantization Int8", "s3://datasets/imagenet-calibration.npz",
        "every output at least 10 dB", "Verified", "SNR, worst output 21.9 dB",
        "Run by LiteRT 2.3.0 with XNNPACK Its own kernels 22.4 dB Reference kernels 14.2 dB",
        "3.4 MiB", "int8 - 3.3 MiB in 104",
        "float32 13.4 MiB in 264 -", "CONV_2D int8 35", "Same first class 0.97", "99th percentile 0.0113",
        "7 21.4 0.1312 [0, 281] 0.8711 0.7399", "quantization debugger, on 32 samples",
        "27.3 dB instead of 21.9 dB",
        f"Model's digest sha256:{'1' * 64}", "100 samples (Dataset, sha256:333",
    ):  # fmt: skip
        assert words in text, words


def test_the_budget_is_shown_beside_the_size() -> None:
    assert "allowed" not in rendered()
    asked = spec(budget={"maxSizeBytes": "4Mi"})
    text = Elements(report_page.render("team/a", asked, result(), data())).text
    assert "Artifact, of 4.0 MiB allowed 3.4 MiB" in text
    assert "Budget at most 4Mi (4194304 bytes)" in text


def test_targets_are_shown_with_what_is_asked_and_what_was_found() -> None:
    found = TargetFit.from_object({"name": "GPU", "tool": "t", "operators": 4, "onTarget": 3})
    asked = spec(
        targets=[{"name": "GPU", "minGPUOperators": "0.5"}],
        quantization={"type": "Int8", "calibration": {"synthetic": True}, "granularity": "PerTensor"},
    )
    text = Elements(report_page.render("a", asked, result().model_copy(update={"targets": (found,)}), data())).text
    assert "Target GPU, minGPUOperators: 0.5" in text
    assert "Target GPU: 3 of 4 operators" in text
    assert "Scales one a tensor (granularity)" in text


def test_time_and_memory_are_shown_with_what_was_asked() -> None:
    assert "Inference" not in rendered()
    asked = spec(
        budget={"maxLatencyMilliseconds": "12", "maxRelativeLatency": "0.9", "threads": 2, "maxArenaBytes": "4Mi"}
    )
    measured = Benchmark.from_object(
        {
            "runtime": "LiteRT",
            "p50Milliseconds": "1.25",
            "p90Milliseconds": "1.5",
            "relativeLatency": "0.5",
            "threads": 2,
            "operators": [{"name": "CONV_2D", "share": "0.945"}, {"name": "SOFTMAX", "share": "0.021"}],
            "arenaBytes": 2048,
        }
    )
    told = result().model_copy(update={"benchmark": measured})
    text = Elements(report_page.render("team/a", asked, told, data())).text
    for words in (
        "Inference, with 2 threads 1.25 ms Nine in ten at most 1.5 ms",
        "Time against floats 0.5 In CONV_2D 94 % In SOFTMAX 2 % Memory of tensors 2.0 KiB",
        "Budget of time at most 12 ms (p90)",
        "Against floats at most 0.9 times as long (p50)",
        "Budget of memory at most 4Mi (4194304 bytes)",
    ):
        assert words in text, words
    assert "allowed" not in text


def test_the_secret_is_not_named() -> None:
    assert "secretRef" not in report_pages.usual()
    assert Elements(report_page.render("a", spec(), result(), data())).text.count("s3 ") == 0


def test_what_signs_an_address_is_left_out() -> None:
    signed = "https://example.com/m.zip?X-Amz-Signature=canary"
    asked = report_page.asked(spec(model={"archive": {"url": signed}}), "Plain")
    assert asked[0].text == "https://example.com/m.zip"


def test_layers_come_with_the_worst_first_where_each_answers_for_itself() -> None:
    layers = [
        {"name": "first", "operator": "CONV_2D", "snrDecibels": "40"},
        {"name": "second", "operator": "CONV_2D", "snrDecibels": "-inf"},
        {"name": "third", "operator": "CONV_2D", "snrDecibels": "inf"},
    ]
    isolated = rendered(layers={"method": "Debugger", "samples": 1, "layers": layers}).rpartition("Layer Operator")[2]
    assert isolated.index("second") < isolated.index("first") < isolated.index("third")
    added_up = rendered(layers={"method": "SideBySide", "samples": 1, "layers": layers}).rpartition("Layer Operator")[2]
    assert added_up.index("first") < added_up.index("second") < added_up.index("third")


@pytest.mark.parametrize("figures", [("nan", "nan"), ("inf", "0.00"), ("-inf", "inf"), ("-inf", "nan")])
def test_figures_that_are_infinite_or_no_numbers_are_shown_as_they_are(figures: tuple[str, str]) -> None:
    layers = data().to_object()["layers"]
    layers["layers"][5] |= {"snrDecibels": figures[0], "errorInSteps": figures[1]}
    text = Elements(rendered(layers=layers)).text
    assert f"CONV_2D {figures[0]} {figures[1]}" in text


def test_a_layer_whose_error_is_more_than_rounding_is_marked() -> None:
    assert report_pages.usual().count('<tr class="marked">') == 3


@pytest.mark.parametrize(("after", "words"), [("22.8", "This is not worth it."), ("22.9", "To get it, write:")])
def test_leaving_layers_in_floats_is_recommended_where_it_brings_a_decibel(after: str, words: str) -> None:
    layers = data().layers
    assert layers is not None
    assert layers.trial is not None
    trial = layers.trial.model_copy(update={"snr_after": after})
    text = rendered(layers=layers.model_copy(update={"trial": trial}).to_object())
    assert words in text


@pytest.mark.parametrize(
    "name", ["model/Relu;model/conv", "a: b", "- x", "'", '"', "{{ 7 * 7 }}", HOSTILE, "né", "no", "1e3"]
)
def test_the_yaml_to_write_is_a_spec_that_names_these_tensors(name: str) -> None:
    kept = {"operations": ["SOFTMAX"], "tensors": ["before"]}
    asked = spec(quantization={"type": "Int8", "calibration": {"synthetic": True}, "keepFloat": kept})
    written = yaml.safe_load(report_page.keep_float_yaml([name, "before"], asked.quantization))
    assert written["spec"]["quantization"]["keepFloat"] == {"operations": ["SOFTMAX"], "tensors": ["before", name]}
    changed = asked.to_object()
    changed["quantization"] |= written["spec"]["quantization"]
    assert ConversionSpec.from_object(changed).quantization.keep_float is not None


def test_a_page_without_a_comparison_says_why() -> None:
    unproved = result().model_copy(update={"verdict": "SelectTF", "verification": None})
    page = report_page.render("a", spec(), unproved, data(outputs=[], layers=None, layersAbsent="Nothing to compare."))
    text = Elements(page).text
    assert "Not proved: SelectTF" in text
    assert "Nothing to compare." in text
    assert "Verified" not in text


def test_outputs_without_any_error_need_no_chart() -> None:
    exact = data().outputs[0].to_object() | {"maxAbsoluteError": "0"}
    assert "No element differs." in rendered(outputs=[exact])


TRIALS: list[dict[str, Any]] = [
    {"type": "WeightOnlyInt4", "outcome": "Missed", "sizeBytes": 900, "snrDecibels": "18.1"},
    {"type": "Float16", "outcome": "Held", "sizeBytes": 1900, "snrDecibels": "68.1"},
    {"type": "Int8", "outcome": "Chosen", "sizeBytes": 1000, "snrDecibels": "28.1", "keptLayers": 1},
    {"type": "Int16x8", "outcome": "Failed", "reason": "ConversionCrashed"},
]


def searched(*trials: dict[str, Any]) -> str:
    found = StepResult.from_object({**result().to_object(), "trials": trials})
    asked = spec(quantization={"type": "Auto", "calibration": {"synthetic": True}})
    return report_page.render("team/a", asked, found, data())


def test_every_trial_is_in_the_table_and_the_chosen_one_is_marked() -> None:
    page = searched(*TRIALS)
    text = Elements(page).text
    chosen = "Int8 with 1 layer kept 1000 B 28.1 dB chosen"
    for words in (chosen, "Int16x8 failed (ConversionCrashed)", "Candidates None"):
        assert words in text
    table = page.partition("Quantizations that were tried")[2]
    [marked] = re.findall(r'<tr class="marked"><td class="type">([^<]*)', table.partition("</table>")[0])
    assert marked == "Int8 with 1 layer kept"


def test_the_plot_has_a_point_for_each_trial_that_was_measured() -> None:
    assert searched(*TRIALS).count("<circle") - searched().count("<circle") == 3
    assert "Size against error" not in searched(TRIALS[-1])
    infinite: dict[str, Any] = {**TRIALS[1], "snrDecibels": "inf"}
    assert "Size against error" not in searched(infinite)


def test_a_metric_without_its_interval_shows_the_figure_alone() -> None:
    whole = result()
    assert whole.verification is not None
    plain = tuple(one.without_intervals() for one in whole.verification.metrics or ())
    cut = whole.model_copy(update={"verification": whole.verification.model_copy(update={"metrics": plain})})
    text = Elements(report_page.render("team/a", spec(), cut, data())).text
    assert "0.712 0.706 0.006" in text
    assert "-inf" not in text


def test_latency_has_a_plot_of_its_own_where_it_was_measured() -> None:
    timed = [{**TRIALS[0], "latencyMilliseconds": "0.1291"}, TRIALS[1], {**TRIALS[2], "latencyMilliseconds": "0.0667"}]
    assert searched(*timed).count("<circle") - searched(*TRIALS).count("<circle") == 2
    assert "Latency (nine in ten" in searched(*timed)
    assert "Latency (nine in ten" not in searched(*TRIALS)
    assert "Latency (nine in ten" not in searched({**TRIALS[3], "latencyMilliseconds": "1"})


def test_the_chosen_one_can_be_told_without_its_colour() -> None:
    radii = re.findall(r'<circle[^>]* r="([^"]+)"', searched(*TRIALS).partition("Size against error")[0])
    assert sorted(map(float, radii)) == [5, 5, 8]


def test_what_was_chosen_is_there_to_be_written_with_the_layers_that_were_kept() -> None:
    chosen = {"type": "Int8", "calibration": {"synthetic": True}, "keepFloat": {"tensors": ["a/<b>", "c"]}}
    found = StepResult.from_object({**result().to_object(), "trials": TRIALS, "quantization": chosen})
    asked = spec(quantization={"type": "Auto", "calibration": {"synthetic": True}})
    page = report_page.render("team/a", asked, found, data())
    written = html.unescape(page.partition("without a search, write:")[2].partition("<pre>")[2].partition("</pre>")[0])
    read = ChosenQuantization.from_object(yaml.safe_load(written)["spec"]["quantization"])
    assert read == ChosenQuantization.from_object(chosen)
    assert "a/<b>" not in page


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "near",
    [{"snrDecibels": "100.00000000000001420"}, {"sizeBytes": 2**53 - 1}, {"latencyMilliseconds": "9999999.9999"}],
    ids=str,
)
def test_figures_that_differ_by_next_to_nothing_do_not_hold_up_what_has_credentials(near: dict[str, Any]) -> None:
    other: dict[str, Any] = {
        **TRIALS[2],
        "snrDecibels": "100",
        "sizeBytes": 2**53 - 2,
        "latencyMilliseconds": "9999999.9998",
    }
    assert "Int8 with 1 layer kept" in searched(other, {**other, "outcome": "Held", **near})


def test_with_auto_the_yaml_to_write_is_the_whole_of_what_was_chosen() -> None:
    chosen = ChosenQuantization.from_object({"type": "Int8", "calibration": {"synthetic": True}})
    written = yaml.safe_load(report_page.keep_float_yaml(["a"], chosen))
    changed = spec().to_object() | {"quantization": written["spec"]["quantization"]}
    assert ConversionSpec.from_object(changed).quantization.keep_float is not None
