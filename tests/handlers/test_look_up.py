"""Number and code: both are needed, and guessing ends after five tries an hour, in the same words."""

import re

from tests.handlers.test_main_talk import registered
from tests.rig import Town


async def shared(town: Town) -> tuple[str, str]:
    resident, number = await registered(town)
    await resident.presses("给家人看进度")
    code = re.search(r"\d{3} \d{3}", resident.last.text)
    assert code
    return number, code[0]


async def test_five_misses_an_hour_and_then_even_the_right_code_is_one(town: Town) -> None:
    number, code = await shared(town)
    guesser = town.resident("guesser")
    said = set()
    for guess in range(5):
        await guesser.says(f"查进度 {number} 00000{guess}")
        said.add(guesser.last.text)
    await guesser.says(f"查进度 {number} {code}")
    said.add(guesser.last.text)
    await guesser.says(f"查进度 7K3M-9QX1 {code}")
    said.add(guesser.last.text)
    assert len(said) == 1
    await town.passes(minutes=61)
    await guesser.says(f"查进度 {number} {code}")
    assert "已登记" in guesser.last.text


async def test_another_chat_is_not_locked_out_by_it(town: Town) -> None:
    number, code = await shared(town)
    for _guess in range(6):
        await town.resident("guesser").says(f"查进度 {number} 000000")
    daughter = town.resident("daughter")
    await daughter.says(f"查进度 {number} {code}")
    assert "已登记" in daughter.last.text


async def test_guessing_one_number_by_many_chats_ends_too(town: Town) -> None:
    number, code = await shared(town)
    for chat in range(5):
        for guess in range(4):
            await town.resident(f"guesser{chat}").says(f"查进度 {number} 0000{chat}{guess}")
    daughter = town.resident("daughter")
    await daughter.says(f"查进度 {number} {code}")
    assert daughter.last.text == town.resident("guesser0").last.text
    await town.passes(minutes=61)
    await daughter.says(f"查进度 {number} {code}")
    assert "已登记" in daughter.last.text
