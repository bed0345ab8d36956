"""HTTP to the Bot API under python-telegram-bot's own seam; it never logs and never lets a URL out.

PTB documents the seam: https://docs.python-telegram-bot.org/en/stable/telegram.request.baserequest.html
Calls go over lines of our own, files and whatever a proxy stands before over aiohttp: docs/decisions/0013. A URL holds
the token, and some of aiohttp's errors hold the URL, so none of them is chained to what is raised here.
"""

import io
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
from aiohttp import ClientResponse, ClientTimeout
from telegram.request import BaseRequest, RequestData
from yarl import URL

from bot.channels.telegram import failures
from bot.channels.telegram.lines import Lines
from bot.errors import ConfigError, DeliveryError, Refused

CONNECT = 5.0  # seconds, waiting for a free connection included
READ = 20.0  # seconds for an answer
TRANSFER = 300.0  # seconds for a whole file
_CHUNK = 64 * 1024
_JSON = {"Content-Type": "application/json"}

T = TypeVar("T")


class Transport(BaseRequest):
    """One pool of connections. Calls and long polls have one each, so that neither waits for the other."""

    def __init__(self, base_url: str, *, connections: int, read: float = READ) -> None:
        self._connections = connections
        self._read = read
        self._base_url = base_url
        self._proxy = proxy_for(base_url)
        self._lines: Lines | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return self._read

    async def initialize(self) -> None:
        """Nothing to do: connections are opened when they are needed."""

    async def shutdown(self) -> None:
        lines, self._lines = self._lines, None
        session, self._session = self._session, None
        if lines is not None:
            await lines.close()
        if session is not None:
            await session.close()

    async def exchange(self, url: str, body: bytes) -> tuple[int, bytes]:
        """Posts JSON; gives status and payload, or raises NotSent or Uncertain by what went wrong on the way."""
        if self._proxy is not None:
            timeout = ClientTimeout(total=CONNECT + self._read, connect=CONNECT)
            return await self._request("POST", url, _whole, data=body, headers=_JSON, timeout=timeout)
        try:
            return await self._direct().post(url, body, connect=CONNECT, read=self._read)
        except Exception as error:
            fault = failures.broken(error)
        raise fault  # out here the fault has no context: nothing of it can show the URL

    async def do_request(  # noqa: PLR0917 - the signature is PTB's
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: object = None,
        write_timeout: object = None,
        connect_timeout: object = None,
        pool_timeout: object = None,
    ) -> tuple[int, bytes]:
        """PTB's way in: whatever is not a result is raised as a DeliveryError, which PTB keeps as `__cause__`."""
        if request_data is not None and request_data.contains_files:
            timeout = ClientTimeout(total=TRANSFER, connect=CONNECT)
            answer = await self._request(method, url, _whole, data=_form(request_data), timeout=timeout)
        else:
            parameters = request_data.parameters if request_data is not None else {}
            answer = await self.exchange(url, msgspec.json.encode(parameters))
        failures.read(*answer)
        return answer

    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        """As PTB's own, but without its log of what cannot be read."""
        return msgspec.json.decode(payload)

    async def download(self, url: str, at_most: int) -> bytes:
        """A file's bytes; raises Refused (gone, too_large) or NotSent."""

        async def capped(answer: ClientResponse) -> bytes:
            if answer.status != 200:
                raise Refused("gone") if 400 <= answer.status < 500 else failures.unreadable(answer.status)
            data = bytearray()
            async for chunk in answer.content.iter_chunked(_CHUNK):
                data += chunk
                if len(data) > at_most:
                    raise Refused("too_large")
            return bytes(data)

        timeout = ClientTimeout(total=TRANSFER, connect=CONNECT, sock_read=self._read)
        return await self._request("GET", url, capped, timeout=timeout)

    async def _request(
        self, method: str, url: str, read: Callable[[ClientResponse], Awaitable[T]], **options: Any
    ) -> T:
        fault: DeliveryError
        try:
            async with self._opened().request(method, url, allow_redirects=False, **options) as answer:
                return await read(answer)
        except DeliveryError:
            raise
        except Exception as error:
            fault = failures.broken(error)
        raise fault  # as above

    def _direct(self) -> Lines:
        if self._lines is None:
            self._lines = Lines(self._base_url, connections=self._connections)
        return self._lines

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=self._proxy,
            )
        return self._session


async def _whole(answer: ClientResponse) -> tuple[int, bytes]:
    return answer.status, await answer.read()


def _form(request_data: RequestData) -> aiohttp.FormData:
    """Multipart with the file names as they are: the Bot API does not read percent signs in them."""
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    for name, value in request_data.json_parameters.items():
        form.add_field(name, value)
    for name, (filename, content, mime) in request_data.multipart_data.items():
        file = io.BytesIO(content) if isinstance(content, bytes) else content  # aiohttp sends it in pieces
        form.add_field(name, file, filename=filename, content_type=mime)
    return form


def proxy_for(base_url: str) -> str | None:
    """The proxy that the environment names for this address (HTTPS_PROXY, NO_PROXY …), looked up once."""
    try:
        parts = URL(base_url)
    except ValueError:
        parts = URL()
    if parts.scheme not in ("http", "https") or not parts.host:
        raise ConfigError("telegram.base_url: not a web address")
    proxies = getproxies()
    if proxy_bypass(parts.host):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy is not None and proxy.partition(":")[0].lower() not in ("http", "https"):
        raise ConfigError(f"{parts.scheme.upper()}_PROXY: only http:// proxies can be used")
    return proxy
