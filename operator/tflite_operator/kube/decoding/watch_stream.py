"""Takes the answer to a watch apart into events: one a line in JSON, or one a frame in protobuf."""

from collections.abc import AsyncGenerator

import aiohttp
from pydantic_core import from_json

from tflite_operator.core.fields import Object, mapping, text
from tflite_operator.kube.decoding.protobuf import MEDIA_TYPE, watch_event

_LENGTH_BYTES = 4


async def events(response: aiohttp.ClientResponse) -> AsyncGenerator[tuple[str, Object], None]:
    """Return each event's type, and the object as it then is; what comes after the last whole event is dropped.

    Raises:
        ValueError: the server does not keep to the encoding that it named.
    """
    if response.content_type == MEDIA_TYPE:
        async for frame in _frames(response):
            yield watch_event(frame)
    else:
        async for line in _lines(response):
            event = from_json(line)
            yield text(event, "type"), mapping(event, "object")


async def _lines(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """Return the lines of an answer as they come, however long they are."""
    begun: list[bytes] = []
    async for chunk in response.content.iter_any():
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join([*begun, line])
            begun = []
        begun.append(rest)


async def _frames(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """Return the frames of an answer as they come: each after its length, a big-endian number."""
    begun = bytearray()
    async for chunk in response.content.iter_any():
        begun += chunk
        at = 0
        while (start := at + _LENGTH_BYTES) <= len(begun):
            end = start + int.from_bytes(begun[at:start], "big")
            if end > len(begun):
                break
            yield bytes(begun[start:end])
            at = end
        del begun[:at]
