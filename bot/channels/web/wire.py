"""What page and server say to each other, as JSON. Ids are strings: JavaScript loses the last digits of numbers."""

from msgspec import Struct


class FileSaid(Struct, forbid_unknown_fields=True):
    """A file that was handed up before; `ref` is what the hand-up answered."""

    ref: str
    kind: str
    name: str = ""
    mime: str = ""
    size: int = 0
    seconds: int | None = None


class Hello(Struct, tag_field="t", tag="hello"):
    """A page has opened; `start` is the code of a link."""

    lang: str = ""
    start: str = ""
    id: str = ""


class Say(Struct, tag_field="t", tag="say"):
    id: str
    text: str = ""
    files: list[FileSaid] = []
    reply_to: str | None = None


class Press(Struct, tag_field="t", tag="press"):
    id: str
    action: str
    message: str


class Spot(Struct, tag_field="t", tag="place"):
    id: str
    latitude: float
    longitude: float


class Seen(Struct, tag_field="t", tag="seen"):
    """The page has shown a message."""

    id: str


FromPage = Hello | Say | Press | Spot | Seen


class ButtonShown(Struct, omit_defaults=True):
    label: str
    action: str = ""
    url: str = ""
    request: str = ""


class FileShown(Struct):
    digest: str
    kind: str
    name: str


class Message(Struct, tag_field="t", tag="message", omit_defaults=True):
    """One bubble. `changes`: it takes the place of an earlier one."""

    id: str
    at: int  # milliseconds since 1970
    mine: bool = False
    text: list[tuple[str, str, str]] = []  # words, style, address
    rows: list[list[ButtonShown]] = []
    files: list[FileShown] = []
    repeat: bool = False


class History(Struct, tag_field="t", tag="history"):
    messages: list[Message]


class Taken(Struct, tag_field="t", tag="taken"):
    """What the page sent is safe."""

    id: str


class Toast(Struct, tag_field="t", tag="toast"):
    text: str
