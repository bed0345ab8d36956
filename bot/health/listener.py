"""`/healthz` and `/metrics` on a listener of their own, apart from what residents reach. It shows numbers only."""

import errno
from collections.abc import Callable

import structlog
from aiohttp import web

from bot.errors import ConfigError
from bot.health.metrics import TYPE, Sample, exposition
from bot.health.watch import Look

log = structlog.get_logger()

STOP_WITHIN = 1.0  # seconds


class HealthServer:
    """For a monitor on this machine, or behind whatever keeps others out. Port 0: any free one."""

    def __init__(self, look: Look, counts: Callable[[], list[Sample]], *, host: str, port: int) -> None:
        self._look = look
        self._counts = counts
        self._host = host
        self.port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listens; raises ConfigError where the address cannot be had."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._metrics)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=STOP_WITHIN)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self.port).start()
        except OSError as error:
            await runner.cleanup()
            raise ConfigError(self._fault(error)) from None
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        log.info("health_listening", port=self.port)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _healthz(self, _request: web.Request) -> web.Response:
        report = await self._look()
        text = "ok" if report.ok else "\n".join(report.names)
        return web.Response(text=text + "\n", status=200 if report.ok else 503, headers={"Cache-Control": "no-store"})

    async def _metrics(self, _request: web.Request) -> web.Response:
        text = exposition(await self._look(), self._counts())
        return web.Response(body=text.encode(), headers={"Content-Type": TYPE, "Cache-Control": "no-store"})

    def _fault(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return f"health.port: {self.port} is in use by another program; choose another, or 0 for any free one"
        if error.errno == errno.EACCES:
            return f"health.port: {self.port} may not be used by this user"
        return f"health.host: cannot listen on {self._host}: {error.strerror or 'no such address'}"
