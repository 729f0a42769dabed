"""A result as the metadata of an object hold it: S3 has two kilobytes for all of them, names and digests included."""

import base64
import binascii
import zlib
from typing import Final

_RESULT_BYTES: Final = 64 * 1024
_VOCABULARY: Final = (
    b'"distributions":[{"name":"WholeNumbers","name":"Sparse","name":"SymmetricUniform","name":"Uniform",'
    b'"name":"SmallNormal","name":"Normal","samples":16,"snrDecibels":"elsewhere":[{"name":"why":"cycles":"sramBytes":"compiled":true,"verifiedSHA256":'
    b'"additionalSignatures":[{"key":"trials":[{"type":"Float16","keptLayers":"latencyMilliseconds":"outcome":"Missed",'
    b'"outcome":"TooLarge","outcome":"NotSmaller","outcome":"Failed","reason":"outcome":"Held","outcome":"Chosen"},'
    b'"quantization":{"type":"DynamicRange","WeightOnlyInt8","WeightOnlyInt4","Int16x8","Int8",'
    b'"calibration":{"synthetic":true,"dataset":"s3://","maxSamples":"keepInt8":{"tensors":["keepFloat":{"tensors":["'
    b'{"reason":"Converted","message":"","verdict":"ReportOnly","verdict":"MetricsSufficient",'
    b'"verdict":"SNRSufficient","artifact":{"uri":"","sha256":"","sizeBytes":'
    b'"signature":{"key":"serving_default","inputs":[{"name":"","dtype":"int8","dtype":"float32","shape":[1,224,224,3]}],'
    b'"outputs":[{"name":"output_0","dtype":"float32","shape":[1,1000]}]},"truncated":true,'
    b'"verification":{"snrDecibels":"maxAbsoluteError":"0.0","cosine":"0.9999","samples":"source":"Generated",'
    b'"source":"Calibration","source":"Verification","worstSampleSNRDecibels":"runtime":"LiteRT with XNNPACK",'
    b'"referenceKernels":{"snrDecibels":"runtimeSNRDecibels":"samples":4},'
    b'"metrics":[{"name":"","output":"","k":5,"samples":1000,"model":{"value":"0.","low":"0.","high":"0."},'
    b'"artifact":{"value":"0.","low":"0.","high":"0."},"baseline":{"value":"0.","low":"0.","high":"0."},'
    b'"drop":{"value":"0.0","low":"-0.00","high":"0.00"}},'
    b'"baseline":{"source":"Model"},"baseline":{"source":"Published","sha256":"","outputs":[{"name":"top1Agreement":"1"}],'
    b'"targets":[{"name":"EthosU","config":"ethos-u55-128","tool":"ethos-u-vela ","name":"Microcontroller",'
    b'"tool":"tflite-micro ","name":"GPU","tool":"rules of TensorFlow\'s GPU delegate, ","operators":"onTarget":'
    b'"arenaBytes":"benchmark":{"runtime":"p50Milliseconds":"p90Milliseconds":"relativeLatency":"0.","runs":"threads":1,'
    b'"provenance":{"modelDigest":"sha256:","recipeHash":"","tensorflow":"2.21.0","strategy":"Plain",'
    b'"calibration":{"source":"Synthetic","source":"Dataset","samples":"digest":"sha256:"}},"durationSeconds":'
)
"""What results are mostly made of. It must never change: objects in buckets can be read with it alone. A field that is
not in it takes some bytes more."""


def packed(text: str) -> str:
    """Return a result's JSON as printable ASCII."""
    compressor = zlib.compressobj(level=9, zdict=_VOCABULARY)
    return base64.b64encode(compressor.compress(text.encode()) + compressor.flush()).decode()


def unpacked(text: str) -> bytes:
    """Return what was packed, with the vocabulary or, before there was one, without.

    Raises:
        ValueError: it was not packed so, or is far larger than a result.
    """
    decompressor = zlib.decompressobj(zdict=_VOCABULARY)
    try:
        found = decompressor.decompress(base64.b64decode(text, validate=True), _RESULT_BYTES)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"no packed result: {error}") from error
    if decompressor.unconsumed_tail or not decompressor.eof:
        raise ValueError("it has no end, or is too long")
    return found
