"""The proxy that the environment names for an address: HTTP_PROXY, HTTPS_PROXY and NO_PROXY."""

from dataclasses import dataclass
from typing import Self, TypedDict
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp


@dataclass(frozen=True)
class Proxy:
    """Where requests go first."""

    url: str
    """Without user and password."""
    authorization: str | None
    """The value of Proxy-Authorization, where the environment has a user and password."""

    @classmethod
    def of(cls, url: str) -> Self | None:
        """Return the proxy for an http(s) address, or None for a direct connection."""
        parts = urlsplit(url)
        named = getproxies().get(parts.scheme)
        if not named or proxy_bypass(parts.netloc.rpartition("@")[2]):
            return None
        proxy = urlsplit(named if "://" in named else f"http://{named}")
        where = proxy._replace(netloc=proxy.netloc.rpartition("@")[2]).geturl()
        if proxy.username is None:
            return cls(where, None)
        return cls(where, aiohttp.encode_basic_auth(unquote(proxy.username), unquote(proxy.password or "")))

    def options(self, url: str) -> "ProxyOptions":
        """Return the arguments of aiohttp's requests for an address."""
        told = {} if self.authorization is None else {"Proxy-Authorization": self.authorization}
        # For https aiohttp asks the proxy for a tunnel, and sends it these; else the proxy reads the request itself.
        if urlsplit(url).scheme == "https":
            return {"proxy": self.url, "proxy_headers": told}
        return {"proxy": self.url, "headers": told}


class ProxyOptions(TypedDict, total=False):
    """Arguments of aiohttp's requests; none where there is no proxy."""

    proxy: str
    headers: dict[str, str]
    proxy_headers: dict[str, str]
