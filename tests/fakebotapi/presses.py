"""Presses of inline buttons and what came of them; it makes no updates."""

from msgspec import Struct

from tests.fakebotapi.accounts import PressState
from tests.fakebotapi.changes import Changes


class Answer(Struct):
    """What answerCallbackQuery showed; an empty text only stops the waiting."""

    text: str
    show_alert: bool
    url: str


class Press:
    """A press under way. `url` is set where the button only opens an address: the bot never hears of it."""

    def __init__(self, changes: Changes, state: PressState | None, data: str = "", url: str = "") -> None:
        self._changes = changes
        self._state = state
        self.data = data
        self.url = url

    @property
    def id(self) -> str:
        return self._state.id if self._state else ""

    @property
    def answer(self) -> Answer | None:
        state = self._state
        return Answer(**state.answer) if state is not None and state.answer is not None else None

    async def answered(self, timeout: float = 60.0) -> Answer:  # noqa: ASYNC109 - the vocabulary
        """What the bot answered, as soon as it has."""
        try:
            return await self._changes.until(lambda: self.answer, timeout)
        except TimeoutError:
            raise AssertionError(f"the press of {self.data!r} got no answer") from None
