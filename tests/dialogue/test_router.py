"""Names to handlers: what is not allowed is denied, and a name stands for one thing."""

from enum import StrEnum

import pytest

from bot.dialogue.form import Form
from bot.dialogue.router import ANYONE, Router, visible_commands
from bot.errors import ConfigError
from bot.words import _


class Role(StrEnum):
    HANDLER = "handler"
    HEAD = "head"


def act(*_args: object) -> None:
    return None


def test_what_does_not_say_who_may_use_it_stops_the_start() -> None:
    with pytest.raises(ConfigError, match=r"cases: case\.take does not say who"):
        Router("cases").action("case.take")


def test_a_router_says_for_all_its_routes_who_may_use_them() -> None:
    router: Router[None] = Router("cases", who=Role.HANDLER)
    router.action("case.take")(act)
    assert not router.actions["case.take"].admits(())
    assert router.actions["case.take"].admits({Role.HANDLER})


def test_any_one_of_several_roles_is_enough() -> None:
    router: Router[None] = Router("cases", who=(Role.HANDLER, Role.HEAD))
    router.command("todo")(act)
    assert router.commands["todo"].admits({Role.HEAD})
    assert not router.commands["todo"].admits(())


def test_what_is_for_anyone_needs_no_role() -> None:
    router: Router[None] = Router("help", who=Role.HEAD)
    router.command("help", who=ANYONE)(act)
    assert router.commands["help"].admits(())


def test_a_name_used_twice_stops_the_start() -> None:
    router: Router[None] = Router("cases", who=ANYONE)
    router.action("case.take")(act)
    with pytest.raises(ConfigError, match="exists already"):
        router.action("case.take")(act)


def test_a_name_used_by_two_routers_stops_the_start() -> None:
    one, two = Router[None]("one", who=ANYONE), Router[None]("two", who=ANYONE)
    for router in (one, two):
        router.timed("digest")(act)
    with pytest.raises(ConfigError, match="router two: digest exists already"):
        one.join(two)


def test_two_forms_of_one_name_stop_the_start() -> None:
    router: Router[None] = Router("cases", who=ANYONE)
    router.form(Form("matter", []))
    with pytest.raises(ConfigError, match="two forms named matter"):
        router.form(Form("matter", []))


def test_a_command_and_a_button_may_share_a_name() -> None:
    router: Router[None] = Router("cases", who=ANYONE)
    router.command("help")(act)
    router.action("help")(act)


def test_joining_keeps_the_hooks_of_all_in_order() -> None:
    heard = []
    one, two = Router[None]("one"), Router[None]("two")
    one.hook("said")(lambda: heard.append("one"))
    two.hook("said")(lambda: heard.append("two"))
    for hook in Router[None]("all").join(one, two).hooks["said"]:
        hook()
    assert heard == ["one", "two"]


def test_the_menu_shows_what_has_a_line_and_is_allowed() -> None:
    router: Router[None] = Router("cases", who=ANYONE)
    router.command("report", about=_("Report trouble"))(act)
    router.command("quiet")(act)
    router.command("todo", who=Role.HANDLER, about=_("What is to do"))(act)
    assert list(visible_commands(router, ())) == ["report"]
    assert list(visible_commands(router, {Role.HANDLER})) == ["report", "todo"]
