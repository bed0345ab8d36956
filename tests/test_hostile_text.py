"""Five hundred strings that hide, turn around or pile up: what is left, and what goes over the wire (T6, T7)."""

import unicodedata
from itertools import product

import pytest

from bot.channels.telegram import encoding
from bot.delivery.channel import Outgoing
from bot.dialogue.screen import Screen
from bot.text import MAX_COMBINING, as_text, clean, quote
from tests.rig import Town

# What no reader sees: bidi marks and overrides, zero widths, tags, annotations, fillers, stray selectors and joiners.
UNSEEN = (
    "\0\x01\x07\x1b\x7f\x80\x9f\u00ad\u034f\u061c\u070f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f"
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2064\u2065\u2066\u2067\u2068\u2069"
    "\u206a\u206f\u2800\u3164\ufe0f\ufeff\uffa0\ufff0\ufff9\ufffa\ufffb\U0001d173\U0001d17a\U000e0001\U000e0041"
    "\U000e007f\U000e0fff\U0001bca0\U00013430\U00016fe4\U0001d159"
)
AROUND = (
    "{0}", "a{0}b", "{0}楼道灯坏了", "楼道{0} 灯坏了", "灯坏了{0}",
    "photo{0}gpj.exe", "王{0}，<b>{0}</b>", "{0}{0}/close{0}",
)  # fmt: skip
SEEN = (  # as they are, also around what is hidden
    "👨‍👩‍👧", "🏳️‍🌈", "👩🏽‍🚒", "❤️", "1️⃣", "🙂‍↔️", "🇨🇳", "葛\U000e0100", "☎︎", "é", "ệ", "क्ष", "한국", "ไทย",
    "<b>x</b>", "*x* _y_ `z` [a](b)", "１３８００１３８０００", "王　秀英",
    "㐀𠮷", "a\nb", "tg://user?id=1", "@all &amp;",
)  # fmt: skip
CORPUS = [
    *((around.format(char), around.format("")) for char, around in product(UNSEEN, AROUND)),
    *((words, words) for words in SEEN),
    *((f"{words}\u202e{words}\u2069", words * 2) for words in SEEN),
    *((f"a{char}b {char}", "ab ") for char in "\ufe00\ufe01\U000e0100\U000e01ef"),
    *((base + mark * count, base + mark * min(count, MAX_COMBINING))
      for base, mark, count in product("e楼", "\u0301\u0489\u20dd\u0e49", (4, 5, 50))),
]  # fmt: skip


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len({hostile for hostile, _kept in CORPUS}) >= 500


@pytest.mark.parametrize("hostile, kept", CORPUS, ids=lambda words: ascii(words)[1:-1] or "nothing")
def test_what_is_left_and_what_goes_out(hostile: str, kept: str) -> None:
    assert clean(hostile) == kept
    assert {char for char in kept if unicodedata.category(char) in ("Cc", "Cf")} <= {"\n", "\u200d"}
    (call,) = encoding.calls(Outgoing(1, "4242", Screen(as_text("居民说：") + quote(hostile))), "")
    assert call.parameters["text"] == f"居民说：{kept}"
    assert "parse_mode" not in call.parameters
    assert [entity["type"] for entity in call.parameters.get("entities", ())] == (
        ["blockquote"] if kept.strip() else []
    )


@pytest.mark.parametrize("hidden", ["😀\u200d", "\u200d😀", "á\u200d😀", "楼\u200d楼", "😀\u200d\u2800"])
def test_a_joiner_that_joins_no_emoji_goes(hidden: str) -> None:
    assert clean(hidden) == hidden.replace("\u200d", "").replace("\u2800", "")


async def test_a_case_hides_nothing_in_its_title_and_buttons(town: Town) -> None:
    wang = town.resident()
    await wang.opens()
    await wang.says("好")
    await wang.says("/suggest \u202e\u3164公园多放\u200b几张长椅")
    await wang.presses("登记")
    await wang.says("我的事")
    shown = [*wang.last.labels, wang.last.text]
    assert any("公园多放几张长椅" in words for words in shown)
    assert not {char for words in shown for char in words} & set("\u202e\u3164\u200b")


@pytest.mark.parametrize("name", ["\u3164", "\u2800\u200b", "小" * 65, "\U000e0041\U000e0042"])
async def test_a_name_is_short_and_can_be_seen(town: Town, name: str) -> None:
    official = await town.official()
    await official.says(f"/name {name}")
    assert "最多 16" in official.last.text.replace("不超过", "最多")
