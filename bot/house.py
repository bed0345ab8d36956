"""The house from content and settings: departments, policies, words, rules. It opens no database."""

from collections.abc import Mapping
from datetime import time

from bot.config import Settings
from bot.identity import Identity
from bot.ids import Ids
from bot.office.calendar import load_calendar
from bot.office.cases.acts import Bounds, Means
from bot.office.departments import read_departments
from bot.office.emergencies import read_emergencies
from bot.office.notices.directory import read_directory
from bot.office.office import House
from bot.office.policies.service import read_policies
from bot.office.retention import Retention
from bot.office.understanding import read_understanding
from bot.outside import Outside, new_ids
from bot.sealing import Keys
from bot.words import Message, read_words


def read_house(
    settings: Settings, keys: Keys, outside: Outside, platforms: Mapping[str, Message],
    companies: Mapping[str, Message] | None = None, *, ids: Ids | None = None,
) -> House:  # fmt: skip
    """Everything in content and settings; a faulty file stops the start and is named."""
    content, office = settings.content.folder, settings.office
    words = read_words(content / "locale", office.language, office.zone)
    departments = read_departments(content / "departments.toml", content / "categories.toml")
    calendar = load_calendar(content / "calendar", office.zone, _hour(office.opens), _hour(office.closes))
    understanding = read_understanding(content / "understanding", office.language)
    ids = ids or new_ids(outside)
    limits = settings.limits
    bounds = Bounds(limits.matters_a_day, limits.files_a_case, limits.additions_a_case)
    return House(
        name=office.name,
        zone=office.zone,
        language=office.language,
        calendar=calendar,
        policies=read_policies(content / "policies", office.language),
        departments=departments,
        understand=understanding.understand,
        danger_in=understanding.danger,
        read_command=understanding.read_command,
        command_words=understanding.command_words,
        days_in=understanding.days_in,
        accused_in=understanding.accused,
        asks_whether_known=understanding.asks_whether_known,
        privacy_in=understanding.privacy,
        means=Means(ids, outside.random, keys.content, keys.lookup, calendar, departments, bounds),
        identity=Identity(keys.identity),
        words=words,
        emergencies=read_emergencies(content / "emergency", office.language, understanding.dangers),
        platforms=platforms,
        directory=read_directory(content / "areas.toml", content / "topics.toml"),
        retention=Retention(**settings.retention.model_dump()),
        companies=companies if companies is not None else {},
        duty_phone=office.duty_phone,
        outside_phone=office.outside_phone,
    )


def _hour(text: str) -> time:
    hours, minutes = text.split(":")
    return time(int(hours), int(minutes))
