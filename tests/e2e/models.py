"""Models and archives for the tests, put where the Hub server serves them."""

import functools
import gzip
import hashlib
import io
import os
import secrets
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from dev.demo import sources
from tests.e2e.environment import Environment
from tests.manifests import ROOT
from tests.unit.converter import exported_models


def handle(env: Environment, path: str) -> str:
    return f"{env.hub_url}/{path}"


def serve_basic_pitch(env: Environment) -> str:
    with FileLock(env.hub_dir / ".lock"):
        return handle(env, sources.serve_basic_pitch(env.hub_dir.parent / "wheels", env.hub_dir))


def serve_saved_model(env: Environment, path: str, save: Callable[[Path], object]) -> str:
    """Serve the SavedModel that `save` writes into a folder, made once for all tests until their code changes."""
    target = env.hub_dir / path
    made_by = target.with_name(f".{target.name}.made-by")
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(env.hub_dir / ".lock"):
        if not made_by.exists() or made_by.read_text() != _code():
            partial = target.with_name(f".{target.name}.{os.getpid()}")
            save(partial)
            shutil.rmtree(target, ignore_errors=True)
            partial.rename(target)
            made_by.write_text(_code())
    return handle(env, path)


@functools.cache
def _code() -> str:
    """Return a digest of all that makes models for tests: those of an earlier checkout may still be served."""
    sources = sorted([*ROOT.glob("tests/*.py"), *ROOT.glob("tests/unit/converter/*.py"), Path(__file__)])
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def serve_archive(env: Environment, path: str, content: bytes) -> str:
    """Serve these very bytes."""
    _put(env, f"{path}.tar.gz", content)
    return handle(env, path)


def serve_file(env: Environment, path: str, content: bytes) -> str:
    """Serve a file by its name."""
    _put(env, path, content)
    return handle(env, path)


def serve_redirect(env: Environment, path: str, url: str) -> str:
    """Answer with a redirect to another address."""
    _put(env, f"{path}.location", url.encode())
    return handle(env, path)


def _put(env: Environment, path: str, content: bytes) -> None:
    """Write a file at once: the Hub may just be reading it, and packs whatever is in a model's folder."""
    target = env.hub_dir / path
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = env.hub_dir / f".{secrets.token_hex(8)}"
    partial.write_bytes(content)
    partial.rename(target)


def serve_tiny(env: Environment) -> str:
    return serve_saved_model(env, "e2e/tiny/1", _save_tiny)


def serve_classifier(env: Environment) -> str:
    """A small convolutional image classifier: image [-1, 8, 8, 3] float32."""
    return serve_saved_model(env, "e2e/classifier/1", exported_models.convolutional)


def serve_without_lite_op(env: Environment) -> str:
    return serve_saved_model(env, "e2e/unsupported/1", _save_unsupported)


def _save_tiny(folder: Path) -> None:
    import tensorflow as tf  # seconds to import, and most tests need no model of their own

    class Tiny(tf.Module):  # type: ignore[misc]  # TensorFlow publishes no types
        def __init__(self) -> None:
            super().__init__()
            generator = tf.random.Generator.from_seed(1)
            self.weights = tf.Variable(generator.normal([8, 4]))

        @tf.function(input_signature=[tf.TensorSpec([None, 8], tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def serve(self, x: object) -> dict[str, object]:
            return {"y": tf.nn.relu(tf.matmul(x, self.weights))}

    tiny = Tiny()
    tf.saved_model.save(tiny, str(folder), signatures={"serving_default": tiny.serve, "again": tiny.serve})


def serve_large(env: Environment) -> str:
    """A model whose weights are 16 MB of noise: x [-1, 1000] float32 -> y [-1, 4000]."""
    return serve_saved_model(env, "e2e/large/1", _save_large)


def _save_large(folder: Path) -> None:
    import tensorflow as tf  # seconds to import, and most tests need no model of their own

    class Large(tf.Module):  # type: ignore[misc]  # TensorFlow publishes no types
        def __init__(self) -> None:
            super().__init__()
            self.weights = tf.Variable(tf.random.Generator.from_seed(1).normal([1000, 4000]))

        @tf.function(input_signature=[tf.TensorSpec([None, 1000], tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def serve(self, x: object) -> dict[str, object]:
            return {"y": tf.matmul(x, self.weights)}

    large = Large()
    tf.saved_model.save(large, str(folder), signatures={"serving_default": large.serve})


def _save_unsupported(folder: Path) -> None:
    import tensorflow as tf  # seconds to import, and most tests need no model of their own

    class Unsupported(tf.Module):  # type: ignore[misc]  # TensorFlow publishes no types
        @tf.function(input_signature=[tf.TensorSpec([4], tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def serve(self, x: object) -> dict[str, object]:
            return {"y": tf.math.digamma(x)}

    module = Unsupported()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def file(name: str, content: bytes = b"hostile") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), content


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def folder(name: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    return info, b""


def bomb(unpacked: int) -> bytes:
    """A tar.gz of one file of zeros: about a thousandth of its unpacked size (bytes)."""
    packed = io.BytesIO()
    info = tarfile.TarInfo("variables/variables.data-00000-of-00001")
    info.size = unpacked
    block = bytes(1 << 20)
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream:
        stream.write(info.tobuf())
        for _ in range(unpacked >> 20):
            stream.write(block)
        stream.write(bytes(1024))
    return packed.getvalue()
