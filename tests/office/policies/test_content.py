"""The sample pages: complete in both languages, marked as samples, in words for everyone."""

import re

import pytest

from bot.office.policies.model import Page
from bot.office.policies.service import Policies
from tests.office.policies.conftest import CONTENT, TODAY

OFFICIALESE = re.compile("工单|受理|派单|承办|办结")
DEPARTMENTS = {"housing", "xingfuli", "medical-desk"}


def pages(samples: Policies, language: str) -> dict[str, Page]:
    return {page.slug: page for section in samples.sections(language, TODAY) for page in section.pages}


def test_every_page_has_its_twin(samples: Policies) -> None:
    chinese = {path.relative_to(CONTENT / "zh_CN") for path in (CONTENT / "zh_CN").rglob("*.md")}
    english = {path.relative_to(CONTENT / "en") for path in (CONTENT / "en").rglob("*.md")}
    assert chinese == english
    assert len(pages(samples, "zh_CN")) == 20
    assert {page.language for page in pages(samples, "en").values()} == {"en"}


@pytest.mark.parametrize("language", ["zh_CN", "en"])
def test_pages_are_marked_and_answer_in_one_sentence(samples: Policies, language: str) -> None:
    for page in pages(samples, language).values():
        assert page.sample
        assert page.department in DEPARTMENTS
        assert page.in_sentence[-1] in "。.）)"
        assert 2 <= len(page.parts) <= 6
        assert len(page.aliases) >= 3
        assert not page.is_stale(TODAY)


def test_no_officialese(samples: Policies) -> None:
    for page in pages(samples, "zh_CN").values():
        assert not OFFICIALESE.search(page.title + page.body + "".join(page.aliases)), page.slug


def test_no_alias_stands_on_two_pages(samples: Policies) -> None:
    for language in samples.languages:
        aliases = [alias for page in pages(samples, language).values() for alias in page.aliases]
        assert len(aliases) == len(set(aliases))


def test_sums_of_money_are_marked_as_samples(samples: Policies) -> None:
    for language in samples.languages:
        for page in pages(samples, language).values():
            for part in page.parts:
                if re.search(r"\d+ ?(元|%|yuan)", str(part.words)):
                    assert re.search("示例|[Ss]ample|加急费", str(part.words)), (page.slug, part.heading)


def test_the_hospital_page_says_what_to_bring(samples: Policies) -> None:
    page = samples.page("hospital-bill", "zh_CN")
    assert page.in_sentence == "出院时没当场结算的，带单子去便民大厅医保窗口报。"
    assert "、".join(page.bring) == "发票、费用清单、出院小结、医保卡或身份证、银行卡"
    assert [part.heading for part in page.parts] == ["能报多少", "孩子代办", "看依据"]
