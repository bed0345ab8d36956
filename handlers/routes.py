"""All capabilities as one router. The order is the order in which free words are tried."""

from handlers.context import Router
from handlers.officials import day, figures, groups, guarding, names, passing, queue, roles, writing
from handlers.residents import (
    albums,
    cases,
    consent,
    danger,
    drafts,
    edits,
    human,
    matters,
    menu,
    own_data,
    policies,
    reading,
    sealed,
    tidy,
)
from handlers.timed import alarms, digest, reminders, retention, tellings


def all_routes() -> Router:
    return Router("huiyin").join(
        writing.router,
        passing.router,
        figures.router,
        roles.router,
        groups.router,
        names.router,
        day.router,
        queue.router,
        guarding.router,
        reading.router,
        sealed.router,
        cases.router,
        menu.router,
        consent.router,
        human.router,
        albums.router,
        edits.router,
        policies.router,
        matters.router,
        drafts.router,
        tidy.router,
        danger.router,
        reminders.router,
        digest.router,
        tellings.router,
        own_data.router,
        retention.router,
        alarms.router,
    )
