"""Specs that keep or break each rule of the schema about the signature, and the metadata that describes it."""

from tests.e2e.schema_cases.least import Object, Rule, changed


def shape(*dimensions: object) -> Object:
    return changed("signature.inputs", [{"name": "x", "shape": list(dimensions)}])


def described_input(**said: object) -> Object:
    return changed("metadata.inputs", [{"name": "x", **said}])


def normalized(mean: list[object], std: list[object]) -> Object:
    return described_input(normalization={"mean": mean, "std": std})


def labelled(*labels: object) -> Object:
    return changed("metadata.outputs", [{"name": "y", "labels": list(labels)}])


RULES: list[Rule] = [
    ("dimension", [shape(-1, 1), shape()], [shape(0), shape(1, 0)], "must be -1 (flexible) or at least 1"),
    ("dimension is not less than -1", [shape(-1)], [shape(-2)], "greater than or equal to -1"),
    (
        "signature key or keys",
        [changed("signature", {"key": "a"}), changed("signature", {"keys": ["a", "b"]})],
        [changed("signature", {"key": "a", "keys": ["b"]})],
        "set key for one signature or keys for several",
    ),
    ("keys", [changed("signature.keys", ["a"])], [changed("signature.keys", [])], "at least 1 items"),
    (
        "keys are unique",
        [changed("signature.keys", ["a", "b"])],
        [changed("signature.keys", ["a", "a"])],
        "Duplicate value",
    ),
    (
        "metadata's mean",
        [normalized(["0", "-12.25"], ["1", "0.5"])],
        [normalized([text], ["1"]) for text in ("1e3", "", "--1", "1.", "1\n")],
        "must be a decimal number as text",
    ),
    (
        "metadata's std",
        [normalized(["0"], ["0.000000001"])],
        [normalized(["0"], [text]) for text in ("0", "0.00", "-1", "x")],
        "must be a decimal number above zero as text",
    ),
    (
        "mean and std",
        [normalized(["0"] * 256, ["1"] * 256)],
        [normalized(["0"], ["1", "1"]), normalized(["0", "0", "0"], ["1"])],
        "mean and std must have the same length",
    ),
    ("mean is not empty", [normalized(["0"], ["1"])], [normalized([], [])], "at least 1 items"),
    (
        "mean is text",
        [normalized(["127"], ["1"])],
        [normalized([127.5], ["1"]), normalized([1], ["1"])],
        "of type string",
    ),
    (
        "color space of an input",
        [described_input(colorSpace="Grayscale"), described_input(colorSpace="RGB"), described_input()],
        [described_input(colorSpace=name) for name in ("BGR", "rgb", "")],
        'supported values: "RGB", "Grayscale"',
    ),
    (
        "labels",
        [labelled("maillot", "maillot", " a\tb "), labelled(*["\u00e9" * 128] * 2000)],
        [labelled("a\n"), labelled("a", "b\rc")],
        "every label must be one line",
    ),
    ("labels are not empty", [labelled("a")], [labelled()], "at least 1 items"),
    ("a label is not empty", [labelled("a")], [labelled("a", "")], "at least 1 chars"),
    ("length of a label", [labelled("a" * 128)], [labelled("a" * 129)], "may not be more than 128 bytes"),
    ("number of labels", [labelled("a")], [labelled(*["a"] * 2001)], "must have at most 2000 items"),
    (
        "description",
        [changed("metadata.description", "a\n" * 2048), changed("metadata", {})],
        [changed("metadata.description", "a" * 4097), changed("metadata.name", "a" * 257)],
        "may not be more than",
    ),
    (
        "described inputs",
        [changed("metadata.inputs", [{"name": "x"}, {"name": "y"}])],
        [changed("metadata.inputs", [{"name": "x"}, {"name": "x"}])],
        "Duplicate value",
    ),
    (
        "described outputs",
        [changed("metadata.outputs", [])],
        [changed("metadata.outputs", [{"name": "x"}, {"name": "x"}])],
        "Duplicate value",
    ),
]
