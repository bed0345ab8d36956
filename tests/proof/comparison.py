"""The office held against the model: its cases and messages, and what anybody has heard who may not."""

from sqlalchemy import func, select

from bot.office.cases.chain import broken_links
from bot.office.cases.tables import case, case_event, entry
from bot.store.prepared import Prepared
from bot.store.queues import outbox, timer
from bot.store.transaction import Transaction
from bot.store.types import to_micros
from tests.proof.model import APPROVER, OFFICIALS, WRITER, Model
from tests.proof.stage import Stage

# Asked after each step, and so prepared.
_CASES = Prepared(select(case.c.id, case.c.number, case.c.status, case.c.owner, case.c.due_at))
_SAID = Prepared(select(entry.c.case, func.count().label("said")).group_by(entry.c.case))
_ARMED = Prepared(select(timer.c.key).where(timer.c.state == "armed"))
_LINKS = Prepared(select(case_event).order_by(case_event.c.case, case_event.c.number))
_OUTBOX = Prepared(select(outbox.c.id, outbox.c.state, outbox.c.policy))
ENDS = {"answered": "closed", "withdrawn": "withdrawn"}


class Comparison:
    """Of one office with its model. Each difference is an AssertionError."""

    def __init__(self, model: Model, stage: Stage) -> None:
        self._model = model
        self._stage = stage
        self._seen: dict[str, int] = {}  # how many of an official's messages have been looked at
        self._ids: dict[str, int] = {}

    def after_a_step(self) -> None:
        self._stage.read(self._compared)
        self._nobody_reads_what_is_kept_from_them()

    def in_the_end(self) -> None:
        """Whatever was on its way has arrived, or is listed."""
        for matter in self._model.matters:
            if matter.by is None:
                continue
            receipts = {
                heard.outgoing.id for heard in self._stage.person(matter.by).heard
                if matter.number in heard.text and ("登记好了" in heard.text or "交给督办员了" in heard.text)
            }  # fmt: skip
            assert len(receipts) <= 1, "one receipt"
            if not self._model.residents[matter.by].missed and not matter.is_forgotten:
                assert len(receipts) == 1, "a receipt"

    def _compared(self, tx: Transaction) -> None:
        self._registered(tx)
        self._chained(tx)
        self._delivered(tx)

    def _registered(self, tx: Transaction) -> None:
        connection = tx.flushed()
        rows = {row.number: row for row in _CASES.rows(connection)}
        said = {row.case: row.said for row in _SAID.rows(connection)}
        armed = [row.key for row in _ARMED.rows(connection)]
        assert len(rows) == len(self._model.matters), "each registered once"
        for matter in self._model.matters:
            row = rows[matter.number]
            if matter.is_open:
                assert row.status not in ENDS.values()
                assert (row.status == "waiting_resident") == matter.waits
                assert row.owner == (self._id_of(tx, matter.owner) if matter.owner else None)
            else:
                assert row.status == ENDS[matter.state]
            if not matter.is_forgotten:
                assert said[row.id] == matter.said, f"every word once: {said[row.id]} of {matter}"
            due = [key for key in armed if key.startswith(f"case:{row.id}:") and not key.endswith("verdict")]
            assert matter.is_open or not due, "no date for what is over"
            assert not matter.is_open or due or row.due_at < tx.now, "a date for what is open"

    def _id_of(self, tx: Transaction, official: str) -> int:
        """It never changes."""
        if official not in self._ids:
            person = self._stage.town.app.office(tx).people.known("silent", official)
            assert person is not None, "an official is somebody"
            self._ids[official] = person.id
        return self._ids[official]

    def _chained(self, tx: Transaction) -> None:
        links = _LINKS.rows(tx.flushed())
        chain = ({**row._asdict(), "at": to_micros(row.at)} for row in links)
        assert list(broken_links(chain)) == [], "the chain of acts"

    def _delivered(self, tx: Transaction) -> None:
        arrived, unmarked = self._stage.line.arrived, self._stage.line.unmarked
        for row in _OUTBOX.rows(tx.flushed()):
            times, was_doubted = arrived[row.id], row.id in self._stage.line.doubted
            assert row.state != "sending", "nothing is left on its way"
            assert row.state != "sent" or times, "what is sent has arrived"
            assert row.state not in ("failed", "superseded", "cancelled") or was_doubted or not times
            assert row.policy != "hold" or times <= 1, "held, never twice"
            assert row.policy != "resend" or unmarked[row.id] <= 1, "a repeat says so"

    def _nobody_reads_what_is_kept_from_them(self) -> None:
        for name in (*OFFICIALS, WRITER, APPROVER):
            heard = self._stage.person(name).heard
            for message in heard[self._seen.get(name, 0) :]:
                for matter in self._model.matters:
                    if not matter.may_be_read_by(name) and (matter.is_sealed or name in matter.kept_out):
                        assert matter.number not in message.text or message.text.startswith("没有这个编号")
                        assert not any(words in message.text for words in matter.words), "no forbidden reader"
            self._seen[name] = len(heard)
