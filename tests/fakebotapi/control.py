"""The server driven from another process, over HTTP with JSON; it holds no rule of its own.

POST /person/NAME/VERB   what somebody does; bytes as {"base64": …}, a group by its title under `into` or `group`
POST /person/NAME        makes somebody: language, username …
GET  /screen/NAME        the newest message and all of them
POST /group/TITLE/VERB   add_bot, remove_bot, promote, migrate, join, part, posts; a person under `by` or `person`
POST /fault              kind and how; /fault/clear, /fault/release
POST /burst              updates, people, rate, text
POST /play               script: a list of [NAME, VERB, arguments]; people, rate; gives the journal's last entry before
POST /raw, /redeliver, /limits, /jump
GET  /journal            ?after=SEQ&method=…&what=…&chat=…
GET  /state              pending, complaints, 429s
"""

import base64
import inspect
import json
from typing import Any

import msgspec
from aiohttp import web

from tests.fakebotapi.chats import Message
from tests.fakebotapi.groups import Group
from tests.fakebotapi.presses import Press
from tests.fakebotapi.server import FakeBotApi
from tests.fakebotapi.updates import encode

_GROUP_VERBS = frozenset({"add_bot", "remove_bot", "promote", "migrate", "join", "part", "posts", "sees"})


class Control:
    def __init__(self, api: FakeBotApi) -> None:
        self._api = api
        self._groups: dict[str, Group] = {}
        self._presses: dict[str, Press] = {}
        self._runner: web.AppRunner | None = None

    async def open(self) -> str:
        """Listens on a port of its own; gives its address."""
        app = web.Application(client_max_size=2**27)
        app.add_routes(
            [
                web.post("/person/{name}", self._make_person),
                web.post("/person/{name}/{verb}", self._person),
                web.get("/screen/{name}", self._screen),
                web.post("/group/{title}", self._make_group),
                web.post("/group/{title}/{verb}", self._group),
                web.post("/fault", self._fault),
                web.post("/fault/{what}", self._faults),
                web.post("/burst", self._burst),
                web.post("/play", self._play),
                web.post("/{what:raw|redeliver|limits|jump}", self._set),
                web.get("/journal", self._journal),
                web.get("/state", self._state),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _make_person(self, request: web.Request) -> web.Response:
        person = self._api.person(request.match_info["name"], **await _arguments(request))
        return _answer({"id": person.id, "phone": person.phone})

    async def _person(self, request: web.Request) -> web.Response:
        verb, arguments = request.match_info["verb"], self._resolved(await _arguments(request))
        if verb == "answered":
            return await _tried(self._presses[arguments.pop("id")].answered, arguments)
        person = self._api.person(request.match_info["name"])
        act = None if verb.startswith("_") else getattr(person, verb, None)
        if act is None or not callable(act):
            return _answer({"error": f"no verb {verb}"}, 404)
        return await _tried(act, arguments, self._remember)

    async def _screen(self, request: web.Request) -> web.Response:
        person = self._api.person(request.match_info["name"])
        shown = person.screen
        return _answer(
            {
                "screen": plain(shown) if shown else None,
                "messages": [plain(message) for message in person.messages],
                "keyboard": person.keyboard,
                "commands": person.commands,
            }
        )

    async def _make_group(self, request: web.Request) -> web.Response:
        return _answer({"id": self._group_of(request.match_info["title"], await _arguments(request)).id})

    async def _group(self, request: web.Request) -> web.Response:
        verb, arguments = request.match_info["verb"], self._resolved(await _arguments(request))
        if verb not in _GROUP_VERBS:
            return _answer({"error": f"no verb {verb}"}, 404)
        return await _tried(getattr(self._group_of(request.match_info["title"], {}), verb), arguments)

    async def _fault(self, request: web.Request) -> web.Response:
        self._api.faults.add(**await _arguments(request))
        return _answer({})

    async def _faults(self, request: web.Request) -> web.Response:
        what = request.match_info["what"]
        if what not in ("clear", "release"):
            return _answer({"error": what}, 404)
        getattr(self._api.faults, what)()
        return _answer({"met": self._api.faults.met})

    async def _burst(self, request: web.Request) -> web.Response:
        return await _tried(self._api.burst, await _arguments(request))

    async def _play(self, request: web.Request) -> web.Response:
        return await _tried(self._api.play, await _arguments(request))

    async def _set(self, request: web.Request) -> web.Response:
        arguments = await _arguments(request)
        match request.match_info["what"]:
            case "raw":
                return _answer({"update_id": self._api.raw_update(arguments)})
            case "redeliver":
                self._api.redeliver(**arguments)
            case "jump":
                self._api.jump_ids(**arguments)
            case _:
                for name, value in arguments.items():
                    setattr(self._api.limits, name, value)
        return _answer({})

    async def _journal(self, request: web.Request) -> web.Response:
        wanted = request.query
        found = [
            msgspec.structs.asdict(entry) | {"ok": entry.ok}
            for entry in self._api.journal.entries[int(wanted.get("after", 0)) :]
            if wanted.get("method") in (None, entry.method)
            and wanted.get("what") in (None, entry.what)
            and wanted.get("chat") in (None, str(entry.chat))
        ]
        return _answer(found)

    async def _state(self, _request: web.Request) -> web.Response:
        account = self._api.account
        return _answer(
            {
                "pending": len(account.queue),
                "expired": account.queue.expired,
                "dropped": account.queue.dropped,
                "complaints": self._api.complaints,
                "refused": account.limits.refused,
                "faults_met": self._api.faults.met,
                "entries": len(self._api.journal.entries),
                "is_drained": self._api.is_drained,
            }
        )

    def _resolved(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Names as the groups and people that they stand for."""
        for key in ("into", "group"):
            if isinstance(arguments.get(key), str):
                arguments[key] = self._group_of(arguments[key], {})
        for key in ("by", "person", "of"):
            if isinstance(arguments.get(key), str):
                arguments[key] = self._api.person(arguments[key])
        return arguments

    def _group_of(self, title: str, how: dict[str, Any]) -> Group:
        if title not in self._groups:
            self._groups[title] = self._api.group(title, **how)
        return self._groups[title]

    def _remember(self, found: Any) -> None:
        if isinstance(found, Press) and found.id:
            self._presses[found.id] = found


def plain(found: Any) -> Any:
    """What an act gave, as JSON can say it."""
    match found:
        case Message():
            own = {"update_id": found.update_id, "buttons": found.buttons, "shown": found.text, "by_bot": found.by_bot}
            return found.body | own
        case Press():
            return {"id": found.id, "data": found.data, "url": found.url}
        case bytes():
            return {"base64": base64.b64encode(found).decode()}
        case list() | tuple():
            return [plain(each) for each in found]
        case msgspec.Struct():
            return msgspec.structs.asdict(found)
        case _:
            return found


async def _arguments(request: web.Request) -> dict[str, Any]:
    body = await request.read()
    found: dict[str, Any] = json.loads(body) if body else {}
    return {name: _bytes(value) for name, value in found.items()}


def _bytes(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"base64"}:
        return base64.b64decode(value["base64"])
    return [_bytes(each) for each in value] if isinstance(value, list) else value


async def _tried(act: Any, arguments: dict[str, Any], remember: Any = None) -> web.Response:
    try:
        found = act(**arguments)
        if inspect.isawaitable(found):
            found = await found
    except (AssertionError, KeyError, TypeError, TimeoutError) as error:
        return _answer({"error": str(error) or type(error).__name__}, 409)
    if remember is not None:
        remember(found)
    return _answer(plain(found))


def _answer(found: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=encode(found), content_type="application/json")
