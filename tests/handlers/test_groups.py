"""Staff groups: who registers them, what is shown there to whom, and what every other group gets (T4, T5)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.delivery.channel import Outgoing, Sent
from bot.dialogue.event import Membership, Moved, Said, Standing
from bot.errors import NotSent, Refused
from bot.office.groups import records
from bot.office.groups.model import Group
from bot.office.people.model import Role
from bot.office.people.records import audit
from bot.store.queues import OutboxState, inbox, outbox
from bot.store.transaction import Transaction
from handlers.officials.groups import LISTED
from tests.handlers.talks import LAMP, registered
from tests.rig import Room, Someone, Town


async def staffed(town: Town) -> tuple[Someone, Someone, Room]:
    """An administrator, a clerk of the community, and the community's registered group."""
    ada = await town.official("ada", Role.ADMINISTRATOR)
    clerk = await town.official("zhou", Role.HANDLER, "xingfuli")
    return ada, clerk, await town.staff_group(ada)


def card(room: Room, number: str) -> str:
    """The one card of a case; two of them fail."""
    (found,) = [heard for heard in room.heard if number in heard.text]
    return found.text


# --- registering ---


async def test_an_administrator_registers_a_group_and_the_others_hear_of_it(town: Town) -> None:
    other = await town.official("bo", Role.ADMINISTRATOR)
    _ada, _clerk, room = await staffed(town)
    assert "工作群：幸福里社区" in room.last.text
    assert "幸福里社区" in other.last.text
    assert await codes(town) >= {"group.registered"}
    await town.passes(hours=2)
    assert not room.is_left


async def test_the_words_of_the_command_do_too(town: Town) -> None:
    ada = await town.official("ada", Role.ADMINISTRATOR)
    room = town.room()
    await room.takes_in(ada)
    await room.says_here(ada, "登记本群")
    await room.pressed_by(ada, "全单位")
    assert "登记好了" in room.last.text


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
async def test_nobody_else_registers_one(town: Town, role: Role) -> None:
    ada, someone = await town.official("ada", Role.ADMINISTRATOR), await town.official("x", role)
    room = town.room()
    await room.takes_in(ada)
    await room.says_here(someone, "/register")
    assert len(room.heard) == 1  # what an administrator is to do
    await room.says_here(ada, "/register")
    assert "经办人员" in await room.pressed_by(someone, "幸福里社区")
    assert not town_groups(await groups_of(town))


@pytest.mark.parametrize("said", [Said("/register", foreign=True), Said("/register", edited=True)])
async def test_forwarded_and_edited_words_register_nothing(town: Town, said: Said) -> None:
    ada = await town.official("ada", Role.ADMINISTRATOR)
    room = town.room()
    await room.takes_in(ada)
    await room.happens(said, ada)
    assert len(room.heard) == 1


async def test_an_administrators_account_is_told_by_its_number_not_by_the_group(town: Town) -> None:
    await town.official("ada", Role.ADMINISTRATOR)
    room = town.room()
    anonymous = town.resident("1087968824")  # who writes as the group itself
    await room.takes_in(anonymous)
    await room.says_here(anonymous, "/register")
    await town.passes(minutes=1)
    assert room.is_left


async def test_the_end_of_a_registration(town: Town) -> None:
    ada, _clerk, room = await staffed(town)
    await room.says_here(ada, "/unregister")
    assert room.is_left
    heard = len(room.heard)
    await registered(town)
    assert len(room.heard) == heard


async def test_an_administrator_ends_it_from_afar(town: Town) -> None:
    ada, _clerk, room = await staffed(town)
    await ada.says("/groups")
    await ada.presses("停掉 1")
    assert room.is_left
    await ada.says("/groups")
    assert "还没有登记过" in ada.last.text


async def test_each_of_many_groups_is_listed_and_can_be_ended(town: Town) -> None:
    ada = await town.official("ada", Role.ADMINISTRATOR)
    rooms = [await town.staff_group(ada, chat=f"room{number}") for number in range(LISTED + 1)]
    await ada.says("/groups")
    assert f"停掉 {LISTED}" in ada.last.labels
    await ada.presses("看更多")
    assert f"\n{LISTED + 1} " in ada.last.text
    await ada.presses(f"停掉 {LISTED + 1}")
    assert [room.is_left for room in rooms] == [False] * LISTED + [True]


# --- every other group ---


async def test_another_group_gets_one_line_once_and_is_left(town: Town) -> None:
    stranger, room = town.resident("stranger"), town.room()
    for _time in range(3):
        await room.takes_in(stranger)
        await room.says_here(stranger, "@bot 楼道灯坏了")
        await town.passes(minutes=1)
        assert room.is_left
    assert len(room.heard) == 1
    assert "登记过的工作群" in room.last.text
    assert room.last.outgoing.group


async def test_nothing_said_in_a_group_becomes_a_matter_or_stays(town: Town) -> None:
    ada, clerk, room = await staffed(town)
    stranger = town.resident("stranger")
    before = len(clerk.heard)
    for words in (LAMP, "/complain 灯坏了", "/queue", "转人工", "7K3M-9QX1"):
        for person in (stranger, clerk, ada):
            await room.says_here(person, words)
    assert len(clerk.heard) == before
    assert len(room.heard) == 2
    rows = await town.store.writer.submit(lambda tx: tx.flushed().execute(select(inbox.c.raw)).scalars().all())
    assert set(rows) == {None}


async def test_an_hour_after_an_administrator_took_it_in_unregistered_it_leaves(town: Town) -> None:
    ada, room = await town.official("ada", Role.ADMINISTRATOR), town.room()
    await room.takes_in(ada)
    await room.says_here(town.resident("other"), "/help")
    await town.passes(minutes=59)
    assert not room.is_left
    await town.passes(minutes=2)
    assert room.is_left


async def test_leaving_survives_a_crash_and_a_network_that_is_away(town: Town) -> None:
    stranger, room = town.resident("stranger"), town.room()
    await room.takes_in(stranger)
    town.channel.faults["room"] = NotSent("away", timedelta(seconds=5))
    await town.passes(minutes=1)
    assert not room.is_left
    town.crash()
    await town.open()
    await town.passes(minutes=1)
    assert room.is_left
    assert len(room.heard) == 1


# --- what happens to a registered group ---


async def test_a_group_that_moves_stays_registered(town: Town) -> None:
    _ada, clerk, room = await staffed(town)
    _resident, number = await registered(town)
    new = town.room("super")
    await new.takes_in(clerk)  # the platform tells of the new one in any order
    await room.happens(Moved("room", "super"), clerk)
    await new.happens(Moved("room", "super"), clerk)
    await town.passes(minutes=2)
    assert not new.is_left
    await clerk.says(f"/take {number}")
    assert "在办" not in card(room, number)
    _other, second = await registered(town, "幸福里5号楼水管漏水", "li")
    assert "新来一件" in card(new, second)


@pytest.mark.parametrize("is_told", [False, True])
async def test_a_send_that_is_told_of_the_move_follows_it(town: Town, is_told: bool) -> None:
    """Also where an update has said so while it was on its way; and its buttons work where it arrives."""
    _ada, clerk, _room = await staffed(town)
    new = town.room("super")
    group = (await groups_of(town))[0].id

    async def moved(outgoing: Outgoing) -> Sent:
        if outgoing.chat == "room":
            if is_told:
                await town.store.writer.submit(lambda tx: town.app.office(tx).groups.move(group, "super"))
            raise Refused("400 upgraded", moved_to="super")
        return await send(outgoing)

    send = town.channel.send
    town.channel.send = moved  # type: ignore[method-assign]  # as Telegram does after an upgrade
    _resident, number = await registered(town)
    assert "新来一件" in card(new, number)
    assert (await groups_of(town))[0].id == group
    assert "归您了" in await new.pressed_by(clerk, "我来办")


@pytest.mark.parametrize("standing", [Standing.ADMINISTRATOR, Standing.SILENCED, Standing.MEMBER])
async def test_administrators_hear_what_the_bot_is_in_a_group(town: Town, standing: Standing) -> None:
    ada, clerk, room = await staffed(town)
    heard = len(ada.heard)
    await room.happens(Membership(standing), clerk)
    assert len(ada.heard) == heard + 1
    assert "幸福里社区" in ada.last.text


async def test_put_out_of_a_group_ends_its_registration(town: Town) -> None:
    ada, clerk, room = await staffed(town)
    await room.happens(Membership(Standing.OUT), clerk)
    assert "移出" in ada.last.text
    assert not town_groups(await groups_of(town))
    before = len(room.heard)
    await registered(town)
    assert len(room.heard) == before
    await room.takes_in(clerk)
    await town.passes(minutes=1)
    assert room.is_left


async def test_a_send_that_is_refused_for_good_ends_it_too(town: Town) -> None:
    ada, clerk, _room = await staffed(town)
    town.channel.faults["room"] = Refused("403 kicked", gone=True)
    await registered(town)
    assert "移出" in ada.last.text
    assert not any("没送到" in heard.text or "另想办法" in heard.text for heard in clerk.heard)


# --- the sender looks once more ---


async def test_what_was_meant_for_another_audience_never_goes_out(town: Town) -> None:
    ada, _clerk, room = await staffed(town)
    town.channel.faults["room"] = NotSent("away", timedelta(minutes=1))
    await registered(town)
    group = (await groups_of(town))[0]
    await town.store.writer.submit(
        lambda tx: tx.flushed().execute(outbox.update().values(state="queued", audience="staff:housing").where(
            outbox.c.address == group.id, outbox.c.subject.is_not(None), outbox.c.audience == "staff:xingfuli"))
    )  # fmt: skip
    before = len(room.heard)
    await town.passes(minutes=5)
    assert len(room.heard) == before
    states = await town.store.writer.submit(
        lambda tx: tx.flushed().execute(select(outbox.c.state).where(outbox.c.audience == "staff:housing")).scalars()
        .all()
    )  # fmt: skip
    assert set(states) == {OutboxState.CANCELLED}
    assert ada.heard


async def groups_of(town: Town) -> list[Group]:
    def read(tx: Transaction) -> list[Group]:
        ids = tx.read(select(records.staff_group.c.id)).scalars().all()
        return [group for id_ in ids if (group := records.by_id(tx, id_)) is not None]

    return await town.store.writer.submit(read)


def town_groups(found: list[Group]) -> list[Group]:
    return [group for group in found if group.is_registered]


async def codes(town: Town) -> set[str]:
    return set(await town.store.writer.submit(lambda tx: tx.read(select(audit.c.code)).scalars().all()))
