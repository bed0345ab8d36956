"""A button's own words, typed: they mean the button, whatever the bot said since it was shown."""

import pytest

from bot.office.people.model import Role
from tests.handlers.talks import LAMP, STAFF, consented, registered
from tests.rig import Someone, Town

MEANWHILE = ["/add 7K3M-9QX1 还在滴水", "几点开门", "/policy", "/cases", "/language", "救命啊着火了"]


async def at_review(town: Town) -> Someone:
    resident = await consented(town)
    await resident.says(LAMP)
    assert "登记" in resident.last.labels
    return resident


@pytest.mark.parametrize("meanwhile", MEANWHILE)
async def test_register_typed_after_something_else_registers(town: Town, meanwhile: str) -> None:
    resident = await at_review(town)
    await resident.says(meanwhile)
    await resident.says("登记")
    assert "登记好了" in resident.last.text


async def test_register_typed_where_more_was_to_be_added_registers(town: Town) -> None:
    official = await town.official()
    resident = await at_review(town)
    await resident.presses("打字补一句")
    await resident.says("登记")
    assert "登记好了" in resident.last.text
    await official.says(f"/case {resident.number()}")
    assert "登记" not in official.last.text


async def test_what_was_to_be_added_is_added_all_the_same(town: Town) -> None:
    resident = await at_review(town)
    await resident.says("打字补一句")
    await resident.says("登记牌也掉了")
    assert "登记牌也掉了" in resident.last.text


async def complaining(town: Town) -> Someone:
    """At the review of a complaint about staff."""
    await town.official("du", Role.SUPERVISOR)
    resident = await consented(town)
    await resident.says(STAFF)
    await resident.presses("保密，能传话")
    assert "交上去" in resident.last.labels
    return resident


async def test_the_way_out_of_a_complaint_is_typed_after_something_else(town: Town) -> None:
    resident = await complaining(town)
    await resident.says("加照片")
    await resident.says("不投了")
    assert "没有交" in resident.last.text


async def test_labels_of_a_question_that_was_answered_mean_nothing(town: Town) -> None:
    resident = await consented(town)
    await resident.says("楼道灯坏了")
    assert "不对，改一下" in resident.last.labels
    await resident.says("幸福里3号楼2单元")
    await resident.says("不对")
    assert "不对" in resident.last.text  # at the review it is one more word of theirs


async def test_labels_of_a_form_that_is_over_mean_nothing(town: Town) -> None:
    resident, _number = await registered(town)
    await resident.says("几点开门")
    await resident.says("登记")
    assert "登记好了" not in resident.last.text


async def test_a_number_means_what_was_shown_last_and_no_button_above_it(town: Town) -> None:
    resident = await at_review(town)
    await resident.says("/language")
    await resident.says(str(1 + resident.last.labels.index("中文")))
    assert any("用中文" in heard.text for heard in resident.heard)


async def test_a_number_after_an_excuse_means_nothing(town: Town) -> None:
    """It is older than what was said last, and would register by mistake."""
    resident = await at_review(town)
    await resident.says("/add 7K3M-9QX1 还在滴水")
    await resident.says("1")
    assert "登记好了" not in resident.last.text


async def test_a_complaint_about_staff_is_handed_in_by_words_after_something_else(town: Town) -> None:
    resident = await complaining(town)
    await resident.says("几点开门")
    await resident.says("交上去")
    assert "交给督办员了" in resident.last.text


# --- after /language ---


async def chooses(someone: Someone, language: str) -> None:
    await someone.says("/language")
    await someone.says(str(1 + someone.last.labels.index(language)))


async def test_a_language_chosen_in_the_middle_shows_the_question_that_waits(town: Town) -> None:
    """Not the menu: a number typed then would begin something else."""
    resident = await at_review(town)
    await chooses(resident, "English")
    assert "I will register it like this" in resident.last.text
    await resident.says("1")
    assert "is registered" in resident.last.text


async def test_an_officials_language_leads_to_their_own_help(town: Town) -> None:
    official = await town.official()
    await chooses(official, "English")
    assert "What you can write or press" in official.last.text
    await official.says(str(1 + official.last.labels.index("What waits")))
    assert "Nothing waits for you" in official.last.text


async def test_a_residents_language_leads_to_the_menu_in_it(town: Town) -> None:
    resident = await consented(town)
    await chooses(resident, "English")
    await resident.says(str(1 + resident.last.labels.index("Suggest")))
    assert "Please tell me what it is" in resident.last.text
