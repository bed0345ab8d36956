"""Questions find their pages; what is not in force is never quoted."""

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import NotFound
from bot.office.policies.search import Band, Engine
from bot.office.policies.service import Policies
from tests.office.policies.conftest import TODAY, Writes

Read = Callable[[], Policies]


def first(policies: Policies, question: str, language: str = "zh_CN") -> str:
    return policies.search(question, language, TODAY)[0].page.slug


@pytest.mark.parametrize(
    "question, slug",
    [
        ("我住院的钱咋报", "hospital-bill"),
        ("醫院發票怎麼報銷", "hospital-bill"),
        ("您好，打扰一下，居住证过期了怎么续，谢谢", "residence-permit"),
        ("楼上漏水，天花板都湿了", "leak-from-above"),
        ("老板拖着工资不发", "unpaid-wages"),
    ],
)
def test_lay_questions_find_their_page(samples: Policies, question: str, slug: str) -> None:
    assert first(samples, question) == slug


def test_english_questions(samples: Policies) -> None:
    assert first(samples, "Who fixes the lamps on our stairs?", "en") == "shared-repairs"


def test_a_question_in_the_other_language_shows_the_own_page(samples: Policies) -> None:
    (hit, *_) = samples.search("住院的钱怎么报", "en", TODAY)
    assert (hit.page.slug, hit.page.language, hit.found_in) == ("hospital-bill", "en", "zh_CN")
    assert hit.section.name == "Insurance and doctors"
    assert first(samples, "hospital invoice", "zh_CN") == "hospital-bill"


def test_bands(samples: Policies) -> None:
    def band(question: str) -> Band:
        return samples.band(question, samples.search(question, "zh_CN", TODAY))

    assert band("住院的钱怎么报") is Band.ANSWER
    assert band("外地户口小孩读书") is Band.OFFER
    assert band("谢谢") is Band.NONE
    assert band("👍") is Band.NONE
    assert band("") is Band.NONE


@pytest.mark.parametrize(
    "more, day, found",
    [
        ("valid_to: 2026-09-14", TODAY, False),
        ("valid_to: 2026-09-15", TODAY, True),
        ("", date(2025, 12, 31), False),
        ("", date(2026, 1, 1), True),
    ],
)
def test_only_what_is_in_force_is_quoted(write: Writes, read: Read, more: str, day: date, found: bool) -> None:
    write(more=more)
    policies = read()
    assert bool(policies.search("灯坏了", "zh_CN", day)) is found
    assert bool(policies.sections("zh_CN", day)) is found
    assert policies.page("lamp", "zh_CN").is_in_force(day) is found


def test_an_expired_page_leaves_its_place_to_others(write: Writes, read: Read) -> None:
    write(more="valid_to: 2026-09-14")
    write("stairs", title="楼道的灯")
    assert first(read(), "灯坏了") == "stairs"


def test_a_page_past_its_review_is_flagged(samples: Policies) -> None:
    page = samples.page("hospital-bill", "zh_CN")
    assert not page.is_stale(page.review_by)
    assert page.is_stale(date(2028, 1, 1))
    assert page.is_in_force(date(2028, 1, 1))


def test_a_page_that_is_gone(samples: Policies) -> None:
    with pytest.raises(NotFound):
        samples.page("nothing", "zh_CN")


def test_an_index_can_be_empty() -> None:
    engine = Engine()
    assert engine.search("灯", 3) == []
    engine.index([("a", "", "")])
    assert engine.search("灯", 3) == []


@given(st.text(max_size=300))
def test_no_words_break_the_search(samples: Policies, words: str) -> None:
    hits = samples.search(words, "zh_CN", TODAY)
    assert len(hits) <= 3
    assert 0 <= samples.confidence(words, hits) <= 1
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
