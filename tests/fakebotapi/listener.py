"""The listening socket, which can stop listening and come back on the same port; it reads no request."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.fakebotapi.query import LARGEST_BODY

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Listener:
    def __init__(self, handle: Handle, port: int = 0) -> None:
        self._handle = handle
        self._port = port
        self._web: web.Server | None = None
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None
        self._wanted = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def open(self) -> None:
        self._web = web.Server(self._handle, request_factory=_request, handler_cancellation=True, access_log=None)
        self.listen(True)
        if self._opening is not None:
            await self._opening

    def listen(self, wanted: bool) -> None:
        """Clients are refused, or heard, from this moment on."""
        self._wanted = wanted
        if wanted and self._server is None and self._opening is None and self._web is not None:
            listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(("127.0.0.1", self._port))
            listening.listen(1024)  # from here on the kernel takes connections, though nobody reads them yet
            self._port = listening.getsockname()[1]
            self._opening = asyncio.get_running_loop().create_task(self._serve(listening))
        elif not wanted and self._server is not None:
            self._server.close()
            self._server = None
            self._break_off()

    async def close(self) -> None:
        if self._opening is not None:
            await self._opening
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._web is not None:
            await self._web.shutdown(0.05)
            self._web = None

    async def _serve(self, listening: socket.socket) -> None:
        assert self._web is not None
        self._server = await asyncio.get_running_loop().create_server(self._web, sock=listening, backlog=1024)
        self._opening = None
        if not self._wanted:
            self.listen(False)

    def _break_off(self) -> None:
        for connection in list(self._web.connections if self._web else []):
            if connection.transport is not None:
                reset(connection.transport)


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Breaks a connection with an RST."""
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    assert isinstance(transport, asyncio.WriteTransport)
    transport.abort()


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=LARGEST_BODY)
