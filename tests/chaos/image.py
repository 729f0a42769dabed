"""The converter's image with a stand-in for TensorFlow, given to the node of the throw-away cluster."""

from pathlib import Path
from typing import Final

from dev.building import images, oci
from dev.cluster.lifecycle import Cluster
from dev.daemons.node import Node
from dev.host.checkout import Checkout

IMAGE: Final = "localhost/tflite-converter:chaos"
_STAND_IN: Final = Path(__file__).parent / "stand_in"


def give(checkout: Checkout) -> None:
    """Make the image from the present converter's, and give it to the node unless it has it."""
    base = images.layout(checkout, images.tagged(images.CONVERTER_IMAGE))
    layout = checkout.images / "tflite-converter-chaos"
    added = {
        # A package is found before a module of the same name, whatever compiled forms of that there are.
        "opt/project/tflite_converter/convert/child/__init__.py": b"",
        "opt/project/tflite_converter/convert/child/__main__.py": (_STAND_IN / "convert_child.py").read_bytes(),
    }
    oci.layered(base, layout, added)
    node = Node(Cluster(checkout).running()[1])
    if not node.has(IMAGE, oci.manifest_of(layout)["digest"]):
        node.import_image(layout, IMAGE)
