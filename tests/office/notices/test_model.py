"""The rules of a notice: what an approval is bound to, and which choices are wider than the words."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Invalid, MoveNotAllowed
from bot.office.notices.model import LONGEST, Audience, Notice, Status, checked, digest_of

NOW = datetime(2026, 9, 17, 14, 40, tzinfo=UTC)
WHOLE = Audience(whole=True)


def a_notice(**values: Any) -> Notice:
    usual: dict[str, Any] = {"id": 7, "author": 1, "address": 2, "status": Status.DRAFT, "words": "停水",
                             "urgent": False, "audience": WHOLE}  # fmt: skip
    return Notice(**(usual | values))


def test_what_is_asked_for_is_bound_to_one_hash() -> None:
    asked = a_notice().asked(9860, NOW)
    assert asked.is_as_asked()
    changes: tuple[dict[str, Any], ...] = (
        {"words": "停电"},
        {"audience": Audience(areas=("shanghe",))},
        {"count": 9861},
        {"urgent": True},
        {"reader": 5},
        {"corrects": 6},
        {"asked_at": NOW.replace(minute=41)},
        {"id": 8},
    )
    for change in changes:
        assert not replace(asked, **change).is_as_asked(), change


def test_any_change_makes_it_a_draft_that_nobody_agreed_to() -> None:
    changed = a_notice().asked(9860, NOW).changed(words="停电")
    assert (changed.status, changed.digest, changed.count, changed.asked_at) == (Status.DRAFT, None, None, None)
    assert not changed.is_as_asked()


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.DRAFT, Status.ASKED}))
def test_nothing_changes_once_it_is_agreed_to(status: Status) -> None:
    with pytest.raises(MoveNotAllowed):
        a_notice(status=status).changed(words="停电")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"audience": Audience()}, "notice.audience"),
        ({"urgent": True}, "notice.reader"),
    ],
)
def test_what_is_not_decided_cannot_be_asked_for(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        a_notice(**values).asked(5, NOW)


def test_a_notice_for_nobody_is_not_asked_for() -> None:
    with pytest.raises(Invalid, match=r"notice\.nobody"):
        a_notice().asked(0, NOW)


@given(st.text(max_size=40), st.text(max_size=40))
def test_two_texts_have_two_hashes(one: str, other: str) -> None:
    first, second = (digest_of(a_notice(words=words.encode("utf-8", "replace").decode())) for words in (one, other))
    assert (first == second) == (one.encode("utf-8", "replace") == other.encode("utf-8", "replace"))


@pytest.mark.parametrize(
    ("audience", "is_wider"),
    [
        (WHOLE, True),
        (Audience(areas=("a",)), False),
        (Audience(areas=("a", "b")), False),
        (Audience(areas=("a", "c")), True),
        (Audience(areas=("a",), topics=("t",)), True),
    ],
)
def test_wider_than_the_named_areas(audience: Audience, *, is_wider: bool) -> None:
    assert audience.is_wider_than(("a", "b")) is is_wider


def test_areas_are_chosen_and_left_again() -> None:
    both = Audience().with_area(("b", "a"))
    assert both.areas == ("a", "b")
    assert both.with_area(("a", "b")) == Audience()
    assert both.with_area(("b", "c")).areas == ("a", "b", "c")
    assert WHOLE.with_area(("a",)) == Audience(areas=("a",))  # never carried over
    assert both.with_topic("t").with_topic("t") == both


@pytest.mark.parametrize("words", ["", "  \n", "\u200b\u202e"])
def test_words_without_words_are_refused(words: str) -> None:
    with pytest.raises(Invalid, match=r"notice\.empty"):
        checked(words)


def test_words_are_cleaned_and_not_too_long() -> None:
    assert checked(" 停\u202e水 \n") == "停水"
    assert checked("字" * LONGEST) == "字" * LONGEST
    with pytest.raises(Invalid, match=r"notice\.long"):
        checked("字" * (LONGEST + 1))
