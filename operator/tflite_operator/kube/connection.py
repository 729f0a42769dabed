"""Where the API server is and who asks: the one source of credentials, for our own requests and for kopf's."""

from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Self
from urllib.parse import urlencode

import aiohttp
from aiohttp import ClientHandlerType, ClientMiddlewareType
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from tflite_operator.kube.errors import ClusterError
from tflite_operator.kube.in_flight import BriefRestClient
from tflite_operator.kube.late_check import CheckedRequest

JSON: Final = "application/json"
USER_AGENT: Final = "tflite-operator"
_BUFFER_BYTES: Final = 2**21
"""As much as the Kubernetes client takes: an event of a watch can exceed aiohttp's default."""


class Connection:
    """The API server, as a loaded configuration of the Kubernetes client says how to reach it."""

    def __init__(self, configuration: Configuration, in_flight_seconds: float | None = None) -> None:
        """Take a loaded configuration, and for how long the network may keep a request of ours; None for ever."""
        # No limit: the workers are one, and watches of many namespaces must not keep the lease's requests waiting.
        configuration.connection_pool_maxsize = 0
        # The API server is asked directly, whatever proxy the environment names.
        configuration.client_session_kwargs = {"trust_env": False, "request_class": CheckedRequest}
        # Python 3.13 refuses authorities that state no key usage or no key identifier, which those of clusters may be.
        configuration.disable_strict_ssl_verification = True
        self._configuration = configuration
        self._client = ApiClient(configuration)
        if in_flight_seconds is not None:
            self._client.rest_client = BriefRestClient(configuration, in_flight_seconds)

    @classmethod
    async def load(cls, in_flight_seconds: float | None = None) -> Self:
        """Use the pod's service account, else the kubeconfig.

        `in_flight_seconds` are how long the network may keep a request of ours; None for ever.

        Raises:
            ClusterError: there is neither.
        """
        configuration = Configuration()
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            try:
                await config.load_kube_config(client_configuration=configuration)
            except (config.ConfigException, OSError) as error:
                raise ClusterError(f"neither a service account nor a usable kubeconfig: {error}") from error
        return cls(configuration, in_flight_seconds)

    @property
    def server(self) -> str:
        """Return the address of the API server."""
        return str(self._configuration.host)

    async def close(self) -> None:
        """Close the connections of our own requests."""
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
        """Send a request; return the answer, of which only the head is there yet.

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
        headers = {"Accept": accepted, "Content-Type": kind, "User-Agent": USER_AGENT}
        await self._authorize(headers)
        url = f"{self.server}{path}{'?' + urlencode(query) if query else ''}"
        sent = await self._client.rest_client.request(method, url, headers=headers, body=body, _request_timeout=limits)
        response: aiohttp.ClientResponse = sent.response
        return response

    def session(self, *middlewares: ClientMiddlewareType) -> aiohttp.ClientSession:
        """Return a pool of connections of its own, whose requests bear the same credentials.

        Each request asks for them again: a service account's token is replaced every hour.
        """
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._client.rest_client.ssl_context),
            headers={"User-Agent": USER_AGENT},
            trust_env=False,
            read_bufsize=_BUFFER_BYTES,
            proxy=self._configuration.proxy,
            middlewares=(self._identify, *middlewares),
        )

    async def _identify(self, request: aiohttp.ClientRequest, send: ClientHandlerType) -> aiohttp.ClientResponse:
        await self._authorize(request.headers)
        request.server_hostname = self._configuration.tls_server_name or None
        return await send(request)

    async def _authorize(self, headers: MutableMapping[str, str]) -> None:
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], "", "", None)
