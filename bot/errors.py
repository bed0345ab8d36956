"""The one tree of errors, ordered by what happens next; it never formats words for people."""

from datetime import timedelta


class HuiyinError(Exception):
    """Everything that this program raises on purpose."""


class ConfigError(HuiyinError):
    """Start-up stops: exit code 2 and one line that names the key or the file."""


class OfficeError(HuiyinError):
    """The act is not possible; the person is told why, in words found by `reason`."""

    def __init__(self, reason: str, **facts: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.facts = facts


class NotFound(OfficeError):
    """Nothing by that name that this person may see: excluded means absent."""


class NotPermitted(OfficeError):
    """The person's roles do not allow the act."""


class MoveNotAllowed(OfficeError):
    """The case's state does not allow the act."""


class Changed(OfficeError):
    """Someone else was faster."""


class Invalid(OfficeError):
    """What was said cannot be used as it is."""


class StoreError(HuiyinError):
    """The database cannot work just now (full, locked, gone): roll back, count nothing, try later."""


class Contended(StoreError):
    """Two transactions stood in each other's way, and this one was taken back: the same once more, at once."""


class Fenced(StoreError):
    """Somebody else has taken over what this process did: nothing that it has in hand may take effect any more."""


class Undecodable(HuiyinError):
    """A raw update that does not have the shape its platform promises: set aside, never fatal."""


class DeliveryError(HuiyinError):
    """A message did not (surely) arrive; kept on its outbox row by cause."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class NotSent(DeliveryError):
    """It certainly did not arrive; worth another try after `retry_in`. `whole` tells that all chats must wait."""

    def __init__(self, cause: str, retry_in: timedelta, *, whole: bool = False) -> None:
        super().__init__(cause)
        self.retry_in = retry_in
        self.whole = whole


class Absent(NotSent):
    """Its channel is not here just now: switched off, or this is a talk in the terminal of a stopped office."""

    def __init__(self) -> None:
        super().__init__("no channel", timedelta(minutes=1))


class Refused(DeliveryError):
    """It certainly did not arrive and never will as it is. `gone`: nobody can be reached at that address."""

    def __init__(self, cause: str, *, gone: bool = False, moved_to: str | None = None) -> None:
        super().__init__(cause)
        self.gone = gone
        self.moved_to = moved_to


class Uncertain(DeliveryError):
    """It may have arrived: nobody can tell without a key the platform remembers."""


class ChannelDown(DeliveryError):
    """The platform refuses the bot as a whole (a revoked token, a second poller): keep rows queued, raise an alarm."""
