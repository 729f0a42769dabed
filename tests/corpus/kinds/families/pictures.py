"""Models of images by the operations that are told of most often: sizes, borders, colours, computed kernels."""

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
    uniform,
)
from tests.corpus.kinds.saving import save


def _sizes(folder: Path) -> None:
    """A picture at several sizes, by each way of TensorFlow and of Keras."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        y = tf.nn.conv2d(image, weights("k", 3, 3, 3, 4), 1, "SAME")
        resize = tf.compat.v1.image.resize
        return {
            "odd": tf.image.resize(y, [17, 23]),
            "near": tf.image.resize(y, [5, 9], method="nearest"),
            "corners": resize(y, [15, 15], align_corners=True),
            "old": resize(y, [7, 7]),
        }

    save(folder, call, image=([1, 12, 10, 3], "float32"))


def _borders(folder: Path) -> None:
    """Style transfer: reflected borders, instance normalization, a transposed convolution with an odd size."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        y = tf.pad(image, [[0, 0], [2, 2], [2, 2], [0, 0]], "REFLECT")
        y = tf.nn.conv2d(y, weights("k", 5, 5, 3, 8), 2, "VALID")
        mean, variance = tf.nn.moments(y, [1, 2], keepdims=True)
        y = tf.nn.relu((y - mean) * tf.math.rsqrt(variance + 1e-3) * tf.exp(weights("g", 8, scale=0.3)))
        y = tf.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
        y = tf.nn.conv2d_transpose(y, weights("t", 3, 3, 3, 8), [1, 17, 17, 3], 2, "VALID")
        return {"image": tf.tanh(y)}

    save(folder, call, image=([1, 12, 12, 3], "float32"))


def _depthwise(folder: Path) -> None:
    """Depthwise convolutions with a multiplier, with dilation, and with strides; an average over borders."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        y = tf.nn.depthwise_conv2d(image, weights("a", 3, 3, 3, 8), [1, 1, 1, 1], "SAME")
        y = tf.nn.relu6(y + weights("b", 24, scale=0.2))
        y = tf.nn.depthwise_conv2d(y, weights("c", 3, 3, 24, 1), [1, 1, 1, 1], "SAME", dilations=[2, 2])
        y = tf.nn.depthwise_conv2d(y, weights("d", 5, 5, 24, 1), [1, 2, 2, 1], "SAME")
        return {"y": tf.nn.avg_pool2d(y, 3, 2, "SAME")}

    save(folder, call, image=([1, 16, 16, 3], "float32"))


def _activations(folder: Path) -> None:
    """Activations with parameters: PReLU, hard swish, a leak of 0.3, squeeze and excitation."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        y = tf.nn.conv2d(image, weights("k", 3, 3, 3, 16), 2, "SAME")
        y = tf.maximum(y, 0.0) + weights("alpha", 16, scale=0.3) * tf.minimum(y, 0.0)
        gate = tf.nn.relu(tf.reduce_mean(y, [1, 2]) @ weights("s", 16, 4)) @ weights("e", 4, 16)
        y = y * (tf.nn.relu6(gate + 3) / 6)[:, None, None, :]
        y = tf.nn.leaky_relu(tf.nn.conv2d(y, weights("p", 1, 1, 16, 16), 1, "SAME"), 0.3)
        return {"y": y * tf.nn.relu6(y + 3) / 6}

    save(folder, call, image=([1, 12, 12, 3], "float32"))


def _computed_kernel(folder: Path) -> None:
    """A convolution whose kernel is computed for each picture, as in a network that makes another's weights."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        mixture = tf.nn.softmax(tf.reduce_mean(image, [1, 2]) @ weights("r", 4, 3, scale=5.0))
        kernel = tf.reshape(mixture @ tf.reshape(weights("experts", 3, 288, scale=0.2), [3, 288]), [3, 3, 4, 8])
        y = tf.nn.conv2d(image, kernel, 1, "SAME")
        dense = tf.reshape(mixture @ weights("dense", 3, 32, scale=0.3), [8, 4])
        return {"y": tf.reduce_mean(tf.nn.relu(y), [1, 2]) @ dense}

    save(folder, call, image=([1, 8, 8, 4], "float32"))


def _correlation(folder: Path) -> None:
    """A tracker: the features of one picture are the kernel that is moved over another's."""

    def call(tf: Any, weights: Any, template: Any, search: Any) -> Any:
        kernel = weights("k", 3, 3, 3, 8)
        z = tf.nn.relu(tf.nn.conv2d(template, kernel, 1, "SAME"))
        x = tf.nn.relu(tf.nn.conv2d(search, kernel, 1, "SAME"))
        return {"response": tf.nn.conv2d(x, tf.transpose(z, [1, 2, 3, 0]), 1, "VALID")}

    save(folder, call, template=([1, 4, 4, 3], "float32"), search=([1, 12, 12, 3], "float32"))


def _crops(folder: Path) -> None:
    """The second stage of a detector: boxes cut out of features, all to one size."""

    def call(tf: Any, weights: Any, image: Any, boxes: Any) -> Any:
        y = tf.nn.relu(tf.nn.conv2d(image, weights("k", 3, 3, 3, 8), 1, "SAME"))
        crops = tf.image.crop_and_resize(y, boxes, tf.zeros([3], tf.int32), [4, 4])
        return {"scores": tf.reduce_mean(crops, [1, 2]) @ weights("o", 8, 3)}

    save(folder, call, image=([1, 12, 12, 3], "float32"), boxes=([3, 4], "float32"))


def _patches(folder: Path) -> None:
    """A vision transformer's beginning: patches, a class token, places, normalization, GELU, attention."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        x = tf.reshape(tf.transpose(tf.reshape(image, [-1, 3, 4, 3, 4, 3]), [0, 1, 3, 2, 4, 5]), [-1, 9, 48])
        x = x @ weights("p", 48, 16)
        token = tf.broadcast_to(weights("cls", 1, 1, 16, scale=1.0), [tf.shape(x)[0], 1, 16])
        x = tf.concat([token, x], 1) + weights("places", 10, 16)
        mean, variance = tf.nn.moments(x, -1, keepdims=True)
        y = (x - mean) * tf.math.rsqrt(variance + 1e-6) * tf.exp(weights("g", 16, scale=0.2)) + weights("b", 16)
        q, k, v = tf.split(y @ weights("qkv", 16, 48), 3, -1)
        x += tf.nn.softmax(tf.einsum("bqd,bkd->bqk", q, k) / 4) @ v
        x += tf.nn.gelu(x @ weights("up", 16, 32)) @ weights("down", 32, 16)
        return {"logits": x[:, 0] @ weights("o", 16, 5)}

    save(folder, call, image=([None, 12, 12, 3], "float32"))


def _normalized_responses(folder: Path) -> None:
    """As in networks of 2012 to 2015: responses normalized over neighbours; embeddings of length 1."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        y = tf.nn.relu(tf.nn.conv2d(image, weights("k", 3, 3, 3, 16), 1, "SAME"))
        y = tf.nn.max_pool2d(tf.nn.lrn(y, 2, 1.0, 1e-2, 0.75), 3, 2, "VALID")
        return {"embedding": tf.math.l2_normalize(tf.reduce_mean(y, [1, 2]) @ weights("e", 16, 8), -1)}

    save(folder, call, image=([1, 12, 12, 3], "float32"))


def _colours(folder: Path) -> None:
    """Preparation inside the model: grey, and each picture by its own mean and deviation."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        x = tf.image.per_image_standardization(tf.image.rgb_to_grayscale(tf.cast(image, tf.float32)))
        y = tf.nn.relu(tf.nn.conv2d(tf.image.central_crop(x, 0.5), weights("k", 3, 3, 1, 8), 2, "SAME"))
        return {"scores": tf.nn.softmax(tf.reduce_mean(y, [1, 2]) @ weights("o", 8, 3, scale=2.0))}

    save(folder, call, image=([1, 24, 24, 3], "uint8"))


def _unpooled(folder: Path) -> None:
    """A segmenter that puts maxima back where they were."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        y = tf.nn.relu(tf.nn.conv2d(image, weights("k", 3, 3, 3, 4), 1, "SAME"))
        pooled, places = tf.nn.max_pool_with_argmax(y, 2, 2, "SAME")
        flat = tf.scatter_nd(tf.reshape(places, [-1, 1]), tf.reshape(pooled, [-1]), tf.constant([576], tf.int64))
        mask = tf.nn.conv2d(tf.reshape(flat, [1, 12, 12, 4]), weights("o", 3, 3, 4, 3), 1, "SAME")
        return {"mask": tf.nn.softmax(mask), "labels": tf.argmax(mask, -1)}

    save(folder, call, image=([1, 12, 12, 3], "float32"))


def _middle_axis(folder: Path) -> None:
    """Softmax over another axis than the last, and maxima over several."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        y = tf.nn.conv2d(image, weights("k", 3, 3, 3, 6), 1, "SAME")
        heat = tf.nn.softmax(tf.reshape(y, [1, 64, 6]), 1)
        grid = tf.reshape(tf.stack(tf.meshgrid(tf.range(8.0), tf.range(8.0)), -1), [64, 2])
        places = tf.einsum("bpc,pd->bcd", heat, grid)
        return {"places": places, "best": tf.reduce_max(y, [1, 2]), "log": tf.nn.log_softmax(y)}

    save(folder, call, image=([1, 8, 8, 3], "float32"))


_IMAGE: Final = {"image": normal(1, 12, 12, 3)}
KINDS: Final = (
    Kind("sizes", _sizes, {"image": normal(1, 12, 10, 3)}),
    Kind("reflected-borders", _borders, _IMAGE),
    Kind("depthwise-multiplier", _depthwise, {"image": normal(1, 16, 16, 3)}),
    Kind("parametric-activations", _activations, _IMAGE, expected=NOT_IN_16_BITS),
    Kind("computed-kernel", _computed_kernel, {"image": normal(1, 8, 8, 4)}, expected=NOT_IN_INTEGERS),
    Kind(
        "cross-correlation",
        _correlation,
        {"template": normal(1, 4, 4, 3), "search": normal(1, 12, 12, 3)},
        expected=NOT_IN_INTEGERS,
    ),
    Kind(
        "cropped-boxes",
        _crops,
        {"image": normal(1, 12, 12, 3), "boxes": uniform(3, 4)},
        expected=everywhere(UNSUPPORTED),
    ),
    Kind("vision-transformer", _patches, _IMAGE),
    Kind("local-response", _normalized_responses, _IMAGE, expected=NOT_IN_INTEGERS),
    Kind("prepared-inside", _colours, {"image": below(256, 1, 24, 24, 3, dtype="uint8")}, expected=NOT_IN_16_BITS),
    Kind("unpooling", _unpooled, _IMAGE, expected=everywhere(UNSUPPORTED)),
    Kind("soft-argmax", _middle_axis, {"image": normal(1, 8, 8, 3)}, expected=NOT_IN_16_BITS),
)
