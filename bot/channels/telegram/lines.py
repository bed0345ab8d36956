"""HTTP/1.1 to one server over connections that stay open, and whether a request may have left.

That decides whether a message goes out once more, and client libraries blur it: docs/decisions/0013. What an answer
is, httptools reads; whom to connect to first, aiohappyeyeballs knows.
"""

import asyncio
import socket
import ssl
from collections import deque
from typing import Any

import aiohappyeyeballs
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from yarl import URL

IDLE = 15.0  # seconds: an older connection may be closed by the other side in the moment in which it is used
LONGEST_ANSWER = 32 * 1024 * 1024  # bytes
_SIZED = (b"content-length", b"transfer-encoding")


class NoConnection(Exception):
    """Nothing has left: no connection could be had in time, or none became free."""


class ConnectionBroken(Exception):
    """The request may have arrived; its answer did not, or not whole."""


class Lines:
    """Connections to the server of `origin`, at most so many, each with one request at a time."""

    def __init__(self, origin: str, *, connections: int, tls: ssl.SSLContext | None = None) -> None:
        self._origin = URL(origin).origin()
        self._tls = tls
        self._slots = asyncio.Semaphore(connections)
        self._idle: deque[_Line] = deque()
        self._lines: set[_Line] = set()
        self._heads: dict[str, bytes] = {}  # what a request to an address begins with: the methods are few
        self._lookup: asyncio.Future[Any] | None = None
        self._waiting: set[asyncio.Timeout] = set()  # of those who have no connection yet
        self._is_closed = False

    async def post(self, url: str, body: bytes, *, connect: float, read: float) -> tuple[int, bytes]:
        """Posts JSON; gives status and payload. Seconds to get a connection and to get the answer.

        Raises NoConnection, and ConnectionBroken or TimeoutError for what may have arrived.
        """
        line = await self._taken(connect)
        late = asyncio.get_running_loop().call_later(read, line.is_late)  # a third of what asyncio.timeout() costs
        try:
            return await line.ask(b"%b%d\r\n\r\n%b" % (self._head(url), len(body), body))
        finally:
            late.cancel()
            self._give_back(line)

    async def close(self) -> None:
        """Breaks off what is under way, for good; whoever has no connection yet gets none any more."""
        self._is_closed = True
        for patience in self._waiting:
            if not patience.expired():
                patience.reschedule(0.0)
        for line in self._lines:
            line.abort()
        await asyncio.gather(*(line.gone for line in self._lines))

    async def _taken(self, seconds: float) -> "_Line":
        if not self._slots.locked():
            await self._slots.acquire()  # at once
            if (line := self._fresh()) is not None:
                return line
            self._slots.release()
        if self._is_closed:
            raise NoConnection("closed")
        patience = asyncio.timeout(seconds)
        self._waiting.add(patience)
        try:
            async with patience:
                await self._slots.acquire()
                try:
                    return self._fresh() or await self._connected()
                except BaseException:
                    self._slots.release()
                    raise
        except (OSError, TimeoutError) as error:  # of ssl's errors too
            raise NoConnection(type(error).__name__) from error
        finally:
            self._waiting.discard(patience)

    def _fresh(self) -> "_Line | None":
        """The connection used last, if it is young enough; older ones behind it are no younger."""
        oldest = asyncio.get_running_loop().time() - IDLE
        while self._idle:
            line = self._idle.pop()
            if line.is_open and line.idle_since > oldest:
                return line
            line.abort()
        return None

    async def _connected(self) -> "_Line":
        loop, host = asyncio.get_running_loop(), self._origin.host or ""
        if self._tls is None and self._origin.scheme == "https":
            self._tls = ssl.create_default_context()
        found = await self._looked_up(host)
        sock = await aiohappyeyeballs.start_connection(found, happy_eyeballs_delay=0.25, interleave=1)
        name = host if self._tls is not None else None
        _transport, line = await loop.create_connection(_Line, sock=sock, ssl=self._tls, server_hostname=name)
        if not line.is_open:
            raise ConnectionResetError
        self._lines.add(line)
        line.gone.add_done_callback(lambda _gone: self._lines.discard(line))
        return line

    async def _looked_up(self, host: str) -> Any:
        """Where the server is, asked once for all who wait: each lookup takes one of few threads."""
        if self._lookup is None or self._lookup.done():
            asking = asyncio.get_running_loop().getaddrinfo(host, self._origin.port or 0, type=socket.SOCK_STREAM)
            self._lookup = asyncio.ensure_future(asking)
            self._lookup.add_done_callback(lambda found: found.cancelled() or found.exception())
        return await asyncio.shield(self._lookup)

    def _give_back(self, line: "_Line") -> None:
        if line.is_busy:
            line.abort()  # the answer may still come, and is nobody's
        if line.is_open:
            line.idle_since = asyncio.get_running_loop().time()
            self._idle.append(line)
        self._slots.release()

    def _head(self, url: str) -> bytes:
        head = self._heads.get(url)
        if head is None:
            target = URL(url)
            host = target.host_port_subcomponent
            head = self._heads[url] = (
                f"POST {target.raw_path_qs} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
                "Content-Length: ".encode()
            )
        return head


class _Line(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self.is_open = False
        self.idle_since = 0.0  # of the loop's time
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport
        self._parser = HttpResponseParser(self)
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._is_sized = False  # the head of the answer says how long it is
        self._is_bounded = True  # the answer itself says where it ends; one that has not begun does not end either

    @property
    def is_busy(self) -> bool:
        """Whether an answer has not come whole."""
        return self._answer is not None

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        self._answer = asyncio.get_running_loop().create_future()
        if self.is_open:
            self._transport.write(request)
        else:
            self._answer.set_exception(ConnectionBroken())
        return self._answer

    def is_late(self) -> None:
        """The answer has not come in time."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(TimeoutError())

    def abort(self) -> None:
        self.is_open = False
        self._transport.abort()

    # --- what asyncio calls ---

    def connection_made(self, transport: Any) -> None:
        self._transport, self.is_open = transport, True

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nobody has asked: whatever this is, the next answer must not be taken for it
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):  # the second is none of the first
            self.abort()

    def eof_received(self) -> None:
        """The server says no more, and what is written from now on it may never read.

        An answer that did not say where it ends ends here (RFC 9112 §6.3); a connection that breaks does not come by.
        """
        if not self._is_bounded and self._is_closed_in_form():
            self.on_message_complete()
        self.is_open = False

    def _is_closed_in_form(self) -> bool:
        """Behind TLS an alert closes it; without one anybody on the way may have cut it off (RFC 9112 §9.8)."""
        tls = self._transport.get_extra_info("ssl_object")
        try:
            return tls is None or tls.read(1) == b""
        except ssl.SSLError:  # it wants to read on
            return False

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionBroken())
        self.gone.set_result(None)

    # --- what httptools calls ---

    def on_message_begin(self) -> None:
        if self._answer is None:  # right behind the answer, another
            self.abort()
        self._is_sized = False

    def on_header(self, name: bytes, _value: bytes) -> None:
        if name.lower() in _SIZED:
            self._is_sized = True

    def on_headers_complete(self) -> None:
        self._is_bounded = self._is_sized

    def on_body(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > LONGEST_ANSWER:
            self.abort()
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        self._is_bounded, status = True, self._parser.get_status_code()
        if status < 200 or not self.is_open:
            return  # an interim answer: the answer itself comes behind it
        body, answer = b"".join(self._body), self._answer
        self._body, self._size, self._answer = [], 0, None
        if not self._parser.should_keep_alive():
            self.abort()
        if answer is not None and not answer.done():
            answer.set_result((status, body))
