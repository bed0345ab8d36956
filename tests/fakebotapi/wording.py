"""Texts and their entities as the server checks them; it never shortens what is too long.

Source: tdlib/td, MessageEntity.cpp (fix_entities, fix_formatted_text); https://core.telegram.org/bots/api#messageentity.
"""

import re
from typing import Any

from tests.fakebotapi.chats import Json
from tests.fakebotapi.html import parse_html
from tests.fakebotapi.hub import Hub
from tests.fakebotapi.query import Query
from tests.fakebotapi.refusals import bad

LONGEST_TEXT, LONGEST_CAPTION = 4096, 1024  # UTF-16 code units
MOST_ENTITIES = 100
KINDS = frozenset(
    [
        "mention",
        "hashtag",
        "cashtag",
        "bot_command",
        "url",
        "email",
        "phone_number",
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "spoiler",
        "blockquote",
        "expandable_blockquote",
        "code",
        "pre",
        "text_link",
        "text_mention",
        "custom_emoji",
        "date_time",
    ]
)
_TAKEN_AWAY = re.compile("[\x00-\x08\x0b-\x1f\u2028-\u202e]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FOUND = re.compile(
    r"(?P<bot_command>(?<![\w/])/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?)|(?P<url>https?://\S+)|(?P<mention>(?<!\w)@\w{4,32})"
    r"|(?P<hashtag>(?<!\w)#\w+)"
)


def units(text: str) -> int:
    """Length in UTF-16 code units, as the Bot API counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def words(hub: Hub, query: Query, name: str = "text") -> Json:
    """A text or caption as the message shows it, with its entities; {} where there is none."""
    return formatted(hub, query.values.get(name), query, name)


def formatted(hub: Hub, text: Any, query: Query, name: str) -> Json:
    caption = name == "caption"
    if not caption and not text:
        raise bad("message text is empty")
    if not text:
        return {}
    if not isinstance(text, str):
        text = str(text)
    if _SURROGATE.search(text):
        raise bad("strings must be encoded in UTF-8")
    parse_mode = query.text("parse_mode").lower()
    given = query.structure("caption_entities" if caption else "entities")
    if parse_mode == "html":
        text, given = parse_html(text)
    elif parse_mode:
        hub.complain(f"{query.method}: parse_mode {parse_mode} is not read here, the markup stays in the text")
    if _TAKEN_AWAY.search(text):
        hub.complain(f"{query.method}: {name} holds characters that the server takes away")
        text = _TAKEN_AWAY.sub(lambda found: " " if found[0] < " " and found[0] != "\r" else "", text)
    entities = _checked(hub, query.method, text, given) if given else []
    shown, entities = _trimmed(text, entities)
    if not shown and not caption:
        raise bad("text must be non-empty")
    if units(shown) > (LONGEST_CAPTION if caption else LONGEST_TEXT):
        raise bad("message caption is too long" if caption else "message is too long")
    found: Json = {name: shown} if shown else {}
    if entities:
        found["caption_entities" if caption else "entities"] = entities
    return found


def noticed(text: str) -> list[Json]:
    """The entities that Telegram finds by itself in what people type."""
    return [
        {"type": found.lastgroup, "offset": units(text[: found.start()]), "length": units(found[0])}
        for found in _FOUND.finditer(text)
    ]


def _checked(hub: Hub, method: str, text: str, given: Any) -> list[Json]:
    if not isinstance(given, list):
        raise bad("can't parse entities: expected an Array")
    if len(given) > MOST_ENTITIES:
        hub.complain(f"{method}: {len(given)} entities, those beyond {MOST_ENTITIES} are ignored")
    encoded = text.encode("utf-16-le")
    return [_entity(hub, method, encoded, entity) for entity in given[:MOST_ENTITIES]]


def _entity(hub: Hub, method: str, encoded: bytes, entity: Any) -> Json:
    if not isinstance(entity, dict) or not {"type", "offset", "length"} <= entity.keys():
        raise bad("can't parse MessageEntity: expected an Object with type, offset and length")
    kind, offset, length = entity["type"], entity["offset"], entity["length"]
    if kind not in KINDS:
        raise bad("can't parse MessageEntity: Unsupported type specified")
    if kind == "text_link" and not entity.get("url"):
        raise bad("can't parse MessageEntity: Can't find field \"url\"")
    end = offset + length
    fault = ""
    if offset < 0 or length <= 0 or end * 2 > len(encoded):
        fault = f"ends after the end of the text at UTF-16 offset {len(encoded) // 2}"
    elif _splits(encoded, offset) or _splits(encoded, end):
        fault = "begins or ends in a middle of a UTF-16 symbol"
    if fault:
        hub.complain(f"{method}: entity {kind} at {offset}+{length} {fault}")
        raise bad(f"entity beginning at UTF-16 offset {offset} {fault}")
    return dict(entity)


def _splits(encoded: bytes, at: int) -> bool:
    """Whether the place is between the halves of a pair."""
    return at * 2 + 1 < len(encoded) and 0xDC <= encoded[at * 2 + 1] <= 0xDF


def _trimmed(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """Without white space at both ends; entities move along and shrink, empty ones go."""
    shown = text.strip(" \n\t")
    if shown == text or not entities:
        return shown, entities
    begin = units(text[: len(text) - len(text.lstrip(" \n\t"))])
    length = units(shown)
    kept = []
    for entity in entities:
        start = max(0, entity["offset"] - begin)
        end = min(length, entity["offset"] + entity["length"] - begin)
        if end > start:
            kept.append(entity | {"offset": start, "length": end - start})
    return shown, kept
