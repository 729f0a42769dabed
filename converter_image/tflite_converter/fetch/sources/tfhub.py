"""TensorFlow Hub handles, resolved through tensorflow_hub's registry by a resolver with bounds.

tensorflow_hub 0.16.1 speaks `?tf-hub-format=compressed` over HTTP; its own extraction has no limit of size or time and
no checksum (tensorflow_hub/resolver.py, file_utils.py), so download and unpacking are this package's.
"""

import os
from typing import Protocol, cast

from tflite_converter.fetch.fetched import FetchedModel, Pin, Place
from tflite_converter.fetch.sources import web


class _Resolvers(Protocol):
    def add_implementation(self, implementation: object) -> None: ...


def resolve(handle: str, pin: Pin, place: Place) -> FetchedModel:
    """Resolve a handle as tensorflow_hub does, within the limits.

    Raises:
        StepFailure: as `web.download` does.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow_hub  # noqa: PLC0415 - imports TensorFlow, which takes seconds
    from tensorflow_hub import compressed_module_resolver, registry  # noqa: PLC0415

    found = list[FetchedModel]()

    class BoundedResolver(compressed_module_resolver.HttpCompressedFileResolver):  # type: ignore[misc] # untyped
        def is_supported(self, handle: str) -> bool:
            return bool(self.is_http_protocol(handle))

        def __call__(self, handle: str) -> str:
            found.append(web.download(self._append_compressed_format_query(handle), pin, place))
            return str(found[-1].folder)

    # The registry asks the latest implementation first.
    cast("_Resolvers", registry.resolver).add_implementation(BoundedResolver())
    tensorflow_hub.resolve(handle)
    return found[-1]
