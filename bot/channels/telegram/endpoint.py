"""The door that Telegram calls: only who knows path and secret is let in; it reads nothing of what it hands on.

It speaks plain HTTP; TLS ends at the proxy before it. Source: https://core.telegram.org/bots/api#setwebhook.
"""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import structlog
from aiohttp import web

from bot.listening import Listener

log = structlog.get_logger()

Network = IPv4Network | IPv6Network
Take = Callable[[bytes], Awaitable[bool]]
"""Stores one update; whether it is safe now."""

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
LARGEST = 256 * 1024  # bytes; an update's JSON has 64 KiB at most
BODY_WITHIN = 5.0  # seconds
LINGER = 1.0  # seconds in which the rest of a refused body is thrown away, so that the refusal is heard
STOP_WITHIN = 3.0  # seconds

_quiet = logging.getLogger("huiyin.webhook")  # aiohttp's own words about strangers, which quote what they sent
_quiet.setLevel(logging.CRITICAL + 1)


class Endpoint:
    """One path on a port of its own; port 0: any free one. `refused` counts the calls that were not let in."""

    def __init__(
        self,
        take: Take,
        *,
        path: str,
        secret: str,
        host: str,
        port: int,
        networks: Sequence[Network] = (),
        proxies: Sequence[Network] = (),
        body_within: float = BODY_WITHIN,
    ) -> None:
        self._take = take
        self._path = path.encode()
        self._secret = secret.encode()
        self._listener = Listener(host, port, setting="telegram.webhook_")
        self._networks = networks
        self._proxies = proxies
        self._body_within = body_within
        self.refused = 0

    @property
    def port(self) -> int:
        return self._listener.port

    async def open(self) -> None:
        """Listens; raises ConfigError where the address cannot be had."""
        app = web.Application(client_max_size=LARGEST)
        app.router.add_route("*", "/{path:.*}", self._answer)
        await self._listener.open(
            app, logger=_quiet, auto_decompress=False, lingering_time=LINGER, shutdown_timeout=STOP_WITHIN
        )

    async def close(self) -> None:
        await self._listener.close()

    async def _answer(self, request: web.Request) -> web.Response:
        """Says nothing but a status: a stranger learns no more than that."""
        status = self._refusal(request)
        if status is None:
            try:
                status = await self._taken(request)
            except (ConnectionError, web.RequestPayloadError):
                status = HTTPStatus.BAD_REQUEST  # broken off
            except Exception as error:
                log.error("webhook_call_failed", error=type(error).__name__, exc_info=error)
                status = HTTPStatus.INTERNAL_SERVER_ERROR
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.refused += 1
        response = web.Response(status=status)
        if status != HTTPStatus.OK:
            response.force_close()
        return response

    def _refusal(self, request: web.Request) -> HTTPStatus | None:
        """Why the call is not let in, told by its head alone."""
        if self._networks and not self._is_allowed(request):
            return HTTPStatus.FORBIDDEN
        if not _same(request.path.rpartition("/")[2], self._path):  # a proxy may keep a path before ours or not
            return HTTPStatus.NOT_FOUND
        if request.method != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED
        if not _same(request.headers.get(SECRET_HEADER, ""), self._secret):
            return HTTPStatus.FORBIDDEN
        if request.content_type != "application/json" or "Content-Encoding" in request.headers:
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        if (request.content_length or 0) > LARGEST:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return None

    async def _taken(self, request: web.Request) -> HTTPStatus:
        try:
            async with asyncio.timeout(self._body_within):
                body = await request.read()
        except TimeoutError:
            return HTTPStatus.REQUEST_TIMEOUT
        except web.HTTPRequestEntityTooLarge:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return HTTPStatus.OK if await self._take(body) else HTTPStatus.SERVICE_UNAVAILABLE

    def _is_allowed(self, request: web.Request) -> bool:
        """Whether the caller's network is. What a header says of the caller counts only where our own proxy adds it."""
        told = [part for line in request.headers.getall("X-Forwarded-For", ()) for part in line.split(",")]
        caller = _address(request.remote or "")
        while caller is not None and told and _stands_in(caller, self._proxies):
            caller = _address(told.pop())
        return caller is not None and _stands_in(caller, self._networks)


def _same(told: str, known: bytes) -> bool:
    """In a time that does not tell how much of it was right."""
    return hmac.compare_digest(told.encode("utf-8", "replace"), known)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _stands_in(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
