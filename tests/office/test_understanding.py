"""How free words are read: places, what is one matter and what are two, words that no rule fits."""

import json
from pathlib import Path

import pytest

from bot.office.likeness import Examples
from bot.office.understanding import Understander, read_understanding

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "content" / "understanding"
MESSAGES = ROOT / "benchmarks" / "data" / "messages.jsonl"


@pytest.fixture(scope="module")
def rules() -> Understander:
    return read_understanding(FOLDER)


@pytest.mark.parametrize(
    "words",
    [
        "我们小区路灯坏了",
        "俺们村口的路坏了",
        "老旧小区的楼道灯坏了",
        "物业把小区的灯关了不亮",
        "小区广场的灯坏了",
        "附近小学门口路灯坏了",
        "二单元的门坏了",
    ],
)
def test_our_estate_alone_is_no_place(rules: Understander, words: str) -> None:
    (found,) = rules.understand(words).matters
    assert found.place is None
    assert found.needs_place


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("幸福里3号楼2单元灯坏了", "幸福里3号楼2单元"),
        ("家里停水了 在长江路18号", "长江路18号"),
        ("上河村的路塌了", "上河村"),
        ("3组的路灯坏了", "3组"),
        ("我们小区6号楼电梯坏了", "我们小区6号楼"),
    ],
)
def test_a_named_place_is_not_asked_for_again(rules: Understander, words: str, place: str) -> None:
    (found,) = rules.understand(words).matters
    assert found.place == place
    assert not found.needs_place


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("井盖翘了，还有路灯也不亮", 2),
        ("路灯坏了一排没人修，顺便问下医保断缴了怎么办", 2),
        ("请问生育津贴怎么领，以及居住证在哪办", 2),
        ("厕所堵了 医保卡怎么换新的", 2),
        ("楼道灯坏了，还有二楼三楼的也坏了", 1),
        ("住院怎么报销，还有要带什么材料", 1),
        ("停水了，还有热水也没有", 1),
        ("楼上太吵了，还有每天半夜都这样", 1),
    ],
)
def test_the_same_thing_said_twice_is_one_matter(rules: Understander, words: str, count: int) -> None:
    assert len(rules.understand(words).matters) == count


@pytest.mark.parametrize("words", ["谢谢小同志们", "您忙吧", "有人在吗", "好的好的，麻烦您了", "[握手]", "辛苦你们了"])
def test_small_talk_opens_nothing(rules: Understander, words: str) -> None:
    assert rules.understand(words).matters == ()


@pytest.mark.parametrize(
    ("words", "danger"),
    [("我爸突然倒在地上不省人事", "medical"), ("老人摔倒了起不来", "medical"), ("厨房里一股煤气味，头都晕了", "gas")],
)
def test_danger_in_other_words(rules: Understander, words: str, danger: str) -> None:
    assert rules.understand(words).danger == danger


def test_words_that_no_rule_fits_are_judged_by_examples() -> None:
    examples = Examples({"help": ("扶手晃得厉害", "扶手松了"), "praise": ("小王真好", "小李真好")})
    found = examples.most_like("楼梯扶手晃悠悠的")
    assert found is not None
    assert (found.kind, found.clear) == ("help", True)
    assert examples.most_like("asdf") is None


def test_short_words_are_like_nothing(rules: Understander) -> None:
    """Three buttons ask what is meant."""
    (found,) = rules.understand("那个事情").matters
    assert not found.sure


def test_what_is_held_out_for_measuring_is_nowhere_in_the_rules() -> None:
    """Nor are the words of the sample talks, on which the rules have been tried all along, held out."""
    held_out = [row["text"] for row in map(json.loads, MESSAGES.read_text("utf-8").splitlines()) if row["held_out"]]
    assert len(held_out) * 3 >= 196
    known = "".join(path.read_text("utf-8") for path in FOLDER.glob("*.toml"))
    talks = "".join(path.read_text("utf-8") for path in (ROOT / "tests" / "dialogues").glob("*.md"))
    assert [text for text in held_out if len(text) > 6 and (text in known or text in talks)] == []
