"""`/healthz` and `/metrics` on a listener of their own, apart from what residents reach. It shows numbers only."""

from collections.abc import Callable

import structlog
from aiohttp import web

from bot.health.metrics import TYPE, Sample, exposition
from bot.health.watch import Look
from bot.listening import ANY_OTHER, Listener

log = structlog.get_logger()

STOP_WITHIN = 1.0  # seconds


class HealthServer:
    """For a monitor on this machine, or behind whatever keeps others out. Port 0: any free one."""

    def __init__(self, look: Look, counts: Callable[[], list[Sample]], *, host: str, port: int) -> None:
        self._look = look
        self._counts = counts
        self._listener = Listener(host, port, setting="health.", advice=ANY_OTHER)

    @property
    def port(self) -> int:
        return self._listener.port

    async def start(self) -> None:
        """Listens; raises ConfigError where the address cannot be had."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._metrics)
        await self._listener.open(app, shutdown_timeout=STOP_WITHIN)
        log.info("health_listening", port=self.port)

    async def stop(self) -> None:
        await self._listener.close()

    async def _healthz(self, _request: web.Request) -> web.Response:
        report = await self._look()
        text = "ok" if report.ok else "\n".join(report.names)
        return web.Response(text=text + "\n", status=200 if report.ok else 503, headers={"Cache-Control": "no-store"})

    async def _metrics(self, _request: web.Request) -> web.Response:
        text = exposition(await self._look(), self._counts())
        return web.Response(body=text.encode(), headers={"Content-Type": TYPE, "Cache-Control": "no-store"})
