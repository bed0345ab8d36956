"""A small office on paper: what must stand after each act. It knows no database, no screens and no time of day."""

from collections import Counter
from dataclasses import dataclass, field

OFFICIALS = {"zhou": "handler", "sun": "handler", "du": "supervisor", "ma": "supervisor"}
WRITER, APPROVER = "chen", "li"
RESIDENTS = ("wang", "li4", "he")
MOST_MISSES = 4  # with the fifth in an hour even the right code shows nothing: test_look_up.py


@dataclass
class Matter:
    """One case. `said`: how many entries it has; `words`: what nobody may read who may not know of it."""

    number: str
    by: str | None  # nobody where it was handed in without a name
    source: str
    words: list[str]
    is_sealed: bool
    said: int = 1
    state: str = "open"  # or answered, withdrawn
    waits: bool = False  # for the resident's reply
    owner: str | None = None
    kept_out: set[str] = field(default_factory=set)
    is_forgotten: bool = False
    last_version: str = ""
    code: str = ""  # for whoever looks it up

    @property
    def person(self) -> str:
        """Whose it is: nobody acts for one that was handed in without a name."""
        assert self.by is not None, self
        return self.by

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    def may_be_read_by(self, official: str) -> bool:
        if official in self.kept_out or official not in OFFICIALS:
            return False
        return not self.is_sealed or OFFICIALS[official] == "supervisor"


@dataclass
class Resident:
    """Somebody at their chat."""

    name: str
    has_agreed: bool = False
    is_away: bool = False  # has blocked the bot
    missed: bool = False  # may have lost messages by that
    draft: list[str] | None = None  # what stands on the review screen
    source: str = ""  # the message that the draft began with


@dataclass
class Notice:
    """One message to many."""

    words: str
    readers: set[str]
    is_agreed: bool = False
    is_stopped: bool = False


class Model:
    """What acts do. Each says whether it was possible; an impossible one changes nothing."""

    def __init__(self) -> None:
        self.residents = {name: Resident(name) for name in RESIDENTS}
        self.matters: list[Matter] = []
        self.notices: list[Notice] = []
        self.misses: Counter[str] = Counter()  # of each resident, also of one who was forgotten meanwhile

    # --- who can do what ---

    def agreed(self) -> list[str]:
        return [name for name, one in self.residents.items() if one.has_agreed and not one.is_away]

    def strangers(self) -> list[str]:
        return [name for name, one in self.residents.items() if not one.has_agreed and not one.is_away]

    def free(self) -> list[str]:
        return [name for name in self.agreed() if self.residents[name].draft is None]

    def drafting(self) -> list[str]:
        return [name for name in self.agreed() if self.residents[name].draft is not None]

    def running(self) -> list[Matter]:
        """What is said to a matter that was taken back begins anew, as any words do."""
        return [matter for matter in self.matters if matter.state != "withdrawn"]

    def own(self) -> list[Matter]:
        """Matters whose people are here."""
        return [matter for matter in self.matters if not matter.is_forgotten and matter.by in self.agreed()]

    def coded(self) -> list[Matter]:
        return [matter for matter in self.matters if matter.code]

    # --- residents ---

    def agrees(self, name: str) -> None:
        self.residents[name].has_agreed = True

    def drafts(self, name: str, words: str, source: str) -> None:
        resident = self.residents[name]
        resident.draft, resident.source = [words], source

    def adds_to_draft(self, name: str, words: str) -> None:
        draft = self.residents[name].draft
        assert draft is not None
        draft.append(words)

    def drops_draft(self, name: str) -> None:
        self.residents[name].draft = None

    def registers(self, name: str, number: str) -> Matter:
        resident = self.residents[name]
        words, resident.draft = resident.draft or [], None
        return self._new(Matter(number, name, resident.source, words, is_sealed=False))

    def complains(self, name: str, number: str, words: str) -> Matter:
        return self._new(Matter(number, name, "", [words], is_sealed=True))

    def complains_namelessly(self, number: str, code: str, words: str) -> Matter:
        return self._new(Matter(number, None, "", [words], is_sealed=True, code=code))

    def looks_up(self, name: str, is_right: bool) -> bool:
        """Whether the case is shown: by the right code alone. Nobody guesses until nothing counts any more."""
        is_right = is_right or self.misses[name] == MOST_MISSES
        self.misses[name] += not is_right
        return is_right

    def adds(self, name: str, matter: Matter, words: str) -> bool:
        """Also after the end, and to nobody else's."""
        if matter.by != name or matter.is_forgotten:
            return False
        matter.said += 1
        matter.words.append(words)
        matter.waits = False
        return True

    def edits(self, matter: Matter, words: str) -> bool:
        if words == matter.last_version or matter.is_forgotten:
            return False
        matter.said += 1
        matter.words.append(words)
        matter.last_version = words
        return True

    def withdraws(self, matter: Matter) -> bool:
        if not matter.is_open:
            return False
        matter.state, matter.waits = "withdrawn", False
        return True

    def forgets(self, name: str) -> None:
        for matter in self._of(name):
            self.withdraws(matter)
            matter.is_forgotten = True
        self.residents[name] = Resident(name, missed=self.residents[name].missed)
        for notice in self.notices:
            notice.readers.discard(name)

    def leaves(self, name: str) -> None:
        self.residents[name].is_away = self.residents[name].missed = True
        for notice in self.notices:
            notice.readers.discard(name)

    def comes_back(self, name: str) -> None:
        self.residents[name].is_away = False

    # --- officials ---

    def takes(self, official: str, matter: Matter) -> bool:
        if not (matter.may_be_read_by(official) and matter.is_open and matter.owner is None):
            return False
        matter.owner = official
        return True

    def may_speak(self, official: str, matter: Matter) -> bool:
        """Only its owner; one that nobody owns is taken by the way."""
        return matter.may_be_read_by(official) and matter.is_open and matter.owner in (None, official)

    def speaks(self, official: str, matter: Matter, act: str) -> bool:
        if not self.may_speak(official, matter):
            return False
        matter.owner = official
        matter.said += 1
        if act == "ask":
            matter.waits = True
        if act == "answer":
            matter.state, matter.waits = "answered", False
        return True

    def notes(self, official: str, matter: Matter) -> bool:
        if not matter.may_be_read_by(official):
            return False
        matter.said += 1
        return True

    def redoes(self, official: str, matter: Matter) -> bool:
        able = matter.may_be_read_by(official) and OFFICIALS[official] == "supervisor"
        if not able or matter.state != "answered":
            return False
        matter.state = "open"
        if matter.owner is not None and not matter.may_be_read_by(matter.owner):
            matter.owner = None
        return True

    def names(self, official: str, matter: Matter, subject: str) -> bool:
        """A complaint about staff does not exist any more for whoever it is about."""
        able = matter.may_be_read_by(official) and OFFICIALS[official] == "supervisor"
        if not able or not matter.is_sealed or subject == official:
            return False
        matter.kept_out.add(subject)
        if matter.owner == subject:
            matter.owner = None
        return True

    # --- notices ---

    def announces(self, words: str) -> None:
        self.notices.append(Notice(words, set(self.agreed())))

    def _new(self, matter: Matter) -> Matter:
        self.matters.append(matter)
        return matter

    def _of(self, name: str) -> list[Matter]:
        return [matter for matter in self.matters if matter.by == name and not matter.is_forgotten]
