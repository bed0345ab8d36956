"""What `huiyin check` looks at: settings, keys and all content, before residents stumble over them."""

from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy.exc import DBAPIError

from bot.config import Settings
from bot.errors import ConfigError
from bot.house import read_house
from bot.office.office import House
from bot.office.people.records import manned
from bot.outside import Outside
from bot.sealing import Keys, Lookup, Sealer, read_keys
from bot.store.engine import file_of, read_url, watching_engine

SOON = timedelta(days=90)  # before the end of a year, when the days off of the next are announced


def check_everything(settings: Settings) -> list[str]:
    """Raises ConfigError for what would stop the start; warns of what would only go wrong later."""
    _check_places(settings)
    if settings.telegram is not None:
        settings.telegram.read_token()
    nothing = bytes(32)
    house = read_house(settings, Keys(Sealer(nothing), Sealer(nothing), Lookup(nothing), "none"), Outside(), {})
    today = Outside().clock.now().astimezone(house.zone).date()
    sections = house.policies.sections(house.language, today)
    if not house.departments.slugs:
        raise ConfigError(f"{settings.content.folder}/departments.toml: no department")
    return [
        *_unmanned(settings, house),
        *_calendar(settings, house, today),
        *_pages(settings, house, today),
        f"office: {house.name}, {house.zone.key}, {house.language}",
        f"departments: {', '.join(house.departments.slugs)}",
        f"policies: {sum(len(section.pages) for section in sections)} pages in {len(sections)} sections",
        f"words: {', '.join(house.words.languages)}",
        "no faults found",
    ]


def _check_places(settings: Settings) -> None:
    """Database, keys and folder as far as they can be looked at without making anything; a server is not asked."""
    settings.need_a_channel()
    file, keys, folder = file_of(read_url(settings.database.url)), settings.security.key_file, settings.files.folder
    if keys.exists() or (file is not None and file.exists() and file.stat().st_size > 0):
        read_keys(keys)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"files.folder: {folder} cannot be used: Not a directory")


def _unmanned(settings: Settings, house: House) -> list[str]:
    """A warning for each department in which nobody can take a case; nothing where there is no database yet."""
    url = read_url(settings.database.url)
    file = file_of(url)
    if file is not None and not file.exists():
        return []
    try:
        with watching_engine(url).connect() as connection:
            there = manned(connection)
    except DBAPIError:
        return ["warning: the database cannot be read; who works where was not checked"]
    return [] if None in there else [
        f"warning: nobody can take the cases of {slug}: huiyin invite --role handler --department {slug}"
        for slug in house.departments.slugs if slug not in there
    ]  # fmt: skip


def _calendar(settings: Settings, house: House, today: date) -> Iterator[str]:
    """Limits that reach into a year without its days off are shown as provisional (M17)."""
    for year in sorted({today.year, (today + SOON).year}):
        known = house.calendar.years.get(year)
        if known is None or known.provisional:
            file = settings.content.folder / "calendar" / f"{year}.toml"
            yield f"note: {file}: the days off of {year} are not entered; dates in it are shown as provisional"


def _pages(settings: Settings, house: House, today: date) -> Iterator[str]:
    """A page is answered for by a department that exists, and looked at again when its time has come."""
    folder = settings.content.folder / "policies" / house.policies.default
    for page in house.policies.pages:
        file = folder / page.section / f"{page.slug}.md"
        if page.department not in house.departments.slugs:
            raise ConfigError(f"{file}: department: there is no {page.department} in departments.toml")
        if page.valid_to is not None and page.valid_to < today:
            yield f"warning: {file}: valid_to is over; residents do not see it"
        elif page.review_by < today:
            yield f"warning: {file}: review_by is over; look at it again"
