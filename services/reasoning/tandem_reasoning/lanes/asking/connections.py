"""How servers are reached: directly, or by the proxy that the environment names; and that a machine which is gone is found out.

Which proxy, is the standard library's to say (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY). Every connection is watched by its kernel
(RFC 9293 §3.8.4): else a call to a machine that lost its power would be waited for to its deadline.
"""

import socket
from collections.abc import Sequence
from typing import Final
from urllib.request import getproxies, proxy_bypass

import httpx2

# Without a word of its kernel a machine is gone: as long as gRPC waits for an answer to its pings. A server that computes is not silent.
SILENT_S: Final = 20
_ASKED_EVERY_S: Final = 5


class Connections(httpx2.AsyncBaseTransport):
    """Connections that are kept open between calls."""

    def __init__(self, limits: httpx2.Limits, *, silent_s: int = SILENT_S) -> None:
        """Begin with none.

        Args:
            limits: Of each way, directly or by one of the proxies.
            silent_s: Whole seconds without a word of the other kernel, after which it is taken for gone.
        """
        watched = _watched(silent_s)
        self._direct = httpx2.AsyncHTTPTransport(limits=limits, socket_options=watched)
        self._by_proxy = {
            scheme: httpx2.AsyncHTTPTransport(limits=limits, socket_options=watched, proxy=httpx2.Proxy(_address(proxy)))
            for scheme, proxy in getproxies().items()
            if scheme in {"http", "https", "all"}
        }

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it on its way."""
        return await self._way(request.url).handle_async_request(request)

    async def aclose(self) -> None:
        """Let go of all."""
        for way in (self._direct, *self._by_proxy.values()):
            await way.aclose()

    def _way(self, url: httpx2.URL) -> httpx2.AsyncHTTPTransport:
        if not self._by_proxy or proxy_bypass(url.host):
            return self._direct
        return self._by_proxy.get(url.scheme) or self._by_proxy.get("all", self._direct)


def _address(proxy: str) -> str:
    """Of a proxy; people leave out the scheme."""
    return proxy if "://" in proxy else f"http://{proxy}"


def _watched(silent_s: int) -> Sequence[tuple[int, int, int]]:
    """Options of sockets; what a system has no name for is left as it is there."""
    every_s = min(_ASKED_EVERY_S, silent_s // 2)
    wanted = {
        "TCP_KEEPIDLE": silent_s // 2,
        "TCP_KEEPINTVL": every_s,
        "TCP_KEEPCNT": silent_s // 2 // every_s,
        "TCP_USER_TIMEOUT": silent_s * 1000,  # for what was sent and is not acknowledged; RFC 5482
    }
    known = [(getattr(socket, name), value) for name, value in wanted.items() if hasattr(socket, name)]
    return [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *((socket.IPPROTO_TCP, name, value) for name, value in known)]
