"""Every command and button for every role and origin: what is not allowed does not run (threats T3, T4).

The table is the router itself: a command that is added later is in it from the first day.
"""

import hashlib
import sys
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from bot.delivery.channel import Raw
from bot.dialogue.event import Event, Pressed, Said, What, Who
from bot.dialogue.router import ANYONE, Route
from bot.office.people.model import Role
from tests.rig import Town

ORIGINS = ("private", "forwarded", "edited", "group")
PEOPLE: tuple[Role | None, ...] = (None, *Role)


class Spied:
    """Handlers that only note that they were reached, with whatever arguments."""

    def __init__(self, town: Town) -> None:
        self.reached: list[str] = []
        router = town.app.router
        for table in (router.commands, router.actions, router.group_commands, router.group_actions):
            for name, route in table.items():
                table[name] = self._noting(route)

    def _noting(self, route: Route) -> Route:
        def note(_ctx: Any, *_args: Any) -> None:
            self.reached.append(route.name)

        return replace(route, handler=note, arguments=range(sys.maxsize))


def as_it_came(what: Said, origin: str) -> Said:
    return msgspec.structs.replace(what, foreign=origin == "forwarded", edited=origin == "edited")


async def happens(town: Town, chat: str, what: What, *, private: bool) -> None:
    key = hashlib.sha256(f"{what!r}{chat}{private}".encode()).hexdigest()  # each handed in once
    event = Event(what, town.clock.now(), Who(chat if private else "group", chat, "zh_CN", private), f"m{key}")
    body = msgspec.msgpack.encode(event)
    receiver = town.app.receivers[town.channel.name]
    await receiver.take_in([Raw(key, chat if private else "group", body, town.clock.now(), not private)])
    await town.settle()


@pytest.mark.parametrize("role", PEOPLE, ids=lambda role: role or "resident")
async def test_a_command_runs_for_its_roles_and_typed_in_private_only(town: Town, role: Role | None) -> None:
    roles = frozenset((role,)) if role is not None else frozenset()
    if role is not None:
        await town.official("someone", role)
    else:
        await town.resident("someone").says("你好")
    routes = dict(town.app.router.commands)
    spied = Spied(town)
    for origin in ORIGINS:
        spied.reached.clear()
        for name in routes:
            said = as_it_came(Said(f"/{name}"), origin)
            await happens(town, "someone", said, private=origin != "group")
        allowed = {name for name, route in routes.items() if route.admits(roles)} if origin == "private" else set()
        if origin == "group":  # there a name of its own may mean something else
            made_for_groups = town.app.router.group_commands.items()
            allowed = {name for name, route in made_for_groups if name in routes and route.admits(roles)}
        assert set(spied.reached) & routes.keys() == allowed, origin


@pytest.mark.parametrize("role", PEOPLE, ids=lambda role: role or "resident")
async def test_in_a_group_only_what_is_made_for_groups_runs_for_its_roles(town: Town, role: Role | None) -> None:
    roles = frozenset((role,)) if role is not None else frozenset()
    if role is not None:
        await town.official("someone", role)
    else:
        await town.resident("someone").says("你好")
    router = town.app.router
    town.room("group")
    commands, actions = dict(router.group_commands), dict(router.group_actions)
    spied = Spied(town)
    for origin in ("group", "forwarded", "edited"):
        spied.reached.clear()
        for name in (*commands, *router.commands):
            await happens(town, "someone", as_it_came(Said(f"/{name}"), origin), private=False)
        allowed = {name for name, route in commands.items() if route.admits(roles)} if origin == "group" else set()
        assert set(spied.reached) == allowed, origin
    spied.reached.clear()
    for name in (*actions, *router.actions):
        await happens(town, "someone", Pressed(f"{name}:x", f"g-{name}"), private=False)
    assert set(spied.reached) == {name for name, route in actions.items() if route.admits(roles)}
    spied.reached.clear()
    for name in actions:
        await happens(town, "someone", Pressed(f"{name}:x", f"p-{name}"), private=True)
    assert not spied.reached


@pytest.mark.parametrize("role", PEOPLE, ids=lambda role: role or "resident")
async def test_a_button_works_for_its_roles_only_wherever_its_data_come_from(town: Town, role: Role | None) -> None:
    roles = frozenset((role,)) if role is not None else frozenset()
    if role is not None:
        await town.official("someone", role)
    else:
        await town.resident("someone").says("你好")
    routes = dict(town.app.router.actions)
    spied = Spied(town)
    for private in (True, False):
        spied.reached.clear()
        for name in routes:
            await happens(town, "someone", Pressed(f"{name}:x", f"p-{name}-{private}"), private=private)
        allowed = {name for name, route in routes.items() if route.admits(roles)} if private else set()
        assert set(spied.reached) == allowed


def test_everything_says_whom_it_is_for() -> None:
    from handlers.routes import all_routes

    router = all_routes()
    for table in (router.commands, router.actions, router.group_commands, router.group_actions):
        for name, route in table.items():
            assert route.roles, name
            assert route.roles == {ANYONE} or ANYONE not in route.roles, name
