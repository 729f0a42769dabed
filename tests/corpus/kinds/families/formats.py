"""Models by how they were saved: TensorFlow 1, Keras 2 and 3, StableHLO, assets, several files of variables."""

from pathlib import Path
from typing import Any, Final

from tests.corpus.kinds.kind import (
    NOT_IN_INTEGERS,
    OR_GATE,
    UNSUPPORTED,
    Kind,
    below,
    everywhere,
    normal,
)
from tests.corpus.kinds.saving import save, values
from tflite_api.resource.quantization_types import QuantizationType


def _session(folder: Path, *, resource: bool = False) -> None:
    """As scripts of TensorFlow 1.15 end: a session, `simple_save`, and a graph that still has its training in it."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 12], name="x")
        labels = v1.placeholder(tf.int64, [None], name="labels")
        training = v1.placeholder_with_default(False, [], name="is_training")
        with v1.variable_scope("dense", use_resource=resource):
            kernel = v1.get_variable("kernel", initializer=values("kernel", 12, 64))
            out = v1.get_variable("out", initializer=values("out", 64, 5))
        step = v1.train.get_or_create_global_step()
        hidden = tf.nn.relu(x @ kernel)
        hidden = tf.cond(training, lambda: v1.nn.dropout(hidden, rate=0.5), lambda: hidden)
        logits = hidden @ out
        loss = v1.losses.sparse_softmax_cross_entropy(labels, logits)
        v1.train.AdamOptimizer().minimize(loss, global_step=step)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(folder), {"x": x}, {"scores": tf.nn.softmax(logits)})


def _estimator(folder: Path) -> None:
    """A graph for serving beside one for training, a batch normalization of TensorFlow 1, and a saver with shards."""
    import tensorflow as tf

    v1 = tf.compat.v1
    builder = v1.saved_model.Builder(str(folder))
    for training in (False, True):
        with v1.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
            with v1.variable_scope("model", use_resource=False):
                kernel = v1.get_variable("kernel", initializer=values("kernel", 3, 3, 3, 8))
                scale = v1.get_variable("scale", initializer=abs(values("scale", 8, scale=1.0)) + 0.5)
                out = v1.get_variable("out", initializer=values("out", 8, 4))
            y = tf.nn.conv2d(x, kernel, 1, "SAME")
            y = v1.nn.fused_batch_norm(y, scale, scale / 4, scale / 8, scale, is_training=training)[0]
            logits = tf.reduce_mean(tf.nn.relu(y), [1, 2]) @ out
            info, name = v1.saved_model.build_tensor_info, "tensorflow/serving/predict"
            signature = v1.saved_model.build_signature_def({"image": info(x)}, {"logits": info(logits)}, name)
            signatures, saver = {"serving_default": signature}, v1.train.Saver(sharded=True)
            session.run(v1.global_variables_initializer())
            if training:
                builder.add_meta_graph(["train"], signatures, saver=saver)
            else:
                builder.add_meta_graph_and_variables(session, ["serve"], signatures, saver=saver)
    builder.save()


def _control_flow_of_1(folder: Path) -> None:
    """A loop of Switch, Merge and Enter, as TensorFlow 1 wrote them."""
    import tensorflow as tf

    v1 = tf.compat.v1
    v1.disable_control_flow_v2()
    try:
        with v1.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder(tf.float32, [1, 6], name="x")
            kernel = v1.get_variable("kernel", initializer=values("kernel", 6, 6, scale=0.3), use_resource=False)
            y = v1.while_loop(lambda i, _: i < 4, lambda i, h: (i + 1, tf.tanh(h @ kernel)), [tf.constant(0), x])[1]
            session.run(v1.global_variables_initializer())
            v1.saved_model.simple_save(session, str(folder), {"x": x}, {"y": y})
    finally:
        v1.enable_control_flow_v2()


def _keras_model(tf: Any) -> Any:
    tf.keras.utils.set_random_seed(3)
    layers = tf.keras.layers
    image = layers.Input((12, 12, 3), name="image")
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 3)(image)))
    x = layers.GlobalAveragePooling2D()(layers.SeparableConv2D(32, 3)(x))
    return tf.keras.Model(image, layers.Dense(10, activation="softmax")(layers.Dropout(0.3)(x)))


def _keras_3(folder: Path) -> None:
    import tensorflow as tf

    _keras_model(tf).export(str(folder), verbose=False)


def _keras_3_raw(folder: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(_keras_model(tf), str(folder))


def _keras_2(folder: Path) -> None:
    import tf_keras

    tf_keras.utils.set_random_seed(3)
    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            layers.Input((8, 6), name="sequence"),
            layers.Conv1D(16, 3, activation="relu"),
            layers.LSTM(8),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy")
    model.fit(values("x", 4, 8, 6, scale=1.0), abs(values("y", 4, 4, scale=1.0)), verbose=0)
    model.save(folder, save_format="tf")


_STABLEHLO: Final = """
module @jit_call {
  func.func public @main(%arg0: tensor<16x8xf32>, %arg1: tensor<2x16xf32>) -> (tensor<2x8xf32>) {
    %0 = stablehlo.dot_general %arg1, %arg0, contracting_dims = [1] x [0]
      : (tensor<2x16xf32>, tensor<16x8xf32>) -> tensor<2x8xf32>
    %1 = stablehlo.tanh %0 : tensor<2x8xf32>
    return %1 : tensor<2x8xf32>
  }
}
"""


def _stablehlo(folder: Path) -> None:
    """What jax2tf and `keras.export` write with the JAX backend: one operation that holds a StableHLO module."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        from tensorflow.compiler.tf2xla.ops import gen_xla_ops

        (y,) = gen_xla_ops.xla_call_module(
            args=[weights("k", 16, 8), x],
            version=5,
            module=_STABLEHLO.encode(),
            Sout=[[2, 8]],
            Tout=[tf.float32],
            platforms=["CPU"],
            dim_args_spec=[],
            function_list=[],
            has_token_input_output=False,
            disabled_checks=[],
        )
        return {"y": y}

    save(folder, call, x=([2, 16], "float32"))


def _vocabulary(folder: Path) -> None:
    """A classifier of words with its vocabulary as an asset, and a second signature that begins after the lookup."""
    import tensorflow as tf

    words = folder.with_name(f"{folder.name}-words.txt")
    words.write_text("".join(f"word{number}\n" for number in range(40)))
    module = tf.Module()
    module.table = tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(
            str(words), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
        ),
        num_oov_buckets=1,
    )
    module.embedding, module.out = tf.Variable(values("e", 41, 16, scale=1.0)), tf.Variable(values("o", 16, 3))

    def from_ids(ids: Any) -> Any:
        return {"scores": tf.nn.softmax(tf.reduce_mean(tf.gather(module.embedding, ids), 1) @ module.out)}

    module.from_ids = tf.function(from_ids)
    module.from_words = tf.function(lambda words: from_ids(module.table.lookup(words)))
    signatures = {
        "serving_default": module.from_words.get_concrete_function(tf.TensorSpec([None, 6], tf.string, name="words")),
        "from_ids": module.from_ids.get_concrete_function(tf.TensorSpec([None, 6], tf.int64, name="ids")),
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)
    words.unlink()


def _number_table(folder: Path) -> None:
    """A lookup from numbers to numbers, as of items' ids to rows."""

    import tensorflow as tf

    module = tf.Module()
    keys, rows = tf.range(100, 120, dtype=tf.int64), tf.range(20, dtype=tf.int64)
    module.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, rows), 0)
    module.rows = tf.Variable(values("t", 20, 8))
    module.call = tf.function(lambda items: {"y": tf.gather(module.rows, module.table.lookup(items))})
    spec = tf.TensorSpec([3], tf.int64, name="items")
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(spec))


def _sharded(folder: Path, *, width: int = 64, parts: int = 6) -> None:
    """Variables in several files, as TensorFlow writes them from several devices or tasks."""
    import tensorflow as tf

    module = tf.Module()
    module.kernels = [tf.Variable(values(f"k{part}", width, width)) for part in range(parts)]

    def call(x: Any) -> Any:
        for kernel in module.kernels:
            x = tf.tanh(x @ kernel)
        return {"y": x}

    module.call = tf.function(call)
    function = module.call.get_concrete_function(tf.TensorSpec([None, width], tf.float32, name="x"))
    options = tf.saved_model.SaveOptions(
        experimental_sharding_callback=tf.train.experimental.MaxShardSizePolicy(max_shard_size=2 * width * width * 4)
    )
    tf.saved_model.save(module, str(folder), signatures=function, options=options)


def _without_signatures(folder: Path) -> None:
    import tensorflow as tf

    class Model(tf.Module):  # type: ignore[misc] # TensorFlow has no types
        def __init__(self) -> None:
            super().__init__()
            self.kernel = tf.Variable(values("k", 8, 64))

        @tf.function(input_signature=[tf.TensorSpec([None, 8], tf.float32, name="x")])  # type: ignore[untyped-decorator] # see above
        def __call__(self, x: Any) -> Any:
            return {"y": tf.nn.relu(x @ self.kernel)}

    tf.saved_model.save(Model(), str(folder))


KINDS: Final = (
    Kind("tf1-session", _session, {"x": normal(2, 12)}),
    Kind("tf1-estimator", _estimator, {"image": normal(2, 8, 8, 3)}),
    # Four bits in each of its steps: 14 dB, and 9 where most numbers are 0.
    Kind(
        "tf1-loop",
        _control_flow_of_1,
        {"x": normal(1, 6)},
        expected={**NOT_IN_INTEGERS, QuantizationType.WEIGHT_ONLY_INT4: OR_GATE},
    ),
    Kind("keras-3", _keras_3, {"image": normal(1, 12, 12, 3)}),
    Kind("keras-3-raw", _keras_3_raw, {"inputs": normal(1, 12, 12, 3)}),
    Kind("keras-2-trained", _keras_2, {"sequence": normal(1, 8, 6)}),
    Kind("stablehlo", _stablehlo, {"x": normal(2, 16)}),
    Kind(
        "vocabulary",
        _vocabulary,
        {"ids": below(41, 2, 6, dtype="int64")},
        spec={"signature": {"key": "from_ids"}},
        key="from_ids",
    ),
    Kind(
        "number-table",
        _number_table,
        {"items": lambda generator: generator.integers(100, 120, 3)},
        expected=everywhere(UNSUPPORTED),
    ),
    Kind("sharded-checkpoint", _sharded, {"x": normal(2, 64)}),
    Kind("without-signatures", _without_signatures, {"x": normal(2, 8)}),
)
