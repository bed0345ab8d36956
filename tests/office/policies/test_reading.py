"""Files become pages; a fault names its file and stops the start."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.office.policies.markdown import Fault, read_parts
from bot.office.policies.model import Bullets, Paragraph
from bot.office.policies.service import Policies
from bot.text import Style
from tests.office.policies.conftest import TODAY, Writes

Read = Callable[[], Policies]


def fault_of(read: Read) -> str:
    with pytest.raises(ConfigError) as caught:
        read()
    return str(caught.value)


def test_a_page_is_read(write: Writes, read: Read) -> None:
    write(body="## 怎么报\n\n打字，或者**拍照**。\n\n- 小区\n- 楼号")
    (part,) = read().page("lamp", "zh_CN").parts
    assert part.heading == "怎么报"
    assert str(part.words) == "打字，或者拍照。\n· 小区\n· 楼号"


@pytest.mark.parametrize(
    "words, said",
    [
        ({"more": "valid_to: soon"}, "$.valid_to"),
        ({"more": "colour: red"}, "colour"),
        ({"more": "valid_to: 2025-12-31"}, "valid_to: lies before valid_from"),
        ({"more": "related: [nowhere]"}, "related: there is no page nowhere"),
        ({"title": "[灯"}, "front matter cannot be read"),
        ({"in_sentence": "' '"}, "in_sentence"),
        ({"body": "没有标题"}, "before the first ## heading"),
        ({"body": ""}, "1 to 6 ## headings"),
        ({"body": "## 空的"}, "nothing stands under “空的”"),
        ({"body": "# 太大\n\n字"}, "headings are written ##"),
        ({"body": "## 表\n\n![图](x.png)"}, "no image"),
        ({"body": "## 引\n\n> 字"}, "no blockquote"),
        ({"body": "## 粗\n\n**没关上"}, "does not close"),
        ({"body": "## 链\n\n[那边](other.md)"}, "no link"),
    ],
)
def test_a_fault_names_the_file(write: Writes, read: Read, words: dict[str, str], said: str) -> None:
    path = write(**words)
    assert fault_of(read).startswith(f"{path}: ")
    assert said in fault_of(read)


def test_the_slug_is_the_name_of_the_file(write: Writes, read: Read) -> None:
    path = write()
    moved = path.rename(path.with_name("light.md"))
    assert fault_of(read) == f"{moved}: slug: lamp is not the name of the file"


def test_a_section_needs_its_name(write: Writes, read: Read) -> None:
    head = write().with_name("_section.md")
    head.unlink()
    assert fault_of(read) == f"{head}: there is no such file"


def test_a_file_in_another_encoding(write: Writes, read: Read) -> None:
    path = write()
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    assert fault_of(read) == f"{path}: not written in UTF-8"


def test_a_translation_needs_its_page(write: Writes, read: Read) -> None:
    write()
    path = write("drain", language="en")
    assert fault_of(read) == f"{path}: slug: no such page in zh_CN"


def test_a_translation_never_outlives_its_page(write: Writes, read: Read) -> None:
    write(more="valid_to: 2026-12-31")
    path = write(language="en")
    assert fault_of(read) == f"{path}: valid_to: not the same as in zh_CN"


def test_no_pages_at_all(tmp_path: Path, read: Read) -> None:
    assert str(tmp_path / "zh_CN") in fault_of(read)


def test_a_missing_translation_falls_back(write: Writes, read: Read) -> None:
    write()
    write("drain", title="下水道堵了")
    write(language="en", title="Lamp")
    policies = read()
    (section,) = policies.sections("en", TODAY)
    assert [page.title for page in section.pages] == ["下水道堵了", "Lamp"]
    assert policies.page("lamp", "fr").title == "灯坏了"


def test_blocks() -> None:
    (part,) = read_parts("## 一\n\n第一行\n第二行\n\n- 甲\n- [看这里](https://example.org)")
    paragraph, bullets = part.blocks
    assert isinstance(paragraph, Paragraph)
    assert str(paragraph.words) == "第一行第二行"
    assert isinstance(bullets, Bullets)
    (link,) = bullets.items[1].pieces
    assert (link.words, link.style, link.href) == ("看这里", Style.LINK, "https://example.org")


def test_english_lines_join_with_a_space() -> None:
    (part,) = read_parts("## One\n\nfirst\nsecond")
    assert str(part.words) == "first second"


def test_nested_lists_are_refused() -> None:
    with pytest.raises(Fault, match="plain paragraphs"):
        read_parts("## 一\n\n- 甲\n  - 乙")
