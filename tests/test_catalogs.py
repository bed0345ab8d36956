"""Every word for people has its translation, and no translation is left over."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po

from handlers.context import KINDS, STATES
from handlers.excuses import WORDS

ROOT = Path(__file__).parent.parent
REFUSALS = ("NotFound", "NotPermitted", "MoveNotAllowed", "Changed", "Invalid")
CATALOGS = sorted((ROOT / "content" / "locale").glob("*.po"))


def marked_words() -> Iterator[str]:
    """The first argument of every `_()` and `_n()` in the program."""
    for folder in ("bot", "handlers"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "_n"):
                    yield str(ast.literal_eval(node.args[0]))


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.stem)
def test_no_word_is_missing_and_none_is_unused(path: Path) -> None:
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.stem)
    translated = {
        entry.id if isinstance(entry.id, str) else entry.id[0] for entry in catalog if entry.id and entry.string
    }
    assert set(marked_words()) - translated == set(), "missing"
    assert translated - set(marked_words()) == set(), "unused"


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.stem)
def test_a_translation_names_no_fact_that_its_source_does_not(path: Path) -> None:
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.stem)
    dates = {"month", "number", "day", "weekday"}  # the pattern of a day is free to choose among these
    for entry in catalog:
        if isinstance(entry.id, str) and entry.id and isinstance(entry.string, str):
            assert fields(entry.string) <= fields(entry.id) | (dates if "{weekday}" in entry.id else set()), entry.id


def fields(words: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(words) if name}


def test_every_reason_to_refuse_has_its_words() -> None:
    raised = set()
    for path in (ROOT / "bot" / "office").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                raised.add(ast.literal_eval(node.args[0]))
    assert raised <= WORDS.keys()


def test_every_state_and_kind_has_its_words() -> None:
    from bot.office.cases.model import Kind, Status

    assert set(Kind) == KINDS.keys()
    assert set(Status) == STATES.keys()
