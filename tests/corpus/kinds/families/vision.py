"""Models of images."""

from pathlib import Path
from typing import Any, Final

from tests.corpus.kinds.kind import (
    NOT_IN_16_BITS,
    NOT_IN_INTEGERS,
    OR_GATE,
    Kind,
    below,
    everywhere,
    normal,
    uniform,
)
from tests.corpus.kinds.saving import save
from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import QuantizationType


def _channels_first(folder: Path) -> None:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = tf.nn.conv2d(x, weights("k", 3, 3, 3, 8), [1, 1, 2, 2], "SAME", data_format="NCHW")
        y = tf.nn.relu(tf.nn.bias_add(y, weights("b", 8), data_format="NCHW"))
        y = tf.nn.max_pool2d(y, 2, 2, "VALID", data_format="NCHW")
        return {"y": tf.reduce_mean(y, [2, 3]) @ weights("d", 8, 3)}

    save(folder, call, x=([1, 3, 16, 16], "float32"))


def _channels_first_normalized(folder: Path) -> None:
    """As PyTorch models come by way of ONNX: padding, strides, normalization and an average, channels first."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = tf.pad(x, [[0, 0], [0, 0], [1, 1], [1, 1]])
        y = tf.nn.conv2d(y, weights("k", 3, 3, 3, 16), 1, "VALID", data_format="NCHW")
        scale, mean = tf.exp(weights("g", 16, scale=0.2)), weights("m", 16, scale=0.1)
        y = tf.compat.v1.nn.fused_batch_norm(
            y, scale, mean, mean, scale, data_format="NCHW", is_training=False, epsilon=1e-3
        )[0]
        y = tf.nn.relu6(y)
        y = tf.nn.avg_pool2d(y, 2, 2, "VALID", data_format="NCHW")
        y = tf.nn.conv2d(y, weights("p", 1, 1, 16, 4), 1, "SAME", data_format="NCHW")
        return {"y": y}

    save(folder, call, x=([None, 3, 12, 12], "float32"))


def _diffusion_step(folder: Path) -> None:
    """One step of a denoiser: the time as waves, group normalization, attention, and an image that comes back."""

    def call(tf: Any, weights: Any, latent: Any, timestep: Any) -> Any:
        steps = tf.cast(timestep, tf.float32)[:, None] * tf.exp(tf.range(8.0) * -1.15)
        time = tf.concat([tf.sin(steps), tf.cos(steps)], 1) @ weights("t", 16, 16)
        time = time * tf.sigmoid(time)
        y = tf.nn.conv2d(latent, weights("k", 3, 3, 4, 16), 1, "SAME") + time[:, None, None, :]
        grouped = tf.reshape(y, [1, 8, 8, 4, 4])
        mean, variance = tf.nn.moments(grouped, [1, 2, 4], keepdims=True)
        y = tf.reshape((grouped - mean) * tf.math.rsqrt(variance + 1e-5), [1, 8, 8, 16])
        y = y * tf.sigmoid(y)
        flat = tf.reshape(y, [1, 64, 16])
        q, k, v = (flat @ weights(name, 16, 16) for name in ("query", "key", "value"))
        flat += tf.nn.softmax(tf.matmul(q, k, transpose_b=True) / 4) @ v
        y = tf.nn.conv2d(tf.reshape(flat, [1, 8, 8, 16]), weights("down", 3, 3, 16, 16), 2, "SAME")
        y = tf.image.resize(y, [8, 8], method="nearest")
        noise = tf.nn.conv2d(y, weights("o", 3, 3, 16, 4), 1, "SAME")
        return {"noise": noise, "latent": latent - 0.1 * noise}

    save(folder, call, latent=([1, 8, 8, 4], "float32"), timestep=([1], "int32"))


def _quantization_aware(folder: Path) -> None:
    def call(tf: Any, weights: Any, x: Any) -> Any:
        fake = tf.quantization.fake_quant_with_min_max_args
        x = fake(x, -4.0, 4.0)
        kernel = tf.quantization.fake_quant_with_min_max_vars_per_channel(
            weights("k", 3, 3, 3, 16), tf.fill([16], -0.8), tf.fill([16], 0.8), narrow_range=True
        )
        y = fake(tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + weights("b", 16)), 0.0, 6.0)
        dense = fake(weights("d", 16, 10), -1.0, 1.0, narrow_range=True)
        return {"logits": fake(tf.reduce_mean(y, [1, 2]) @ dense, -4.0, 4.0)}

    save(folder, call, x=([1, 12, 12, 3], "float32"))


def _mixed_heads(folder: Path) -> None:
    """A detector's heads: boxes, classes, a mask of bools, a picture of bytes, and a count."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        y = tf.nn.relu(tf.nn.conv2d(image, weights("k", 3, 3, 3, 16), 2, "SAME"))
        logits = tf.nn.conv2d(y, weights("c", 1, 1, 16, 6), 1, "SAME")
        mask = tf.nn.conv2d(y, weights("m", 1, 1, 16, 1), 1, "SAME")
        picture = tf.sigmoid(tf.nn.conv2d(y, weights("p", 1, 1, 16, 3), 1, "SAME"))
        return {
            "boxes": tf.reshape(tf.nn.conv2d(y, weights("o", 1, 1, 16, 4), 1, "SAME"), [-1, 64, 4]),
            "scores": tf.nn.softmax(tf.reshape(logits, [-1, 64, 6])),
            "classes": tf.argmax(tf.reshape(logits, [-1, 64, 6]), -1),
            "mask": mask > 0,
            "picture": tf.cast(picture * 255, tf.uint8),
        }

    save(folder, call, image=([1, 16, 16, 3], "float32"))


def _keypoints(folder: Path) -> None:
    def call(tf: Any, weights: Any, image: Any) -> Any:
        x = (tf.cast(image, tf.float32) - 127.5) / 127.5
        x = tf.nn.relu6(tf.nn.conv2d(x, weights("k", 3, 3, 3, 16), 4, "SAME"))
        heat = tf.reshape(tf.sigmoid(tf.nn.conv2d(x, weights("h", 1, 1, 16, 4), 1, "SAME")), [1, 192, 4])
        offsets = tf.reshape(tf.nn.conv2d(x, weights("o", 1, 1, 16, 8), 1, "SAME"), [192, 4, 2])
        best = tf.argmax(heat, 1, output_type=tf.int32)[0]
        places = tf.cast(tf.stack([best // 16, best % 16], -1), tf.float32)
        places += tf.gather_nd(offsets, tf.stack([best, tf.range(4)], -1))
        return {"keypoints": tf.concat([places / [12.0, 16.0], tf.reduce_max(heat, 1)[0][:, None]], -1)}

    save(folder, call, image=([1, 48, 64, 3], "int32"))


def _bytes_and_resize(folder: Path) -> None:
    def call(tf: Any, weights: Any, image: Any) -> Any:
        x = tf.image.resize(tf.cast(image, tf.float32) / 255.0, [16, 16])
        y = tf.nn.relu(tf.nn.conv2d(x, weights("k", 3, 3, 3, 16), 2, "SAME"))
        y = tf.nn.relu(tf.nn.depthwise_conv2d(y, weights("w", 3, 3, 16, 1), [1, 1, 1, 1], "SAME"))
        return {"scores": tf.nn.softmax(tf.reduce_mean(y, [1, 2]) @ weights("d", 16, 5, scale=3.0))}

    save(folder, call, image=([1, None, None, 3], "uint8"))


def _suppression(folder: Path) -> None:
    """Detections without overlap, filled up to a fixed number."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        y = tf.nn.relu(tf.nn.conv2d(image, weights("k", 3, 3, 3, 8), 4, "SAME"))
        corners = tf.reshape(tf.sigmoid(tf.nn.conv2d(y, weights("b", 1, 1, 8, 4, scale=1.0), 1, "SAME")), [16, 4])
        boxes = tf.concat([corners[:, :2], corners[:, :2] + corners[:, 2:]], 1)
        scores = tf.reshape(tf.sigmoid(tf.nn.conv2d(y, weights("s", 1, 1, 8, 1), 1, "SAME")), [16])
        kept, count = tf.image.non_max_suppression_with_scores(boxes, scores, 5, iou_threshold=0.5)
        del count
        return {"boxes": tf.gather(boxes, kept)}

    save(folder, call, image=([1, 16, 16, 3], "float32"))


def _variable_detections(folder: Path) -> None:
    """As many rows as are sure enough."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        rows = tf.reshape(x @ weights("k", 8, 40), [10, 4])
        return {"rows": tf.boolean_mask(rows, rows[:, 0] > 0)}

    save(folder, call, x=([1, 8], "float32"))


def _upsampled(folder: Path) -> None:
    """A picture of any size, twice as large."""

    def call(tf: Any, weights: Any, image: Any) -> Any:
        y = tf.nn.relu(tf.nn.conv2d(image, weights("k", 3, 3, 3, 16), 1, "SAME"))
        y = tf.nn.conv2d(y, weights("o", 3, 3, 16, 12), 1, "SAME")
        return {"image": tf.nn.depth_to_space(y, 2)}

    save(folder, call, image=([None, None, None, 3], "float32"))


def _transposed(folder: Path) -> None:
    """A decoder's transposed convolution, whose output's size is computed from its input's."""

    def call(tf: Any, weights: Any, code: Any) -> Any:
        batch = tf.shape(code)[0]
        y = tf.nn.relu(tf.reshape(code @ weights("d", 8, 4 * 4 * 16), [-1, 4, 4, 16]))
        y = tf.nn.conv2d_transpose(y, weights("t", 3, 3, 8, 16), [batch, 8, 8, 8], 2, "SAME")
        return {"image": tf.tanh(tf.nn.conv2d(tf.nn.leaky_relu(y), weights("o", 3, 3, 8, 3), 1, "SAME"))}

    save(folder, call, code=([None, 8], "float32"))


def _grouped(folder: Path) -> None:
    """Convolutions in groups, and dilated ones."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = tf.nn.relu(tf.nn.conv2d(x, weights("g", 3, 3, 4, 16), 1, "SAME"))
        y = tf.nn.relu(tf.nn.conv2d(y, weights("a", 3, 3, 16, 16), 1, "SAME", dilations=2))
        return {"y": tf.reduce_max(y, [1, 2])}

    save(folder, call, x=([1, 12, 12, 8], "float32"))


def _volume(folder: Path) -> None:
    """A convolution in three dimensions."""

    def call(tf: Any, weights: Any, x: Any) -> Any:
        y = tf.nn.relu(tf.nn.conv3d(x, weights("k", 3, 3, 3, 2, 8), [1, 1, 1, 1, 1], "SAME"))
        return {"y": tf.reduce_mean(y, [1, 2, 3]) @ weights("d", 8, 4)}

    save(folder, call, x=([1, 6, 6, 6, 2], "float32"))


_PIXELS: Final = below(256, 1, 48, 64, 3)
KINDS: Final = (
    Kind("channels-first", _channels_first, {"x": normal(1, 3, 16, 16)}),
    Kind("channels-first-normalized", _channels_first_normalized, {"x": normal(2, 3, 12, 12)}),
    Kind(
        "diffusion-step",
        _diffusion_step,
        {"latent": normal(1, 8, 8, 4), "timestep": below(1000, 1)},
        expected=NOT_IN_INTEGERS,
    ),
    Kind(
        "quantization-aware",
        _quantization_aware,
        {"x": normal(1, 12, 12, 3)},
        expected={**NOT_IN_16_BITS, QuantizationType.FLOAT16: Reason.QUANTIZATION_NOT_APPLIED.value},
    ),
    Kind("mixed-heads", _mixed_heads, {"image": normal(1, 16, 16, 3)}, expected=NOT_IN_16_BITS),
    Kind("integer-image-keypoints", _keypoints, {"image": _PIXELS}, expected={**everywhere(OR_GATE), **NOT_IN_16_BITS}),
    Kind(
        "bytes-and-resize",
        _bytes_and_resize,
        {"image": below(256, 1, 20, 30, 3, dtype="uint8")},
        expected=NOT_IN_16_BITS,
    ),
    Kind(
        "non-max-suppression",
        _suppression,
        {"image": normal(1, 16, 16, 3)},
        expected={**everywhere(OR_GATE), **NOT_IN_INTEGERS},
    ),
    Kind(
        "variable-detections",
        _variable_detections,
        {"x": normal(1, 8)},
        expected={**everywhere(OR_GATE), **NOT_IN_16_BITS},
    ),
    Kind("super-resolution", _upsampled, {"image": uniform(1, 10, 14, 3)}, expected=NOT_IN_16_BITS),
    Kind("transposed-convolution", _transposed, {"code": normal(2, 8)}),
    Kind("grouped-convolution", _grouped, {"x": normal(1, 12, 12, 8)}),
    Kind("volume", _volume, {"x": normal(1, 6, 6, 6, 2)}, expected=NOT_IN_INTEGERS),
)
