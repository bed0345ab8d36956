"""Finds texts by a question's own words: BM25 over characters and character pairs, in memory. It knows no pages."""

import math
from array import array
from collections.abc import Iterable, Sequence
from enum import StrEnum
from heapq import nlargest

from bot.office.policies import wording

K1 = 1.2  # Robertson & Zaragoza, The Probabilistic Relevance Framework (2009): 1.2 to 2; higher did not find more
B = 0.75
MOST_TERMS = 160  # of one question, the rarest first: bounds the time for a long story
MOST_COUNTED = 255  # of one term in one text
COMMON = 0.05  # a term that nearly every text has tells nothing and costs the most time

BASE, BY_SHARE, BY_MARGIN, BY_LENGTH = -6.65, 11.56, 5.46, 0.68  # of the logistic in `confidence`
SURE = 0.7  # from here on the first find is shown outright
LOST = 0.05  # below, nothing is shown

Document = tuple[str, str, str]  # id, title, text
Scored = tuple[str, float]  # id, score


class Band(StrEnum):
    """What may be done with what was found."""

    ANSWER = "answer"  # show the first page outright
    OFFER = "offer"  # show up to three titles and "none of these"
    NONE = "none"  # say that nothing fits, and offer a person


def band(confidence: float) -> Band:
    """The rule for showing, from how likely the first find is right."""
    if confidence >= SURE:
        return Band.ANSWER
    return Band.OFFER if confidence >= LOST else Band.NONE


class Engine:
    """An index in memory. Building it again is the only way to take a text out."""

    def __init__(self) -> None:
        self.index(())

    def index(self, documents: Iterable[Document]) -> None:
        """Builds the whole index anew from (id, title, text); ids are unique."""
        self._ids: list[str] = []
        self._lengths: list[int] = []
        self._postings: dict[str, tuple[array[int], array[int]]] = {}
        for id, title, text in documents:
            counts = wording.counted(title, text)
            self._lengths.append(counts.total())
            for term, count in counts.items():
                self._add(term, len(self._ids), count)
            self._ids.append(id)
        total = len(self._ids)
        self._rarities = [math.log(1 + (total - having + 0.5) / (having + 0.5)) for having in range(total + 1)]
        self._damp()

    def search(self, question: str, at_most: int) -> list[Scored]:
        """The best texts as (id, score), best first; empty where no text shares a word with the question."""
        known = self._known(wording.asked(question))
        if not known:
            return []  # most questions share no word with texts of another language
        scores = self._scores(known)
        best = nlargest(at_most, range(len(scores)), key=scores.__getitem__)
        return [(self._ids[number], scores[number]) for number in best if scores[number] > 0]

    def confidence(self, question: str, found: Sequence[Scored]) -> float:
        """How likely the first find is right, 0 to 1: a logistic over how much of the question it has and how far
        it stands before the second. Fitted on lay questions about laws, three in ten without an answer; on other
        texts it orders well and its value is only rough.
        """
        if not found or found[0][1] <= 0:
            return 0.0
        asked = wording.asked(question)
        score = found[0][1]
        share = score / (sum(map(self.weight, asked)) * (K1 + 1))  # of what a text with every word would get
        margin = 1 - found[1][1] / score if len(found) > 1 else 1.0
        sum_of_signs = BASE + BY_SHARE * share + BY_MARGIN * margin + BY_LENGTH * math.log(1 + len(asked))
        return 1 / (1 + math.exp(-sum_of_signs))

    def weight(self, term: str) -> float:
        """How rare a term is; the highest for one that no text has."""
        posting = self._postings.get(term)
        return self._rarities[len(posting[0]) if posting is not None else 0]

    def _add(self, term: str, number: int, count: int) -> None:
        """Texts come in the order of their numbers."""
        numbers, counts = self._postings.setdefault(term, (array("I"), array("B")))
        numbers.append(number)
        counts.append(min(count, MOST_COUNTED))

    def _damp(self) -> None:
        """Long texts have more words by chance: each text's share of k1, after its length."""
        mean = sum(self._lengths) / max(1, len(self._lengths)) or 1.0
        self._damping: list[float] = [K1 * (1 - B + B * length / mean) for length in self._lengths]

    def _known(self, asked: Iterable[str]) -> list[tuple[str, float]]:
        """The terms that some text has and that tell texts apart, with their weights, the rarest first."""
        weighted = [(term, self.weight(term)) for term in asked if term in self._postings]
        telling = [pair for pair in weighted if pair[1] >= COMMON] or weighted
        return nlargest(MOST_TERMS, telling, key=lambda pair: pair[1])

    def _scores(self, known: Iterable[tuple[str, float]]) -> list[float]:
        scores = [0.0] * len(self._ids)
        damping = self._damping
        for term, weight in known:
            full = weight * (K1 + 1)
            for number, count in zip(*self._postings[term], strict=True):
                scores[number] += full * count / (count + damping[number])
        return scores
