"""A strict fake of Telegram's Bot API server, for tests, proofs and load; it never reaches the network."""

from tests.fakebotapi.accounts import Account
from tests.fakebotapi.chats import Message
from tests.fakebotapi.faults import Armed, Fault
from tests.fakebotapi.groups import Group
from tests.fakebotapi.journal import Entry, Journal
from tests.fakebotapi.people import Person
from tests.fakebotapi.presses import Press
from tests.fakebotapi.server import TOKEN, FakeBotApi
from tests.fakebotapi.ticker import ManualClock

__all__ = [
    "TOKEN", "Account", "Armed", "Entry", "FakeBotApi", "Fault", "Group", "Journal", "ManualClock", "Message",
    "Person", "Press",
]  # fmt: skip
