"""The web server: two pages, their WebSockets, files up and down. It hands everything to the channels."""

import asyncio
import hashlib
import secrets
from base64 import b32encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog
from aiohttp import WSMsgType, web

from bot.channels.web import wire
from bot.errors import ConfigError, HuiyinError, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.channels.web.channel import WebChannel

log = structlog.get_logger()

PAGE = Path(__file__).parent / "page"
MAX_FILE = 20 * 1024 * 1024
MAX_MESSAGE = 256 * 1024
MOST_A_SECOND = 50
COOKIE_LIFE = 365 * 24 * 3600
STATIC = {"chat.js": "text/javascript", "chat.css": "text/css"}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(self), microphone=(self), camera=()",
    "Cache-Control": "no-cache",
}

_from_page = msgspec.json.Decoder(wire.FromPage).decode
_json = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Side:
    """One of the two pages. Its cookie goes to its own socket and nowhere else."""

    channel: "WebChannel"
    page: str  # "/" or "/office"
    socket: str  # "/chat" or "/office/chat"
    cookie: str


class WebServer:
    """Serves both sides on one port."""

    def __init__(
        self,
        resident: "WebChannel",
        office: "WebChannel",
        *,
        host: str,
        port: int,
        url: str | None,
        name: str,
        spool: Path,
        read_file: "Callable[[str], Awaitable[bytes]]",
    ) -> None:
        self._host = host
        self._port = port
        self._url = url
        self._name = name
        self._spool = spool
        self._read_file = read_file
        self._runner: web.AppRunner | None = None
        self._sockets: set[web.WebSocketResponse] = set()
        self._sides = (
            Side(resident, "/", "/chat", "huiyin_resident"),
            Side(office, "/office", "/office/chat", "huiyin_office"),
        )

    @property
    def url(self) -> str:
        """How people reach it, without a slash at the end."""
        return (self._url or f"http://{self._host}:{self._port}").rstrip("/")

    async def start(self) -> None:
        """Listens; a busy port stops the start in words."""
        self._spool.mkdir(parents=True, exist_ok=True)
        app = web.Application(client_max_size=MAX_FILE + 1024 * 1024, middlewares=[_guarded])
        for side in self._sides:
            app.router.add_get(side.page, self._page_of(side))
            app.router.add_get(side.socket, self._socket_of(side))
            app.router.add_post(f"{side.socket}/files", self._upload_of(side))
            app.router.add_get(side.socket + "/files/{digest}", self._download_of(side))
        app.router.add_get("/page/{name}", _static)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(f"web.port: cannot listen on {self._host}:{self._port}: {error.strerror}") from None
        self._port = self._runner.addresses[0][1]
        for side in self._sides:
            side.channel.address = self.url + side.page

    async def stop(self) -> None:
        for socket in tuple(self._sockets):
            await socket.close(code=1001)
        if self._runner is not None:
            await self._runner.cleanup()

    def _page_of(self, side: Side) -> "Callable[[web.Request], Awaitable[web.Response]]":
        async def page(request: web.Request) -> web.Response:
            html = (PAGE / "index.html").read_text("utf-8")
            filled = html.replace("{{name}}", _escaped(self._name)).replace("{{socket}}", side.socket)
            filled = filled.replace("{{side}}", "office" if side.page == "/office" else "resident")
            response = web.Response(text=filled, content_type="text/html")
            if side.cookie not in request.cookies or len(request.cookies[side.cookie]) < 40:
                token = secrets.token_urlsafe(32)
                response.set_cookie(side.cookie, token, max_age=COOKIE_LIFE, path=side.page, httponly=True,
                                    samesite="Strict", secure=self.url.startswith("https:"))  # fmt: skip
            return response

        return page

    def _socket_of(self, side: Side) -> "Callable[[web.Request], Awaitable[web.WebSocketResponse]]":
        async def talk(request: web.Request) -> web.WebSocketResponse:
            chat = self._chat(request, side)
            socket = web.WebSocketResponse(heartbeat=25.0, max_msg_size=MAX_MESSAGE)
            await socket.prepare(request)
            self._sockets.add(socket)

            async def show(body: bytes) -> None:
                await socket.send_str(body.decode())

            try:
                await side.channel.opened(chat, show)
                await self._listen(side, chat, socket, _language(request))
            finally:
                side.channel.closed(chat, show)
                self._sockets.discard(socket)
            return socket

        return talk

    async def _listen(self, side: Side, chat: str, socket: web.WebSocketResponse, language: str) -> None:
        loop = asyncio.get_running_loop()
        second, count = 0, 0
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            now = int(loop.time())
            second, count = (second, count + 1) if now == second else (now, 1)
            if count > MOST_A_SECOND:
                await socket.close(code=1008, message=b"too fast")
                return
            await self._take(side, chat, socket, message.data, language)

    async def _take(self, side: Side, chat: str, socket: web.WebSocketResponse, data: str, language: str) -> None:
        """Acknowledges what the page sent once it is safe; the page sends again what was not acknowledged."""
        try:
            said = _from_page(data)
        except msgspec.MsgspecError:
            return
        try:
            await side.channel.heard(chat, said, language)
        except HuiyinError as error:
            log.warning("page_not_heard", error=type(error).__name__)
            return
        if said.id and not isinstance(said, wire.Seen):
            await socket.send_str(_json(wire.Taken(said.id)).decode())

    def _upload_of(self, side: Side) -> "Callable[[web.Request], Awaitable[web.Response]]":
        async def upload(request: web.Request) -> web.Response:
            self._chat(request, side)
            ref = secrets.token_hex(16)
            size = 0
            with (self._spool / ref).open("wb") as file:
                async for chunk in request.content.iter_chunked(1 << 16):
                    size += len(chunk)
                    if size > MAX_FILE:
                        break
                    file.write(chunk)
            if size > MAX_FILE:
                (self._spool / ref).unlink()
                raise web.HTTPRequestEntityTooLarge(MAX_FILE, size)
            return web.json_response({"ref": ref, "size": size})

        return upload

    def _download_of(self, side: Side) -> "Callable[[web.Request], Awaitable[web.Response]]":
        async def download(request: web.Request) -> web.Response:
            chat, digest = self._chat(request, side), request.match_info["digest"]
            if not await side.channel.may_show(chat, digest):
                raise web.HTTPNotFound
            try:
                data = await self._read_file(digest)
            except Refused:
                raise web.HTTPNotFound from None
            return web.Response(body=data, content_type=_type_of(data), headers={"Content-Disposition": "inline"})

        return download

    def _chat(self, request: web.Request, side: Side) -> str:
        """The chat of this browser on this side; the token itself is never stored."""
        if request.headers.get("Origin") not in (None, f"{request.scheme}://{request.host}", self.url):
            raise web.HTTPForbidden
        if request.headers.get("Upgrade") and request.headers.get("Origin") is None:
            raise web.HTTPForbidden
        token = request.cookies.get(side.cookie, "")
        if len(token) < 40:
            raise web.HTTPForbidden
        return b32encode(hashlib.sha256(token.encode()).digest()[:20]).decode().lower()


@web.middleware
async def _guarded(
    request: web.Request, handler: "Callable[[web.Request], Awaitable[web.StreamResponse]]"
) -> web.StreamResponse:
    response = await handler(request)
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


async def _static(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in STATIC:
        raise web.HTTPNotFound
    return web.Response(text=(PAGE / name).read_text("utf-8"), content_type=STATIC[name])


def _language(request: web.Request) -> str:
    return request.headers.get("Accept-Language", "").split(",")[0].split(";")[0].strip()[:12]


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def _type_of(data: bytes) -> str:
    kinds = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"OggS": "audio/ogg", b"%PDF": "application/pdf"}
    return next((kind for magic, kind in kinds.items() if data.startswith(magic)), "application/octet-stream")
