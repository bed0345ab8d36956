"""Where the dispatcher meets the handlers: who spoke, with which rights, in which language. It stores nothing."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from bot.dialogue.context import Context
from bot.dialogue.conversation import Arrival, Conversation, Reply
from bot.dialogue.event import Due, Event, Finished
from bot.dialogue.router import Router
from bot.dialogue.screen import Screen
from bot.dialogue.talk import Talk
from bot.errors import OfficeError
from bot.office.office import Office
from bot.office.people.model import Person
from bot.telling import OPEN, Letters, Telling
from bot.words import Words, _
from handlers.context import Ctx, alert
from handlers.excuses import CHOOSE_FIRST, excuse
from handlers.residents import drafts, menu, tidy

NOBODY = Person(0, 0, "")


class Recurring(Protocol):
    def __call__(self, kind: str, after: datetime) -> datetime | None: ...


class Desk:
    """Handlers as one object. `open_office` gives the services of the transaction at hand."""

    def __init__(
        self,
        router: Router[Ctx],
        talk: Talk,
        words: Words,
        open_office: Callable[[Any], Office],
        recurs: Recurring,
    ) -> None:
        self._router = router
        self._talk = talk
        self._words = words
        self._open_office = open_office
        self._office: tuple[Any, Office] | None = None
        self.recurs = recurs

    def prepare(self, tx: Any, arrivals: Sequence[Arrival]) -> None:
        office = self._at(tx)
        office.people.expect(
            (arrival.channel, arrival.event.who.chat)
            for arrival in arrivals
            if arrival.event.who is not None and arrival.event.who.private
        )

    def handle(self, tx: Any, arrival: Arrival) -> Reply:
        office, event = self._at(tx), arrival.event
        if event.who is not None and not event.who.private:
            return self._in_group(office, arrival, self._talk.handle_group)
        person = self._who(office, arrival)
        ctx = self._context(office, arrival, person)
        was_filling = arrival.conversation.filling is not None
        tidy.note(ctx)
        screens = menu.with_entries(ctx, self._talk.handle(ctx))
        drafts.watch(ctx, was_filling)
        if person is NOBODY:
            return Reply(None, None, screens)
        return Reply(person.address, person.id, screens, person.channel, ctx.subject)

    def _in_group(self, office: Office, arrival: Arrival, handle: Callable[[Ctx], list[Screen]]) -> Reply:
        """Who it was is told by their numeric id alone; somebody who is not known here is nobody."""
        who = arrival.event.who
        assert who is not None
        person = office.people.known(arrival.channel, who.user) or NOBODY
        ctx = self._context(office, arrival, person)
        ctx.group = office.groups.at(arrival.channel, who.chat).id
        screens = handle(ctx)
        group = office.groups.find(ctx.group)
        if group is None:
            return Reply(None, None, [])
        return Reply(group.id, None, screens, group.channel, ctx.subject, OPEN)

    def excuse(self, tx: Any, arrival: Arrival, error: OfficeError) -> Reply:
        who = arrival.event.who
        if who is not None and not who.private:
            self._at(tx).unsay()
            return self._in_group(self._at(tx), arrival, lambda ctx: [alert(ctx, excuse(error))])

        def words(ctx: Ctx) -> list[Screen]:
            again = [[button] for button in ctx.conversation.choices] if error.reason in CHOOSE_FIRST else []
            return [*self._talk.urgent(ctx), ctx.screen(excuse(error), *again)]

        return self._say_alone(tx, arrival, words)

    def apologise(self, tx: Any, arrival: Arrival, reference: str | None) -> Reply:
        def words(ctx: Ctx) -> list[Screen]:
            screens = self._talk.urgent(ctx)
            if reference is not None:
                screens.append(ctx.screen(
                    _("Sorry, something went wrong here and I could not take your last message. "
                      "It is kept for the people who look after me (reference {reference}).", reference=reference)
                ))  # fmt: skip
            return screens

        return self._say_alone(tx, arrival, words)

    def tellings(self, tx: Any) -> Sequence[Telling]:
        return self._at(tx).told()

    def letters(self, tx: Any) -> Sequence[Letters]:
        return self._at(tx).written()

    def write(self, tx: Any, letters: Letters, language: str | None) -> Screen:
        """The words for many are nobody's in particular: they are read by everybody alike."""
        telling = Telling(kind=letters.kind, subject=letters.subject, recipient=0, address=0, key=letters.key)
        reader = self._reader(self._at(tx), telling, Person(0, 0, "", language))
        screen: Screen = self._router.tellings[letters.kind].handler(reader, telling)
        return screen

    def render(self, tx: Any, telling: Telling) -> tuple[str, Screen] | None:
        """One recipient's screen, read through that recipient's own view."""
        office = self._at(tx)
        if telling.audience is not None:
            return self._render_in_group(office, telling)
        person = office.people.find([telling.recipient]).get(telling.recipient)
        if person is None:
            return None
        screen = self._router.tellings[telling.kind].handler(self._reader(office, telling, person), telling)
        return (self._channel(office, telling, person), screen) if screen is not None else None

    def _render_in_group(self, office: Office, telling: Telling) -> tuple[str, Screen] | None:
        """For a group, read with the eyes of its department."""
        group = office.groups.find(telling.recipient)
        if group is None:
            return None
        ctx = self._reader(office, telling, group.reader)
        screen = self._router.tellings[telling.kind].handler(ctx, telling)
        return (group.channel, screen) if screen is not None else None

    def render_plain(self, tx: Any, telling: Telling) -> tuple[str, Screen] | None:
        """Says that there is news, where its words cannot be found."""
        office = self._at(tx)
        person = office.people.find([telling.recipient]).get(telling.recipient)
        if person is None:
            return None
        words = _("There is news on one of your cases. Write “my cases” to see it.")
        if person.is_official:
            words = _("There is news on a case here. Write “to do” to see what waits.")
        return self._channel(office, telling, person), self._reader(office, telling, person).screen(words)

    def _reader(self, office: Office, telling: Telling, person: Person) -> Ctx:
        event = Event(Finished(telling.kind, telling.subject, {}), office.now)
        return self._context(office, Arrival(0, person.channel, None, event, Conversation()), person)

    def _channel(self, office: Office, telling: Telling, person: Person) -> str:
        """Of the address that the telling names: people may have several."""
        if telling.address == person.address:
            return person.channel
        return office.people.channel_of(telling.address) or person.channel

    def _at(self, tx: Any) -> Office:
        if self._office is None or self._office[0] is not tx:
            self._office = (tx, self._open_office(tx))
        return self._office[1]

    def _who(self, office: Office, arrival: Arrival) -> Person:
        who = arrival.event.who
        if who is not None:
            return office.people.meet(arrival.channel, who.chat, who.language)
        if isinstance(arrival.event.what, Due) and arrival.lane is not None:
            return office.people.at_lane(arrival.lane) or NOBODY
        return NOBODY

    def _context(self, office: Office, arrival: Arrival, person: Person) -> Ctx:
        return Context(
            arrival=arrival,
            office=office,
            person=person,
            roles=person.roles,
            say=self._words.speak(person.language),
            now=office.now,
            router=self._router,
        )

    def _say_alone(self, tx: Any, arrival: Arrival, words: Callable[[Ctx], list[Screen]]) -> Reply:
        office = self._at(tx)
        office.unsay()
        who = arrival.event.who
        person = self._who(office, arrival) if who is None or who.private else NOBODY
        if person is NOBODY:
            return Reply(None, None, [])
        ctx = self._context(office, arrival, person)
        tidy.note(ctx)  # what was not taken stands in the chat all the same
        screens = words(ctx)
        if screens:
            shown = next((screen for screen in reversed(screens) if screen.buttons), None)
            arrival.conversation.shows(shown.buttons if shown else ())  # older numbers mean nothing any more
        return Reply(person.address, person.id, screens, person.channel)
