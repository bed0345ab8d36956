"""An ordered list of questions with back, skip, cancel and review. Its answers live in the Conversation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from bot.dialogue.event import FileKind, FileRef, Said
from bot.dialogue.screen import Button
from bot.text import Text
from bot.words import Message

C = TypeVar("C")
Answers = dict[str, Any]
Words_ = Message | Text
Rows = Sequence[Sequence[Button]]

TEXT = "text"
FILES = "files"
PHONE = "phone"
MOST_WORDS = 70_000  # characters
MOST_FILES = 20  # at one time; a case holds more, so that the rest can be added


@dataclass(frozen=True, kw_only=True)
class Question(Generic[C]):
    """One question. `ask` is its words, or a function of the context and the answers so far."""

    name: str
    ask: Message | Callable[[C, Answers], Words_]
    optional: bool = False
    rows: Callable[[C, Answers], Rows] | None = None
    needed: Callable[[C, Answers], bool] | None = None  # asked only then; none: unless answered
    instead: Callable[[C, Answers, Said], Any] | None = None  # screens for what is no answer; None: it is one

    def is_needed(self, ctx: C, answers: Answers) -> bool:
        return self.name not in answers and (self.needed is None or self.needed(ctx, answers))

    def words(self, ctx: C, answers: Answers) -> Words_:
        return self.ask if isinstance(self.ask, Message) else self.ask(ctx, answers)

    def is_answered(self, answers: Answers) -> bool:
        return self.name in answers

    def applies(self, ctx: C, answers: Answers) -> bool:
        """Whether it belongs to this filling at all, answered or not."""
        return self.needed is None or self.needed(ctx, answers)

    def take(self, answers: Answers, said: Said) -> bool:
        """Puts what was said into the answers; False where it does not answer the question."""
        raise NotImplementedError

    def retake(self, answers: Answers, said: Said) -> bool:
        """The same for a question that is asked again: the new answer takes the place of the old one."""
        old = answers.pop(self.name, None)
        if self.take(answers, said):
            return True
        answers[self.name] = old
        return False


@dataclass(frozen=True, kw_only=True)
class Words(Question[C]):
    """Free words; a voice note or a photo alone is enough, and so is a phone number that the form takes nowhere else.
    `at_most` counts characters."""

    at_most: int = MOST_WORDS
    files: int = MOST_FILES

    def is_needed(self, ctx: C, answers: Answers) -> bool:
        was_skipped = self.name in answers and answers[self.name] is None
        return not was_skipped and not answers.get(self.name) and not answers.get(FILES)

    def is_answered(self, answers: Answers) -> bool:
        return bool(answers.get(self.name) or answers.get(FILES))

    def retake(self, answers: Answers, said: Said) -> bool:
        """New words for old words, new files for old files; what is not said anew stays."""
        if said.text:
            answers.pop(self.name, None)
        if said.files:
            answers.pop(FILES, None)
        return self.take(answers, said)

    def take(self, answers: Answers, said: Said) -> bool:
        words = said.text or said.phone
        if words:
            answers[self.name] = "\n".join(filter(None, (answers.get(self.name), words)))[: self.at_most]
        add_files(answers, said.files, self.files)
        return bool(words or said.files)


@dataclass(frozen=True, kw_only=True)
class Place(Question[C]):
    """Where: words, a point on the map, or a voice note or photo that tells."""

    def take(self, answers: Answers, said: Said) -> bool:
        if said.spot:
            answers[self.name] = {"spot": [said.spot.latitude, said.spot.longitude], "words": said.spot.title or ""}
        elif said.text:
            answers[self.name] = {"words": said.text}
        elif said.files:
            answers[self.name] = {"heard": said.files[0].kind is FileKind.VOICE}
        add_files(answers, said.files, MOST_FILES)
        return self.name in answers


@dataclass(frozen=True, kw_only=True)
class Choice(Question[C]):
    """One of a few values, shown as buttons; typed labels and numbers mean the same."""

    options: Sequence[tuple[str, Message]] = ()

    def take(self, answers: Answers, said: Said) -> bool:
        return False  # labels and numbers arrive as presses

    def choose(self, answers: Answers, value: str) -> bool:
        if value not in {option for option, _label in self.options}:
            return False
        answers[self.name] = value
        return True


@dataclass(eq=False)
class Form(Generic[C]):
    """The questions, and what is done with the answers. A new `version` keeps the answers that still fit."""

    name: str
    questions: Sequence[Question[C]]
    version: int = 1
    instead: Callable[[C, Answers, Said], Any] | None = None  # the same as a question's, for all of it and the review
    kept: frozenset[str] = frozenset()  # answers that belong to no question but stay through versions
    _review: list[Callable[..., Any]] = field(default_factory=list)
    _submit: list[Callable[..., Any]] = field(default_factory=list)

    def reviewed(self, handler: Callable[[C, Answers], Any]) -> Callable[[C, Answers], Any]:
        """Shows the answers before they are handed in; a form without one is handed in at once."""
        self._review.append(handler)
        return handler

    def submitted(self, handler: Callable[[C, Answers], Any]) -> Callable[[C, Answers], Any]:
        self._submit.append(handler)
        return handler

    @property
    def review(self) -> Callable[[C, Answers], Any] | None:
        return self._review[0] if self._review else None

    @property
    def submit(self) -> Callable[[C, Answers], Any]:
        return self._submit[0]

    def question(self, name: str) -> Question[C] | None:
        return next((question for question in self.questions if question.name == name), None)

    def before(self, name: str, ctx: C, answers: Answers) -> Question[C] | None:
        """The answered question before this one; before the review, the last of all."""
        found = None
        for question in self.questions:
            if question.name == name:
                break
            if question.is_answered(answers) and question.applies(ctx, answers):
                found = question
        return found

    def holds(self, answers: Answers, said: Said) -> bool:
        """Whether there was room for all of what was said."""
        kept = {file["ref"] for file in answers.get(FILES, ())}
        texts = ((answers.get(item.name) or "", item.at_most) for item in self.questions if isinstance(item, Words))
        is_cut = any(len(text) >= most and not text.endswith(said.text) for text, most in texts)
        return not is_cut and all(file.ref in kept for file in said.files)

    def fitting(self, answers: Answers) -> Answers:
        """The answers that this version still knows."""
        names = {question.name for question in self.questions} | {TEXT, FILES} | self.kept
        return {name: value for name, value in answers.items() if name in names}


def add_files(answers: Answers, files: Sequence[FileRef], at_most: int) -> None:
    """Files join the answers under "files", as plain data; what is there already stays."""
    if files:
        there = answers.get(FILES, [])
        room = max(0, at_most - len(there))
        answers[FILES] = [*there, *(msgspec.to_builtins(file) for file in files[:room])]


def files_of(answers: Answers) -> tuple[FileRef, ...]:
    return tuple(msgspec.convert(file, FileRef) for file in answers.get(FILES, ()))
