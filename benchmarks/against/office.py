"""An office with a past: so many residents, open cases and messages that wait, made by the product's own acts.

People meet the bot, agree and register through the services; what has no act of its own here (where a chat stands,
what was sent long ago) is written into the same tables, sealed with the same keys. A server gets the same rows copied.
"""

import shutil
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import psycopg
from sqlalchemy import Boolean, create_engine, insert, select, text
from sqlalchemy.engine import make_url

from bot.config import CONTENT, read_settings
from bot.database import open_store
from bot.delivery.dispatcher import CONVERSATION
from bot.delivery.owing import OUTBOX
from bot.dialogue.conversation import Conversation
from bot.dialogue.screen import Screen
from bot.house import read_house
from bot.office.cases.model import Kind
from bot.office.cases.service import Matter
from bot.office.office import House, Office
from bot.office.people.model import Person, Role
from bot.office.people.records import add_grant, address
from bot.outside import Outside
from bot.store import queues
from bot.store.queues import Owed, Policy, conversation, outbox
from bot.store.schema import metadata
from bot.store.transaction import Transaction
from bot.telling import Lane
from bot.text import as_text
from tests.fakebotapi.hub import FIRST_PERSON
from tests.fakebotapi.server import TOKEN

CHANNEL = f"telegram:{TOKEN.partition(':')[0]}"
DEPARTMENTS = 40
OFFICIALS = 3 * DEPARTMENTS  # three in each; they are the first of the crowd
RATE = 1000  # messages a second, the most that the Bot API takes from anybody
WORDS = (
    "路灯坏了好几天，晚上看不见路",
    "下水道堵了，水漫到楼梯口",
    "楼上半夜装修，吵得睡不着",
    "垃圾三天没人收，味道很大",
    "自来水发黄，老人不敢喝",
    "电梯停了两天，腿脚不好的下不去",
)
MANY = 1000


@dataclass(frozen=True)
class Size:
    """How much stands in the database; of the cases, a fifth have an owner."""

    residents: int = 100_000
    cases: int = 20_000
    queued: int = 20_000

    @property
    def tenth(self) -> "Size":
        return Size(self.residents // 10, self.cases // 10, self.queued // 10)


@dataclass(frozen=True)
class Past:
    """A folder with an office in it, and the numbers of its cases."""

    folder: Path
    size: Size
    unowned: dict[int, list[str]]  # by department
    owned: dict[int, list[str]]  # by the official's place in the crowd

    def copied(self, folder: Path) -> "Past":
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return replace(self, folder=folder)


def department(number: int) -> str:
    return f"community-{number}"


def area(number: int) -> str:
    return f"和平{number}里"


def write_content(folder: Path) -> Path:
    """The sample content, for an office of many communities that is open at every hour of every day."""
    content = folder / "content"
    shutil.copytree(CONTENT, content, ignore=shutil.ignore_patterns("__pycache__"))
    found = tomllib.loads((content / "categories.toml").read_text("utf-8"))
    communities = "\n".join(
        f'[{department(number)}]\nzh_CN = "{area(number)}社区"\nen = "Heping {number}"\n'
        f'categories = {list(found)}\nareas = ["{area(number)}"]\n'
        for number in range(DEPARTMENTS)
    )
    kept = (content / "departments.toml").read_text("utf-8")  # pages of the sample content name them
    (content / "departments.toml").write_text(communities + kept, "utf-8")
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    days = [today + timedelta(days=ahead) for ahead in range(3)]
    for year in {day.year for day in days} | {today.year + 1}:
        worked = [day.isoformat() for day in days if day.year == year and day.weekday() >= 5]
        (content / "calendar" / f"{year}.toml").write_text(f"off = []\nswapped = [{', '.join(worked)}]\n", "utf-8")
    return content


def write_config(
    folder: Path, content: Path, *, base_url: str, url: str = "", webhook: int = 0, rate: int = RATE
) -> Path:
    """Settings as an office would write them, with the pace at its highest."""
    way_in = f'mode = "webhook"\nwebhook_port = {webhook}\nwebhook_url = "http://127.0.0.1:{webhook}"'
    config = folder / "config.toml"
    config.write_text(
        f"""
[office]
opens = "0:00"
closes = "23:59"
[database]
url = "{url or f"sqlite:///{folder}/huiyin.db"}"
[security]
key_file = "{folder}/keys"
[files]
folder = "{folder}/files"
[content]
folder = "{content}"
[telegram]
token = "{TOKEN}"
base_url = "{base_url}"
messages_a_second = {rate}
{way_in if webhook else ""}
[web]
enabled = false
""",
        "utf-8",
    )
    return config


def make_past(folder: Path, content: Path, size: Size) -> Past:
    """The office's database in `folder`; some tens of seconds for a hundred thousand residents."""
    folder.mkdir(parents=True)
    settings = read_settings(write_config(folder, content, base_url="http://127.0.0.1:1/bot"))
    outside = Outside()
    store = open_store(settings, outside)
    try:
        house = read_house(settings, store.keys, outside, {})
        past = _Past(house, size)
        for numbers in _chunks(size.residents):
            store.writer.run(partial(past.meet, numbers=numbers))
        store.writer.run(past.appoint)
        for numbers in _chunks(size.cases):
            store.writer.run(partial(past.register, numbers=numbers))
        for numbers in _chunks(size.queued):
            store.writer.run(partial(past.owe, numbers=numbers))
    finally:
        store.close()
    return Past(folder, size, past.unowned, past.owned)


class _Past:
    """Writes it, some thousand rows a transaction."""

    def __init__(self, house: House, size: Size) -> None:
        self._house = house
        self._size = size
        self._ids = house.means.ids
        self._content = house.means.content
        self._people: list[Person] = []
        self._officials: list[Person] = []
        self.unowned: dict[int, list[str]] = {number: [] for number in range(DEPARTMENTS)}
        self.owned: dict[int, list[str]] = {number: [] for number in range(OFFICIALS)}

    def meet(self, tx: Transaction, numbers: Sequence[int]) -> None:
        """People who have talked with the bot before, and have agreed."""
        people = Office(tx, self._house).people
        for number in numbers:
            self._people.append(people.agree(people.meet(CHANNEL, str(FIRST_PERSON + number), "zh-hans")))
        rows = tx.read(select(address.c.lane).order_by(address.c.id.desc()).limit(len(numbers))).scalars()
        talk = msgspec.msgpack.encode(Conversation(revision=4, memory={"asked": WORDS[0]}))
        lanes = [{"id": lane, "state": self._content.seal(talk, CONVERSATION), "changed_at": tx.now} for lane in rows]
        tx.write(insert(conversation), lanes)

    def appoint(self, tx: Transaction) -> None:
        for number, person in enumerate(self._people[:OFFICIALS]):
            add_grant(tx, id=self._ids(), person_id=person.id, role=Role.HANDLER, by=None,
                      department=department(number % DEPARTMENTS))  # fmt: skip
        found = Office(tx, self._house).people.find([person.id for person in self._people[:OFFICIALS]])
        self._officials = [found[person.id] for person in self._people[:OFFICIALS]]

    def register(self, tx: Transaction, numbers: Sequence[int]) -> None:
        """Cases of all communities; every fifth is with one of the officials. What was told about them has arrived."""
        office = Office(tx, self._house)
        told = []
        for number in numbers:
            by = self._people[-1 - number * 7 % (len(self._people) // 2)]  # the first half has nothing open
            official = number // 5 % OFFICIALS if number % 5 == 0 else None
            place = (number + number // 5 if official is None else official) % DEPARTMENTS
            matter = Matter(kind=Kind.HELP, words=f"{area(place)}3号楼{WORDS[number % len(WORDS)]}", category="urban",
                            place=f"{area(place)}3号楼", department=department(place))  # fmt: skip
            case = office.cases.register(matter, by=by, said_at=tx.now)
            if official is None:
                self.unowned[place].append(case.number)
            else:
                office.cases.take(case.number, by=self._officials[official])
                self.owned[official].append(case.number)
            told += [self._arrived(tx, case.id, by, part) for part in ("receipt", "taken")]
            office.told()
        tx.write(insert(outbox), told)

    def owe(self, tx: Transaction, numbers: Sequence[int]) -> None:
        """What waits for tomorrow."""
        for number in numbers:
            to = self._people[number * 3 % len(self._people)]
            screen = Screen(as_text(f"{area(number % DEPARTMENTS)}明天停水，请先存水。"))
            body = self._content.seal(msgspec.msgpack.encode(screen), OUTBOX)
            queues.owe(tx, Owed(id=self._ids(), channel=CHANNEL, address=to.address, lane=Lane.DEADLINE,
                                policy=Policy.RESEND, key=f"later:{number}", body=body, person=to.id,
                                not_before=tx.now + timedelta(hours=12)))  # fmt: skip

    def _arrived(self, tx: Transaction, case: int, to: Person, part: str) -> dict[str, Any]:
        return {"id": self._ids(), "channel": CHANNEL, "address": to.address, "lane": Lane.REPLY.value,
                "policy": Policy.RESEND.value, "key": f"{part}:{case}", "state": "sent", "subject": case,
                "person": to.id, "not_before": tx.now, "created_at": tx.now, "tries": 1, "repeats": 0, "epoch": 1,
                "sending_at": tx.now, "settled_at": tx.now, "message": str(case % 10**6)}  # fmt: skip


def copy_rows(folder: Path, url: str) -> None:
    """Every row of the embedded database in `folder` into an empty one on a server, with the schema there already."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    engine = create_engine(f"sqlite:///{folder}/huiyin.db")
    with engine.connect() as source, psycopg.connect(plain) as target, target.cursor() as cursor:
        for table in metadata.sorted_tables:
            names = ", ".join(f'"{column.name}"' for column in table.c)
            truths = [place for place, column in enumerate(table.c) if isinstance(column.type, Boolean)]
            rows = source.execute(text(f'SELECT {names} FROM "{table.name}"'))
            cursor.execute(f'TRUNCATE "{table.name}" CASCADE')
            with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
                for row in rows:
                    values = list(row)
                    for place in truths:
                        values[place] = None if values[place] is None else bool(values[place])
                    copy.write_row(values)
    engine.dispose()
    with psycopg.connect(plain, autocommit=True) as target:
        target.execute("VACUUM ANALYZE")


def _chunks(count: int) -> Iterator[range]:
    return (range(start, min(start + MANY, count)) for start in range(0, count, MANY))
