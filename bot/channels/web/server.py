"""The HTTP server of the web chat: both sides on one origin, the page's own files, the headers that keep it safe."""

import hashlib
import html
import re
from collections.abc import Callable
from pathlib import Path

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.channels.web.channel import WebChannel
from bot.channels.web.routes import Doors, ReadFile
from bot.channels.web.spool import Spool
from bot.listening import ANY_OTHER, Listener

log = structlog.get_logger()

PAGE = Path(__file__).parent / "page"
STOP_WITHIN = 3.0  # seconds
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")


class WebServer:
    """Serves both sides' pages. `url` is how people reach it, where a proxy stands before it; port 0: any free one."""

    def __init__(
        self,
        resident: WebChannel,
        office: WebChannel,
        *,
        host: str,
        port: int,
        name: str,
        spool: Path,
        read_file: ReadFile,
        url: str | None = None,
        language: str = "zh_CN",
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        self._channels = (resident, office)
        self._spool = Spool(spool, has_room=has_room)
        self._read_file = read_file
        self._listener = Listener(host, port, setting="web.", advice=ANY_OTHER)
        self._name = name
        self._given_url = url.rstrip("/") if url else None
        self._language = "en" if language.startswith("en") else "zh-CN"
        self._files = {path.name: path.read_bytes() for path in PAGE.iterdir() if path.suffix in (".html", *_TYPES)}
        self.app = self._build()
        self._introduce()

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def url(self) -> str:
        if self._given_url:
            return self._given_url
        host = self._listener.host
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - told, not bound
        return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{self.port}"

    async def start(self) -> None:
        """Listens; raises ConfigError where the address cannot be had."""
        self._spool.clear()
        await self._listener.open(self.app, shutdown_timeout=STOP_WITHIN)
        self._introduce()
        log.info("web_listening", port=self.port)

    async def stop(self) -> None:
        await self._listener.close()

    def _introduce(self) -> None:
        for channel in self._channels:
            channel.address = self.url + channel.side.page

    def _build(self) -> web.Application:
        app = web.Application()
        for channel in self._channels:
            app.router.add_routes(Doors(channel, self._given_url, self._spool, self._read_file).routes())
            app.router.add_get(channel.side.page, self._page_of(channel))
        app.router.add_get("/page/{name}", self._file)
        app.on_response_prepare.append(self._protect)
        app.on_shutdown.append(self._close_pages)
        return app

    def _page_of(self, channel: WebChannel) -> Handler:
        side = channel.name.removeprefix("web:")

        async def page(request: web.Request) -> web.StreamResponse:
            facts = {"lang": self._chosen(request), "side": side, "office": self._name}
            text = self._files["index.html"].decode()
            for key, fact in facts.items():
                text = text.replace(f"{{{{{key}}}}}", html.escape(fact))
            headers = {"Vary": "Accept-Language", "Cache-Control": "no-cache"}
            return web.Response(text=text, content_type="text/html", headers=headers)

        return page

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        data = self._files.get(name)
        kind = _TYPES.get(Path(name).suffix)
        if data is None or kind is None:
            raise web.HTTPNotFound
        tag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=data, content_type=kind, charset="utf-8", headers=headers)

    def _chosen(self, request: web.Request) -> str:
        """Chinese or English, whichever the browser wants first; the office's own if neither."""
        for tag in request.headers.get("Accept-Language", "").lower().split(","):
            if tag.strip().startswith("zh"):
                return "zh-CN"
            if tag.strip().startswith("en"):
                return "en"
        return self._language

    async def _protect(self, request: web.Request, response: web.StreamResponse) -> None:
        # Safari before 15.4 does not take 'self' to include web sockets
        sockets = f" ws://{request.host} wss://{request.host}" if _HOST.fullmatch(request.host) else ""
        response.headers.setdefault(
            "Content-Security-Policy",
            f"default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'{sockets}; "
            "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Permissions-Policy"] = "geolocation=(self), microphone=(self), camera=()"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"

    async def _close_pages(self, _app: web.Application) -> None:
        for channel in self._channels:
            await channel.close()
