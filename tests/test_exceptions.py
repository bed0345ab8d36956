"""Whatever is left out of a linter's reach says beside it why."""

import re
import tokenize
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("bot", "handlers", "tests", "benchmarks")
EXCEPTION = re.compile(r"#\s*(?:type: ignore|noqa)(?:\[[\w, -]+\]|: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*)?")


def exceptions(path: Path) -> list[tuple[int, str]]:
    """The line and the comment of each; what only stands in a string is none."""
    with tokenize.open(path) as source:
        comments = [token for token in tokenize.generate_tokens(source.readline) if token.type == tokenize.COMMENT]
    return [(token.start[0], token.string) for token in comments if EXCEPTION.search(token.string)]


def reason(comment: str) -> str:
    return EXCEPTION.sub("", comment).replace("fmt: skip", "").strip(" #-")


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_exception_carries_its_reason(folder: str) -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, comment in exceptions(path)
        if not reason(comment)
    ]
    assert bare == []


def test_types_are_checked_wherever_there_is_code() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert set(settings["tool"]["mypy"]["packages"]) == packages == set(FOLDERS)


def test_a_reason_is_told_from_none() -> None:
    assert not reason("# type: ignore[misc]  # fmt: skip")
    assert not reason("# noqa: S104, S105")
    assert reason("# noqa: S104 - told, not bound") == "told, not bound"
    assert reason("# type: ignore[arg-type]  # a file") == "a file"
