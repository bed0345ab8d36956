"""A small tree of pages in a temporary folder, and the office's own sample pages."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from bot.office.policies.service import Policies, read_policies

CONTENT = Path(__file__).parents[3] / "content" / "policies"
TODAY = date(2026, 9, 15)

PAGE = """\
---
title: {title}
slug: {slug}
section: housing
order: 1
department: housing
in_sentence: {in_sentence}
valid_from: 2026-01-01
{more}
review_by: 2027-12-31
source: 示例
aliases:
  - {alias}
sample: true
---

{body}
"""

Writes = Callable[..., Path]


@pytest.fixture(scope="session")
def samples() -> Policies:
    return read_policies(CONTENT, "zh_CN")


@pytest.fixture
def write(tmp_path: Path) -> Writes:
    """Writes one page into the section “housing” and returns its file."""

    def page(slug: str = "lamp", *, language: str = "zh_CN", more: str = "", **words: str) -> Path:
        facts = {
            "title": "灯坏了",
            "in_sentence": "社区来看。",
            "alias": "楼道黑",
            "body": "## 怎么报\n\n打字就行。",
            **words,
        }
        folder = tmp_path / language / "housing"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "_section.md").write_text("---\nname: 住房\norder: 1\n---\n", encoding="utf-8")
        path = folder / f"{slug}.md"
        path.write_text(PAGE.format(slug=slug, more=more, **facts), encoding="utf-8")
        return path

    return page


@pytest.fixture
def read(tmp_path: Path) -> Callable[[], Policies]:
    return lambda: read_policies(tmp_path, "zh_CN")
