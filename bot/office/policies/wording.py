"""Words made comparable: one script, one width, one case, no politeness; then cut into terms. It knows no pages."""

import re
import unicodedata
from collections import Counter
from functools import lru_cache

import snowballstemmer
from opencc import OpenCC

_RUN = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]+")
_APOSTROPHE = re.compile(r"(?<=[a-z])['\u2019](?=[a-z])")
# In half width. A space is a pause only beside Chinese.
_PAUSE = re.compile(r"[,.!?;:~。、]+|(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])")
_YOU = "(?:您|你)?"
_A_BIT = "(?:一下|下)?"
_STAFF = "(?:工作人员|老师|同志|师傅|领导)"
_GREETING = re.compile(
    rf"^(?:你好|您好|大家好|早上好|上午好|中午好|下午好|晚上好|在吗|在不在|打扰{_YOU}{_A_BIT}了?|不好意思|劳驾|"
    rf"麻烦{_YOU}(?:帮我|帮忙)?(?:看看|看一下|看下|问一下|问下|查一下|查下)?{_A_BIT}了?|请教{_YOU}{_A_BIT}|"
    rf"请问{_YOU}{_A_BIT}{_STAFF}?|我?想要?(?:请问|问问|问|咨询|请教|了解){_YOU}{_A_BIT}|咨询一?下|问一?下|"
    rf"{_STAFF}(?=$|你好|您好)|(?:急+|谢+|在线等|辛苦{_YOU}了?)$|(?:hello|hi|hey|dear sir|excuse me|please)\b|"
    r"(?:could|can|would) you (?:please )?(?:tell me|help me|let me know)\b|"
    r"i(?: would like|'d like| want) to (?:know|ask)\b)"
)
_THANKS = re.compile(
    r"(?:(?:非常|多|万分|十分)?(?:谢谢|感谢|多谢|谢了|拜托)(?:您|你|啦|了|大家|各位|帮忙)*|麻烦(?:您|你)?了?|"
    r"\bthanks(?: a lot| so much)?|\bthank you(?: very much| so much)?)$"
)
# English words that say nothing about the subject of a question.
_STOP_WORDS = (
    "a about after all also am an and any are as at be because been before being both but by can could d did do does "
    "doing don for from get got had has have having he her here hers him his how i if in into is it its just ll m me "
    "more most my need no nor not of on once only or other our ours out over own re s same she should so some such t "
    "than that the their theirs them then there these they this those through to too up us ve very was we were what "
    "when where which while who whom whose why will with would you your yours"
)
_STOP = frozenset(_STOP_WORDS.split())
_to_simplified = OpenCC("t2s").convert
_stem = lru_cache(maxsize=50_000)(snowballstemmer.stemmer("english").stemWord)


def normalise(words: str) -> str:
    """The words in half width, lower case and simplified script."""
    simplified: str = _to_simplified(unicodedata.normalize("NFKC", words).lower())
    return simplified


def without_politeness(words: str) -> str:
    """Normalised words without greetings and thanks; the words themselves where nothing else would be left."""
    clauses = (_bare(clause.strip()) for clause in _PAUSE.split(words))
    return " ".join(clause for clause in clauses if clause) or words


def _bare(clause: str) -> str:
    """One clause without the polite words at its two ends."""
    before = None
    while clause != before:
        before = clause
        clause = _GREETING.sub("", clause, count=1).strip()
        clause = _THANKS.sub("", clause, count=1).strip()
    return clause


def terms(words: str) -> list[str]:
    """Single characters and pairs of neighbours for Chinese; stems without stop words for Latin script and numbers."""
    found: list[str] = []
    for run in _RUN.findall(_APOSTROPHE.sub("", words)):
        if run[0] >= "\u3400":
            found += run
            found += map(str.__add__, run, run[1:])
        elif run not in _STOP:
            found.append(_stem(run))
    return found


@lru_cache(maxsize=1)  # one question is looked up in every language, then weighed
def asked(question: str) -> tuple[str, ...]:
    """The different terms of a question, in its order."""
    return tuple(dict.fromkeys(terms(without_politeness(normalise(question)))))


def counted(title: str, text: str) -> Counter[str]:
    """How often each term stands in a text. Latin words of the title count twice; Chinese titles gain nothing by it."""
    found = Counter(terms(normalise(text)))
    for term in terms(normalise(title)):
        found[term] += 2 if term.isascii() else 1
    return found
