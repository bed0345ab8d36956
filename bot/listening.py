"""An address that one of our servers listens on. Where it cannot be had, one line names the setting."""

import errno
from typing import Any

from aiohttp import web

from bot.errors import ConfigError

ANY_OTHER = "; choose another, or 0 for any free one"  # not where a proxy has to know the port


class Listener:
    """`setting` begins the names of the two settings: `web.` for web.host and web.port. Port 0: any free one."""

    def __init__(self, host: str, port: int, *, setting: str, advice: str = "") -> None:
        self.host = host
        self.port = port
        self._setting = setting
        self._advice = advice
        self._runner: web.AppRunner | None = None

    async def open(self, app: web.Application, **options: Any) -> None:
        """Serves it, with the options of aiohttp's runner; raises ConfigError where the address cannot be had."""
        runner = web.AppRunner(app, access_log=None, handle_signals=False, **options)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port).start()
        except OSError as error:
            await runner.cleanup()
            raise ConfigError(self._fault(error)) from None
        self._runner = runner
        self.port = int(runner.addresses[0][1])

    async def close(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _fault(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return f"{self._setting}port: {self.port} is in use by another program{self._advice}"
        if error.errno == errno.EACCES:
            return f"{self._setting}port: {self.port} may not be used by this user"
        return f"{self._setting}host: cannot listen on {self.host}: {error.strerror or 'no such address'}"
