"""A death at a named point, in the middle of a test."""


class Crash(BaseException):
    """Ends what is under way without a word, as the end of the process would."""


class Fuse:
    """A failpoint that blows once, at one name."""

    def __init__(self) -> None:
        self.name = ""

    def __call__(self, name: str) -> None:
        if name == self.name:
            self.name = ""
            raise Crash(name)
