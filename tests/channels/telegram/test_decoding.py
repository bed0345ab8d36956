"""Updates as the Bot API documents them, made up, and what becomes of them."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.telegram.decoding import as_raw, decode, place, wrap
from bot.dialogue.event import (
    Blocked,
    Event,
    FileKind,
    FileRef,
    Ignored,
    Linked,
    Membership,
    Moved,
    Pressed,
    Said,
    Spot,
    Standing,
    Unblocked,
    What,
    Who,
)
from bot.errors import Undecodable
from tests.channels.telegram.mutation import mutate

ARRIVED = datetime(2026, 9, 15, 1, 12, 0, 250000, tzinfo=UTC)
WRITTEN = datetime(2026, 9, 15, 1, 11, 58, tzinfo=UTC)
ALICE = {"id": 4242, "is_bot": False, "first_name": "Alice", "language_code": "zh-hans"}
PRIVATE = {"id": 4242, "type": "private", "first_name": "Alice"}
GROUP = {"id": -1001234567890, "type": "supergroup", "title": "住建科"}
DATE = int(WRITTEN.timestamp())


def read(update: dict[str, Any] | bytes, username: str = "huiyin_bot") -> Event:
    raw = update if isinstance(update, bytes) else json.dumps(update).encode()
    return decode(wrap(raw, ARRIVED), username)


def message(kind: str = "message", **fields: Any) -> dict[str, Any]:
    said = {"message_id": 7, "date": DATE, "chat": PRIVATE, "from": ALICE} | fields
    return {"update_id": 1, kind: {key: value for key, value in said.items() if value is not None}}


def what(**fields: Any) -> What:
    return read(message(**fields)).what


def test_words() -> None:
    event = read(message(text="楼道灯坏了"))
    assert event == Event(Said("楼道灯坏了"), WRITTEN, Who("4242", "4242", "zh-hans"), "7")


def test_a_reply_names_the_quoted_message() -> None:
    quoted = {"message_id": 5, "date": DATE, "chat": PRIVATE, "text": "…"}
    assert what(text="好", reply_to_message=quoted) == Said("好", reply_to="5")


def test_an_edit_is_a_further_version_with_its_own_time() -> None:
    event = read(message("edited_message", text="楼道灯全坏了", edit_date=DATE + 60))
    assert event.what == Said("楼道灯全坏了", edited=True)
    assert (event.message, event.happened_at.timestamp()) == ("7", DATE + 60)


def test_of_a_photo_the_largest_size_that_can_be_fetched() -> None:
    sizes = [
        {"file_id": "small", "file_unique_id": "a", "width": 90, "height": 60, "file_size": 1000},
        {"file_id": "good", "file_unique_id": "b", "width": 1280, "height": 960, "file_size": 200_000},
        {"file_id": "huge", "file_unique_id": "c", "width": 9999, "height": 9999, "file_size": 30_000_000},
    ]
    photo = FileRef(FileKind.PHOTO, "good", 200_000)
    assert what(photo=sizes, caption="这里", media_group_id="g1") == Said("这里", files=(photo,), album="g1")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("voice", FileKind.VOICE),
        ("audio", FileKind.DOCUMENT),
        ("video", FileKind.VIDEO),
        ("video_note", FileKind.VIDEO),
        ("animation", FileKind.VIDEO),
        ("document", FileKind.DOCUMENT),
    ],
)
def test_files(name: str, kind: FileKind) -> None:
    file = {"file_id": "f", "file_unique_id": "u", "file_size": 3, "file_name": "证.pdf", "mime_type": "a/b"}
    fields: dict[str, Any] = {name: file | {"duration": 4}}
    if name == "animation":
        fields["document"] = file
    assert what(**fields) == Said(files=(FileRef(kind, "f", 3, "证.pdf", "a/b", 4),))


def test_places() -> None:
    spot = {"latitude": 31.2, "longitude": 121.5}
    assert what(location=spot) == Said(spot=Spot(31.2, 121.5))
    venue = {"location": spot, "title": "幸福里", "address": "3 号楼"}
    assert what(location=spot, venue=venue) == Said(spot=Spot(31.2, 121.5, "幸福里, 3 号楼"))


def test_a_live_place_counts_once() -> None:
    spot = {"latitude": 31.2, "longitude": 121.5, "live_period": 900}
    assert isinstance(what(location=spot), Said)
    assert isinstance(read(message("edited_message", location=spot, edit_date=DATE)).what, Ignored)


@pytest.mark.parametrize(
    ("contact", "fields", "phone"),
    [
        ({"user_id": 4242}, {}, "8613800000000"),
        ({"user_id": 4243}, {}, None),
        ({}, {}, None),
        ({"user_id": 4242}, {"forward_origin": {"type": "user"}}, None),
    ],
)
def test_only_ones_own_phone_number_counts(
    contact: dict[str, Any], fields: dict[str, Any], phone: str | None
) -> None:  # fmt: skip
    card: dict[str, Any] = {"phone_number": "8613800000000", "first_name": "A"} | contact
    assert what(contact=card, **fields) == Said(phone=phone, foreign=bool(fields))


def test_stickers_and_what_nobody_can_read_still_get_an_answer() -> None:
    assert what(sticker={"file_id": "s"}) == Said(sticker=True)
    for kind in ("poll", "dice", "game", "story", "checklist", "paid_media"):
        assert what(**{kind: {"anything": 1}}) == Said()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/start", Linked()),
        ("/start ABC-1_2", Linked("ABC-1_2")),
        ("/start@Huiyin_Bot  ABC ", Linked("ABC")),
        ("/start@other_bot ABC", Said("/start@other_bot ABC")),
        ("/started ABC", Said("/started ABC")),
        ("/help@huiyin_bot\n现在", Said("/help\n现在")),
        ("/help@other_bot", Said("/help@other_bot")),
        ("/help 怎么用", Said("/help 怎么用")),
        ("请 /help@huiyin_bot", Said("请 /help@huiyin_bot")),
    ],
)
def test_commands(text: str, expected: What) -> None:
    assert what(text=text) == expected


@pytest.mark.parametrize("origin", ["forward_origin", "via_bot", "sender_chat"])
def test_a_link_counts_only_in_ones_own_words(origin: str) -> None:
    assert what(text="/start ABC", **{origin: {"id": 1}}) == Said("/start ABC", foreign=True)


def test_authority_is_the_numeric_sender_and_nothing_else() -> None:
    anonymous: dict[str, Any] = {"id": 1087968824, "is_bot": True, "username": "GroupAnonymousBot"}
    fields: dict[str, Any] = {"from": anonymous, "sender_chat": GROUP, "chat": GROUP}
    event = read(message(text="/answer 1", **fields))
    assert event.who == Who("-1001234567890", "1087968824", None, private=False)


def test_without_a_sender_nothing_is_said() -> None:
    assert isinstance(what(text="x", **{"from": None}), Ignored)
    assert isinstance(what(new_chat_members=[ALICE]), Ignored)


def press(**fields: Any) -> dict[str, Any]:
    query = {"id": "99", "from": ALICE, "chat_instance": "i", "data": "case.take:1~3"}
    query["message"] = {"message_id": 8, "date": 0, "chat": PRIVATE}
    return {"update_id": 2, "callback_query": {k: v for k, v in (query | fields).items() if v is not None}}


def test_a_press_happens_when_it_arrives() -> None:
    event = read(press())
    assert event == Event(Pressed("case.take:1~3", "99"), ARRIVED, Who("4242", "4242", "zh-hans"), "8")


@pytest.mark.parametrize("missing", ["message", "data"])
def test_presses_that_are_not_ours(missing: str) -> None:
    assert isinstance(read(press(**{missing: None})).what, Ignored)


@pytest.mark.parametrize(
    ("status", "expected"), [("kicked", Blocked()), ("left", Blocked()), ("member", Unblocked())]
)  # fmt: skip
def test_blocking(status: str, expected: What) -> None:
    change = {"chat": PRIVATE, "from": ALICE, "date": DATE, "new_chat_member": {"status": status, "user": ALICE}}
    assert read({"update_id": 3, "my_chat_member": change}).what == expected


def in_group(**fields: Any) -> dict[str, Any]:
    return message(chat=GROUP, **fields)


@pytest.mark.parametrize(
    ("member", "standing"),
    [({"status": "kicked"}, Standing.OUT), ({"status": "left"}, Standing.OUT), ({"status": "member"}, Standing.MEMBER),
     ({"status": "administrator"}, Standing.ADMINISTRATOR), ({"status": "restricted", "is_member": True},
     Standing.SILENCED), ({"status": "restricted", "is_member": False}, Standing.OUT)],
)  # fmt: skip
def test_what_the_bot_is_in_a_group(member: dict[str, Any], standing: Standing) -> None:
    change = {"chat": GROUP, "from": ALICE, "date": DATE, "new_chat_member": member}
    event = read({"update_id": 3, "my_chat_member": change})
    assert event.what == Membership(standing)
    assert event.who == Who("-1001234567890", "4242", "zh-hans", private=False)


def test_a_group_that_moves_says_so_in_both() -> None:
    moved = Moved("-1001234567890", "-1009")
    assert read(in_group(migrate_to_chat_id=-1009)).what == moved
    assert read(in_group(migrate_to_chat_id=-1009, **{"from": None})).what == moved
    assert read(in_group(migrate_from_chat_id=-55)).what == Moved("-55", "-1001234567890")


def test_a_mention_in_front_is_taken_off_in_groups() -> None:
    assert read(in_group(text="@Huiyin_bot 登记本群")).what == Said("登记本群")
    assert read(in_group(text="@other_bot 登记本群")).what == Said("@other_bot 登记本群")
    assert what(text="@huiyin_bot 灯坏了") == Said("@huiyin_bot 灯坏了")


@pytest.mark.parametrize(
    ("fields", "is_kept"),
    [({"text": "昨天那家人又来了"}, False), ({"caption": "/register"}, False), ({"new_chat_members": [ALICE]}, False),
     ({"text": "/register"}, True), ({"text": "@huiyin_bot 登记本群"}, True), ({"migrate_to_chat_id": -1009}, True)],
)  # fmt: skip
def test_talk_among_people_in_a_group_is_not_stored(fields: dict[str, Any], is_kept: bool) -> None:
    for kind, kept in (("message", is_kept), ("edited_message", False)):
        raw, number = as_raw(json.dumps(message(kind, chat=GROUP, **fields)).encode(), ARRIVED)
        assert (raw is not None, number) == (kept, 1)


def test_what_is_said_in_private_is_always_stored() -> None:
    raw, _number = as_raw(json.dumps(message(text="灯坏了")).encode(), ARRIVED)
    assert raw is not None
    assert not raw.group


def test_other_kinds_are_ignored() -> None:
    assert isinstance(read({"update_id": 4, "poll_answer": {"poll_id": "1"}}).what, Ignored)


def test_words_that_no_database_takes_are_mended() -> None:
    broken = b'{"update_id":1,"message":{"message_id":7,"date":1,"chat":{"id":1,"type":"private"},"from":{"id":1},'
    assert read(broken + rb'"text":"a\ud83dz\u0000b"}}').what == Said("a?z\ufffdb")
    assert read(broken + b'"text":"a\xff"}}').what == Said("a\ufffd")
    assert read(broken + rb'"text":"\ud83d\ude00","odd":"\ud83d"}}').what == Said("😀")


def test_long_words_stay_whole() -> None:
    text = "字" * 21_000  # 63 KB
    assert what(text=text) == Said(text)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'{"update_id":1,"message":{}}',
        b'{"update_id":1,"message":{"message_id":"7","date":1,"chat":{"id":1,"type":"private"}}}',
        b'{"update_id":1,"message":{"message_id":7,"date":-5,"chat":{"id":1,"type":"private"}}}',
        b'{"update_id":1,"message":{"message_id":7,"date":99999999999999,"chat":{"id":1,"type":"private"}}}',
        b'{"update_id":' + b"9" * 5000 + b"}",
        b'{"update_id":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_wrong_shapes_are_undecodable(raw: bytes) -> None:
    with pytest.raises(Undecodable):
        read(raw)


def test_a_body_without_its_arrival_is_undecodable() -> None:
    for body in (b"", b"short", b"\xff" * 8 + b"{}"):
        with pytest.raises(Undecodable):
            decode(body, "")


def test_errors_show_no_words_of_the_update() -> None:
    with pytest.raises(Undecodable) as caught:
        read(message(text="秘密", message_id="秘密"))
    assert "秘密" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_the_place_of_an_update() -> None:
    def placed(update: dict[str, Any]) -> tuple[int | None, str, bool]:
        return place(json.dumps(update).encode())

    assert placed(message(text="x")) == (1, "4242", False)
    assert placed(message("edited_message", text="x", chat=GROUP)) == (1, "-1001234567890", True)
    assert placed(press()) == (2, "4242", False)
    assert placed(press(message=None)) == (2, "4242", False)
    assert placed({"update_id": 4, "poll": {}}) == (4, "", False)
    assert placed({"update_id": 5, "message": {"chat": "?"}}) == (5, "", False)
    assert place(rb'{"update_id":6,"message":{"chat":{"id":1,"type":"private"},"text":"\ud83d"}}') == (6, "1", False)
    assert place(b'{"update_id": 7,"x":' + b"[" * 100_000) == (7, "", False)
    assert place(b"{}") == (None, "", False)


def test_an_update_tells_when_it_was_said() -> None:
    def said_at(update: dict[str, Any]) -> datetime | None:
        raw, _number = as_raw(json.dumps(update).encode(), ARRIVED)
        assert raw is not None
        assert raw.at == ARRIVED
        return raw.said_at

    assert said_at(message(text="x")) == WRITTEN
    assert said_at(message("edited_message", text="x", edit_date=DATE + 60)) == WRITTEN + timedelta(minutes=1)
    assert said_at(press()) is None
    odd_dates: tuple[object, ...] = ("yesterday", -1, 2**40, [], 1.5)
    for odd in odd_dates:
        update = message(text="x", date=odd)
        assert said_at(update) is None
        assert place(json.dumps(update).encode()) == (1, "4242", False)  # the chat is known all the same


SEEDS = [
    message(text="楼道灯坏了", reply_to_message={"message_id": 1, "date": 1, "chat": PRIVATE}),
    message(photo=[{"file_id": "f", "width": 1, "height": 1, "file_size": 1}], caption="c", media_group_id="g"),
    message(voice={"file_id": "f", "duration": 1}),
    message(venue={"location": {"latitude": 1.5, "longitude": 2.5}, "title": "t", "address": "a"}),
    message(contact={"phone_number": "1", "user_id": 4242}),
    message("edited_message", text="x", edit_date=DATE),
    press(),
    {"update_id": 9, "my_chat_member": {"chat": PRIVATE, "from": ALICE, "date": 1, "new_chat_member": {"status": "x"}}},
]


@settings(max_examples=2000, deadline=None)
@given(
    seed=st.sampled_from(SEEDS), random=st.randoms(use_true_random=False), times=st.integers(1, 4), cut=st.booleans()
)
def test_no_update_can_do_worse_than_undecodable(
    seed: dict[str, Any], random: random.Random, times: int, cut: bool
) -> None:
    update: Any = seed
    for _ in range(times):
        update = mutate(update, random)
    raw = json.dumps(update).encode()
    if cut and random.random() < 0.3:
        at = random.randrange(len(raw))
        raw = raw[:at] + bytes([random.randrange(256)]) + raw[at + 1 :]
    place(raw)
    try:
        event = read(raw)
    except Undecodable:
        return
    assert isinstance(event, Event)
    if isinstance(event.what, Said):
        event.what.text.encode()
        assert "\0" not in event.what.text
