"""Channels from settings: the one place where a platform's name chooses its code."""

from typing import TYPE_CHECKING

from bot.config import Settings, WebSettings
from bot.database import Store
from bot.ids import Ids
from bot.outside import Outside
from bot.words import Words, _

if TYPE_CHECKING:
    from bot.channels.telegram.channel import TelegramChannel
    from bot.channels.web.channel import Host, WebChannel
    from bot.channels.web.server import WebServer

REPEAT = _("(sent again)")


async def build_telegram(
    settings: Settings, store: Store, outside: Outside, words: Words, *, listens: bool = True
) -> "TelegramChannel":
    """The bot of the token in the settings; a token that Telegram refuses, or a port in use, stops the start."""
    from bot.channels.telegram.channel import TelegramChannel
    from bot.channels.telegram.webhook import Hook

    chosen = settings.telegram
    assert chosen is not None
    hook = None
    if chosen.mode == "webhook":
        hook = Hook(chosen.webhook_url or "", chosen.webhook_host, chosen.webhook_port, store.keys.lookup,
                    tuple(chosen.webhook_networks), tuple(chosen.webhook_proxies))  # fmt: skip
    channel = TelegramChannel(
        chosen.read_token(),
        base_url=chosen.base_url,
        base_file_url=chosen.base_file_url,
        local_mode=chosen.local_mode,
        clock=outside.clock,
        repeat_mark=words.speak(None).plain(REPEAT),
        read_file=store.files.read,
        hook=hook,
        per_second=chosen.messages_a_second,
        pays=chosen.pays,
    )
    try:
        await channel.check()
        if listens:
            await channel.listen()
    except BaseException:
        await channel.close()
        raise
    return channel


def build_web(
    settings: Settings, store: Store, outside: Outside, ids: Ids, host: "Host"
) -> "tuple[WebServer, WebChannel, WebChannel]":
    """The web server with its residents' and its office's side."""
    from bot.channels.web.channel import WebChannel
    from bot.channels.web.history import History
    from bot.channels.web.server import WebServer

    chosen = settings.web
    assert chosen is not None
    spool = settings.files.folder / "spool"

    def side(name: str, page: str) -> WebChannel:
        history = History(name, store.writer, store.keys.content, store.keys.lookup, ids)
        return WebChannel(name, history=history, spool=spool, host=host, clock=outside.clock,
                          address=web_address(chosen) + page)  # fmt: skip

    resident, office = side("web:resident", "/"), side("web:office", "/office")
    server = WebServer(resident, office, host=chosen.host, port=chosen.port, url=chosen.url,
                       name=settings.office.name, spool=spool, read_file=store.files.read,
                       language=settings.office.language, has_room=lambda: store.space.takes_files)  # fmt: skip
    return server, resident, office


async def offline_links(settings: Settings, code: str) -> list[str]:
    """Links with a code while no office runs: the web's by its settings, Telegram's by what may be typed."""
    lines = []
    if settings.web is not None and settings.web.enabled:
        lines.append(f"{web_address(settings.web)}/office?start={code}")
    if settings.telegram is not None or not lines:
        lines.append(f"/start {code}")
    return lines


def web_address(web: WebSettings) -> str:
    """How people reach the web chat."""
    return (web.url or f"http://{web.host}:{web.port}").rstrip("/")
