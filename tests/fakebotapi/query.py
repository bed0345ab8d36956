"""One request's parameters, whichever of the four ways they came; it never judges what they say.

Source: https://core.telegram.org/bots/api#making-requests.
"""

import hashlib
import json
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from tests.fakebotapi.refusals import bad, too_large

LARGEST_BODY = 64 * 1024 * 1024  # bytes; what is larger is read to its end and refused
_decode = msgspec.json.decode


class Upload(Struct):
    """A file that came with the request."""

    data: bytes
    name: str
    mime: str

    def summary(self) -> dict[str, Any]:
        digest = hashlib.sha256(self.data).hexdigest()
        return {"file": self.name, "mime": self.mime, "size": len(self.data), "sha256": digest}


class Query:
    """A request as a method sees it."""

    __slots__ = ("files", "method", "values")

    def __init__(self, method: str, values: dict[str, Any], files: dict[str, Upload] | None = None) -> None:
        self.method = method
        self.values = values
        self.files = files or {}

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        value = self.values.get(name)
        if value is None:
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            return 0  # the real server reads numbers as leniently

    def decimal(self, name: str) -> float:
        try:
            return float(self.values.get(name) or "")
        except (TypeError, ValueError):
            raise bad(f"{name} is empty" if name not in self.values else f"wrong {name} specified") from None

    def flag(self, name: str) -> bool:
        value = self.values.get(name)
        return value is True or (isinstance(value, (str, int)) and str(value).lower() in ("true", "yes", "1"))

    def structure(self, name: str) -> Any:
        """An object or a list, as it is or as JSON in a string."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return _decode(value)
        except ValueError:
            raise bad(f"can't parse {name.replace('_', ' ')} JSON object") from None

    def journaled(self) -> dict[str, Any]:
        """The whole parameters, files by their digest."""
        if not self.files:
            return self.values
        return self.values | {name: file.summary() for name, file in self.files.items()}


async def read(request: web.BaseRequest) -> tuple[dict[str, Any], dict[str, Upload]]:
    """Parameters and files; raises Refusal for a body that is none."""
    values: dict[str, Any] = dict(request.query) if "?" in request.raw_path else {}
    if request.method != "POST" or not request.can_read_body:
        return values, {}
    if (request.content_length or 0) > LARGEST_BODY:
        async for _chunk in request.content.iter_any():
            pass
        raise too_large()
    if request.content_type == "application/json":
        return values | _json(await request.read()), {}
    return await _form(request, values)


def _json(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        found = _decode(body)
    except ValueError:
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            raise bad("can't parse JSON object") from None
        raise bad("strings must be encoded in UTF-8") from None  # half of a surrogate pair, most likely
    if not isinstance(found, dict):
        raise bad("can't parse JSON object")
    return found


async def _form(
    request: web.BaseRequest, values: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Upload]]:  # fmt: skip
    files: dict[str, Upload] = {}
    try:
        form = await request.post()
    except web.HTTPRequestEntityTooLarge:
        raise too_large() from None
    except ValueError:
        raise bad("can't parse form") from None
    for name, value in form.items():
        if isinstance(value, web.FileField):
            with value.file as file:
                files[name] = Upload(file.read(), value.filename, value.content_type)
        else:
            values[name] = value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")
    return values, files
