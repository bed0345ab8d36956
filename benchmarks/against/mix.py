"""What people do in the measured bursts, and what they did before so that it means something; nobody acts twice.

Of a hundred updates 60 are policies (sections and pages pressed, questions typed), 25 steps of a form, 10 acts of
officials and 5 registrations. Every update has an answer of its own.
"""

import json
import random
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.against.office import DEPARTMENTS, OFFICIALS, Past, area
from bot.office.policies.service import Policies

Step = tuple[str, str, dict[str, Any]]
QUESTIONS = Path(__file__).parent.parent / "data" / "policy_questions.jsonl"
SHARES = {"section": 20, "page": 20, "question": 20, "words": 13, "place": 12, "act": 10, "registration": 5}
RESIDENTS = {"section": 22, "page": 22, "question": 22, "words": 15, "place": 13, "registration": 6}
FIRST_WORDS = ("楼道灯坏了好几天了", "下水道堵了好几天", "单元门锁坏了", "路灯不亮了")


def says(who: str, text: str) -> Step:
    return who, "says", {"text": text}


def presses(who: str, label: str) -> Step:
    return who, "presses", {"label": label}


class Mix:
    """Bursts of updates from people of one office. `before` is what has to happen first, in rounds."""

    def __init__(self, past: Past, policies: Policies, today: date, seed: int = 1) -> None:
        self._past = past
        self._chance = random.Random(seed)
        self._residents = iter(range(OFFICIALS, past.size.residents // 2))
        self._officials = self._turns()
        self._sections = [section for section in policies.sections("zh_CN", today) if section.pages]
        rows = map(json.loads, QUESTIONS.read_text("utf-8").splitlines())
        self._questions = [row["question"] for row in rows if row["language"] == "zh_CN"]

    def burst(self, updates: int, shares: Mapping[str, int] = SHARES) -> tuple[list[list[Step]], list[Step]]:
        """What to do before, one list after another, each when the one before is answered; and the burst itself."""
        before: list[list[Step]] = [[], []]
        steps: list[Step] = []
        for kind, share in shares.items():
            for _number in range(updates * share // 100):
                steps.append(self._act() if kind == "act" else self._step(kind, before))
        self._chance.shuffle(steps)
        return before, steps

    def _step(self, kind: str, before: list[list[Step]]) -> Step:
        who = f"P{next(self._residents)}"
        section = self._chance.choice(self._sections)
        match kind:
            case "section":
                before[0].append(says(who, "/policy"))
                return presses(who, section.name)
            case "page":
                before[0].append(says(who, "/policy"))
                before[1].append(presses(who, section.name))
                return presses(who, self._chance.choice(section.pages).title)
            case "question":
                return says(who, self._chance.choice(self._questions))
            case "words":
                return says(who, self._chance.choice(FIRST_WORDS))
            case "place":
                before[0].append(says(who, self._chance.choice(FIRST_WORDS)))
                return says(who, f"{self._near()}3号楼2单元")
            case _:
                before[0].append(says(who, f"{self._near()}3号楼2单元的楼道灯坏了"))
                return presses(who, "登记")

    def _near(self) -> str:
        """A place in the first half of the communities; the officials of the other half are those who act."""
        return area(self._chance.randrange(DEPARTMENTS // 2))

    def _act(self) -> Step:
        """Takes a case, looks at one, or notes a call."""
        official, kind = next(self._officials)
        own = self._past.owned[official]
        match kind:
            case "take":
                return says(f"P{official}", f"/take {self._past.unowned[official % DEPARTMENTS].pop()}")
            case "case":
                return says(f"P{official}", f"/case {self._chance.choice(own)}")
            case _:
                return says(f"P{official}", f"/contacted {own[0]} 打过电话，说好明天上门")

    def _turns(self) -> Iterator[tuple[int, str]]:
        """Officials of the second half by turns, each with another act than last time."""
        acting = [number for number in range(OFFICIALS) if number % DEPARTMENTS >= DEPARTMENTS // 2]
        place = 0
        while True:
            yield acting[place % len(acting)], ("take", "case", "contacted")[(place + place // len(acting)) % 3]
            place += 1
