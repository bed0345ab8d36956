"""The files that went through the server, by ids bound to one bot; it never looks at what they show.

Source: https://core.telegram.org/bots/api#file, #sending-files.
"""

import hashlib
import itertools
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from tests.fakebotapi.query import Query, Upload
from tests.fakebotapi.refusals import bad, too_large

LARGEST_DOWNLOAD = 20 * 1024 * 1024
LARGEST_UPLOAD = 50 * 1024 * 1024
LARGEST_PHOTO = 10 * 1024 * 1024
LINK_LIFE = 3600.0  # seconds
_IMAGES = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"RIFF", b"BM")
_FOLDERS = {"photo": "photos", "voice": "voice", "audio": "music", "video": "videos", "sticker": "stickers"}
_ENDINGS = {"photo": ".jpg", "voice": ".oga", "audio": ".mp3", "video": ".mp4", "sticker": ".webp"}
_SIZES = ((90, 67, "s"), (320, 240, "m"), (1280, 960, "y"))


class File(Struct):
    """A file of one bot."""

    id: str
    unique_id: str
    bot: int
    kind: str
    data: bytes
    name: str
    mime: str
    size: int
    path: str
    json: dict[str, Any]  # as it stands in a message
    linked_at: float = 0.0


class Files:
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._count = itertools.count(1)
        self._by_id: dict[str, File] = {}
        self._by_path: dict[tuple[int, str], File] = {}

    def keep(
        self, bot: int, kind: str, data: bytes, *, name: str = "", mime: str = "", size: int | None = None, **more: Any
    ) -> Any:
        """What stands in the message under `kind`; photos have several sizes. `size` pretends to be another."""
        if kind == "photo":
            return self._photo(bot, data, len(data) if size is None else size)
        file = self._add(bot, kind, data, size=len(data) if size is None else size, name=name, mime=mime)
        file.json.update(more)
        return file.json

    def find(self, bot: int, file_id: str) -> File | None:
        """A file of this bot; other bots' ids mean nothing to it."""
        file = self._by_id.get(file_id)
        return file if file is not None and file.bot == bot else None

    def link(self, bot: int, file_id: str) -> dict[str, Any]:
        """getFile's answer; the link lives for an hour."""
        file = self.find(bot, file_id)
        if file is None:
            raise bad("invalid file_id" if file_id else "file_id not specified")
        if file.size > LARGEST_DOWNLOAD:
            raise bad("file is too big")
        file.linked_at = self._now()
        return {"file_id": file.id, "file_unique_id": file.unique_id, "file_size": file.size, "file_path": file.path}

    def at(self, bot: int, path: str) -> bytes | None:
        """What a link leads to, while it lives."""
        file = self._by_path.get((bot, path))
        if file is None or not file.linked_at or self._now() > file.linked_at + LINK_LIFE:
            return None
        return file.data

    def data(self, file_id: str) -> bytes:
        return self._by_id[file_id].data

    def forget(self, file_id: str) -> None:
        """A file that is no more to be had."""
        self._by_id.pop(file_id, None)

    def _photo(self, bot: int, data: bytes, size: int) -> list[dict[str, Any]]:
        found = []
        for width, height, mark in _SIZES:
            share = max(1, size * width * height // (1280 * 960))
            file = self._add(bot, "photo", data, size=share, mime="image/jpeg")
            file.json = {"file_id": file.id, "file_unique_id": f"{file.unique_id}{mark}", "width": width,
                         "height": height, "file_size": share}  # fmt: skip
            found.append(file.json)
        return found

    def _add(self, bot: int, kind: str, data: bytes, *, size: int, name: str = "", mime: str = "") -> File:
        number = next(self._count)
        unique = f"AgAD{hashlib.sha256(data).hexdigest()[:12]}"
        file_id = f"BQAC{bot:x}-{number:06d}-{unique[4:]}"
        _stem, dot, ending = name.rpartition(".")
        path = f"{_FOLDERS.get(kind, 'documents')}/file_{number}{dot + ending if dot else _ENDINGS.get(kind, '')}"
        json: dict[str, Any] = {"file_id": file_id, "file_unique_id": unique, "file_size": size}
        if name:
            json["file_name"] = name
        if mime:
            json["mime_type"] = mime
        file = File(file_id, unique, bot, kind, data, name, mime, size, path, json)
        self._by_id[file_id] = self._by_path[bot, path] = file
        return file


def media(files: Files, bot: int, query: Query, kind: str, given: Any, *, most: int = LARGEST_UPLOAD) -> Any:
    """What a request names as its file: an upload, attach://name, a file_id or a web address."""
    if isinstance(given, str) and given.startswith("attach://"):
        given = query.files.get(given.removeprefix("attach://"))
    if given is None or given == "":
        raise bad(f"there is no {kind} in the request")
    if isinstance(given, Upload):
        return _uploaded(files, bot, kind, given, most)
    if not isinstance(given, str):
        raise bad(f"there is no {kind} in the request")
    if given.startswith(("http://", "https://")):
        return files.keep(bot, kind, given.encode(), name=given.rsplit("/", 1)[-1], **_details(kind))
    found = files.find(bot, given)
    if found is None:
        raise bad("wrong file identifier/HTTP URL specified")
    if found.kind != kind:
        raise bad(f"can't use file of type {found.kind.title()} as {kind.title()}")
    if kind == "photo":
        return [found.json]
    return found.json


def _uploaded(files: Files, bot: int, kind: str, upload: Upload, most: int) -> Any:
    size = len(upload.data)
    if not size:
        raise bad("file must be non-empty")
    if size > most:
        raise too_large()
    if kind == "photo":
        if size > LARGEST_PHOTO:
            raise bad(f"file of size {size} bytes is too big for a photo; the maximum size is {LARGEST_PHOTO} bytes")
        if not upload.data.startswith(_IMAGES):
            raise bad("IMAGE_PROCESS_FAILED")
    return files.keep(bot, kind, upload.data, name=upload.name, mime=upload.mime, **_details(kind))


def _details(kind: str) -> dict[str, Any]:
    if kind in ("voice", "audio"):
        return {"duration": 1}
    return {"duration": 1, "width": 640, "height": 480} if kind == "video" else {}
