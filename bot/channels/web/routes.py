"""The doors of one side: session, talk, files in, files out. What is said is the channel's business."""

import asyncio
import re
import resource
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from bot.channels.web import sides, wire
from bot.channels.web.channel import WebChannel
from bot.channels.web.connections import Page
from bot.channels.web.spool import Spool
from bot.errors import NotSent, Refused, StoreError, Undecodable

log = structlog.get_logger()

MOST_FILE = 20 * 1024 * 1024  # bytes
ReadFile = Callable[[str], Awaitable[bytes]]
"""A file's bytes by its digest; raises Refused where it is not here."""

HEARTBEAT = 25.0  # seconds
HELLO_WITHIN = 10.0
FLOOD = 50  # frames a second
UPLOADS = 64  # at a time, on one side
KEPT_BACK = 200  # files and connections that pages leave to the database, to platforms and to files on their way
UPLOAD_WITHIN = 600.0  # seconds
_STATUSES = {"too_large": 413, "no_room": 507}  # of a file that is not taken; any other reason is 400
_DIGEST = re.compile(r"[0-9a-f]{64}")
# Only what a page may show inside itself; anything else is bytes to be saved.
_SHOWABLE = (
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"WEBP", 8, "image/webp"),
    (b"OggS", 0, "audio/ogg"),
    (b"ID3", 0, "audio/mpeg"),
    (b"\xff\xfb", 0, "audio/mpeg"),
    (b"ftypM4A", 4, "audio/mp4"),
    (b"ftyp", 4, "video/mp4"),
    (b"\x1a\x45\xdf\xa3", 0, "audio/webm"),
)


class Doors:
    """The routes under one side's root. `url` is how people reach the server, where a proxy stands before it."""

    def __init__(self, channel: WebChannel, url: str | None, spool: Spool, read_file: ReadFile) -> None:
        self._channel = channel
        self._spool = spool
        self._read_file = read_file
        self._side = channel.side
        self._url = url
        self._uploads = asyncio.Semaphore(UPLOADS)
        self._talks, self._most_talks = 0, _most_talks()

    def routes(self) -> list[web.RouteDef]:
        root = self._side.root
        return [
            web.post(f"{root}/session", self._session),
            web.get(root, self._talk),
            web.post(f"{root}/files", self._upload),
            web.get(f"{root}/files/{{digest}}", self._download),
        ]

    async def _session(self, request: web.Request) -> web.StreamResponse:
        """The browser gets its token before it talks: two pages that open together must not get two."""
        self._admit(request)
        response = web.Response(status=204)
        sides.remember(self._side, request, response, secure=bool(self._url and self._url.startswith("https:")))
        return response

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        if not self._channel.is_open or self._talks >= self._most_talks:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "2"})
        chat = self._chat(request)
        self._talks += 1
        try:
            return await self._met(request, chat)
        finally:
            self._talks -= 1

    async def _met(self, request: web.Request, chat: str) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=wire.MOST_FRAME, heartbeat=HEARTBEAT, compress=False)
        await socket.prepare(request)
        try:
            await self._converse(socket, chat)
        except (Undecodable, TimeoutError, TypeError) as error:
            log.warning("page_misbehaved", channel=self._channel.name, error=type(error).__name__)
            await socket.close(code=WSCloseCode.POLICY_VIOLATION)
        except StoreError:
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
        return socket

    async def _converse(self, socket: web.WebSocketResponse, chat: str) -> None:
        hello = wire.read(await socket.receive_str(timeout=HELLO_WITHIN))
        if not isinstance(hello, wire.Hello):
            raise Undecodable("no hello")
        page, flood = Page(socket, hello.lang), _Flood()
        try:
            await self._channel.joined(chat, page)
            async for message in socket:
                if message.type is not WSMsgType.TEXT or flood.is_too_much():
                    raise Undecodable("flood")
                await self._channel.heard(chat, page, wire.read(message.data))
        finally:
            self._channel.left(chat, page)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        self._chat(request)
        if (request.content_length or 0) > MOST_FILE:
            return web.json_response({"why": "too_large"}, status=413)
        try:
            async with self._uploads, asyncio.timeout(UPLOAD_WITHIN):
                ref, size = await self._spool.put(_pieces(request), MOST_FILE)
        except Refused as error:
            return web.json_response({"why": error.cause}, status=_STATUSES.get(error.cause, 400))
        except NotSent as error:
            return web.json_response({"why": error.cause}, status=503)
        except TimeoutError:
            return web.json_response({"why": "too_slow"}, status=408)
        return web.json_response({"ref": ref, "size": size}, status=201)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        chat, digest = self._chat(request), request.match_info["digest"]
        if not _DIGEST.fullmatch(digest) or not await self._channel.shows(chat, digest):
            raise web.HTTPNotFound
        try:
            data = await self._read_file(digest)
        except Refused:
            raise web.HTTPNotFound from None
        return _file_response(request, data)

    def _admit(self, request: web.Request) -> None:
        if not sides.is_own_page(request, self._url):
            raise web.HTTPForbidden

    def _chat(self, request: web.Request) -> str:
        chat = sides.chat_of(self._side, request)
        if chat is None:
            raise web.HTTPUnauthorized
        return chat


def _most_talks() -> int:
    """Pages that one side may hold open: whoever opens thousands must not take what the office itself needs."""
    files, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(20, (files - KEPT_BACK) // 2) if files != resource.RLIM_INFINITY else sys.maxsize


class _Flood:
    """Whether a page says more than anybody can type."""

    def __init__(self) -> None:
        self._since = 0.0
        self._count = 0

    def is_too_much(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._since >= 1.0:
            self._since, self._count = now, 0
        self._count += 1
        return self._count > FLOOD


async def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    async for piece in request.content.iter_any():
        yield piece


def _file_response(request: web.Request, data: bytes) -> web.Response:
    """The file or the part of it that was asked for: Safari plays no sound without parts (RFC 9110 §14)."""
    headers = {
        "Content-Disposition": "attachment",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
        "Accept-Ranges": "bytes",
    }
    kind = next((mime for magic, at, mime in _SHOWABLE if data[at : at + len(magic)] == magic), None)
    try:
        part = request.http_range
    except ValueError:
        part = slice(None)
    start, end, _step = part.indices(len(data))
    status = 200
    if (part.start, part.stop) != (None, None):
        if start >= end:
            raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{len(data)}"})
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        status = 206
    return web.Response(
        body=data[start:end], status=status, headers=headers, content_type=kind or "application/octet-stream"
    )
