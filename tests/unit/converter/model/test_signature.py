"""Choosing tags, signature and shapes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflite_api.reasons import Reason
from tflite_api.resource.spec import InputPin, Signature
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import SignatureFacts, TensorFacts
from tflite_converter.model.signature import Obstacle, check_types, choose_signatures, choose_tags, pin_inputs

IMAGE = TensorFacts("image", "float32", (-1, 224, 224, 3))
SCALE = TensorFacts("scale", "float32", ())
ANY = TensorFacts("any", "float32", None)


def signature(key: str = "serving_default", *inputs: TensorFacts) -> SignatureFacts:
    return SignatureFacts(key, inputs, (TensorFacts("out", "float32", (-1, 10)),))


@pytest.mark.parametrize("available", [["serve"], [], ["serve", "gpu"]])
def test_the_only_set_of_tags_is_found(available: list[str]) -> None:
    assert choose_tags([frozenset(available)], None) == frozenset(available)


def test_tags_are_a_set() -> None:
    sets = [frozenset({"serve"}), frozenset({"serve", "gpu"})]
    assert choose_tags(sets, ("gpu", "serve")) == sets[1]


@pytest.mark.parametrize("others", [[{"serve", "gpu"}], [set()], [{"train"}, {"serve", "tpu"}]])
def test_of_several_sets_of_tags_the_one_for_serving_is_taken(others: list[set[str]]) -> None:
    assert choose_tags([*map(frozenset, others), frozenset({"serve"})], None) == frozenset({"serve"})


def test_of_a_hub_module_the_graph_without_tags_is_taken() -> None:
    assert choose_tags([frozenset({"train"}), frozenset()], None) == frozenset()


def test_without_a_set_for_serving_one_must_be_chosen() -> None:
    with pytest.raises(StepFailure, match=r"\[train\], \[tpu\].*model\.tags"):
        choose_tags([frozenset({"train"}), frozenset({"tpu"})], None)


@pytest.mark.parametrize("asked", [("tpu",), ("gpu",), ()])
def test_other_tags_are_refused_with_those_there_are(asked: tuple[str, ...]) -> None:
    with pytest.raises(StepFailure, match=r"\[serve\], \[gpu, serve\]") as caught:
        choose_tags([frozenset({"serve"}), frozenset({"serve", "gpu"})], asked)
    assert caught.value.reason is Reason.TAGS_NOT_FOUND


def chosen(keys: list[str], asked: Signature, final: dict[str, str] | None = None, **passing: str) -> list[str]:
    available = {key: signature(key) for key in keys}
    obstacles = {key: Obstacle(words, is_final=True) for key, words in (final or {}).items()}
    obstacles |= {key: Obstacle(words, is_final=False) for key, words in passing.items()}
    return [found.key for found in choose_signatures(available, asked, lambda each: obstacles.get(each.key))]


@pytest.mark.parametrize(
    ("keys", "asked", "found"),
    [
        (["a", "serving_default"], Signature(), ["serving_default"]),
        (["a"], Signature(), ["a"]),
        (["a", "b"], Signature(key="b"), ["b"]),
        (["a", "serving_default"], Signature(key="a"), ["a"]),
        (["a", "b", "serving_default"], Signature(keys=("b", "a")), ["b", "a"]),
        (["b", "a"], Signature(), ["a", "b"]),
    ],
)
def test_a_signature_is_chosen(keys: list[str], asked: Signature, found: list[str]) -> None:
    assert chosen(keys, asked) == found


def test_what_nobody_asked_for_is_left_out_where_it_cannot_be_converted() -> None:
    assert chosen(["a", "b", "c"], Signature(), {"b": "has text"}) == ["a", "c"]
    assert chosen(["a", "b"], Signature(key="b"), {"b": "has text"}) == ["b"]
    with pytest.raises(StepFailure, match=r"a trains; b has text. Choose a with signature\.key") as caught:
        chosen(["a", "b"], Signature(), {"b": "has text"}, a="trains")
    assert caught.value.reason is Reason.SIGNATURE_NOT_FOUND


@pytest.mark.parametrize(
    ("keys", "asked", "words"),
    [
        (["a", "b"], Signature(key="c"), "no signature c; it has: a, b"),
        (["a", "b"], Signature(keys=("a", "d", "c")), "no signature d, c; it has: a, b"),
        ([], Signature(), "no signatures and no function"),
        ([], Signature(key="c"), "no signatures and no function"),
    ],
)
def test_an_unknown_signature_is_refused_with_those_there_are(keys: list[str], asked: Signature, words: str) -> None:
    with pytest.raises(StepFailure, match=words) as caught:
        chosen(keys, asked)
    assert caught.value.reason is Reason.SIGNATURE_NOT_FOUND


def test_a_pin_concerns_every_signature_with_an_input_of_its_name() -> None:
    both = (signature("s", IMAGE, SCALE), signature("t", SCALE))
    pinned = pin_inputs(both, [InputPin(name="image", shape=(1, 224, 224, 3))])
    assert [[tensor.shape for tensor in each.inputs] for each in pinned] == [[(1, 224, 224, 3), ()], [()]]


def test_an_input_without_a_pin_keeps_its_shape() -> None:
    (pinned,) = pin_inputs([signature("s", IMAGE, SCALE)], [InputPin(name="image", shape=(1, 224, 224, 3))])
    assert [tensor.shape for tensor in pinned.inputs] == [(1, 224, 224, 3), ()]


def test_an_unknown_input_is_refused_with_those_there_are() -> None:
    with pytest.raises(StepFailure, match=r"image: float32 \[-1, 224, 224, 3\]") as caught:
        pin_inputs([signature("s", IMAGE)], [InputPin(name="picture", shape=(1,))])
    assert caught.value.reason is Reason.INPUT_NOT_FOUND


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 224, 224), "3 dimensions instead of 4"),
        ((1, 224, 225, 3), "dimension 2 is fixed at 224"),
        ((-1, -1, 224, 3), "dimension 1 is fixed at 224"),
    ],
)
def test_a_contradicting_shape_names_input_model_and_asked(shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(StepFailure) as caught:
        pin_inputs([signature("s", IMAGE)], [InputPin(name="image", shape=shape)])
    assert caught.value.reason is Reason.INPUT_SHAPE_MISMATCH
    for part in ("image", "[-1, 224, 224, 3]", str(list(shape)), words):
        assert part in caught.value.message


def test_an_unknown_rank_has_to_be_pinned() -> None:
    with pytest.raises(StepFailure, match="no known rank") as caught:
        pin_inputs([signature("s", ANY)], [])
    assert caught.value.reason is Reason.INPUT_SHAPE_MISMATCH
    (pinned,) = pin_inputs([signature("s", ANY)], [InputPin(name="any", shape=(2, -1))])
    assert pinned.inputs[0].shape == (2, -1)


@pytest.mark.parametrize("dtype", ["string", "resource", "variant"])
def test_strings_and_resources_are_refused(dtype: str) -> None:
    foreign = TensorFacts("text", dtype, (-1,))
    for wrong in (signature("s", foreign), SignatureFacts("s", (IMAGE,), (foreign,))):
        with pytest.raises(StepFailure, match=f"text: {dtype}") as caught:
            check_types(wrong)
        assert caught.value.reason is Reason.INPUT_UNSUPPORTED


DIMENSIONS = st.one_of(st.just(-1), st.integers(1, 4))


@given(st.lists(DIMENSIONS, max_size=4), st.lists(DIMENSIONS, max_size=4))
def test_a_pin_is_taken_exactly_where_it_narrows_the_model(model: list[int], asked: list[int]) -> None:
    facts = signature("s", TensorFacts("x", "float32", tuple(model)))
    narrows = len(model) == len(asked) and all(m in {-1, a} for m, a in zip(model, asked, strict=True))
    try:
        (pinned,) = pin_inputs([facts], [InputPin(name="x", shape=tuple(asked))])
    except StepFailure as failure:
        assert failure.reason is Reason.INPUT_SHAPE_MISMATCH
        assert not narrows
    else:
        assert narrows
        assert pinned.inputs[0].shape == tuple(asked)
