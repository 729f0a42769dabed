"""How many objects of a list are asked for at a time: so few that a page fits into memory, however large one is.

An object may have 1.5 MB (etcd's own limit): labels, annotations and managedFields count, which no schema bounds. A
hundred such would take more memory than the operator has. So a page that grows too long is not read to its end but
asked for again, with fewer objects.
"""

from typing import Final

import aiohttp

PAGE_ITEMS: Final = 100
"""Of a list, at most. A page of pods takes 6 MB for a moment, which a process never gives back wholly."""
_MOST_BYTES: Final = 2 * 1024**2
"""Of a page, as JSON; as Python objects it takes up to ten times as much. One object alone may be longer."""


class PageSize:
    """The number of objects of a page, which follows the size of those that were seen."""

    def __init__(self, most: int = PAGE_ITEMS) -> None:
        """Begin with the most that are ever asked for."""
        self._most = most
        self.items = most

    @property
    def most_bytes(self) -> int | None:
        """Return how long a page of so many objects may be; None where it cannot have fewer."""
        return _MOST_BYTES if self.items > 1 else None

    def halve(self) -> None:
        """Take note that a page was too long."""
        self.items = max(self.items // 2, 1)

    def fit(self, length: int) -> None:
        """Take note that a page had so many bytes: where twice as many objects would fit, ask for them next."""
        if 4 * length < _MOST_BYTES:
            self.items = min(2 * self.items, self._most)


async def read_page(response: aiohttp.ClientResponse, most_bytes: int | None) -> bytes | None:
    """Read a page; return None where it is longer than it may be, and leave the rest unread."""
    chunks, length = [], 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        length += len(chunk)
        if most_bytes is not None and length > most_bytes:
            response.close()
            return None
    return b"".join(chunks)
