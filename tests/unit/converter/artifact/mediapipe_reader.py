"""What MediaPipe itself makes of a .tflite file: `python mediapipe_reader.py MODEL [IMAGE.npy]` prints it as JSON.

MediaPipe's packages import OpenCV, Matplotlib and the Python of every task when they are imported themselves, and its
metadata module an extension of the writer's that the wheel leaves out (1.0 to 1.2.2). The readers need none of it: here
the packages are bare folders, and their modules are MediaPipe's own. That is why this is a program of its own.
"""

import json
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np


def lay_out_packages() -> None:
    found = PathFinder.find_spec("mediapipe")
    assert found is not None
    assert found.origin is not None
    root = Path(found.origin).parents[1]
    for name in ("mediapipe", "mediapipe.tasks", "mediapipe.tasks.python", "mediapipe.tasks.python.vision"):
        package = ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")))]
        sys.modules[name] = package
    for name in ("mediapipe.tasks.cc", "mediapipe.tasks.cc.metadata", "mediapipe.tasks.cc.metadata.python"):
        sys.modules[name] = ModuleType(name)
    vars(sys.modules["mediapipe.tasks.cc.metadata.python"])["_pywrap_metadata_version"] = None
    # Only to open files; without it MediaPipe opens them itself.
    sys.modules["tensorflow"] = None  # type: ignore[assignment] # how an import is made to fail


def displayed(model: str) -> dict[str, Any]:
    """Return what the metadata displayer shows, with the content of the packed files."""
    from mediapipe.tasks.python.metadata.metadata import MetadataDisplayer

    displayer = MetadataDisplayer.with_model_file(model)
    names = displayer.get_packed_associated_file_list()
    return {
        "metadata": json.loads(displayer.get_metadata_json()),
        "files": {name: displayer.get_associated_file_buffer(name).decode() for name in names},
    }


def classified(model: str, image: str) -> dict[str, float]:
    """Return the labels and scores of an image (uint8 [height, width, 3]) that the image classifier finds."""
    from mediapipe.tasks.python.core.base_options import BaseOptions
    from mediapipe.tasks.python.vision.core.image import Image, ImageFormat
    from mediapipe.tasks.python.vision.image_classifier import ImageClassifier, ImageClassifierOptions

    options = ImageClassifierOptions(base_options=BaseOptions(model_asset_path=model))
    with ImageClassifier.create_from_options(options) as classifier:
        result = classifier.classify(Image(image_format=ImageFormat.SRGB, data=np.load(image)))
    return {category.category_name: category.score for category in result.classifications[0].categories}


if __name__ == "__main__":
    lay_out_packages()
    print(json.dumps(displayed(sys.argv[1]) if len(sys.argv) < 3 else classified(*sys.argv[1:])))
