"""SavedModels that the plain way cannot convert, each saved as people save them."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np


def _weights(*shape: int) -> Any:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32) / 4


def recurrent(folder: Path, steps: int | None = 5) -> None:
    """A loop over time steps with a flexible batch, as Keras writes a GRU."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(3)
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((steps, 3), name="sequence"), layers.GRU(6), layers.Dense(2)])
    model.export(str(folder), verbose=False)


def recurrent_and_counting(folder: Path) -> None:
    """A loop over time steps with a flexible batch, in a model that counts its calls."""
    import tensorflow as tf

    layer = tf.keras.layers.GRU(6)
    module = tf.Module()
    module.layer, module.calls = layer, tf.Variable(0.0)
    module.call = tf.function(lambda x: {"y": layer(x), "calls": module.calls.assign_add(1.0)})
    sequence = tf.TensorSpec([None, 5, 3], tf.float32, name="x")
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(sequence))


def keras_saved_raw(folder: Path) -> None:
    """A Keras 3 model saved with tf.saved_model.save, whose variables the converter does not find."""
    import tensorflow as tf

    layers = tf.keras.layers
    tf.saved_model.save(
        tf.keras.Sequential([layers.Input((8,)), layers.Dense(4, activation="relu"), layers.Dense(2)]), str(folder)
    )


def reference_variables(folder: Path, tags: tuple[str, ...] = ("serve",), device: str = "") -> None:
    """A TensorFlow 1 graph with reference variables; with no tags it is what a TensorFlow 1 Hub module is."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session(config=v1.ConfigProto(allow_soft_placement=True)) as session:
        with tf.device(device):
            x = v1.placeholder(tf.float32, [None, 4], name="x")
            weights = v1.get_variable("weights", initializer=_weights(4, 3), use_resource=False)
            y = tf.matmul(x, weights, name="y")
        session.run(v1.global_variables_initializer())
        describe = v1.saved_model.build_tensor_info
        signature = v1.saved_model.build_signature_def({"x:0": describe(x)}, {"scores/y": describe(y)})
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, list(tags), {"serving_default": signature})
        builder.save()


def duplicate_inputs(folder: Path) -> None:
    """A TensorFlow 1 signature that gives one tensor two names, as input and as output."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        y = x * 3.0
        describe = v1.saved_model.build_tensor_info
        signature = v1.saved_model.build_signature_def(
            {"x": describe(x), "images": describe(x)}, {"y": describe(y), "scores": describe(y)}
        )
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()


def fed_in_the_middle(folder: Path) -> None:
    """A TensorFlow 1 signature whose input is what a parser gives, in a graph that today's TensorFlow does not accept.

    TensorFlow 1.0 wrote a placeholder of any shape as one of no dimensions, which a parser refuses, and signatures
    without the shapes that it did not know.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        serialized = v1.placeholder(tf.string, [None], name="examples")
        parsed = tf.raw_ops.ParseExample(
            serialized=serialized,
            names=tf.constant([], tf.string),
            sparse_keys=[],
            dense_keys=["x"],
            dense_defaults=[tf.constant([], tf.float32)],
            sparse_types=[],
            dense_shapes=[[1]],
        )
        x = tf.identity(parsed.dense_values[0], name="x")
        y = x * 0.5 + 3.0
        describe = v1.saved_model.build_tensor_info
        signature = v1.saved_model.build_signature_def({"x": describe(x)}, {"y": describe(y)})
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()
    path = folder / "saved_model.pb"
    proto = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    graph = proto.meta_graphs[0].graph_def
    graph.versions.producer = 21
    proto.meta_graphs[0].signature_def["serving_default"].inputs["x"].ClearField("tensor_shape")
    next(node for node in graph.node if node.name == "examples").attr["shape"].shape.Clear()
    path.write_bytes(proto.SerializeToString())


def counter(folder: Path) -> None:
    """TensorFlow 1 signatures that give references to a variable, without inputs or with an effect."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        count = v1.get_variable("count", initializer=1.0, use_resource=False)
        more = v1.assign_add(count, 1.0)
        session.run(v1.global_variables_initializer())
        describe = v1.saved_model.build_tensor_info
        signatures = {
            key: v1.saved_model.build_signature_def({}, {"output": describe(value)})
            for key, value in (("get", count), ("increase", more))
        }
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()


def without_signatures(folder: Path) -> None:
    """A tf.Module with a function and no signatures; one input signature is for training."""
    import tensorflow as tf

    class Model(tf.Module):  # type: ignore[misc] # TensorFlow has no types
        def __init__(self) -> None:
            super().__init__()
            self.weights = tf.Variable(_weights(4, 3))

        @tf.function  # type: ignore[untyped-decorator] # see above
        def __call__(self, images: Any, training: bool = False) -> Any:
            return images @ self.weights if training else {"scores": tf.nn.softmax(images @ self.weights)}

    model = Model()
    for training in (True, False):
        model.__call__.get_concrete_function(tf.TensorSpec([None, 4], tf.float32, name="images"), training=training)
    tf.saved_model.save(model, str(folder))


def several_signatures(folder: Path) -> None:
    """Two signatures over the same weights, one that trains, and one that takes text; none is the default."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = tf.Variable(_weights(64, 16))
    floats = tf.TensorSpec([None, 64], tf.float32, name="x")
    module.encode = tf.function(lambda x: {"code": tf.nn.tanh(x @ module.weights)})
    module.score = tf.function(lambda x: {"score": tf.reduce_sum(x @ module.weights, axis=1)})
    module.train = tf.function(lambda x: {"loss": tf.reduce_sum(module.weights.assign_add(tf.ones([64, 16]))) + x})
    module.save = tf.function(lambda path: {"path": path})
    tf.saved_model.save(
        module,
        str(folder),
        signatures={
            "encode": module.encode.get_concrete_function(floats),
            "score": module.score.get_concrete_function(floats),
            "train": module.train.get_concrete_function(floats),
            "save": module.save.get_concrete_function(tf.TensorSpec([], tf.string, name="path")),
        },
    )


def policy(folder: Path) -> None:
    """The signatures that TF-Agents' PolicySaver writes: their inputs' names hold slashes."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = tf.Variable(_weights(4, 2))
    module.step = tf.Variable(7, dtype=tf.int64)

    def action(step_type: Any, reward: Any, discount: Any, observation: Any) -> Any:
        del step_type, reward, discount
        return {"action": tf.argmax(observation @ module.weights, axis=1, output_type=tf.int32)}

    specs = {
        "0/step_type": tf.TensorSpec([None], tf.int32, name="0/step_type"),
        "0/reward": tf.TensorSpec([None], tf.float32, name="0/reward"),
        "0/discount": tf.TensorSpec([None], tf.float32, name="0/discount"),
        "0/observation": tf.TensorSpec([None, 4], tf.float32, name="0/observation"),
    }
    module.action = tf.function(action)
    module.get_train_step = tf.function(lambda: {"step": module.step.read_value()})
    module.get_initial_state = tf.function(lambda batch_size: {})
    tf.saved_model.save(
        module,
        str(folder),
        signatures={
            "action": module.action.get_concrete_function(*specs.values()),
            "get_train_step": module.get_train_step.get_concrete_function(),
            "get_initial_state": module.get_initial_state.get_concrete_function(
                tf.TensorSpec([], tf.int32, name="batch_size")
            ),
        },
    )


def pinned_to_gpu(folder: Path) -> None:
    """A TensorFlow 2 function whose operations name a GPU."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = tf.Variable(_weights(4, 3))

    def call(x: Any) -> Any:
        with tf.device("/device:GPU:0"):
            return {"y": x @ module.weights}

    module.call = tf.function(call)
    floats = tf.TensorSpec([None, 4], tf.float32, name="x")
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(floats))


def flexible_image(folder: Path) -> None:
    """A convolution over images of any size."""
    import tensorflow as tf

    module = tf.Module()
    module.kernel = tf.Variable(_weights(3, 3, 3, 4))
    module.call = tf.function(lambda image: {"y": tf.nn.conv2d(image, module.kernel, 1, "SAME")})
    tf.saved_model.save(
        module,
        str(folder),
        signatures=module.call.get_concrete_function(tf.TensorSpec([None, None, None, 3], tf.float32, name="image")),
    )


def beyond_litert(folder: Path, *, counts: bool = False) -> None:
    """An operation that only the Flex delegate has; the model may count its calls, too."""
    import tensorflow as tf

    module = tf.Module()
    module.calls = tf.Variable(41.0)

    def call(x: Any) -> Any:
        outputs = {"y": tf.nn.max_pool3d(x, 2, 2, "SAME")}
        return {**outputs, "calls": module.calls.assign_add(1.0)} if counts else outputs

    module.call = tf.function(call)
    video = tf.TensorSpec([None, 4, 4, 4, 2], tf.float32, name="x")
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(video))


def convolutional(folder: Path) -> None:
    """A small image classifier with every common kind of weight."""
    import tensorflow as tf

    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(3)
    model = tf.keras.Sequential(
        [
            layers.Input((8, 8, 3), name="image"),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )
    model.export(str(folder), verbose=False)


def with_cosine(folder: Path) -> None:
    """An operation that has no integer kernel, behind one that has."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = tf.Variable(_weights(64, 32))
    module.call = tf.function(lambda x: {"y": tf.math.cos(x @ module.weights)})
    floats = tf.TensorSpec([None, 64], tf.float32, name="x")
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(floats))


def never_finite(folder: Path) -> None:
    """A logarithm of negative numbers alone, behind weights."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = tf.Variable(_weights(4, 4))
    module.call = tf.function(lambda x: {"y": tf.math.log(x @ module.weights - 1e9)})
    floats = tf.TensorSpec([None, 4], tf.float32, name="x")
    tf.saved_model.save(module, str(folder), signatures=module.call.get_concrete_function(floats))


def without_variables(folder: Path) -> None:
    """A model whose weights were forgotten when it was copied."""
    pinned_to_gpu(folder)
    shutil.rmtree(folder / "variables")


def trained_by_keras_2(folder: Path) -> None:
    """A model that Keras 2 trained and saved together with its optimizer's slots."""
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.Dense(4, input_shape=(8,)), layers.Dense(2)])
    model.compile(tf_keras.optimizers.legacy.Adam(), "mse")
    model.fit(np.ones((4, 8), np.float32), np.ones((4, 2), np.float32), verbose=0)
    model.save(folder, save_format="tf")


def counting(folder: Path, *, signatures: bool = True) -> None:
    """Two functions over the same weights that count their calls, and give the number; `read` counts none."""
    import tensorflow as tf

    floats = tf.TensorSpec([1, 8], tf.float32, name="x")

    class Model(tf.Module):  # type: ignore[misc] # TensorFlow has no types
        def __init__(self) -> None:
            super().__init__()
            self.weights = tf.Variable(_weights(8, 4))
            self.calls = tf.Variable(3.0)

        @tf.function(input_signature=[floats])  # type: ignore[untyped-decorator] # see above
        def __call__(self, x: Any) -> Any:
            return {"y": x @ self.weights * self.calls.assign_add(1.0), "calls": self.calls.read_value()}

        @tf.function(input_signature=[floats])  # type: ignore[untyped-decorator] # see above
        def twice(self, x: Any) -> Any:
            return {"z": x @ self.weights + self.calls.assign_add(2.0)}

        @tf.function(input_signature=[floats])  # type: ignore[untyped-decorator] # see above
        def read(self, x: Any) -> Any:
            return {"r": tf.nn.tanh(x @ self.weights) + self.calls}

    model = Model()
    named = {"serving_default": model.__call__, "twice": model.twice, "read": model.read}
    tf.saved_model.save(model, str(folder), signatures=named if signatures else None)


def training(folder: Path) -> None:
    """A signature that trains a regression by one step, and one that asks it."""
    import tensorflow as tf

    module = tf.Module()
    module.kernel, module.bias = tf.Variable(_weights(6, 3)), tf.Variable(tf.zeros([3]))

    def train(x: Any, y: Any) -> Any:
        variables = [module.kernel, module.bias]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ module.kernel + module.bias - y) ** 2)
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(0.1 * gradient)
        return {"loss": loss}

    x, y = (tf.TensorSpec([4, width], tf.float32, name=name) for name, width in (("x", 6), ("y", 3)))
    module.train = tf.function(train)
    module.infer = tf.function(lambda x: {"output": x @ module.kernel + module.bias})
    signatures = {"train": module.train.get_concrete_function(x, y), "infer": module.infer.get_concrete_function(x)}
    tf.saved_model.save(module, str(folder), signatures=signatures)


def counting_in_session(folder: Path, *, resource: bool) -> None:
    """A TensorFlow 1 graph that counts its calls."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [1, 4], name="x")
        weights = v1.get_variable("weights", initializer=_weights(4, 3), use_resource=resource)
        calls = v1.get_variable("calls", initializer=2.0, use_resource=resource)
        signatures = {
            "count": v1.saved_model.build_signature_def(
                {"x": v1.saved_model.build_tensor_info(x)},
                {"y": v1.saved_model.build_tensor_info(tf.matmul(x, weights) * v1.assign_add(calls, 1.0))},
            ),
            "read": v1.saved_model.build_signature_def(
                {"x": v1.saved_model.build_tensor_info(x)},
                {"r": v1.saved_model.build_tensor_info(tf.matmul(x, weights) * calls)},
            ),
        }
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()
