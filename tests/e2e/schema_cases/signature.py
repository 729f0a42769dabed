"""Specs that keep or break each rule of the schema about the signature, and the metadata that describes it."""

from tests.e2e.schema_cases.least import Object, Rule, changed


def shape(*dimensions: object) -> Object:
    return changed("signature.inputs", [{"name": "x", "shape": list(dimensions)}])


def described_input(**said: object) -> Object:
    return changed("metadata.inputs", [{"name": "x", **said}])


def normalized(mean: list[object], std: list[object]) -> Object:
    return described_input(normalization={"mean": mean, "std": std})


def licensed(version: str) -> Object:
    """The metadata with 12284 bytes beside the version's, which takes its length and three."""
    texts = {"description": "\n\t\r" * 1364 + "a" * 4, "license": "\U0001f916" * 1022 + "aa"}
    return changed("metadata", texts | {"version": version})


def quoted(total: int, count: int) -> list[str]:
    """Texts that take so many bytes together as JSON, the first ones a little more."""
    sizes = [total // count + (at < total % count) for at in range(count)]
    return [f"{at:02}".ljust(size - 3, "n") for at, size in enumerate(sizes)]


def of_bytes(count: int) -> list[Object]:
    """Specs with outputs that take so many bytes as JSON, in one byte a character, in four, and with escapes."""
    filled = count - len('"y",')
    return [
        labelled(*["a" * 61] * (filled // 64 - 1), "a" * (filled % 64 + 61)),
        labelled(*["\U0001f916" * 15] * (filled // 63 - 1), "a" * (filled % 63 + 60)),
        labelled(*['"\\' * 15] * (filled // 63 - 1), "a" * (filled % 63 + 60)),
    ]


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
        [labelled("maillot", "maillot", " a b "), labelled(*["\u00e9" * 10] * 2000)],
        [labelled("a\n"), labelled("a", "b\rc"), labelled("a\tb"), labelled("\x00")],
        "every label must be one line",
    ),
    (
        "labels and texts of outputs",
        [*of_bytes(49152), changed("metadata.outputs", [{"name": f"{at}", "labels": ["a"] * 2000} for at in range(6)])],
        [
            *of_bytes(49153),
            changed("metadata.outputs", [{"name": f"{at}", "labels": ["a" * 60] * 2000} for at in range(20)]),
            changed("metadata.outputs", [{"name": f"{at}", "labels": ["a"] * 2000} for at in range(20)]),
        ],
        "must have at most 49152 bytes",
    ),
    (
        "other texts",
        [
            licensed("a"),
            changed("metadata.inputs", [{"name": name} for name in quoted(8192, 32)]),
            normalized(["0.5"] * 256, ["123456789.5"] * 256),
        ],
        [licensed("aa")],
        "beside those of outputs must have at most 12288 bytes",
    ),
    (
        "names in keys and inputs",
        [
            changed(
                "signature",
                {
                    "keys": quoted(2048, 16),
                    "inputs": [{"name": name, "shape": []} for name in quoted(6144, 32)],
                },
            ),
            changed("signature.keys", ["\\" * 126 + "a"]),
        ],
        [
            changed(
                "signature",
                {
                    "keys": quoted(2049, 16),
                    "inputs": [{"name": name, "shape": []} for name in quoted(6144, 32)],
                },
            ),
        ],
        "the names in keys and inputs must have at most 8192 bytes",
    ),
    (
        "control characters in names",
        [changed("signature.key", "a b"), changed("metadata.name", "\x7f")],
        [
            changed("signature.key", "a\n"),
            changed("signature.keys", ["a\x00"]),
            changed("signature.inputs", [{"name": "\t", "shape": []}]),
            changed("model.tags", ["a\x1f"]),
            changed("metadata.name", "a\nb"),
            changed("metadata.version", "\r"),
            changed("metadata.author", "\x08"),
            described_input(name="\x01"),
            changed("metadata.outputs", [{"name": "\n"}]),
        ],
        "must hold no control characters",
    ),
    (
        "control characters in texts",
        [changed("metadata.license", "a\r\n\tb")],
        [
            changed("metadata.license", "\x0b"),
            changed("metadata.description", "\x00"),
            described_input(description="\x1f"),
            changed("metadata.outputs", [{"name": "y", "description": "\x0c"}]),
        ],
        "must hold no control characters but tabs and line breaks",
    ),
    (
        "number of outputs",
        [labelled("a")],
        [changed("metadata.outputs", [{"name": str(n)} for n in range(21)])],
        "at most 20",
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
