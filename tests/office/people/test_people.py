"""Who somebody is, by their chat or its conversation."""

from bot.office.people.model import Grant, Person, Role
from tests.rig import Town


async def at_lane(town: Town, lane: int) -> Person | None:
    return await town.store.writer.submit(lambda tx: town.app.office(tx).people.at_lane(lane))


async def test_whoever_has_a_conversation_is_found_by_it_with_their_roles(town: Town) -> None:
    await town.official("zhou", Role.HANDLER, "xingfuli")
    await town.official("zhou", Role.HEAD)
    await town.resident("wang").opens()
    lane = town.store.keys.lookup.lane
    zhou, wang = await at_lane(town, lane("silent", "zhou")), await at_lane(town, lane("silent", "wang"))
    assert zhou is not None
    assert zhou.grants == {Grant(Role.HANDLER, "xingfuli"), Grant(Role.HEAD)}
    assert wang is not None
    assert wang.grants == frozenset()


async def test_a_conversation_of_somebody_forgotten_is_nobodys(town: Town) -> None:
    assert await at_lane(town, 1) is None
