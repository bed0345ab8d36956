"""Words made comparable: script, width, case, politeness, terms."""

import pytest

from bot.office.policies import wording


@pytest.mark.parametrize(
    "words, plain",
    [
        ("醫保報銷", "医保报销"),
        ("乾燥的樓道", "干燥的楼道"),
        ("ＡＢＣ１２３？", "abc123?"),
        ("Hukou", "hukou"),
    ],
)
def test_normalise(words: str, plain: str) -> None:
    assert wording.normalise(words) == plain


@pytest.mark.parametrize(
    "said, kept",
    [
        ("你好，我想问一下，居住证怎么办，谢谢！", "居住证怎么办"),
        ("请问一下工作人员，几点关门，急！", "几点关门"),
        ("您好打扰了，想咨询下 灯坏了找谁，麻烦帮我看看", "灯坏了找谁"),
        ("Hello, could you please tell me when you close? Thank you very much!", "when you close"),
        ("谢谢", "谢谢"),
        ("应急灯坏了", "应急灯坏了"),
        ("老师欠我工资", "老师欠我工资"),
        ("hidden pipe", "hidden pipe"),
        ("我姓谢", "我姓谢"),
    ],
)
def test_politeness_goes_and_the_question_stays(said: str, kept: str) -> None:
    assert wording.without_politeness(wording.normalise(said)) == kept


def test_terms_are_characters_pairs_and_stems() -> None:
    assert wording.terms("居住证 the permits 12333") == ["居", "住", "证", "居住", "住证", "permit", "12333"]


def test_question_words_stay_in_chinese() -> None:
    assert "怎么" in wording.asked("居住证怎么办")


def test_an_english_title_counts_twice() -> None:
    counts = wording.counted("Lift 电梯", "lift")
    assert (counts["lift"], counts["电梯"]) == (3, 1)
