"""What is in a dataset is read as what the documents name, and as nothing else, whatever its names and headers say."""

import io
import zipfile

import pytest
from mypy_boto3_s3 import S3Client
from PIL import Image

from tests.e2e.fixtures import models
from tests.e2e.fixtures.conversions import Object, Workbench
from tests.e2e.fixtures.environment import Environment
from tests.e2e.fixtures.impersonation import Person
from tests.e2e.spec.test_bad_input import assert_stalled

pytestmark = pytest.mark.tensorflow

ODD_HEADER = b"((((((((("
"""Of which NumPy's reader makes an exception of Python's tokenizer."""


def calibrated(bench: Workbench, handle: str, key: str) -> Object:
    quantization = {"type": "Int8", "calibration": {"dataset": f"s3://{bench.bucket}/{key}"}}
    return bench.conversion("fed", handle, quantization=quantization)


def picture(kind: str) -> bytes:
    """Return an archive of one picture that is called a PNG."""
    drawn, packed = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (24, 20), (1, 2, 3)).save(drawn, kind)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("pictures/000.png", drawn.getvalue())
    return packed.getvalue()


@pytest.mark.parametrize("kind", ["EPS", "TIFF"])
def test_a_picture_of_another_kind_is_not_decoded_though_it_is_called_a_png(
    bench: Workbench, env: Environment, s3: S3Client, editor: Person, kind: str
) -> None:
    """Pillow would hand the one to Ghostscript, and take the other."""
    s3.put_object(Bucket=bench.bucket, Key="pictures.zip", Body=picture(kind))
    finished = editor.run(calibrated(bench, models.serve_classifier(env), "pictures.zip"))
    words = "pictures/000.png is no image that can be read as JPEG, PNG, BMP, WebP or GIF: cannot identify image file"
    assert_stalled(finished, "DatasetInvalid", words)


def test_an_array_whose_header_is_no_header_has_a_reason(
    bench: Workbench, s3: S3Client, editor: Person, tiny_model: str
) -> None:
    content = b"\x93NUMPY\x01\x00" + len(ODD_HEADER).to_bytes(2, "little") + ODD_HEADER
    s3.put_object(Bucket=bench.bucket, Key="samples.npy", Body=content)
    finished = editor.run(calibrated(bench, tiny_model, "samples.npy"))
    assert_stalled(finished, "DatasetInvalid", "samples.npy cannot be read as .npy", "Write it again with numpy.save")
