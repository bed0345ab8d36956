"""The composition root: builds everything, supervises it, stops it in order. It decides nothing else."""

import asyncio
import contextlib
import gc
import sys
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.database import Store
from bot.delivery.asking import Chat
from bot.delivery.bell import Bell, end_ticking, ticking
from bot.delivery.channel import Channel, Contested, Polled
from bot.delivery.dispatcher import JOBS, Dispatcher
from bot.delivery.flood import Limit
from bot.delivery.jobs import Worker
from bot.delivery.ledger import Ledger
from bot.delivery.patience import written
from bot.delivery.receiver import Receiver
from bot.delivery.sender import Sender
from bot.delivery.supervision import Supervisor
from bot.delivery.tenure import Fence
from bot.dialogue.talk import Talk
from bot.duties import Duties
from bot.errors import Changed
from bot.fetching import Fetching
from bot.health.metrics import Sample, counted
from bot.health.reading import Reader
from bot.health.report import TRIED, Line, Machine, Report, Silence
from bot.health.watch import Watch
from bot.menus import Menus
from bot.office.groups import records as group_records
from bot.office.notices import records as notice_records
from bot.office.notices.sending import Carriers
from bot.office.office import House, Office
from bot.office.people import records as people_records
from bot.outside import Outside
from bot.parts import ALL, Part
from bot.store import claims, facts, jobs, leases
from bot.store.queues import arm, arm_once, disarm
from bot.store.transaction import Transaction
from bot.upkeep import Upkeep, next_night
from handlers.desk import Desk
from handlers.routes import all_routes

log = structlog.get_logger()

YOUNG = 10_000  # objects made before the first look for circles: an update makes some hundreds
SWITCH_INTERVAL = 0.0005  # seconds: a busy writer else holds up the loop by ten milliseconds
SHARED_TICK = 0.1  # seconds
PAGE_JOBS = frozenset(("talk.clear",))  # they change what open pages show
BEAT = "health.beat"
BEAT_EVERY = timedelta(seconds=30)
ALARM = "health.alarm"
NIGHT = "retention.night"
MORNING = "day.digest"


def _reached(tx: Transaction, addresses: Sequence[int]) -> dict[int, Chat]:
    """Where messages go: people's chats, and groups with whoever they are registered for at this moment."""
    found = {address: Chat(sealed) for address, sealed in people_records.sealed_chats(tx, addresses).items()}
    for address, (group, sealed) in group_records.chats(tx, [one for one in addresses if one not in found]).items():
        found[address] = Chat(sealed, group.audience)
    return found


def _carriers(channels: Sequence[Channel]) -> Carriers:
    """How each channel reaches people: by itself, at its pace, or once they open their page."""
    abilities = {channel.name: channel.abilities for channel in channels}
    return Carriers(
        {name: can.per_second for name, can in abilities.items() if can.pushes},
        [name for name, can in abilities.items() if not can.pushes],
    )


def _seconds(since: datetime, now: datetime) -> float:
    """None of them below zero: clocks are set back."""
    return max(0.0, (now - since).total_seconds())


class App:
    """A running office. `channels` are built before and handed in; so is everything from outside."""

    def __init__(
        self,
        store: Store,
        house: House,
        channels: Sequence[Channel],
        outside: Outside,
        limit: Limit | None = None,
        *,
        parts: frozenset[Part] = ALL,
    ) -> None:
        self.store = store
        self.house = replace(house, carriers=_carriers(channels))
        self.channels = {channel.name: channel for channel in channels}
        self._outside = outside
        self._limit = limit
        self._supervisor = Supervisor()
        self._waking: set[asyncio.Task[None]] = set()
        self._opened_at = outside.clock.now()
        self._reader = Reader(store.url, [store.files.folder], outside.clock, self._machine)
        self.watch = Watch(self.look, self._alarm, outside.clock)
        self.inbox_bell, self.job_bell = Bell(), Bell()
        self.router = all_routes()
        self._parts = parts
        self.menus = Menus(self.router, self.house, self.channels, store.writer)
        self._out_bells = {name: Bell() for name in self.channels}
        self.duties = Duties(self.channels, parts, supervisor=self._supervisor, writer=store.writer,
                             receiving=self._a_receiver, sending=self._a_sender, shared=store.is_shared)  # fmt: skip
        self._epoch = 0
        self.dispatcher: Dispatcher
        self.worker: Worker

    @property
    def senders(self) -> Mapping[str, Sender]:
        return self.duties.senders

    @property
    def receivers(self) -> Mapping[str, Receiver]:
        return self.duties.receivers

    async def start(self) -> None:
        """Opens the run and starts the loops, senders first: what was owed goes out before what comes in."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        await self.open()
        if Part.TICK in self._parts:
            await self.store.writer.submit(self._first_beat)
        await self.duties.start_sending()
        if self._parts & {Part.TICK, Part.WEB}:
            self._supervisor.start("work", self.worker.run)
        if Part.DISPATCH in self._parts:
            self._supervisor.start("dispatch", self.dispatcher.run)
        await self.duties.start_receiving(self._epoch)
        self._supervisor.start("watch", self.watch.run)
        if self.store.is_shared:
            self._supervisor.start("look", self._look_about)
        self._ticking = ticking(self.inbox_bell, self.job_bell, *self._out_bells.values())
        self._ticking.start()
        gc.freeze()  # what stands for the whole run need not be looked through again and again
        gc.enable()
        gc.set_threshold(YOUNG)
        log.info("started", channels=len(self.channels), parts=[part.value for part in sorted(self._parts)])

    async def open(self) -> None:
        """A new run: everything is built, nothing moves yet."""
        self._epoch, was_clean = await self.store.writer.submit(self._open_run)
        self.house.means.ids.mark(self._epoch)
        if not was_clean:
            log.warning("unclean_stop_before", epoch=self._epoch)
        await self.store.writer.submit(self._go_on)
        await self.store.writer.submit(self._leave_strangers)
        if not self.store.is_shared:  # nobody else works on this file
            await self.store.writer.submit(jobs.release_jobs)
        if Part.TICK in self._parts:
            await self.store.writer.submit(self._first_morning)
        if self._parts & {Part.TICK, Part.SEND}:
            with contextlib.suppress(Changed):  # another process that starts with this one was faster
                await self.store.writer.submit(lambda tx: self.office(tx).notices.rest())
        restored = await self.store.writer.submit(lambda tx: facts.get(tx, facts.RESTORED_AT))
        self._build(singly=not was_clean, restored_at=datetime.fromisoformat(restored) if restored else None)

    async def stop(self) -> None:
        """Nothing new comes in, what is in hand is finished and recorded, then the run is closed."""
        for waking in self._waking:  # they would wait for a database that is away; the pages come again
            waking.cancel()
        await asyncio.gather(*self._waking, return_exceptions=True)
        await end_ticking(self._ticking)
        await self._supervisor.stop("watch", "look")
        await self.duties.stop_receiving()
        self.dispatcher.stop()
        await self._supervisor.stop("dispatch", patience=10.0)
        await self._supervisor.stop("work")
        await self.duties.stop_sending()
        for channel in self.channels.values():
            await channel.close()
        await self.stop_looking()
        await self.close_run()
        self.store.close()
        log.info("stopped")

    async def _look_about(self) -> None:
        """Whether another process has written what is to be done here: rows tell, nobody rings over from there."""
        while True:
            await asyncio.sleep(SHARED_TICK)
            for bell in (self.inbox_bell, *self._out_bells.values()):
                bell.ring()

    def _go_on(self, tx: Transaction) -> None:
        """Ids go on where those of earlier runs ended; of others at work no more is known than what they have made."""
        ids, newest = self.house.means.ids, claims.newest_id(tx)
        if self.store.is_shared:
            ids.follow(newest)
        else:
            ids.go_on_above(newest)

    def _leave_strangers(self, tx: Transaction) -> None:
        """What came over a channel that is not here waits for it, but not for ever: nobody sees these words."""
        before = tx.now - timedelta(days=self.house.retention.set_aside)
        if count := claims.set_strangers_aside(tx, (*self.channels, JOBS), before):
            log.error("updates_of_no_channel", count=count)

    def _open_run(self, tx: Transaction) -> tuple[int, bool]:
        epoch, was_clean = facts.open_run(tx, self.store.keys.fingerprint)
        if self.store.is_shared:  # others may be at work: only their leases tell who died
            was_clean = leases.open_run(tx, epoch, leases.myself())
        return epoch, was_clean

    async def close_run(self) -> None:
        """Marks the run as ended cleanly: from now on nothing is missed. The last one of several says so for all."""

        def close(tx: Transaction) -> None:
            leases.release(tx, f"{leases.RUN}{self._epoch}", self._epoch)
            if self.store.is_shared and leases.runs(tx):
                return
            disarm(tx, BEAT)
            facts.close_run(tx)

        await self.store.writer.submit(close)

    def _not_here(self) -> Collection[str]:
        """Kinds of jobs for another process: what changes open pages is done where they are, the rest by the clock."""
        if not self.store.is_shared:
            return ()
        besides = frozenset[str]() if Part.TICK in self._parts else self._works.keys() - PAGE_JOBS
        return besides if self.duties.has_pages or not self.duties.pages else besides | PAGE_JOBS

    async def look(self) -> Report:
        """How everything stands at this moment."""
        return await self._reader.look()

    def counts(self) -> list[Sample]:
        """What this run has done so far; nothing before it is built."""
        if not self.receivers:
            return []
        return counted(self.receivers, self.senders, self.dispatcher, self.worker)

    async def stop_looking(self) -> None:
        """Closes the connections that only read."""
        await self._reader.close()

    def wake(self, channel: str, chat: str) -> None:
        """A page is open again: what waits for it may go out."""
        task = asyncio.get_running_loop().create_task(self._wake(channel, chat))
        self._waking.add(task)  # the loop itself holds tasks only weakly
        task.add_done_callback(self._waking.discard)

    async def _wake(self, channel: str, chat: str) -> None:
        await written(self.store.writer, lambda tx: self.office(tx).people.woke(channel, chat), loop="wake")
        self.senders[channel].bell.ring()

    def office(self, tx: Transaction) -> Office:
        return Office(tx, self.house)

    def _a_receiver(self, name: str, fence: Fence) -> Receiver:
        keys, house = self.store.keys, self.house
        return Receiver(self.channels[name], writer=self.store.writer, seal=keys.identity, lookup=keys.lookup,
                        ids=house.means.ids, bell=self.inbox_bell, limit=self._limit, danger_in=house.danger_in,
                        fence=fence, space=self.store.space, failpoint=self._outside.failpoint)  # fmt: skip

    def _a_sender(self, name: str, fence: Fence, epoch: int) -> Sender:
        channel = self.channels[name]
        ledger = Ledger(channel, content=self.store.keys.content, identity=self.house.identity, reach=_reached,
                        lost=self._lost, noted=notice_records.note, moved=self._moved, epoch=epoch,
                        fence=fence)  # fmt: skip
        return Sender(channel, writer=self.store.writer, ledger=ledger, bell=self._out_bells[name],
                      failpoint=self._outside.failpoint)  # fmt: skip

    def _build(self, *, singly: bool, restored_at: datetime | None) -> None:
        keys, writer, failpoint = self.store.keys, self.store.writer, self._outside.failpoint
        ids = self.house.means.ids
        self.duties.build(self._epoch)
        desk = Desk(
            self.router, Talk(self.router, self.house.read_command), self.house.words, self.office, self._recurs
        )
        self.dispatcher = Dispatcher(writer=writer, channels=self.channels, desk=desk, content=keys.content,
                                     raw=keys.identity, ids=ids, bell=self.inbox_bell, jobs=self.job_bell,
                                     senders=self._out_bells, failpoint=failpoint, singly=singly,
                                     restored_at=restored_at)  # fmt: skip
        upkeep = Upkeep(self.house, url=self.store.url, writer=writer, files=self.store.files, channels=self.channels,
                        clock=self._outside.clock, failpoint=failpoint)  # fmt: skip
        fetching = Fetching(self.channels, self.store.files, self.store.space, failpoint)
        self._works = {"file.fetch": fetching.fetch, "menu.show": self.menus.show, **upkeep.works}
        self.worker = Worker(self._works, writer=writer, content=keys.content, raw=keys.identity,
                             ids=ids, bell=self.job_bell, done=self.inbox_bell, besides=self._not_here,
                             failpoint=failpoint)  # fmt: skip
        self.inbox_bell.ring()
        self.job_bell.ring()

    def _recurs(self, kind: str, after: datetime) -> datetime | None:
        if kind == NIGHT:
            return next_night(after, self.house)
        if kind == MORNING:
            return self.house.calendar.next_morning(after)
        return after + BEAT_EVERY if kind == BEAT else None

    def _first_morning(self, tx: Transaction) -> None:
        """One that was missed while nobody was here stays due; one to come follows the hours of today's settings."""
        armed = claims.armed_for(tx, MORNING)
        if armed is None or armed > tx.now:
            arm(
                tx,
                id=self.house.means.ids(),
                key=MORNING,
                kind=MORNING,
                due_at=self.house.calendar.next_morning(tx.now),
            )

    def _first_beat(self, tx: Transaction) -> None:
        """A due row twice a minute: as long as nothing can be committed, it is overdue, and everybody can see it."""
        arm(tx, id=self.house.means.ids(), key=BEAT, kind=BEAT, due_at=tx.now + BEAT_EVERY)
        arm_once(tx, id=self.house.means.ids(), kind=NIGHT, due_at=next_night(tx.now, self.house))

    def _machine(self, now: datetime) -> Machine:
        writer = self.store.writer
        return Machine(
            uptime=_seconds(self._opened_at, now),
            writer_seconds=writer.seconds_at_hand,
            writer_waiting=writer.waiting,
            loops=self._supervisor.failing,
            heard={
                name: Silence(_seconds(channel.heard_at or self._opened_at, now), channel.silent_at_most)
                for name, channel in self.channels.items()
                if isinstance(channel, Polled) and name not in self.duties.idle
            },
            takes_files=self.store.space.takes_files,
            takes_messages=self.store.space.takes_messages,
            rivals={
                name: _seconds(channel.rival_at, now)
                for name, channel in self.channels.items()
                if isinstance(channel, Contested) and channel.rival_at is not None
            },
            unstored={
                name: _seconds(found.refused[0], now)
                for name, found in self.receivers.items()
                if found.refused is not None and _seconds(found.refused[1], now) <= TRIED
            },
            dropped={name: found.flood.dropped for name, found in self.receivers.items() if found.flood is not None},
        )

    async def _alarm(self, lines: list[Line]) -> None:
        """Administrators hear of these lines by timers that are due at once, like everything else: as rows."""

        def note(tx: Transaction) -> None:
            for line in lines:
                data = {"kind": line.name, "slot": f"{tx.now:%Y%m%d%H}", "of": line.of, "count": line.count,
                        "seconds": line.seconds, "bytes": line.bytes}  # fmt: skip
                arm(
                    tx,
                    id=self.house.means.ids(),
                    key=f"alarm:{line.name}",
                    kind=ALARM,
                    due_at=tx.now,
                    subject=zlib.crc32(line.name.encode()),  # no case has so small an id
                    data=data,
                )

        await self.store.writer.submit(note)
        self.inbox_bell.ring()

    def _moved(self, tx: Transaction, address: int, chat: str) -> bool:
        return self.office(tx).groups.move(address, chat)

    def _lost(self, tx: Transaction, row: int, subject: int | None, address: int, gone: bool) -> None:
        """A message that will never arrive: the address is marked, and whoever handles the case hears of it."""
        if group_records.by_id(tx, address) is not None:
            if gone:
                arm(tx, id=self.house.means.ids(), key=f"group.lost:{address}", kind="group.lost", due_at=tx.now,
                    subject=address)  # fmt: skip
            return
        if gone:
            people_records.set_unreachable(tx, address)
        if subject is not None:
            arm(tx, id=self.house.means.ids(), key=f"lost:{row}", kind="case.lost", due_at=tx.now, subject=subject,
                data={"row": row})  # fmt: skip

    async def publish_menus(self) -> None:
        """The residents' commands on every channel on which this process speaks."""
        await self.menus.publish(self.duties.spoken)
