"""The four entries under the input field: there after consent, and each does what it says when it is tapped."""

import pytest

from handlers.residents.menu import ENTRIES
from tests.rig import Town


@pytest.mark.parametrize("language", ["zh_CN", "en"])
async def test_each_entry_typed_as_it_stands_begins_its_matter(town: Town, language: str) -> None:
    resident = town.resident("wang", language)
    await resident.says("/start")
    await resident.says("好")
    labels = [label for row in resident.last.screen.lasting for label in row]
    assert len(labels) == sum(len(row) for row in ENTRIES)
    for label in labels:
        await resident.says(label)
        assert resident.last.screen.prompt, label
        await resident.says("取消")


async def test_before_consent_and_for_officials_there_are_none(town: Town) -> None:
    resident, official = town.resident(), await town.official()
    await resident.says("谢谢")
    await official.says("谢谢")
    assert not resident.last.screen.lasting
    assert not official.last.screen.lasting
