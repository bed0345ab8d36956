"""Messages that wait for somebody's word: held after a restore, perhaps arrived, failed. What `huiyin outbox` does."""

from datetime import datetime
from typing import Any

from bot.config import Settings
from bot.database import open_store
from bot.ids import Ids
from bot.office.people import records
from bot.outside import Outside, new_ids
from bot.store import held
from bot.store.transaction import Transaction


def outbox_alone(settings: Settings, question: dict[str, Any]) -> list[str]:
    """`huiyin outbox` where no office runs."""
    outside = Outside()
    store, ids = open_store(settings, outside), new_ids(outside)
    try:
        return store.writer.run(lambda tx: answer_outbox(tx, ids, question))
    finally:
        store.close()


def answer_outbox(tx: Transaction, ids: Ids, question: dict[str, Any]) -> list[str]:
    """Lists, releases or drops; every release and drop is a line of the audit log."""
    chosen: list[int] | None = question.get("ids")
    match question.get("verb"):
        case "release":
            done, code, words = held.release(tx, chosen), "outbox.released", "will be sent once more"
        case "drop":
            done, code, words = held.drop(tx, chosen or []), "outbox.dropped", "will never be sent"
        case _:
            return _table(held.listed(tx), held.count(tx), tx.now)
    records.note_all(tx, ids, code=code, subjects=done)
    lines = [f"{row} {words}" for row in done[: held.MOST_LISTED]]
    return [*lines, *_beyond(len(done)), f"{len(done)} in all"]


def _table(rows: list[held.Held], count: int, now: datetime) -> list[str]:
    if not rows:
        return ["nothing is held, uncertain or failed"]
    lines = [
        f"{row.id}  {row.state}  {row.lane.name.lower()}  {row.channel}  case {row.subject or '-'}  "
        f"{int((now - row.since).total_seconds() // 60)} min  {row.cause}"
        for row in rows
    ]
    return [*lines, *([f"… and {count - len(rows)} more"] if count > len(rows) else [])]


def _beyond(count: int) -> list[str]:
    """What is not named: a running office answers in one line of limited length."""
    return [f"… and {count - held.MOST_LISTED} more"] if count > held.MOST_LISTED else []
