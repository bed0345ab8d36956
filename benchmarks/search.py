"""Measures the search: how often the right text comes first, what spoils it, how long it takes.

    python -m benchmarks.search [--data FOLDER]

Without a folder (or HUIYIN_SEARCH_DATA) only the sample pages are measured, with questions made up for them. A folder
holds passages.jsonl {id,title,text}, queries.jsonl {id,text} and qrels.tsv (query, tab, passage, with a header line).
"""

import argparse
import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from opencc import OpenCC

from bot.office.policies.search import Band, Document, Engine, band
from bot.office.policies.service import Policies, read_policies

HERE = Path(__file__).parent
PAGES = HERE.parent / "content" / "policies"
QUESTIONS = HERE / "data" / "policy_questions.jsonl"
TODAY = date(2026, 9, 15)  # all sample pages are in force
MANY = 5000
BEFORE = ("你好，我想问一下，", "请问一下工作人员，", "您好打扰了，想咨询下 ")
AFTER = ("，谢谢！", "，急！", "，麻烦帮我看看")

Change = Callable[[str], str]


@dataclass(frozen=True)
class Question:
    """`right` is empty where nothing answers it."""

    words: str
    right: frozenset[str]


@dataclass(frozen=True)
class Outcome:
    """What one question brought."""

    rank: int | None  # of the first right text, from 0
    confidence: float
    milliseconds: float


def show(name: str, value: float, limit: str = "-") -> None:
    print(f"{name:34} {value:8.3f} {limit}")


# Spoiled questions


def traditional() -> Change:
    convert: Change = OpenCC("s2t").convert
    return convert


def chatty(chance: random.Random) -> Change:
    return lambda words: chance.choice(BEFORE) + words + chance.choice(AFTER)


def mistyped(chance: random.Random) -> Change | None:
    """One character becomes a common one of the same sound; None where pypinyin is not installed."""
    try:
        from pypinyin import lazy_pinyin
    except ImportError:
        return None
    by_sound: dict[str, list[str]] = {}
    for char in _common_characters():
        by_sound.setdefault(lazy_pinyin(char)[0], []).append(char)

    def change(words: str) -> str:
        places = [place for place, char in enumerate(words) if "\u4e00" <= char <= "\u9fff"]
        for place in chance.sample(places, len(places)):
            others = [char for char in by_sound.get(lazy_pinyin(words[place])[0], ()) if char != words[place]]
            if others:
                return words[:place] + chance.choice(others) + words[place + 1 :]
        return words

    return change


def _common_characters() -> Iterator[str]:
    """The 3,755 characters of GB 2312, level 1."""
    for code in range(0xB0A1, 0xD7FA):
        try:
            yield code.to_bytes(2, "big").decode("gb2312")
        except UnicodeDecodeError:
            continue


# Outcomes


def outcomes(engine: Engine, questions: Iterable[Question], change: Change | None = None) -> list[Outcome]:
    return [_asked(engine, question, change) for question in questions]


def _asked(engine: Engine, question: Question, change: Change | None) -> Outcome:
    words = change(question.words) if change else question.words
    begun = time.perf_counter()
    found = engine.search(words, 10)
    confidence = engine.confidence(words, found)
    taken = (time.perf_counter() - begun) * 1000
    ranks = [rank for rank, (id, _) in enumerate(found) if id in question.right]
    return Outcome(ranks[0] if ranks else None, confidence, taken)


def hit(outcomes: list[Outcome], within: int) -> float:
    return sum(outcome.rank is not None and outcome.rank < within for outcome in outcomes) / max(1, len(outcomes))


def slowest(outcomes: list[Outcome]) -> float:
    """Milliseconds that 99 of 100 questions keep."""
    taken = sorted(outcome.milliseconds for outcome in outcomes)
    return taken[int(len(taken) * 0.99)]


def answer_right(outcomes: list[Outcome]) -> float:
    """Of the questions that would be answered outright, the share answered rightly."""
    answered = [outcome for outcome in outcomes if band(outcome.confidence) is Band.ANSWER]
    return sum(outcome.rank == 0 for outcome in answered) / max(1, len(answered))


def auroc(outcomes: list[Outcome]) -> float:
    """How well the confidence tells right first finds from all else: 0.5 is chance."""
    good = [outcome.confidence for outcome in outcomes if outcome.rank == 0]
    bad = [outcome.confidence for outcome in outcomes if outcome.rank != 0]
    wins = sum((one > other) + (one == other) / 2 for one in good for other in bad)
    return wins / max(1, len(good) * len(bad))


def losses(prefix: str, engine: Engine, questions: list[Question]) -> list[str]:
    """Shows what each way of spoiling costs at the first place, in points; returns what was left out."""
    plain = hit(outcomes(engine, questions), 1)
    typos = mistyped(random.Random(7))
    ways = [("traditional", traditional(), "<= 0.5"), ("chatty", chatty(random.Random(7)), "<= 1")]
    if typos:
        ways.append(("typo", typos, "<= 4"))
    for name, change, limit in ways:
        show(f"{prefix}.loss.{name}", 100 * (plain - hit(outcomes(engine, questions, change), 1)), limit)
    return [] if typos else [f"{prefix}.loss.typo: pypinyin is not installed"]


# The sample pages


def sample_questions(language: str) -> list[Question]:
    rows = map(json.loads, QUESTIONS.read_text(encoding="utf-8").splitlines())
    mine = [row for row in rows if row["language"] == language]
    return [Question(row["question"], frozenset([row["slug"]] if row["slug"] else ())) for row in mine]


def measure_pages(policies: Policies, language: str) -> list[Outcome]:
    """Answers as residents get them, through the service."""
    found = []
    for question in sample_questions(language):
        begun = time.perf_counter()
        hits = policies.search(question.words, language, TODAY)
        confidence = policies.confidence(question.words, hits)
        taken = (time.perf_counter() - begun) * 1000
        ranks = [rank for rank, one in enumerate(hits) if one.page.slug in question.right]
        found.append(Outcome(ranks[0] if ranks else None, confidence, taken))
    return found


def show_pages(policies: Policies) -> list[str]:
    for language in policies.languages:
        answers = measure_pages(policies, language)
        pairs = zip(answers, sample_questions(language), strict=True)
        answerable = [answer for answer, question in pairs if question.right]
        show(f"pages.{language}.hit@1", hit(answerable, 1))
        show(f"pages.{language}.hit@3", hit(answerable, 3))
        show(f"pages.{language}.answer_right", answer_right(answers), ">= 0.70")
    return losses("pages", _engine(page_documents(policies)), [one for one in sample_questions("zh_CN") if one.right])


def page_documents(policies: Policies) -> list[Document]:
    pages = [page for section in policies.sections(policies.default, TODAY) for page in section.pages]
    return [(page.slug, " ".join((page.title, *page.aliases)), page.body) for page in pages]


# Size and speed


def show_speed(documents: list[Document], questions: list[Question]) -> None:
    """Builds an index of 5,000 texts, mixed from the given ones where there are fewer."""
    many = list(_mixed(documents, random.Random(7)))
    before, begun = _memory(), time.process_time()
    engine = _engine(many)
    show("many.index_cpu_s", time.process_time() - begun, "<= 3")
    show("many.memory_mb", _memory() - before, "<= 60")
    show("many.p99_ms", slowest(outcomes(engine, questions)), "<= 35")


def _mixed(documents: list[Document], chance: random.Random) -> Iterator[Document]:
    yield from documents[:MANY]
    for number in range(len(documents), MANY):
        (_, title, one), (_, _, other) = chance.choice(documents), chance.choice(documents)
        yield f"mixed-{number}", title, one[: len(one) // 2] + other[len(other) // 2 :]


def _engine(documents: Iterable[Document]) -> Engine:
    engine = Engine()
    engine.index(documents)
    return engine


def _memory() -> float:
    """The most memory this process has had so far, in megabytes."""
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


# A labelled set


def read_set(folder: Path) -> tuple[list[Document], list[Question]]:
    right: dict[str, set[str]] = {}
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, passage = line.split("\t")
        right.setdefault(query, set()).add(passage)
    passages = map(json.loads, (folder / "passages.jsonl").read_text(encoding="utf-8").splitlines())
    queries = map(json.loads, (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines())
    documents = [(row["id"], row["title"], row["text"]) for row in passages]
    return documents, [Question(row["text"], frozenset(right.get(row["id"], ()))) for row in queries]


def show_set(documents: list[Document], questions: list[Question]) -> list[str]:
    engine = _engine(documents)
    random.Random(3).shuffle(questions)
    middle = len(questions) // 2
    for name, half in (("all", questions), ("half_1", questions[:middle]), ("half_2", questions[middle:])):
        answers = outcomes(engine, half)
        show(f"set.{name}.hit@1", hit(answers, 1), ">= 0.345")
        show(f"set.{name}.hit@3", hit(answers, 3), ">= 0.52")
    left_out = losses("set", engine, questions)
    fewer, asked = without_answers(documents, questions)
    answers = outcomes(_engine(fewer), asked)
    show("set.unanswerable.auroc", auroc(answers), ">= 0.78")
    show("set.unanswerable.answer_right", answer_right(answers), ">= 0.70")
    return left_out


def without_answers(documents: list[Document], questions: list[Question]) -> tuple[list[Document], list[Question]]:
    """The set without some right texts, so that three questions in ten have none."""
    gold = sorted(set().union(*(question.right for question in questions)))
    random.Random(7).shuffle(gold)
    gone: set[str] = set()
    while sum(not question.right - gone for question in questions) < 0.3 * len(questions):
        gone.add(gold.pop())
    kept = [document for document in documents if document[0] not in gone]
    return kept, [Question(question.words, question.right - gone) for question in questions]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the search. Each line: name, value, limit.")
    parser.add_argument("--data", default=os.environ.get("HUIYIN_SEARCH_DATA"), help="folder of a labelled set")
    folder = parser.parse_args().data
    policies = read_policies(PAGES, "zh_CN")
    documents, questions = page_documents(policies), sample_questions("zh_CN")
    left_out = []
    if folder:
        documents, questions = read_set(Path(folder))
    show_speed(documents, questions)  # first, as memory is counted by its highest point
    left_out += show_pages(policies)
    if folder:
        left_out += show_set(documents, questions)
    else:
        left_out.append("set.*: no labelled set was given (--data or HUIYIN_SEARCH_DATA)")
    for line in left_out:
        print(f"left out: {line}")


if __name__ == "__main__":
    main()
