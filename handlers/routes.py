"""All capabilities as one router. The order is the order in which free words are tried."""

from handlers.context import Router
from handlers.officials import approvals, day, figures, groups, guarding, names, notices, passing, queue, roles, writing
from handlers.residents import (
    albums,
    cases,
    consent,
    danger,
    drafts,
    edits,
    human,
    letters,
    matters,
    menu,
    own_data,
    policies,
    reading,
    sealed,
    subscriptions,
    tidy,
)
from handlers.timed import alarms, digest, reminders, retention, tellings
from handlers.timed import notices as moments


def all_routes() -> Router:
    return Router("huiyin").join(
        approvals.router,
        notices.router,
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
        letters.router,
        cases.router,
        subscriptions.router,
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
        moments.router,
    )
