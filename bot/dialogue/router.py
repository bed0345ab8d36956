"""Names to handler functions, with the role each needs. The default is deny: no audience, no start."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from inspect import Parameter, signature
from typing import Any, Generic, TypeVar

from bot.dialogue.form import Form
from bot.errors import ConfigError
from bot.words import Message

C = TypeVar("C")
Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)


class Everyone(StrEnum):
    """The audience of what every resident may do."""

    ANYONE = "anyone"


ANYONE = Everyone.ANYONE


@dataclass(frozen=True)
class Route:
    """A handler under a name. `roles`: any one of these is enough; ANYONE needs none."""

    name: str
    handler: Handler
    roles: frozenset[StrEnum]
    about: Message | None = None  # the line in the command menu
    by_yes: bool = True  # "yes" may press it
    arguments: range = range(1)  # how many it may be called with beside the context

    def admits(self, roles: Iterable[StrEnum]) -> bool:
        return ANYONE in self.roles or not self.roles.isdisjoint(roles)

    def takes(self, args: Sequence[str]) -> bool:
        """Whether the handler can be called with a context and these."""
        return len(args) in self.arguments


@dataclass
class Router(Generic[C]):
    """What one capability offers; routers are joined into one at start."""

    name: str
    who: StrEnum | tuple[StrEnum, ...] | None = None
    commands: dict[str, Route] = field(default_factory=dict)
    actions: dict[str, Route] = field(default_factory=dict)
    group_commands: dict[str, Route] = field(default_factory=dict)
    group_actions: dict[str, Route] = field(default_factory=dict)
    links: dict[str, Route] = field(default_factory=dict)
    tellings: dict[str, Route] = field(default_factory=dict)
    timers: dict[str, Route] = field(default_factory=dict)
    jobs: dict[str, Route] = field(default_factory=dict)
    forms: dict[str, Form[C]] = field(default_factory=dict)
    hooks: dict[str, list[Handler]] = field(default_factory=dict)

    def command(
        self, name: str, *, who: StrEnum | tuple[StrEnum, ...] | None = None, about: Message | None = None
    ) -> Callable[[H], H]:
        """A typed command: /name. Its other words stand in content."""
        return self._adds(self.commands, name, who, about=about)

    def action(
        self, name: str, *, who: StrEnum | tuple[StrEnum, ...] | None = None, by_yes: bool = True
    ) -> Callable[[H], H]:
        """What a button does. `by_yes=False`: a typed "yes" must not do it."""
        return self._adds(self.actions, name, who, by_yes=by_yes)

    def group_command(self, name: str, *, who: StrEnum | tuple[StrEnum, ...] | None = None) -> Callable[[H], H]:
        """A command typed in a group: there no other is heard."""
        return self._adds(self.group_commands, name, who)

    def group_action(self, name: str, *, who: StrEnum | tuple[StrEnum, ...] | None = None) -> Callable[[H], H]:
        """A button of a message in a group; anybody there may press it, the roles decide whether it acts."""
        return self._adds(self.group_actions, name, who)

    def link(self, prefix: str) -> Callable[[H], H]:
        """A deep link whose code begins so; "" takes every other."""
        return self._adds(self.links, prefix, ANYONE)

    def telling(self, kind: str) -> Callable[[H], H]:
        """Renders a telling for one recipient; returns a Screen, or None where there is nothing to say."""
        return self._adds(self.tellings, kind, ANYONE)

    def timed(self, kind: str) -> Callable[[H], H]:
        """A timer that came due: the handler gets the context and the Due."""
        return self._adds(self.timers, kind, ANYONE)

    def job(self, kind: str) -> Callable[[H], H]:
        """A job's result: the handler gets the context and the Finished."""
        return self._adds(self.jobs, kind, ANYONE)

    def form(self, form: Form[C]) -> Form[C]:
        if form.name in self.forms:
            raise ConfigError(f"two forms named {form.name}")
        self.forms[form.name] = form
        return form

    def hook(self, moment: str) -> Callable[[H], H]:
        """A handler for one of the dialogue's own moments: "first", "quoted", "said", "edited", "came", "left", …"""

        def add(handler: H) -> H:
            self.hooks.setdefault(moment, []).append(handler)
            return handler

        return add

    def join(self, *others: "Router[C]") -> "Router[C]":
        """One router out of many; a name used twice stops the start."""
        for other in others:
            for mine, theirs in zip(self._tables(), other._tables(), strict=True):
                if twice := mine.keys() & theirs.keys():
                    raise ConfigError(f"router {other.name}: {', '.join(sorted(twice))} exists already")
                mine.update(theirs)
            for moment, handlers in other.hooks.items():
                self.hooks.setdefault(moment, []).extend(handlers)
        return self

    def _tables(self) -> tuple[dict[str, Any], ...]:
        return (self.commands, self.actions, self.group_commands, self.group_actions, self.links, self.tellings,
                self.timers, self.jobs, self.forms)  # fmt: skip

    def _adds(
        self,
        table: dict[str, Route],
        name: str,
        who: StrEnum | tuple[StrEnum, ...] | None,
        *,
        about: Message | None = None,
        by_yes: bool = True,
    ) -> Callable[[H], H]:
        audience = who or self.who
        if audience is None:
            raise ConfigError(f"router {self.name}: {name} does not say who may use it")
        roles = frozenset(audience if isinstance(audience, tuple) else (audience,))

        def add(handler: H) -> H:
            if name in table:
                raise ConfigError(f"router {self.name}: {name} exists already")
            table[name] = Route(name, handler, roles, about, by_yes, _arguments(handler))
            return handler

        return add


def _arguments(handler: Handler) -> range:
    """Without the context, which comes first."""
    parameters = signature(handler).parameters.values()
    places = [one for one in parameters if one.kind is Parameter.POSITIONAL_OR_KEYWORD]
    needed = sum(one.default is Parameter.empty for one in places)
    takes_any = any(one.kind is Parameter.VAR_POSITIONAL for one in parameters)
    return range(needed - 1, sys.maxsize if takes_any else len(places))


def visible_commands(router: Router[Any], roles: Iterable[StrEnum]) -> Mapping[str, Message]:
    """The commands with a menu line that somebody with these roles may use."""
    held = set(roles)
    return {name: route.about for name, route in router.commands.items() if route.about and route.admits(held)}


def own_commands(router: Router[Any], roles: Iterable[StrEnum]) -> Mapping[str, Message]:
    """The same without what everybody may use."""
    return {name: about for name, about in visible_commands(router, roles).items()
            if ANYONE not in router.commands[name].roles}  # fmt: skip
