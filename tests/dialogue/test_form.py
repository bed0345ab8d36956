"""Questions and what answers them; answers are plain data that a database can keep."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue.event import FileKind, FileRef, Said, Spot
from bot.dialogue.form import FILES, Answers, Choice, Form, Place, Words, add_files, files_of
from bot.words import _

ASK = _("?")
files = st.builds(FileRef, st.sampled_from(FileKind), st.text(max_size=5), st.none() | st.integers(0, 10**9))
spots = st.none() | st.builds(Spot, st.floats(-90, 90), st.floats(-180, 180), st.none() | st.text(max_size=5))
said = st.builds(Said, text=st.text(max_size=30), files=st.lists(files, max_size=4).map(tuple), spot=spots)


@given(st.lists(said, max_size=6))
def test_answers_are_plain_data(messages: list[Said]) -> None:
    answers: Answers = {}
    for message in messages:
        Words(name="text", ask=ASK).take(answers, message)
        Place(name="place", ask=ASK).take(answers, message)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(answers)) == answers


@given(st.lists(said, max_size=8))
def test_words_and_files_stay_within_their_limits(messages: list[Said]) -> None:
    answers: Answers = {}
    question: Words[None] = Words(name="text", ask=ASK, at_most=20, files=3)
    for message in messages:
        question.take(answers, message)
    assert len(answers.get("text", "")) <= 20
    assert len(answers.get(FILES, [])) <= 3


def test_files_come_back_as_they_came() -> None:
    voice = FileRef(FileKind.VOICE, "ref", 120, seconds=7)
    answers: Answers = {}
    add_files(answers, [voice], 10)
    assert files_of(msgspec.msgpack.decode(msgspec.msgpack.encode(answers))) == (voice,)
    assert files_of({}) == ()


def test_what_says_nothing_is_no_answer() -> None:
    answers: Answers = {}
    assert not Words(name="text", ask=ASK).take(answers, Said(sticker=True))
    assert not Place(name="place", ask=ASK).take(answers, Said())
    assert answers == {}


def test_a_voice_note_can_tell_the_place() -> None:
    answers: Answers = {}
    assert Place(name="place", ask=ASK).take(answers, Said(files=(FileRef(FileKind.VOICE, "ref"),)))
    assert answers["place"] == {"heard": True}
    assert len(answers[FILES]) == 1


def test_only_a_listed_value_is_a_choice() -> None:
    answers: Answers = {}
    question: Choice[None] = Choice(name="identity", ask=ASK, options=(("named", _("Yes")),))
    assert not question.choose(answers, "anybody")
    assert answers == {}
    assert question.choose(answers, "named")
    assert answers == {"identity": "named"}


def test_a_question_is_asked_only_where_it_is_needed() -> None:
    question: Place[None] = Place(name="place", ask=ASK, needed=lambda ctx, answers: "kind" in answers)
    assert not question.is_needed(None, {})
    assert question.is_needed(None, {"kind": "help"})
    assert not question.is_needed(None, {"kind": "help", "place": {}})


def test_a_skipped_question_is_answered() -> None:
    words: Words[None] = Words(name="text", ask=ASK, optional=True)
    place: Place[None] = Place(name="place", ask=ASK, optional=True)
    assert not words.is_needed(None, {"text": None})
    assert not place.is_needed(None, {"place": None})


def test_a_form_keeps_the_answers_it_knows() -> None:
    form: Form[None] = Form("matter", [Place(name="place", ask=ASK)], kept=frozenset({"kind"}))
    answers = {"place": {}, "kind": "help", "text": "x", FILES: [], "gone": 1}
    assert form.fitting(answers) == {"place": {}, "kind": "help", "text": "x", FILES: []}
