"""What goes over the wire for a screen: the words as they are, offsets that fit, keyboards where they belong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.telegram import encoding
from bot.channels.telegram.spans import MOST_ENTITIES, MOST_UNITS, is_border, parts
from bot.delivery.channel import Outgoing
from bot.dialogue.screen import Button, Mode, Request, Screen, Shown
from bot.text import Style, Text, as_text, bold, clean, link, quote, styled, utf16_length

MARK = "（重发）"
YES = Button("好", "yes~1")
NO = Button("不", "no~1")
PLACE = Button("发送位置", request=Request.PLACE)
PHOTO = Shown("d1", "photo", "门.jpg")
LASTING = (("投诉", "咨询"), ("帮助",))


def made(screen: Screen, **fields: Any) -> list[encoding.Call]:
    return encoding.calls(Outgoing(1, "4242", screen, **fields), MARK)


def one(screen: Screen, **fields: Any) -> dict[str, Any]:
    (call,) = made(screen, **fields)
    return call.parameters


def shown(words: str, offset: int, length: int) -> str:
    """What a client marks: it counts UTF-16 units."""
    return words.encode("utf-16-le")[2 * offset : 2 * (offset + length)].decode("utf-16-le")


def test_words_with_styles() -> None:
    text = as_text("😀 ") + bold("粗") + " " + styled("斜", Style.ITALIC) + styled("k", Style.CODE)
    parameters = one(Screen(text + quote("楼") + link("图", "https://e.org/?a=1")))
    assert parameters == {
        "chat_id": 4242,
        "text": "😀 粗 斜k楼图",
        "link_preview_options": {"is_disabled": True},
        "entities": (
            {"type": "bold", "offset": 3, "length": 1},
            {"type": "italic", "offset": 5, "length": 1},
            {"type": "code", "offset": 6, "length": 1},
            {"type": "blockquote", "offset": 7, "length": 1},
            {"type": "text_link", "offset": 8, "length": 1, "url": "https://e.org/?a=1"},
        ),
    }


def test_pieces_of_one_style_are_one_entity_and_blank_ones_none() -> None:
    (part,) = parts(bold("一") + bold("二") + bold(" \n") + styled("x", Style.LINK) + "y")
    assert part.entities == ({"type": "bold", "offset": 0, "length": 4},)


def test_buttons_and_addresses() -> None:
    markup = one(Screen(as_text("?"), rows=((YES, NO), (Button("网", url="https://e.org"),))))["reply_markup"]
    assert markup == {
        "inline_keyboard": [
            [{"text": "好", "callback_data": "yes~1"}, {"text": "不", "callback_data": "no~1"}],
            [{"text": "网", "url": "https://e.org"}],
        ]
    }


def test_a_request_makes_the_whole_screen_a_reply_keyboard() -> None:
    site = Button("网", url="https://e.org")
    screen = Screen(as_text("在哪?"), rows=((PLACE, YES), (site,)), mode=Mode.IN_PLACE, lasting=LASTING)
    assert encoding.edit(Outgoing(1, "4242", screen, edits="8")) is None
    parameters = one(screen)
    assert parameters["reply_markup"] == {
        "keyboard": [[{"text": "发送位置", "request_location": True}, {"text": "好"}]],
        "resize_keyboard": True,
        "one_time_keyboard": True,
    }
    assert parameters["text"] == "在哪?\n网"
    assert parameters["entities"][0]["url"] == "https://e.org"
    phone = Screen(as_text("?"), rows=((Button("号码", request=Request.PHONE),),))
    assert one(phone)["reply_markup"]["keyboard"] == [[{"text": "号码", "request_contact": True}]]


def test_lasting_entries_go_where_no_other_keyboard_is() -> None:
    lasting = {
        "keyboard": [[{"text": "投诉"}, {"text": "咨询"}], [{"text": "帮助"}]],
        "resize_keyboard": True,
        "is_persistent": True,
    }
    assert one(Screen(as_text("x"), lasting=LASTING))["reply_markup"] == lasting
    assert "inline_keyboard" in one(Screen(as_text("x"), rows=((YES,),), lasting=LASTING))["reply_markup"]
    first, last = made(Screen(as_text("字" * 5000), rows=((YES,),), lasting=LASTING))
    assert first.parameters["reply_markup"] == lasting
    assert "inline_keyboard" in last.parameters["reply_markup"]


def test_silence_and_the_repeat_mark() -> None:
    first, last = made(Screen(bold("字" * 5000), silent=True), repeat=True)
    assert first.parameters["disable_notification"]
    assert last.parameters["disable_notification"]
    assert first.parameters["text"].startswith(f"{MARK}\n字")
    assert not last.parameters["text"].startswith(MARK)
    assert first.parameters["entities"][0]["offset"] == len(MARK) + 1


def test_an_edit_in_place() -> None:
    screen = Screen(bold("好"), rows=((YES,),), mode=Mode.IN_PLACE, lasting=LASTING)
    call = encoding.edit(Outgoing(1, "4242", screen, edits="8", repeat=True))
    assert call == encoding.Call(
        "editMessageText",
        {
            "chat_id": 4242,
            "message_id": 8,
            "text": "好",
            "link_preview_options": {"is_disabled": True},
            "entities": ({"type": "bold", "offset": 0, "length": 1},),
            "reply_markup": {"inline_keyboard": [[{"text": "好", "callback_data": "yes~1"}]]},
        },
    )


@pytest.mark.parametrize(
    ("screen", "edits"),
    [
        (Screen(as_text("x")), "8"),
        (Screen(as_text("x"), mode=Mode.IN_PLACE), None),
        (Screen(as_text("x"), mode=Mode.IN_PLACE), "odd"),
        (Screen(as_text("x"), files=(PHOTO,), mode=Mode.IN_PLACE), "8"),
        (Screen(as_text("字" * 5000), mode=Mode.IN_PLACE), "8"),
    ],
)
def test_what_cannot_be_edited_in_place(screen: Screen, edits: str | None) -> None:
    assert encoding.edit(Outgoing(1, "4242", screen, edits=edits)) is None


def test_files_with_captions() -> None:
    document = Shown("d2", "document", "通知.pdf")
    first, last = made(Screen(bold("两份"), rows=((YES,),), files=(PHOTO, document)))
    assert (first.method, first.file, "caption" in first.parameters) == ("sendPhoto", PHOTO, False)
    assert (last.method, last.file, last.parameters["caption"]) == ("sendDocument", document, "两份")
    assert last.parameters["caption_entities"] == ({"type": "bold", "offset": 0, "length": 2},)
    assert "inline_keyboard" in last.parameters["reply_markup"]


def test_words_too_long_for_a_caption_follow_the_file() -> None:
    calls = made(Screen(as_text("字" * 1025), files=(Shown("d", "voice"),)))
    assert [call.method for call in calls] == ["sendVoice", "sendMessage"]
    assert "caption" not in calls[0].parameters


def test_toasts() -> None:
    outgoing = Outgoing(1, "1", Screen(Text(), toast="好" * 300), answers="99")
    call = encoding.answer(outgoing)
    assert call.parameters["callback_query_id"] == "99"
    assert len(call.parameters["text"]) == 200
    assert encoding.answer(Outgoing(1, "1", Screen(Text()), answers="99")).parameters == {"callback_query_id": "99"}


def test_a_toast_that_must_be_seen_and_one_that_leads_on() -> None:
    outgoing = Outgoing(1, "-1", Screen(Text(), toast="好", alert=True, opens="on_reply_1"), answers="99", group=True)
    parameters = encoding.answer(outgoing, "https://t.me/b?start=on_reply_1").parameters
    assert parameters == {"callback_query_id": "99", "text": "好", "show_alert": True,
                          "url": "https://t.me/b?start=on_reply_1"}  # fmt: skip


def test_what_is_said_in_a_group_cannot_be_carried_on() -> None:
    screen = Screen(bold("两份"), files=(PHOTO,))
    for group in (True, False):
        for call in encoding.calls(Outgoing(1, "-1", screen, group=group), "（重发）"):
            assert ("protect_content" in call.parameters) is group


def test_the_plain_form_keeps_all_words() -> None:
    screen = Screen(bold("好"), rows=((YES, Button("网", url="http://localhost")),), files=(PHOTO,))
    (call,) = made(screen)
    simpler = encoding.plain(call)
    assert simpler is not None
    assert simpler.method == "sendDocument"
    assert simpler.parameters["caption"] == "好\n网: http://localhost"
    assert "caption_entities" not in simpler.parameters
    assert simpler.parameters["reply_markup"]["inline_keyboard"] == [[{"text": "好", "callback_data": "yes~1"}]]
    assert encoding.plain(simpler) is None


def test_a_screen_without_words_still_has_its_buttons() -> None:
    assert one(Screen(Text(), rows=((YES,),)))["text"] == "…"


def test_cuts_are_at_lines_and_pauses_before_characters() -> None:
    lines = "\n".join("行" * 99 for _ in range(60))
    assert all(part.words.endswith("\n") for part in parts(as_text(lines))[:-1])
    assert parts(as_text("一句。" * 2000))[0].words.endswith("。")
    family = "👩‍👩‍👧‍👦"
    assert all(part.words.count(family) * len(family) == len(part.words) for part in parts(as_text(family * 700)))


@pytest.mark.parametrize("whole", ["e\u0301", "👍🏽", "🇨🇳", "👩‍🚒", "\r\n", "☎️", "1️⃣", "क्ष"[:2]])
def test_what_a_reader_sees_as_one_is_not_cut(whole: str) -> None:
    words = "a" + whole + "b"
    assert [is_border(words, at) for at in range(2, 1 + len(whole))] == [False] * (len(whole) - 1)
    assert is_border(words, 1)
    assert is_border(words, 1 + len(whole))


def test_flags_are_cut_in_pairs() -> None:
    assert [at for at in range(7) if is_border("🇨🇳🇩🇪🇫🇷", at)] == [0, 2, 4, 6]


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.text(
    "a😀é\u0301🇨🇳 \n。<b>*_[](/", max_size=9000
)
styles = st.sampled_from([Style.PLAIN, Style.BOLD, Style.ITALIC, Style.CODE, Style.QUOTE])


@given(said=anything)
def test_a_residents_words_arrive_as_they_are_and_format_nothing(said: str) -> None:
    calls = made(Screen(bold("来件") + "\n" + quote(said) + "\n完"))
    assert all("parse_mode" not in call.parameters for call in calls)
    text = "".join(call.parameters["text"] for call in calls)
    if len(calls) == 1:
        assert f"来件\n{clean(said)}\n完".replace("\0", "\ufffd") == text
    for call in calls:
        for entity in call.parameters.get("entities", ()):
            assert entity["type"] in ("bold", "blockquote")
            if entity["type"] == "bold":
                assert shown(call.parameters["text"], entity["offset"], entity["length"]) == "来件"


@given(
    pieces=st.lists(st.tuples(st.text("a😀楼 \n", max_size=1500), styles), max_size=300),
    at_most=st.sampled_from([1024, MOST_UNITS]),
)
def test_parts_fit_and_lose_nothing(pieces: list[tuple[str, Style]], at_most: int) -> None:
    text = Text()
    for words, style in pieces:
        text += styled(words, style)
    found = parts(text, at_most)
    rest = str(text)
    for part in found:  # only blank parts may be missing between them
        before, _, rest = rest.partition(part.words)
        assert not before.strip()
        assert utf16_length(part.words) <= at_most
        assert len(part.entities) <= MOST_ENTITIES
        for entity in part.entities:
            assert shown(part.words, int(entity["offset"]), int(entity["length"])).encode()
    assert not rest.strip()


@given(pieces=st.lists(st.tuples(st.text("a😀楼", min_size=1, max_size=90), styles), min_size=1, max_size=250))
def test_each_character_keeps_its_style(pieces: list[tuple[str, Style]]) -> None:
    text = Text()
    for words, style in pieces:
        text += styled(words, style)
    names = {"bold": Style.BOLD, "italic": Style.ITALIC, "code": Style.CODE, "blockquote": Style.QUOTE}
    expected = [(char, style) for words, style in pieces for char in words]
    seen: list[tuple[str, Style]] = []
    for part in parts(text):
        units = part.words.encode("utf-16-le")
        marks = [Style.PLAIN] * (len(units) // 2)
        for entity in part.entities:
            start = int(entity["offset"])
            marks[start : start + int(entity["length"])] = [names[str(entity["type"])]] * int(entity["length"])
        at = 0
        for char in part.words:
            seen.append((char, marks[at]))
            at += 2 if char > "\uffff" else 1
    assert seen == expected


def test_half_surrogates_and_nul_never_go_out() -> None:
    (part,) = parts(as_text("a\ud83db\0"))
    assert part.words == "a?b\ufffd"
