"""Areas and topics: which areas a text speaks of, how several are called, and faults in the files."""

from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.office.notices.directory import Directory, read_directory

CONTENT = Path(__file__).parents[3] / "content"


@pytest.fixture
def directory() -> Directory:
    return read_directory(CONTENT / "areas.toml", CONTENT / "topics.toml")


@pytest.mark.parametrize(
    ("words", "areas"),
    [
        ("沿河三村的人今晚集合", {"shanghe", "xiahe", "hekou"}),
        ("上河村和幸福里停水", {"shanghe", "xingfuli"}),
        ("Shanghe VILLAGE: no water", {"shanghe"}),
        ("全街道停水", set()),
    ],
)
def test_the_areas_that_a_text_names(directory: Directory, words: str, areas: set[str]) -> None:
    assert set(directory.named_in(words)) == areas


def test_several_areas_are_called_by_their_common_name(directory: Directory) -> None:
    assert directory.together(("hekou", "shanghe", "xiahe"), "zh_CN") == "沿河三村"
    assert directory.together(("xiahe", "shanghe"), "zh_CN") == "上河村、下河村"
    assert directory.together(("shanghe",), "en") == "Shanghe village"


def test_nobody_lives_in_a_group(directory: Directory) -> None:
    assert directory.groups == ("riverside",)
    assert "riverside" not in directory.areas
    assert directory.parts("riverside") == ("shanghe", "xiahe", "hekou")
    assert directory.parts("atlantis") == ()


@pytest.mark.parametrize(
    ("areas", "fault"),
    [
        ("[a]\nparts = ['b']\nen = 'A'", "a.parts"),
        ("[a]\nen = 'A'\nwords = 'b'", "a.words"),
        ("[a]\nwords = ['b']", "no name"),
        ("a = 1", "not a table"),
        ("[A_B]\nen = 'A'", "A_B"),
        (f"[{'a' * 25}]\nen = 'A'", "24"),
        ("[a", "areas.toml"),
    ],
)
def test_a_fault_names_the_file_and_the_entry(tmp_path: Path, areas: str, fault: str) -> None:
    path = tmp_path / "areas.toml"
    path.write_text(areas, "utf-8")
    with pytest.raises(ConfigError, match=r"areas\.toml") as found:
        read_directory(path, CONTENT / "topics.toml")
    assert fault in str(found.value)
