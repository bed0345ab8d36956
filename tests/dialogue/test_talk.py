"""The order in which a message is understood, and that nothing odd ever breaks it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue.conversation import Filling
from bot.dialogue.event import Blocked, FileKind, FileRef, Ignored, Linked, Said, Spot, Unblocked, What
from bot.dialogue.form import Place, Words
from bot.dialogue.screen import Screen, decode_action, encode_action
from bot.words import _
from tests.dialogue.small import Chat, Ctx, a_form, questions

WHAT, WHERE, WHO = "What happened?", "Where?", "May they know who you are?"
PHOTO = FileRef(FileKind.PHOTO, "ref")


def at_review(chat: Chat) -> Chat:
    for text in ("/report", "light broken", "3号楼", "1"):
        chat.says(text)
    assert chat.last.startswith("review:")
    return chat


# --- the form ---


def test_a_form_asks_one_question_after_another_and_shows_its_review(chat: Chat) -> None:
    assert chat.says("/report") == WHAT
    assert chat.says("light broken") == WHERE
    assert chat.says("3号楼") == WHO
    assert chat.presses("No").startswith("review: text=light broken")
    assert chat.presses("Register") == "case 1"
    assert chat.office.matters == [{"text": "light broken", "place": {"words": "3号楼"}, "identity": "hidden"}]
    assert chat.conversation.filling is None


def test_what_is_known_already_is_not_asked(chat: Chat) -> None:
    assert chat.says("/report light broken") == WHERE


@pytest.mark.parametrize("how", ["says", "presses"])
def test_an_optional_question_can_be_skipped(chat: Chat, how: str) -> None:
    chat.says("/report light broken")
    assert getattr(chat, how)("Skip") == WHO


def test_optional_words_can_be_skipped_too() -> None:
    chat = Chat(a_form(asked=[Words(name="text", ask=_("What happened?"), optional=True), *questions()[1:]]))
    chat.says("/report")
    assert chat.presses("Skip") == WHERE


def test_a_question_that_needs_an_answer_cannot_be_skipped(chat: Chat) -> None:
    chat.says("/report")
    assert chat.says("skip") == WHAT
    assert chat.forges(f"form.skip~{chat.conversation.revision}") == WHAT


def test_back_asks_the_question_before_again(chat: Chat) -> None:
    chat.says("/report light broken")
    chat.says("3号楼")
    assert chat.says("back") == WHERE
    assert chat.says("back") == WHAT
    assert chat.says("back") == WHAT


def test_back_from_the_review_asks_the_last_question_again(chat: Chat) -> None:
    at_review(chat)
    assert chat.says("back") == WHO


def test_back_undoes_a_skip(chat: Chat) -> None:
    chat.says("/report light broken")
    chat.says("skip")
    assert chat.says("back") == WHERE


def test_cancel_ends_the_form(chat: Chat) -> None:
    chat.says("/report light broken")
    assert chat.says("cancel") == "cancelled"
    assert chat.conversation.filling is None
    assert chat.says("cancel") == "heard cancel"


def test_a_photo_alone_is_enough(chat: Chat) -> None:
    chat.says("/report")
    assert chat.says("", files=(PHOTO,)) == WHERE
    (file,) = chat.answers["files"]
    assert file == {"kind": "photo", "ref": "ref", "size": None, "name": None, "mime": None, "seconds": None}


def test_a_point_on_the_map_is_a_place(chat: Chat) -> None:
    chat.says("/report light broken")
    assert chat.says("", spot=Spot(31.2, 121.5)) == WHO


def test_what_is_said_at_the_review_is_added_and_not_lost(chat: Chat) -> None:
    at_review(chat)
    assert "light broken\nsince May" in chat.says("since May")


def test_what_does_not_answer_a_question_gets_it_asked_again(chat: Chat) -> None:
    chat.says("/report light broken")
    chat.says("3号楼")
    assert chat.says("well…") == WHO


def test_commands_stay_available_and_the_form_waits(chat: Chat) -> None:
    chat.says("/report light broken")
    assert chat.says("my cases") == "your cases"
    assert chat.says("3号楼") == WHO


# --- states of other programs ---


def test_a_form_of_another_version_keeps_the_answers_that_still_fit_and_says_so(chat: Chat) -> None:
    chat.says("/report light broken")
    chat.says("3号楼")
    chat.runs(a_form(2, [Words(name="text", ask=_("What happened?")), Place(name="spot", ask=_("At which spot?"))]))
    chat.forges("form.back")
    assert chat.texts == ["The questions have changed since. What you said is kept.", "At which spot?"]
    assert chat.answers == {"text": "light broken"}
    chat.says("3号楼")
    assert chat.texts == ["review: text=light broken, spot={'words': '3号楼'}"]


def test_an_answer_to_a_question_that_is_gone_is_not_lost(chat: Chat) -> None:
    chat.says("/report light broken")
    chat.runs(a_form(2, [Words(name="text", ask=_("What happened?"))]))
    assert "light broken\n3号楼" in chat.says("3号楼")


@pytest.mark.parametrize("at", ["text", "review", "gone"])
@pytest.mark.parametrize("act", ["words", "back", "skip", "cancel", "form.submit", "form.choose:named", "form.back"])
def test_an_unknown_form_never_breaks_an_update(chat: Chat, at: str, act: str) -> None:
    chat.conversation.filling = Filling("forgotten", 3, {"text": "x"}, at)
    chat.conversation.revision = 5
    assert chat.forges(f"{act}~5") if act.startswith("form.") else chat.says(act)
    assert chat.conversation.filling is None
    assert chat.office.matters == []


# --- the rest ---


def test_the_longest_prefix_of_a_link_decides(chat: Chat) -> None:
    assert chat.does(Linked("check-7")) == "check check-7"
    assert chat.does(Linked("other")) == "welcome other"
    assert chat.does(Linked()) == "welcome "


@pytest.mark.parametrize("what", [Blocked(), Unblocked(), Ignored("poll")])
def test_what_nobody_waits_for_is_done_in_silence(chat: Chat, what: What) -> None:
    assert chat.does(what) == ""


def test_an_edited_message_is_no_new_answer(chat: Chat) -> None:
    chat.says("/report")
    chat.says("light brokn", edited=True)
    assert chat.answers == {}


def test_urgent_words_are_answered_first_and_the_talk_goes_on(chat: Chat) -> None:
    @chat.router.hook("first")
    def urgent(ctx: Ctx, said: Said) -> Screen | None:
        return ctx.screen("call 119") if "fire" in said.text else None

    chat.says("/report")
    chat.says("fire in house 3")
    assert chat.texts == ["call 119", WHERE]


@given(
    st.text("ab.", min_size=1, max_size=20),
    st.lists(st.text("abc1-", max_size=8), max_size=3),
    st.integers(0, 10**9 - 1),
)
def test_an_action_comes_back_as_it_was_encoded(name: str, args: list[str], revision: int) -> None:
    assert decode_action(encode_action(name, *args, revision=revision)) == (name, tuple(args), revision)


def test_an_action_that_no_platform_would_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        encode_action("case.take", "楼" * 30)


def test_back_keeps_the_answer_until_a_new_one_comes(chat: Chat) -> None:
    chat.says("/report")
    chat.says("the lamp is out", files=(PHOTO,))
    assert chat.says("back") == "What happened?"
    assert chat.says("skip") == "Where?"  # nothing new was said: the old answer stands
    chat.says("back")
    chat.says("the drain is blocked")
    chat.says("Building 3")
    chat.says("Yes, they may")
    assert "drain" in chat.last
    assert "lamp" not in chat.last
    assert "ref" in chat.last


def test_back_goes_on_to_the_question_before(chat: Chat) -> None:
    at_review(chat)
    assert chat.says("back").startswith("May they know")
    assert chat.says("back") == "Where?"
    assert chat.says("back") == "What happened?"
    assert chat.says("back") == "What happened?"
    assert chat.says("another thing").startswith("review")


def test_a_number_answers_a_question_that_asks_for_words(chat: Chat) -> None:
    chat.says("/report the lamp is out")
    assert chat.says("1").startswith("May they know")  # house number one, not the button "Skip"
    assert chat.says("1").startswith("review")  # here the numbers are buttons


def test_words_that_were_asked_for_do_not_go_into_an_open_form(chat: Chat) -> None:
    chat.says("/report")
    chat.conversation.memory["expects"] = {"add": "1"}
    assert chat.says("a word for another case") == "heard a word for another case"


def test_what_does_not_fit_into_the_answers_is_said_and_not_cut_in_silence() -> None:
    asked = [Words[Any](name="text", ask=_("What happened?"), at_most=21, files=2), *questions()[1:]]
    chat = Chat(a_form(asked=asked))
    chat.says("/report the lamp is out")
    chat.says("Building 3")
    chat.says("Yes, they may")
    assert chat.says("again").startswith("review")  # "the lamp is out" and these words are just 21 long
    assert len(chat.screens) == 1
    assert chat.says("for five days now").startswith("review")
    assert chat.texts[0].startswith("No more than this fits")
    chat.says("", files=(PHOTO, msgspec.structs.replace(PHOTO, ref="other")))
    assert len(chat.screens) == 1
    chat.says("", files=(msgspec.structs.replace(PHOTO, ref="third"),))
    assert chat.texts[0].startswith("No more than this fits")
