"""The translator: words with facts in them, in one language and one time zone."""

from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.errors import ConfigError
from bot.text import Style, bold, quote
from bot.words import Message, Translator, Words, _, _n, read_words

SHANGHAI = ZoneInfo("Asia/Shanghai")
CATALOG = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Language: zh_CN\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

msgid "Case {number} is with {office}."
msgstr "{office}正在办理{number}。"

msgid "the housing office"
msgstr "房管科"

msgid "{count} case"
msgid_plural "{count} cases"
msgstr[0] "{count}件"

msgid "Answer by {due}."
msgstr "{due}前答复。"

msgid "{weekday} {day} {month}"
msgstr "{number}月{day}日（{weekday}）"

msgid "{day}, {hour}"
msgstr "{day}{hour}"

#, fuzzy
msgid "Register"
msgstr "注销"

msgid "Not yet translated"
msgstr ""
"""
MONDAY_NIGHT = datetime(2026, 9, 14, 17, 5, tzinfo=UTC)  # in Shanghai it is Tuesday already


@pytest.fixture
def words(tmp_path: Path) -> Words:
    (tmp_path / "zh_CN.po").write_text(CATALOG, "utf-8")
    return read_words(tmp_path, "zh_CN", SHANGHAI)


@pytest.fixture
def zh(words: Words) -> Translator:
    return words.speak("zh_CN")


@pytest.fixture
def en(words: Words) -> Translator:
    return words.speak("en")


def test_facts_stand_where_the_language_wants_them(zh: Translator, en: Translator) -> None:
    message = _("Case {number} is with {office}.", number="7K3M", office="A")
    assert zh.plain(message) == "A正在办理7K3M。"
    assert en.plain(message) == "Case 7K3M is with A."


def test_a_message_within_a_message_is_translated_too(zh: Translator) -> None:
    assert (
        zh.plain(_("Case {number} is with {office}.", number=1, office=_("the housing office"))) == "房管科正在办理1。"
    )


def test_a_fact_that_is_text_keeps_its_style(en: Translator) -> None:
    text = en(_("Case {number} is with {office}.", number=bold("7K3M"), office=quote("<b>")))
    assert [(piece.words, piece.style) for piece in text.pieces] == [
        ("Case ", Style.PLAIN),
        ("7K3M", Style.BOLD),
        (" is with ", Style.PLAIN),
        ("<b>", Style.QUOTE),
        (".", Style.PLAIN),
    ]


def test_a_fact_is_never_taken_for_a_field(en: Translator) -> None:
    message = _("Case {number} is with {office}.", number="{office}", office="{number}")
    assert en.plain(message) == "Case {office} is with {number}."


@pytest.mark.parametrize("count, shown", [(0, "0 cases"), (1, "1 case"), (2, "2 cases")])
def test_words_that_depend_on_a_number(en: Translator, zh: Translator, count: int, shown: str) -> None:
    message = _n("{count} case", "{count} cases", count=count)
    assert en.plain(message) == shown
    assert zh.plain(message) == f"{count}件"


def test_a_message_can_get_its_facts_later(en: Translator) -> None:
    lazy = _("Case {number} is with {office}.")
    assert en.plain(lazy(number=1)(office="A")) == "Case 1 is with A."
    assert lazy == Message("Case {number} is with {office}.")


def test_moments_are_told_in_the_offices_zone(zh: Translator, en: Translator) -> None:
    assert zh.plain(_("Answer by {due}.", due=MONDAY_NIGHT)) == "9月15日（周二）1:05前答复。"
    assert en.plain(_("Answer by {due}.", due=MONDAY_NIGHT)) == "Answer by Tue 15 Sep, 1:05."


def test_days_and_hours_alone(zh: Translator, en: Translator) -> None:
    assert zh.plain(_("Answer by {due}.", due=date(2026, 10, 1))) == "10月1日（周四）前答复。"
    assert en.plain(_("Answer by {due}.", due=date(2026, 10, 1))) == "Answer by Thu 1 Oct."
    assert en.plain(_("Answer by {due}.", due=time(9, 5))) == "Answer by 9:05."


def test_what_has_no_translation_is_said_in_the_source_language(zh: Translator) -> None:
    assert zh.plain(_("Quite new words")) == "Quite new words"
    assert zh.plain(_("Not yet translated")) == "Not yet translated"


def test_a_translation_that_a_tool_guessed_is_not_said(zh: Translator) -> None:
    assert zh.plain(_("Register")) == "Register"


def test_words_that_are_no_message_are_said_as_they_are(zh: Translator) -> None:
    assert zh.plain("{number}") == "{number}"
    assert zh(bold("x")) == bold("x")


@pytest.mark.parametrize(
    "tag, language",
    [
        ("zh_CN", "zh_CN"),
        ("zh-CN", "zh_CN"),
        ("zh-hans", "zh_CN"),
        ("zh", "zh_CN"),
        ("en", "en"),
        ("en-GB", "en"),
        ("EN", "en"),
        ("pt-BR", "zh_CN"),
        ("", "zh_CN"),
        (None, "zh_CN"),
        ("-", "zh_CN"),
        ("😀", "zh_CN"),
    ],
)
def test_a_tag_gets_the_nearest_language(words: Words, tag: str | None, language: str) -> None:
    assert words.nearest(tag) == language
    assert words.speak(tag).language == language


def test_a_default_without_words_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"office\.language"):
        read_words(tmp_path, "fr", SHANGHAI)


def test_the_source_language_needs_no_file(tmp_path: Path) -> None:
    assert read_words(tmp_path, "en", SHANGHAI).speak(None).plain(_("Hello")) == "Hello"


def test_a_faulty_file_stops_the_start_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "zh_CN.po").write_text(CATALOG + '\nmsgid "open\n', "utf-8")
    with pytest.raises(ConfigError, match=r"zh_CN\.po"):
        read_words(tmp_path, "zh_CN", SHANGHAI)


def test_a_file_that_is_not_utf8_stops_the_start_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "zh_CN.po").write_bytes(CATALOG.encode("gb18030"))
    with pytest.raises(ConfigError, match=r"zh_CN\.po"):
        read_words(tmp_path, "zh_CN", SHANGHAI)
