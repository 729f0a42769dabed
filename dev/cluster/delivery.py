"""Imports the project's images into the cluster's node when it has other ones."""

from dev.building import images, oci
from dev.daemons.node import Node
from dev.host.checkout import Checkout
from dev.host.progress import say, step


def deliver(checkout: Checkout, node: Node) -> None:
    """Import the images that the node lacks.

    Raises:
        BrokenStoreError: the node does not take them.
    """
    for image in images.IMAGES:
        kept = images.layout(checkout, image)
        if node.has(image.tag, oci.manifest_of(kept)["digest"]):
            continue
        with step(f"giving the node {image.tag}"):
            written = node.import_image(kept, image.tag)
        say(f"{written / 1e6:.1f} MB of {image.tag} were new to the node")
    node.forget_earlier_images()
