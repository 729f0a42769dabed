"""What a search does next, against models that are but tables of sizes and errors."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import KeepFloat
from tflite_api.resource.quantization_types import FIXED, SCALED, QuantizationType
from tflite_api.resource.status import Benchmark, MeasuredError, TrialOutcome
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.search import plan
from tflite_converter.search.choice import Candidate, Made
from tflite_converter.search.plan import Rank, State
from tflite_converter.search.repair import Layer

INT8, INT4, INT16 = QuantizationType.INT8, QuantizationType.WEIGHT_ONLY_INT4, QuantizationType.INT16X8
FLOAT16, NONE, DYNAMIC = QuantizationType.FLOAT16, QuantizationType.NONE, QuantizationType.DYNAMIC_RANGE
INT8_WEIGHTS = QuantizationType.WEIGHT_ONLY_INT8
GATE = 25.0
WEIGHTS = 10_000
LAYERS = tuple(Layer(name=f"layer-{number}", badness=10 - number, cost=100) for number in range(10))


def error(decibels: float) -> MeasuredError:
    return MeasuredError(
        snr_decibels=f"{decibels:.1f}", max_absolute_error="0.1", cosine="0.9", samples=5, source="Generated"
    )


def missed(decibels: float) -> StepFailure:
    words = f"SNR {decibels} dB, but verification.minSNRDecibels asks for 25 dB"
    return StepFailure(Reason.VERIFICATION_FAILED, words, OWN_CURE, verification=error(decibels))


@dataclass(frozen=True)
class Model:
    """A model, as far as a search can tell."""

    sizes: Mapping[QuantizationType, int]
    decibels: Mapping[QuantizationType, float]
    scales: int = 0
    """What is saved with one scale a tensor (bytes)."""
    lost: float = 0.0
    """What that costs (dB)."""
    needed: int = 3
    """How many layers have to be left out for the gate."""
    floats: tuple[str, ...] = ()
    """Operators that Int8 has no integers for."""

    def convert(self, candidate: Candidate, state: State) -> Made:
        kept = set(candidate.kept.operations or ()) if candidate.kept is not None else set[str]()
        if candidate.kind is INT8 and set(self.floats) - kept:
            failure = StepFailure(
                Reason.OPERATION_NOT_QUANTIZABLE,
                "floats",
                OWN_CURE,
                keep_float=KeepFloat(operations=tuple(self.floats)),
            )
            return Made(candidate, "Failed", failure=failure)
        scales = self.scales if candidate.kind in SCALED else 0
        size = self.sizes[candidate.kind] + 100 * len(candidate.layers) - scales * candidate.per_tensor
        made = Made(candidate, "Held", size, WEIGHTS, scale_bytes=0 if candidate.per_tensor else scales)
        bound = state.bound() if state.best is not None else None
        if bound is not None and size >= bound:
            return replace(made, outcome="NotSmaller")
        lost = self.lost * candidate.per_tensor
        reached = self.decibels[candidate.kind] - lost if len(candidate.layers) < self.needed else GATE
        made = replace(made, measured=error(reached))
        if reached < GATE:
            return replace(made, outcome="Missed", failure=missed(reached))
        is_too_large = state.most_bytes is not None and size > state.most_bytes
        return replace(made, outcome="TooLarge") if is_too_large else made


def search(model: Model, state: State) -> State:
    while (step := plan.following(state)) is not None:
        if isinstance(step, Rank):
            state = replace(state, layers={**state.layers, step.candidate.family: LAYERS})
        else:
            state = replace(state, made=(*state.made, model.convert(step, state)))
    return state


def everything(most: int | None = None, trials: int = 32, candidates: Sequence[QuantizationType] = FIXED) -> State:
    return State(candidates=candidates, max_trials=trials, most_bytes=most)


def names(state: State) -> list[str]:
    return [each.candidate.name for each in state.made]


SIZES = {**dict.fromkeys(FIXED, 10_500), NONE: 40_500, FLOAT16: 20_500, INT4: 5_500}
HOLDING = dict.fromkeys(FIXED, 40.0)


def test_the_type_that_promises_the_smallest_artifact_comes_first_and_of_equals_the_one_named_first() -> None:
    state = everything(candidates=(NONE, FLOAT16, DYNAMIC, INT8, INT4))
    assert state.untried == (INT4, DYNAMIC, INT8, FLOAT16, NONE)


def test_what_cannot_be_smaller_than_what_holds_is_not_tried() -> None:
    assert names(search(Model(SIZES, HOLDING), everything())) == ["WeightOnlyInt4"]


def test_a_type_whose_weights_have_as_many_bits_may_be_smaller_and_is_tried() -> None:
    model = Model({**SIZES, INT8: 10_400}, {**HOLDING, INT4: 24.0}, needed=99)
    state = search(model, everything(candidates=(DYNAMIC, INT8, FLOAT16)))
    assert names(state) == ["DynamicRange", "Int8"]
    assert state.best is not None
    assert state.best.candidate.kind is INT8


def test_int16x8_is_tried_beside_int8_as_of_a_file_that_is_mostly_structure_it_may_be_the_smaller_one() -> None:
    state = search(Model({**SIZES, INT16: 10_400}, HOLDING), everything(candidates=(DYNAMIC, INT8, INT16)))
    assert names(state) == ["DynamicRange", "Int8", "Int16x8"]
    assert state.best is not None
    assert state.best.candidate.kind is INT16


def test_one_scale_a_tensor_is_tried_of_what_would_then_be_smaller_the_smallest_first() -> None:
    candidates = (INT8, DYNAMIC, INT16, FLOAT16)
    model = Model({**SIZES, INT8: 10_600, INT16: 11_600, DYNAMIC: 10_500}, HOLDING, scales=1000, lost=10)
    state = search(model, everything(candidates=candidates))
    assert names(state) == ["Int8", "DynamicRange", "Int16x8", "DynamicRange per tensor"]
    assert state.best is state.made[-1]
    # The first one misses the gate, and what would be no smaller than DynamicRange is not tried.
    state = search(replace(model, lost=20, needed=99), everything(candidates=candidates))
    assert names(state)[3:5] == ["DynamicRange per tensor", "Int8 per tensor"]
    assert "Int16x8 per tensor" not in names(state)
    assert state.best is state.made[1]


def test_one_scale_a_tensor_is_not_tried_where_it_saves_next_to_nothing_or_the_fastest_is_wanted() -> None:
    candidates = (DYNAMIC, FLOAT16)
    assert "DynamicRange per tensor" in names(
        search(Model(SIZES, HOLDING, scales=105), everything(candidates=candidates))
    )
    assert names(search(Model(SIZES, HOLDING, scales=104), everything(candidates=candidates))) == ["DynamicRange"]
    state = search(Model(SIZES, HOLDING, scales=1000), fastest(everything(candidates=candidates)))
    assert names(state) == ["DynamicRange", "Float16"]


def test_what_misses_a_gate_is_not_tried_with_one_scale_a_tensor_unless_something_holds() -> None:
    model = Model(SIZES, dict.fromkeys(FIXED, 20.0), scales=1000, needed=99)
    assert not any("per tensor" in name for name in names(search(model, everything())))


def test_what_is_repaired_is_so_with_one_scale_a_tensor_as_well() -> None:
    model = Model(SIZES, {**HOLDING, INT4: 20.0}, scales=1000, lost=10, needed=3)
    state = search(model, everything(candidates=(INT4, DYNAMIC)))
    assert names(state)[:4] == [
        "WeightOnlyInt4",
        "DynamicRange",
        "WeightOnlyInt4 per tensor",
        "DynamicRange per tensor",
    ]
    assert state.best is not None
    assert state.best.candidate.name == "WeightOnlyInt4 per tensor with 3 layers in 8 bits"
    assert state.best.candidate.eights is not None
    assert not state.best.candidate.is_plain


def test_what_has_no_integers_with_one_scale_a_tensor_alone_keeps_that_scale() -> None:
    held = Made(Candidate(INT8), "Held", 10_500, WEIGHTS, error(40), scale_bytes=1000)
    needed = KeepFloat(operations=("SOFTMAX",))
    failure = StepFailure(Reason.OPERATION_NOT_QUANTIZABLE, "floats", OWN_CURE, keep_float=needed)
    failed = Made(Candidate(INT8, per_tensor=True), "Failed", failure=failure)
    following = plan.following(replace(everything(candidates=(INT8,)), made=(held, failed)))
    assert following == Candidate(INT8, needed, per_tensor=True)


def test_four_bits_are_not_repaired_where_eight_miss_the_gate() -> None:
    model = Model(SIZES, {**HOLDING, INT4: 10.0, INT8_WEIGHTS: 20.0}, scales=1000, needed=3)
    state = search(model, everything(candidates=(INT4, INT8_WEIGHTS, FLOAT16)))
    assert names(state) == ["WeightOnlyInt4", "WeightOnlyInt8", "Float16"]


def test_what_has_operators_in_floats_keeps_them_with_one_scale_a_tensor() -> None:
    model = Model(SIZES, HOLDING, scales=1000, floats=("SOFTMAX",))
    state = search(model, everything(candidates=(INT8, FLOAT16)))
    assert names(state) == ["Int8", "Float16", "Int8 with SOFTMAX in floats", "Int8 per tensor with SOFTMAX in floats"]
    assert state.best is state.made[-1]


def test_what_misses_is_repaired_by_leaving_out_as_few_layers_as_hold() -> None:
    state = search(Model(SIZES, {**HOLDING, INT8: 20.0}, needed=3), everything(candidates=(INT8, FLOAT16)))
    assert names(state) == [
        "Int8",
        "Float16",
        *(f"Int8 with {count} layers in floats" for count in (10, 5, 2, 3)),
    ]
    assert state.best is not None
    assert state.best.candidate.layers == ("layer-0", "layer-1", "layer-2")


def test_layers_of_four_bits_get_eight() -> None:
    state = search(Model(SIZES, {**HOLDING, INT4: 20.0}, needed=1), everything(candidates=(INT4, DYNAMIC)))
    assert state.best is not None
    assert state.best.candidate.eights is not None
    assert state.best.candidate.name == "WeightOnlyInt4 with 1 layer in 8 bits"


def test_no_more_layers_are_left_out_than_keep_it_smaller_than_what_holds() -> None:
    sizes = {**SIZES, INT8: 10_000, DYNAMIC: 10_250}
    state = search(Model(sizes, {**HOLDING, INT8: 20.0}, needed=3), everything(candidates=(INT8, DYNAMIC)))
    assert names(state) == ["Int8", "DynamicRange", "Int8 with 2 layers in floats"]
    assert state.best is not None
    assert state.best.candidate.kind is DYNAMIC


def test_what_has_no_integers_is_left_in_floats_first() -> None:
    state = search(
        Model(SIZES, {**HOLDING, INT8: 20.0}, needed=2, floats=("SOFTMAX",)), everything(candidates=(INT8, FLOAT16))
    )
    assert names(state)[2] == "Int8 with SOFTMAX in floats"
    assert state.best is not None
    assert state.best.candidate.kept == KeepFloat(operations=("SOFTMAX",), tensors=("layer-0", "layer-1"))


def test_a_repair_that_all_layers_do_not_bring_about_is_given_up_after_one_trial() -> None:
    state = search(Model(SIZES, {**HOLDING, INT8: 20.0}, needed=99), everything(candidates=(INT8, FLOAT16)))
    assert names(state) == ["Int8", "Float16", "Int8 with 10 layers in floats"]


def test_what_exceeds_the_budget_as_it_runs_is_not_repaired() -> None:
    over = Made(Candidate(INT8), "OverBudget", SIZES[INT8], WEIGHTS, error(40))
    assert plan.following(replace(everything(candidates=(INT8,)), made=(over,))) is None


def test_of_repairs_that_exceed_the_budget_as_they_run_those_with_fewer_layers_are_tried() -> None:
    miss = Made(Candidate(INT8), "Missed", SIZES[INT8], WEIGHTS, error(20), missed(20))
    state = replace(everything(candidates=(INT8,)), made=(miss,), layers={(INT8, False): LAYERS})
    first = plan.following(state)
    assert isinstance(first, Candidate)
    assert len(first.layers) == len(LAYERS)
    over = Made(first, "OverBudget", SIZES[INT8] + 1000, WEIGHTS, error(40))
    following = plan.following(replace(state, made=(miss, over)))
    assert isinstance(following, Candidate)
    assert len(following.layers) == len(LAYERS) // 2


def fastest(state: State) -> State:
    return replace(state, objective="Latency")


def timed(candidate: Candidate, relative: str, outcome: TrialOutcome = "Held") -> Made:
    benchmark = Benchmark(runtime="LiteRT", relative_latency=relative, p90_milliseconds="1", threads=1)
    return Made(candidate, outcome, SIZES[candidate.kind], WEIGHTS, error(40), benchmark=benchmark)


def test_for_the_fastest_every_type_is_tried_from_the_one_that_promises_most() -> None:
    state = search(Model(SIZES, HOLDING), fastest(everything()))
    assert names(state) == [
        "Int8",
        "DynamicRange",
        "None",
        "Float16",
        "WeightOnlyInt8",
        "WeightOnlyInt4",
        "Int16x8",
    ]


def test_the_fastest_of_what_holds_is_taken_whatever_its_size() -> None:
    made = (
        timed(Candidate(INT8), "0.9000"),
        timed(Candidate(INT4), "0.1000", "Missed"),
        timed(Candidate(DYNAMIC), "0.8000"),
        timed(Candidate(FLOAT16), "1.0000"),
    )
    state = replace(fastest(everything()), made=made)
    assert state.best is made[2]
    assert state.bound() is None
    assert replace(state, most_bytes=100).bound() == 101


def test_for_the_fastest_what_computes_with_floats_is_not_repaired() -> None:
    state = search(Model(SIZES, {**HOLDING, INT4: 20.0}, needed=1), fastest(everything(candidates=(INT4, DYNAMIC))))
    assert names(state) == ["DynamicRange", "WeightOnlyInt4"]


def test_for_the_fastest_a_type_that_misses_is_repaired_whatever_else_holds() -> None:
    state = search(Model(SIZES, {**HOLDING, INT8: 20.0}), fastest(everything(candidates=(INT8, INT4))))
    assert "Int8 with 3 layers in floats" in names(state)


def test_there_are_no_more_trials_than_the_spec_allows() -> None:
    model = Model(SIZES, dict.fromkeys(FIXED, 20.0))
    assert len(search(model, everything(trials=4)).made) == 4


def test_a_type_that_is_beyond_the_budget_for_certain_is_not_tried() -> None:
    state = search(Model(SIZES, HOLDING), everything(most=4_000))
    assert names(state) == ["WeightOnlyInt4"]
    assert state.best is None


def test_an_artifact_that_holds_weights_twice_does_not_keep_a_type_from_being_tried() -> None:
    """Of a table that is multiplied by as well, four bits and floats are kept: more than halves, or floats, alone."""
    twice = Made(Candidate(INT4), "Held", 50_000, 2 * WEIGHTS, error(40))
    halves = Made(Candidate(FLOAT16), "Missed", 21_000, WEIGHTS, error(20), missed(20))
    state = everything(candidates=(INT4, FLOAT16, NONE))
    assert plan.promise(NONE, WEIGHTS) < 50_000 < plan.promise(NONE, 2 * WEIGHTS)
    assert plan.following(replace(state, made=(twice, halves))) == Candidate(NONE)


@pytest.mark.parametrize("seed", range(300))
def test_nothing_that_holds_as_it_is_is_smaller_than_what_is_chosen(seed: int) -> None:
    """Of any model whose artifacts are no smaller than their weights, the choice is the best that trying all gives.

    Files are mostly weights or mostly structure, and all that the types have in common is that the former are a bound.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    structure = 10 ** chance.uniform(1, 6)
    sizes = {kind: plan.promise(kind, WEIGHTS) + int(structure * chance.uniform(0.1, 1)) for kind in FIXED}
    decibels = {kind: chance.uniform(10, 40) for kind in FIXED}
    scales, lost = int(chance.uniform(0, 0.9) * min(sizes.values())), chance.uniform(-5, 20)
    candidates = chance.sample(FIXED, chance.randrange(1, len(FIXED) + 1))
    model = Model(sizes, decibels, scales, lost, needed=chance.randrange(1, 12))
    state = search(model, everything(trials=chance.randrange(len(candidates), 33), candidates=candidates))
    held = [sizes[kind] for kind in candidates if decibels[kind] >= GATE]
    if held:
        assert state.best is not None
        assert state.best.size is not None
        assert state.best.size <= min(held)
