"""The TFLiteConversion resource as a whole."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, StringConstraints

from tflite_api.resource.spec import ConversionSpec
from tflite_api.schema import Integer, Schema


class Metadata(Schema):
    """The parts of ObjectMeta that matter here; all else is the API server's business."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    namespace: str = "default"
    uid: str | None = None
    generation: Integer | None = None


class Conversion(Schema):
    """A TFLiteConversion without its status."""

    api_version: Literal["tflite-operator.dev/v1alpha1"] = "tflite-operator.dev/v1alpha1"
    kind: Literal["TFLiteConversion"] = "TFLiteConversion"
    metadata: Metadata
    spec: ConversionSpec
    status: dict[str, Any] | None = None
