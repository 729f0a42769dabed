"""SavedModels whose weights have a scale for each channel when they are integers, and for which that matters."""

from pathlib import Path


def two_layers(folder: Path, size: int = 64) -> None:
    """Dense layers so small that their scales are a good part of a file."""
    import tensorflow as tf

    module = tf.Module()
    module.parts = [tf.Variable(tf.random.stateless_normal([size, size], seed=(1, number))) for number in range(2)]
    call = tf.function(lambda x: {"y": tf.nn.relu(x @ module.parts[0]) @ module.parts[1]})
    floats = tf.TensorSpec([None, size], tf.float32, name="x")
    tf.saved_model.save(module, str(folder), signatures=call.get_concrete_function(floats))


def depthwise(folder: Path, channels: int) -> None:
    """A convolution of each channel by itself."""
    import tensorflow as tf

    module = tf.Module()
    module.kernel = tf.Variable(tf.random.stateless_normal([3, 3, channels, 1], seed=(1, 2)))
    call = tf.function(lambda x: {"y": tf.nn.depthwise_conv2d(x, module.kernel, [1, 1, 1, 1], "SAME")})
    pictures = tf.TensorSpec([1, 8, 8, channels], tf.float32, name="x")
    tf.saved_model.save(module, str(folder), signatures=call.get_concrete_function(pictures))
