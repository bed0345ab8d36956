"""The two sides of the web chat and who sits at them: cookies, chat ids, origins. It never keeps a token."""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

REMEMBERED_FOR = 400 * 24 * 3600  # seconds; as long as browsers allow, counted anew with every visit
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits


@dataclass(frozen=True)
class Side:
    """One of the two doors. Everything under `root` is guarded by a cookie that goes nowhere else."""

    name: str  # the channel's
    page: str
    root: str
    cookie: str


RESIDENT = Side("web:resident", "/", "/chat", "huiyin_resident")
OFFICE = Side("web:office", "/office", "/office/chat", "huiyin_office")
SIDES = {side.name: side for side in (RESIDENT, OFFICE)}


def chat_of(side: Side, request: web.Request) -> str | None:
    """The chat of whoever asks; the token itself is known to the browser alone."""
    token = request.cookies.get(side.cookie, "")
    if not _TOKEN.fullmatch(token):
        return None
    return base64.b32encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=").lower()


def remember(side: Side, request: web.Request, response: web.StreamResponse, *, secure: bool) -> None:
    """Gives the browser its token, or keeps the one it has for longer."""
    known = chat_of(side, request) is not None
    token = request.cookies[side.cookie] if known else secrets.token_urlsafe(32)
    response.set_cookie(
        side.cookie,
        token,
        max_age=REMEMBERED_FOR,
        path=side.root,
        httponly=True,
        samesite="Strict",
        secure=secure or request.secure,
    )


def is_own_page(request: web.Request, url: str | None) -> bool:
    """Whether one of our own pages asks: browsers tell the Origin and do not let a page change it (RFC 6455 §10.2)."""
    origin = urlsplit(request.headers.get("Origin", ""))
    if origin.scheme not in ("http", "https") or not origin.netloc:
        return False
    return origin.netloc == request.host or (url is not None and origin.netloc == urlsplit(url).netloc)
