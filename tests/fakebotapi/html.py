"""parse_mode HTML into text and entities; it knows the tags of the Bot API and no others.

Source: https://core.telegram.org/bots/api#html-style.
"""

import html
import re
from typing import Any

from tests.fakebotapi.refusals import bad

_TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler",
    "span": "spoiler", "code": "code", "pre": "pre", "blockquote": "blockquote", "a": "text_link",
    "tg-emoji": "custom_emoji",
}  # fmt: skip
_TOKEN = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)([^<>]*)>|([^<]+)|(<)")
_ATTRIBUTE = re.compile(r"""([\w-]+)\s*(?:=\s*(?:"([^"]*)"|'([^']*)'|(\S+)))?""")


def parse_html(source: str) -> tuple[str, list[dict[str, Any]]]:
    """Text and entities; raises Refusal as the server does."""
    text, entities = "", []
    opened: list[tuple[str, int, dict[str, Any]]] = []
    for token in _TOKEN.finditer(source):
        closing, tag, rest, plain, stray = token.groups()
        at = len(source[: token.start()].encode("utf-8", "replace"))
        if plain is not None:
            text += html.unescape(plain)
        elif stray or tag.lower() not in _TAGS:
            raise bad(f'can\'t parse entities: Unsupported start tag "{(tag or "").lower()}" at byte offset {at}')
        elif not closing:
            opened.append((tag.lower(), _units(text), _entity(tag.lower(), rest)))
        else:
            if not opened or opened[-1][0] != tag.lower():
                raise bad(f"can't parse entities: Unexpected end tag at byte offset {at}")
            _name, offset, entity = opened.pop()
            if length := _units(text) - offset:
                entities.append({**entity, "offset": offset, "length": length})
    if opened:
        raise bad(f"can't parse entities: Can't find end tag corresponding to start tag \"{opened[-1][0]}\"")
    return text, sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def _entity(tag: str, rest: str) -> dict[str, Any]:
    attributes = {found[1].lower(): found[2] or found[3] or found[4] or "" for found in _ATTRIBUTE.finditer(rest)}
    entity: dict[str, Any] = {"type": _TAGS[tag]}
    if tag == "a":
        entity["url"] = html.unescape(attributes.get("href", ""))
    elif tag == "blockquote" and "expandable" in attributes:
        entity["type"] = "expandable_blockquote"
    elif tag == "tg-emoji":
        entity["custom_emoji_id"] = attributes.get("emoji-id", "")
    return entity


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
