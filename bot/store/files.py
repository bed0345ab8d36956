"""Evidence on disk: sealed, named by the hash of its content. It never opens what it keeps."""

import asyncio
import hashlib
import os
import tempfile
import threading
from pathlib import Path

from bot.clock import Clock, SystemClock
from bot.disk import settle
from bot.errors import Refused
from bot.sealing import Sealer

_PURPOSE = b"file"
AGAIN_WITHIN = 600.0  # seconds in which whoever has stored a file has also written down that they need it


class Files:
    """A folder of sealed files."""

    def __init__(self, folder: Path, content: Sealer, clock: Clock | None = None) -> None:
        self.folder = folder
        self._clock = clock or SystemClock()
        self._content = content
        self._lock = threading.Lock()

    def put(self, data: bytes, *, dated: float | None = None) -> str:
        """Stores the bytes and returns their digest; the same bytes are stored once. Survives a power loss; or OSError.

        `dated`, in seconds since 1970, is what the folder shows for the moment, where that must not be told.
        """
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        with self._lock:
            if path.exists():
                os.utime(path, (self._now, self._now))  # wanted once more: somebody else's copy may be about to go
                return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".part")  # two photos at once may be the same
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self._content.seal(data, _PURPOSE))
                file.flush()
                os.fsync(file.fileno())
            os.utime(draft, (dated or 0, dated or 0))  # when it came is nobody's business
            Path(draft).replace(path)
        except OSError:
            Path(draft).unlink(missing_ok=True)  # a full disk must not fill up with halves
            raise
        settle(path.parent)
        return digest

    async def read(self, digest: str) -> bytes:
        """The same for a loop, which must not wait for a disk."""
        return await asyncio.to_thread(self.get, digest)

    def get(self, digest: str) -> bytes:
        """The bytes; raises Refused where they are not here."""
        try:
            return self._content.open(self._path(digest).read_bytes(), _PURPOSE)
        except FileNotFoundError:
            raise Refused("gone") from None

    def remove(self, digest: str) -> bool:
        """Deletes a file that nothing refers to; False where the same bytes have come in again just now."""
        path = self._path(digest)
        with self._lock:
            try:
                if self._now - path.stat().st_mtime < AGAIN_WITHIN:
                    return False
                path.unlink()
            except FileNotFoundError:
                return True
        settle(path.parent)
        return True

    @property
    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _path(self, digest: str) -> Path:
        if not (len(digest) == 64 and digest.isalnum()):
            raise Refused("gone")
        return self.folder / digest[:2] / digest
