"""What CONTRIBUTING.md shows as it stands in the code stands there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("bot/office", "handlers", "tests/handlers")


def test_the_shown_capability_is_the_real_one() -> None:
    shown = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.DOTALL)
    files = [path.read_text("utf-8") for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    real = {line.split("  #")[0].strip() for text in files for line in text.splitlines()}
    lines = [line.split("  #")[0].strip() for block in shown for line in block.splitlines()]
    assert len(lines) > 10
    assert [line for line in lines if line not in real] == []


def test_the_files_it_sends_people_to_are_there() -> None:
    named = re.findall(r"`([\w./*]+/[\w./*]*)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    assert len(named) > 10
    assert [name for name in named if not list(ROOT.glob(name.rstrip("/")))] == []


def test_the_names_it_puts_into_a_file_stand_there() -> None:
    lines = (ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines()
    found = [(files[0], name) for line in lines if (files := re.findall(r"`([\w/]+\.py)`", line))
             for name in re.findall(r"`(?:\w+\.)?([A-Z][A-Z_]+)`", line)]  # fmt: skip
    assert len(found) > 3
    assert [
        (file, name)
        for file, name in found
        if not re.search(rf"^ *{name}\b", (ROOT / file).read_text("utf-8"), re.MULTILINE)
    ] == []
