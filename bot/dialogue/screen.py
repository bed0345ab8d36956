"""What the bot shows: words, buttons, files. A screen knows no platform and no language: its words are rendered."""

from enum import StrEnum

from msgspec import Struct

from bot.text import Text

MAX_ACTION_BYTES = 64  # the Bot API's limit of callback_data


class Request(StrEnum):
    """What a button asks the person's device for."""

    PLACE = "place"
    PHONE = "phone"


class Button(Struct, frozen=True, array_like=True):
    """A label with an encoded action, or a web address, or a request for the device."""

    label: str
    action: str = ""
    url: str = ""
    request: Request | None = None


class Shown(Struct, frozen=True, array_like=True):
    """A file that goes out: its content hash in the store, its kind and its name."""

    digest: str
    kind: str
    name: str = ""


class Mode(StrEnum):
    """Where a screen goes."""

    NEW = "new"
    IN_PLACE = "in_place"  # in place of the screen whose button was pressed, where the channel can
    LEAVE = "leave"  # nothing is shown: the bot leaves the group


class Clearing(Struct, frozen=True, array_like=True):
    """The talk is deleted on both sides before the screen's words go out: `messages` are the platform's ids.

    `instead` goes out where not all of it could be deleted; `is_older` tells that some of it is older than 48 hours.
    """

    messages: tuple[str, ...]
    instead: Text
    is_older: bool = False


class Screen(Struct, frozen=True, array_like=True):
    """One message to one person. `lasting` are the entries kept under the input field."""

    text: Text
    rows: tuple[tuple[Button, ...], ...] = ()
    files: tuple[Shown, ...] = ()
    mode: Mode = Mode.NEW
    prompt: bool = False  # a question of a form: superseded by a newer one, dropped when stale
    toast: str = ""  # a short word on the pressed button itself
    silent: bool = False
    lasting: tuple[tuple[str, ...], ...] = ()
    alert: bool = False  # the short word must be seen and put away, by whoever pressed alone
    opens: str = ""  # the press leads into the private chat, with this code
    is_fleeting: bool = False  # shown once: no page shows it again, and nothing keeps it
    clears: Clearing | None = None

    @property
    def buttons(self) -> tuple[Button, ...]:
        """All buttons in reading order: button n has the typed number n."""
        return tuple(button for row in self.rows for button in row)


def encode_action(name: str, *args: str | int, revision: int = 0) -> str:
    """`name:arg:…~revision`, at most 64 bytes. The arguments are short words without ':' and '~'."""
    body = ":".join((name, *(str(arg) for arg in args)))
    action = f"{body}~{revision}" if revision else body
    if len(action.encode()) > MAX_ACTION_BYTES:
        raise ValueError(f"action too long: {name}")
    return action


def decode_action(action: str) -> tuple[str, tuple[str, ...], int]:
    """Name, arguments and revision of whatever came back; odd data gives an unknown name, never an error."""
    body, _, mark = action.partition("~")
    name, *args = body.split(":")
    return name, tuple(args), int(mark) if mark.isascii() and mark.isdigit() and len(mark) < 10 else 0
