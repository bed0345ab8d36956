"""Starting and stopping an office from its settings, and what other commands ask of it."""

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from bot.app import App
from bot.config import Settings
from bot.control import NobodyThere, ask, serve, socket_of
from bot.database import Store, open_store
from bot.delivery.channel import Channel
from bot.delivery.flood import Limit
from bot.errors import ConfigError
from bot.health.reading import look_alone
from bot.health.report import Report
from bot.house import read_house
from bot.office.office import House, Office
from bot.office.people.model import Role
from bot.outbox import answer_outbox, outbox_alone
from bot.outside import Outside, new_ids
from bot.parts import ALL, Part
from bot.store import facts
from bot.store.engine import file_of, read_url
from bot.store.transaction import Transaction
from bot.words import Message, _

log = structlog.get_logger()

TELEGRAM = _("Messages pass through Telegram's servers abroad; please do not send identity or bank card numbers.")
WEB = _("Messages go straight to this office's own server; please do not send identity or bank card numbers.")
TELEGRAM_ITSELF = _("Telegram as a company")


@dataclass
class Running:
    """An office at work, and what belongs to it."""

    app: App
    settings: Settings
    server: Any = None  # the web server, if there is one
    health: Any = None  # the listener for monitors, if there is one
    control: asyncio.Server | None = None
    for_officials: list[Channel] = field(default_factory=list)
    menus: asyncio.Task[None] | None = None

    async def invite(self, role: str, department: str | None) -> tuple[list[str], str]:
        """One line per channel through which an official can join, and the code itself."""
        code = await self.app.store.writer.submit(_inviting(self.app.house, role, department))
        return [channel.say_link(code) for channel in self.for_officials], code

    async def answer(self, question: dict[str, Any]) -> list[str]:
        """What another command of this machine's user asks."""
        if question.get("do") == "invite":
            return (await self.invite(str(question["role"]), question.get("department")))[0]
        if question.get("do") == "status":
            return [msgspec.json.encode(await self.app.look()).decode()]
        if question.get("do") == "outbox":
            lines = await self.app.store.writer.submit(lambda tx: answer_outbox(tx, self.app.house.means.ids, question))
            for sender in self.app.senders.values():
                sender.bell.ring()
            return lines
        raise ConfigError(f"the running office does not know {question.get('do')}")


async def start_office(
    settings: Settings,
    *,
    outside: Outside | None = None,
    extra: Sequence[tuple[Channel, Message]] = (),
    parts: frozenset[Part] = ALL,
) -> Running:
    """Opens the database, builds the channels and starts the loops. A fault in settings stops it, in one line."""
    outside = outside or Outside()
    _check_parts(settings, parts)
    if not extra:
        settings.need_a_channel()
    store = open_store(settings, outside)
    try:
        return await _start(settings, store, outside, extra, parts)
    except BaseException:
        store.close()
        raise


def _check_parts(settings: Settings, parts: frozenset[Part]) -> None:
    """A share that this office cannot have stops the start."""
    if parts == ALL:
        return
    if file_of(read_url(settings.database.url)) is not None:
        raise ConfigError("--only: one process has an embedded database to itself; several need PostgreSQL")
    if Part.WEB in parts and (settings.web is None or not settings.web.enabled):
        raise ConfigError("--only: web is not enabled in the settings")
    if parts <= {Part.RECEIVE, Part.SEND} and settings.telegram is None:
        raise ConfigError("--only: there is no platform in the settings to receive from or to send to")


async def _start(
    settings: Settings,
    store: Store,
    outside: Outside,
    extra: Sequence[tuple[Channel, Message]],
    parts: frozenset[Part],
) -> Running:
    ids = new_ids(outside)
    platforms: dict[str, Message] = {channel.name: words for channel, words in extra}
    companies: dict[str, Message] = {}
    channels: list[Channel] = [channel for channel, _words in extra]
    for_officials = list(channels)
    server = None
    pages = _Pages()
    if settings.web is not None and settings.web.enabled:
        from bot.building import build_web

        server, resident, office = build_web(settings, store, outside, ids, pages)
        channels += [resident, office]
        for_officials.append(office)
        platforms |= {resident.name: WEB, office.name: WEB}
    house = read_house(settings, store.keys, outside, platforms, companies, ids=ids)
    if settings.telegram is not None:
        from bot.building import build_telegram

        telegram = await build_telegram(settings, store, outside, house.words, listens=Part.RECEIVE in parts)
        channels.append(telegram)
        for_officials.append(telegram)
        platforms[telegram.name] = TELEGRAM
        companies[telegram.name] = TELEGRAM_ITSELF
    if Part.WEB not in parts:
        server = None
    if server is not None:
        await server.start()
    limits = settings.limits
    limit = Limit(limits.messages_a_minute, limits.messages_at_once)
    app = App(store, house, channels, outside, limit, parts=parts)
    pages.app = app
    running = Running(app, settings, server, for_officials=for_officials)
    if settings.health is not None:
        from bot.health.listener import HealthServer

        running.health = HealthServer(app.look, app.counts, host=settings.health.host, port=settings.health.port)
        await running.health.start()
    await app.start()
    if parts == ALL:  # beside a part of an office the other commands open the database themselves
        running.control = await serve(socket_of(settings), running.answer)
    running.menus = asyncio.create_task(app.publish_menus())
    return running


class _Pages:
    """The host of the web channel's pages, handed to it before there is an app."""

    def __init__(self) -> None:
        self.app: App | None = None

    def woke(self, channel: str, chat: str) -> None:
        if self.app is not None:
            self.app.wake(channel, chat)

    async def menu_of(self, channel: str, chat: str, language: str) -> tuple[tuple[str, str], ...]:
        return await self.app.menus.of(channel, chat, language) if self.app is not None else ()


async def stop_office(running: Running) -> None:
    """In order: no questions, nothing in, what is in hand is finished, then the database."""
    if running.control is not None:
        running.control.close()
        socket_of(running.settings).unlink(missing_ok=True)
    if running.menus is not None:
        running.menus.cancel()
        await asyncio.gather(running.menus, return_exceptions=True)
    if running.health is not None:
        await running.health.stop()
    await running.app.stop()
    if running.server is not None:
        await running.server.stop()


async def run_office(settings: Settings, parts: frozenset[Part] = ALL) -> None:
    """Until the terminal or the service manager says stop."""
    running = await start_office(settings, parts=parts)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    if parts == ALL:
        await _greet(running)
    else:
        print(f"At work: {', '.join(sorted(parts))}", flush=True)
    await stopped.wait()
    log.info("stopping")
    await stop_office(running)


async def _greet(running: Running) -> None:
    """The addresses a newcomer needs: the residents' and a one-use link for an official."""
    if running.server is not None:
        print(f"Residents: {running.server.url}/", flush=True)
        if not await running.app.store.writer.submit(lambda tx: running.app.office(tx).people.has_any_official()):
            lines, _code = await running.invite(Role.HANDLER.value, None)
            print(f"An official (this link works once): {lines[0]}", flush=True)
    for channel in running.app.channels.values():
        if channel.name.startswith("telegram:"):
            print(f"Telegram: {channel.say_link('')}", flush=True)


def _inviting(house: House, role: str, department: str | None) -> Any:
    if role not in {known.value for known in Role}:
        raise ConfigError(f"--role: {role} is none of {', '.join(Role)}")
    if department is not None and department not in house.departments.slugs:
        raise ConfigError(f"--department: {department} is none of {', '.join(house.departments.slugs)}")

    def invite(tx: Transaction) -> str:
        return Office(tx, house).people.invite(Role(role), department)

    return invite


async def answer_alone(settings: Settings, question: dict[str, Any]) -> list[str]:
    """No office is running: the database is opened for this one question."""
    if question.get("do") == "outbox":
        return await asyncio.to_thread(outbox_alone, settings, question)
    from bot.building import offline_links

    outside = Outside()
    store = open_store(settings, outside)
    try:
        house = read_house(settings, store.keys, outside, {})
        await store.writer.submit(lambda tx: facts.fit_keys(tx, store.keys.fingerprint))
        code = await store.writer.submit(_inviting(house, str(question["role"]), question.get("department")))
        return await offline_links(settings, code)
    finally:
        store.close()


async def how_it_stands(settings: Settings) -> Report:
    """The running office's own report; where none runs, what its database tells. Raises ConfigError: cannot ask."""
    try:
        return msgspec.json.decode((await ask(settings, {"do": "status"}))[0], type=Report)
    except NobodyThere:
        return look_alone(read_url(settings.database.url), [settings.files.folder], Outside().clock)
    except msgspec.MsgspecError as error:  # an office of another version
        raise ConfigError(f"the running office does not answer ({type(error).__name__})") from None
