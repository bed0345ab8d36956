"""The job that fetches a file from its platform: checked, without its metadata, stored sealed."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.delivery.channel import Channel
from bot.errors import Absent, NotSent, Refused
from bot.office.cases import evidence
from bot.store.files import Files
from bot.store.space import Space
from bot.store.writer import Failpoint

FETCH_AT_MOST = evidence.MAX_BYTES
DISK_AGAIN = timedelta(minutes=1)


class Fetching:
    """Fetches for all channels of one process."""

    def __init__(self, channels: Mapping[str, Channel], files: Files, space: Space, failpoint: Failpoint) -> None:
        self._channels = channels
        self._files = files
        self._space = space
        self._failpoint = failpoint

    async def fetch(self, _subject: int, data: dict[str, Any]) -> dict[str, Any]:
        """Fetches a file, checks it, takes its metadata out and stores it sealed (T10)."""
        channel = self._channels.get(data["channel"])
        if channel is None:
            raise Absent()
        if (data.get("size") or 0) > FETCH_AT_MOST:
            raise Refused("too_large")
        if not self._space.takes_files:
            raise Refused("no_room")
        raw = await channel.fetch(data["ref"], FETCH_AT_MOST)
        return await asyncio.get_running_loop().run_in_executor(None, self._keep, raw, data.get("name"),
                                                                data.get("dated"))  # fmt: skip

    def _keep(self, raw: bytes, name: str | None, dated: float | None) -> dict[str, Any]:
        try:
            found = evidence.inspect(raw, name)
        except evidence.Rejected as error:
            raise Refused(str(error)) from None
        try:
            digest = self._files.put(found.clean, dated=dated)
        except OSError as error:  # the disk's fault: the platform still has the file, so it is asked for again
            raise NotSent(f"disk: {error.strerror}", DISK_AGAIN) from None
        self._failpoint("file stored")
        return {"digest": digest, "kind": found.kind, "mime": found.mime, "size": len(found.clean),
                "may_identify": found.may_identify}  # fmt: skip
