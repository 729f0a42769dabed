"""Models with branches and loops, and with other numbers than float32."""

from pathlib import Path
from typing import Any, Final

from tests.corpus.kinds.kind import (
    NOT_IN_16_BITS,
    NOT_IN_INTEGERS,
    UNSUPPORTED,
    Kind,
    below,
    everywhere,
    normal,
)
from tests.corpus.kinds.saving import save
from tflite_api.reasons import Reason


def _until(folder: Path) -> None:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        a = weights("a", 6, 6)
        return {"y": tf.while_loop(lambda y: tf.reduce_max(tf.abs(y)) > 0.1, lambda y: (y @ a * 0.3,), [x])[0]}

    save(folder, call, x=([1, 6], "float32"))


def _branch(folder: Path) -> None:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        a = weights("a", 6, 6)
        return {"y": tf.cond(tf.reduce_sum(x) > 0, lambda: x @ a, lambda: x * 3)}

    save(folder, call, x=([1, 6], "float32"))


def _switch(folder: Path) -> None:
    """One of several experts, by number."""

    def call(tf: Any, weights: Any, x: Any, expert: Any) -> Any:
        experts = [weights(f"e{number}", 8, 8) for number in range(3)]
        return {"y": tf.switch_case(expert, [lambda e=e: tf.nn.relu(x @ e) for e in experts])}

    save(folder, call, x=([1, 8], "float32"), expert=([], "int32"))


def _mapped(folder: Path) -> None:
    """A function mapped over the rows of a batch of any size."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        k = weights("k", 6, 6)
        return {"y": tf.map_fn(lambda row: tf.tanh(tf.linalg.matvec(k, row)), x)}

    save(folder, call, x=([None, 6], "float32"))


def _nested(folder: Path) -> None:
    """A loop in a loop, both of fixed length."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        k = weights("k", 6, 6, scale=0.3)

        def outer(i: Any, y: Any) -> Any:
            inner = tf.while_loop(lambda j, _: j < 2, lambda j, z: (j + 1, tf.tanh(z @ k)), [0, y])[1]
            return i + 1, inner + x

        return {"y": tf.while_loop(lambda i, _: i < 3, outer, [0, x])[1]}

    save(folder, call, x=([1, 6], "float32"))


def _euler(folder: Path) -> None:
    """A differential equation, by as many steps as are asked for."""

    def call(tf: Any, weights: Any, x: Any, steps: Any) -> Any:
        k = weights("k", 4, 4, scale=0.4)
        return {"y": tf.while_loop(lambda i, _: i < steps, lambda i, y: (i + 1, y + 0.1 * tf.tanh(y @ k)), [0, x])[1]}

    save(folder, call, x=([1, 4], "float32"), steps=([], "int32"))


def _mixed(dtype: str) -> Any:
    def build(folder: Path) -> None:
        def call(tf: Any, weights: Any, image: Any) -> Any:
            y = tf.nn.conv2d(tf.cast(image, dtype), tf.cast(weights("k", 3, 3, 3, 8), dtype), 1, "SAME")
            y = tf.nn.relu(tf.nn.bias_add(y, tf.cast(weights("b", 8), dtype)))
            return {"y": tf.nn.softmax(tf.cast(tf.reduce_mean(y, [1, 2]), tf.float32) @ weights("d", 8, 4))}

        save(folder, call, image=([None, 12, 12, 3], "float32"))

    return build


def _doubles(folder: Path) -> None:
    """In and out as well, as scientists' models are."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": tf.tanh(x @ tf.cast(weights("k", 8, 8), tf.float64)) * 2.0}

    save(folder, call, x=([None, 8], "float64"))


def _complex(folder: Path) -> None:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": tf.signal.rfft(x @ weights("k", 16, 64))}

    save(folder, call, x=([1, 16], "float32"))


def _bits(folder: Path) -> None:
    def call(tf: Any, _: Any, x: Any) -> Any:
        return {"y": tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, 1))}

    save(folder, call, x=([4], "int32"))


def _graph_network(folder: Path) -> None:
    """Messages along edges, summed at each node."""

    def call(tf: Any, weights: Any, nodes: Any, edges: Any) -> Any:
        sent = tf.nn.relu(tf.gather(nodes, edges[:, 0]) @ weights("k", 8, 8))
        received = tf.math.unsorted_segment_sum(sent, edges[:, 1], 6)
        return {"y": tf.tanh(nodes @ weights("n", 8, 8) + received)}

    save(folder, call, nodes=([6, 8], "float32"), edges=([10, 2], "int32"))


def _forest(folder: Path) -> None:
    """Decision trees as tables, walked down by gathering."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        features = tf.constant([[i * 7 % 5 for i in range(7)], [i * 3 % 5 for i in range(7)]], tf.int32)
        limits = tf.reshape(weights("l", 14, scale=0.5), [2, 7])
        leaves = tf.reshape(weights("v", 16, scale=1.0), [2, 8])
        votes = []
        for tree in range(2):
            node = tf.zeros_like(x[:, 0], tf.int32)
            for _ in range(3):
                value = tf.gather(x, tf.gather(features[tree], node), batch_dims=1, axis=1)
                node = 2 * node + tf.where(value > tf.gather(limits[tree], node), 2, 1)
            votes.append(tf.gather(leaves[tree], node - 7))
        return {"y": tf.add_n(votes)}

    save(folder, call, x=([3, 5], "float32"))


def _offset(folder: Path) -> None:
    """Temperatures in kelvins: a small signal on a large constant."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": 280.0 + tf.tanh(x @ weights("k", 16, 16)) @ weights("o", 16, 2)}

    save(folder, call, x=([None, 16], "float32"))


def _tiny(folder: Path) -> None:
    """Two weights: nothing to gain by quantization."""

    def call(_: Any, weights: Any, x: Any) -> Any:
        return {"y": x * weights("a", 1, scale=1.0) + weights("b", 1, scale=1.0)}

    save(folder, call, x=([None, 1], "float32"))


def _chance(folder: Path) -> None:
    """A policy that draws its action."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        return {"y": x @ weights("k", 8, 4) + tf.random.normal([1, 4])}

    save(folder, call, x=([1, 8], "float32"))


KINDS: Final = (
    Kind("loop-until", _until, {"x": normal(1, 6)}, expected=NOT_IN_INTEGERS),
    Kind("branch", _branch, {"x": normal(1, 6)}, expected=NOT_IN_INTEGERS),
    Kind("switch", _switch, {"x": normal(1, 8), "expert": below(3)}, expected=everywhere(UNSUPPORTED)),
    Kind(
        "mapped",
        _mapped,
        {"x": normal(1, 6)},
        expected=NOT_IN_INTEGERS,
        pin={"inputs": [{"name": "x", "shape": [1, 6]}]},
    ),
    Kind("nested-loops", _nested, {"x": normal(1, 6)}, expected=NOT_IN_INTEGERS),
    Kind("steps-as-an-input", _euler, {"x": normal(1, 4), "steps": below(8)}, expected=NOT_IN_INTEGERS),
    Kind("mixed-float16", _mixed("float16"), {"image": normal(1, 12, 12, 3)}),
    Kind("mixed-bfloat16", _mixed("bfloat16"), {"image": normal(1, 12, 12, 3)}),
    Kind("doubles", _doubles, {"x": lambda generator: generator.normal(size=(2, 8))}, expected=NOT_IN_16_BITS),
    Kind("complex-output", _complex, {"x": normal(1, 16)}, expected=NOT_IN_INTEGERS),
    Kind("bits", _bits, {"x": below(2**20, 4)}, expected=NOT_IN_16_BITS),
    Kind("graph-network", _graph_network, {"nodes": normal(6, 8), "edges": below(6, 10, 2)}, expected=NOT_IN_INTEGERS),
    Kind("forest", _forest, {"x": normal(3, 5)}, expected=NOT_IN_INTEGERS),
    Kind("large-constant", _offset, {"x": normal(2, 16)}),
    Kind("two-weights", _tiny, {"x": normal(4, 1)}),
    Kind(
        "random-policy",
        _chance,
        {"x": normal(1, 8)},
        expected={**everywhere(Reason.NON_DETERMINISTIC.value), **NOT_IN_16_BITS},
    ),
)
