"""What a button does, and words that mean one: pressed late, twice, forged or typed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue.form import Choice, Words
from bot.dialogue.screen import Button, decode_action
from bot.words import _
from tests.dialogue.small import Chat, Role, a_form
from tests.dialogue.test_talk import WHAT, WHO, at_review


def test_a_stale_button_gets_the_current_screen(chat: Chat) -> None:
    chat.says("/report light broken")
    old = chat.action("Skip")
    chat.says("3号楼")
    assert chat.forges(old) == WHO
    assert chat.answers["place"] == {"words": "3号楼"}


def test_a_double_tap_changes_nothing_twice(chat: Chat) -> None:
    at_review(chat)
    assert chat.presses("Register") == "case 1"
    assert chat.presses("Register") == "nothing is open"
    assert len(chat.office.matters) == 1


def test_a_double_tap_on_a_choice_answers_one_question_only(chat: Chat) -> None:
    chat.says("/report light broken")
    chat.presses("Skip")
    old = chat.action("Skip")
    assert chat.forges(old) == WHO
    assert "identity" not in chat.answers


def test_typed_numbers_and_labels_mean_the_buttons_of_the_last_screen(chat: Chat) -> None:
    for typed in ("2", "Open 2", "open 2"):
        chat.says("my cases")
        assert chat.says(typed) == "case 2 opened"


@pytest.mark.parametrize("typed", ["0", "3", "99", "100", "²", "１", "-1", "1.5"])
def test_a_number_without_a_button_is_ordinary_words(chat: Chat, typed: str) -> None:
    chat.says("my cases")
    assert chat.says(typed) == f"heard {typed}"


def test_a_typed_yes_presses_the_main_button_only_where_that_is_allowed(chat: Chat) -> None:
    at_review(chat)
    assert chat.says("yes") == "case 1"
    assert chat.says("yes") == "heard yes"
    assert chat.office.taken == []


def test_a_number_means_a_button_of_the_last_screen_only(chat: Chat) -> None:
    at_review(chat)
    assert chat.says("1") == "case 1"
    assert chat.says("1") == "withdrawn"
    assert chat.says("1") == "heard 1"  # the last screen has no buttons


@pytest.mark.parametrize("action", ["case.open", "case.open:1:2", "case.open:1:2:3", "case.open:"])
def test_a_forged_number_of_arguments_gets_the_current_screen(chat: Chat, action: str) -> None:
    assert chat.forges(action) in ("nothing is open", "case  opened")


def test_a_fault_within_a_handler_is_not_taken_for_a_forgery(chat: Chat) -> None:
    with pytest.raises(TypeError):
        chat.forges("case.broken")


def test_a_forged_step_of_the_form_changes_nothing(chat: Chat) -> None:
    chat.says("/report")
    current = chat.conversation.revision
    for action in ("form.submit", "form.choose:named", f"form.submit~{current}", f"form.choose:named~{current}"):
        action = action.replace(f"~{current}", f"~{chat.conversation.revision}")
        assert chat.forges(action) == WHAT
    assert chat.office.matters == []
    assert chat.answers == {}


def test_a_forged_choice_is_no_answer(chat: Chat) -> None:
    chat.says("/report light broken")
    chat.says("3号楼")
    assert chat.forges(f"form.choose:everyone~{chat.conversation.revision}") == WHO


def test_rights_are_checked_when_a_button_is_pressed() -> None:
    resident, official = Chat(), Chat(None, Role.HANDLER)
    assert resident.forges("case.take:1") == "nothing is open"
    assert resident.office.taken == []
    assert official.forges("case.take:1") == "taken 1"


def test_a_command_for_officials_is_unknown_to_residents() -> None:
    assert Chat().says("/staff") == "unknown command"
    assert Chat().says("/nonsense") == "unknown command"
    assert Chat(None, Role.HANDLER).says("/staff") == "to do"
    assert Chat(None, Role.HANDLER).says("/STAFF@huiyin_bot today") == "to do"


@given(st.text(st.characters(codec=None), max_size=70))
def test_no_button_whatever_it_says_breaks_an_update(action: str) -> None:
    chat = Chat()
    chat.says("/report")
    if decode_action(action)[0] != "case.broken":
        assert chat.forges(action)


WORDS_AND_BUTTONS = (
    "/report",
    "back",
    "skip",
    "cancel",
    "1",
    "2",
    "yes",
    "words",
    "my cases",
    "Register",
    "No",
    "/",
    "//",
)


@given(st.lists(st.sampled_from(WORDS_AND_BUTTONS), max_size=12))
def test_every_message_gets_an_answer_wherever_the_talk_stands(said: list[str]) -> None:
    chat = Chat()
    for text in said:
        assert chat.says(text)


# --- what is said instead of pressed ---


def with_ways_out() -> Chat:
    def leave(ctx: Any, _answers: Any) -> list[list[Any]]:
        return [[ctx.step(_("Never mind"), "form.cancel")]]

    options = (("named", _("Named")), ("hidden", _("Anonymous, no account kept")))
    return Chat(a_form(asked=[
        Words(name="text", ask=_("What happened?"), rows=leave),
        Choice(name="identity", ask=_("May they know who you are?"), options=options, rows=leave),
    ]))  # fmt: skip


def test_yes_presses_no_way_out_and_chooses_nothing_among_equals() -> None:
    chat = with_ways_out()
    chat.says("/report")
    assert chat.says("yes") == WHAT
    chat.says("light broken")
    assert chat.says("yes") == WHO
    assert chat.answers == {"text": "light broken"}


@pytest.mark.parametrize("typed", ["Anonymous", "anonymous", "Anonymous, no account kept"])
def test_a_choice_may_be_made_by_the_beginning_of_its_label(typed: str) -> None:
    chat = with_ways_out()
    chat.says("/report light broken")
    assert "identity=hidden" in chat.says(typed)


def test_a_choice_may_be_made_anew_by_its_word_at_the_review() -> None:
    chat = with_ways_out()
    chat.says("/report light broken")
    chat.says("Named")
    assert chat.says("Anonymous") == "review: text=light broken, identity=hidden"


def test_a_beginning_that_two_buttons_share_means_neither() -> None:
    chat = Chat()
    chat.says("my cases")
    chat.conversation.choices = (Button("Done, clear it", "case.open:1"), Button("Done, keep it", "case.open:2"))
    assert chat.says("done") == "heard done"
    chat.conversation.choices = (Button("Done, clear it", "case.open:1"), Button("Keep it", "case.open:2"))
    assert chat.says("done") == "case 1 opened"
