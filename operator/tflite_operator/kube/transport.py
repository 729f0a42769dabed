"""Carries requests to the API server: connections, TLS, and the credentials of whoever asks."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from pydantic_core import to_json

from tflite_operator.kube.late_check import CheckedRequest

JSON: Final = "application/json"
_BUFFER_BYTES: Final = 2**21
"""As much as the Kubernetes client takes: an event of a watch can exceed aiohttp's default."""


class Transport:
    """A pool of connections of our own: sending by the Kubernetes client takes a third more time for each request."""

    def __init__(self, configuration: Configuration) -> None:
        """Take a loaded configuration: where the API server is, and who asks."""
        self._configuration = configuration
        self._client = ApiClient(configuration)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
        await self._client.close()

    async def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None,
        *,
        kind: str = JSON,
        accepted: str = JSON,
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        """Send a request; give the answer, of which only the head is there yet.

        Args:
            method: of HTTP.
            path: from the root of the API.
            query: parameters that follow the path.
            body: what is sent as JSON.
            kind: media type of the body.
            accepted: media types of the answer.
            limits: how long it may take.

        Raises:
            aiohttp.ClientError, OSError: the server cannot be reached.
            TimeoutError: it takes too long.
        """
        headers = {"Accept": accepted, "Content-Type": kind, "User-Agent": "tflite-operator"}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        if self._session is None:
            self._session = self._connect()
        return await self._session.request(
            method,
            f"{self._configuration.host}{path}{'?' + urlencode(query) if query else ''}",
            headers=headers,
            data=to_json(body) if body is not None else None,
            timeout=limits,
            server_hostname=self._configuration.tls_server_name or None,
            proxy=self._configuration.proxy,
            proxy_headers=self._configuration.proxy_headers,
        )

    def _connect(self) -> aiohttp.ClientSession:
        # No limit: the workers are one, and watches of many namespaces must not keep the lease's requests waiting.
        connector = aiohttp.TCPConnector(limit=0, ssl=self._client.rest_client.ssl_context)
        # The API server is asked directly, whatever proxy the environment names.
        return aiohttp.ClientSession(
            connector=connector, trust_env=False, request_class=CheckedRequest, read_bufsize=_BUFFER_BYTES
        )
