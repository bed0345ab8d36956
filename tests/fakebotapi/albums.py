"""sendMediaGroup: 2 to 10 files that belong together; it never sends a part of them.

Source: https://core.telegram.org/bots/api#sendmediagroup.
"""

from typing import Any

from tests.fakebotapi.accounts import Account
from tests.fakebotapi.chats import Json
from tests.fakebotapi.files import media
from tests.fakebotapi.query import Query
from tests.fakebotapi.refusals import bad
from tests.fakebotapi.registry import TO, method
from tests.fakebotapi.sending import deliver, target
from tests.fakebotapi.wording import formatted

SHORTEST, LONGEST = 2, 10
KINDS = frozenset({"photo", "video", "document", "audio"})


@method("sendMediaGroup", TO, "media disable_notification protect_content allow_paid_broadcast message_effect_id "
        "reply_parameters")  # fmt: skip
def send_media_group(account: Account, query: Query) -> list[Json]:
    chat, quoted = target(account, query)
    items = query.structure("media")
    if not isinstance(items, list):
        raise bad("expected an Array of InputMedia")
    if len(items) < SHORTEST:
        raise bad("there are not enough messages to send as an album")  # not the server's very words
    if len(items) > LONGEST:
        raise bad("too many messages to send as an album")
    contents = [content(account, query, item) for item in items]
    kinds = {item["type"] for item in items}
    for alone in ("document", "audio"):
        if alone in kinds and len(kinds) > 1:
            raise bad(f"{alone} can't be mixed with other media types")
    group = account.hub.token_number()
    made = [{**quoted, "media_group_id": group, **each} for each in contents]
    return [message.body for message in deliver(account, query, chat, made)]


def content(account: Account, query: Query, item: Any) -> Json:
    """One InputMedia as it stands in a message; raises Refusal."""
    if not isinstance(item, dict) or "type" not in item:
        raise bad("can't parse InputMedia: Can't find field \"type\"")
    kind = item["type"]
    if kind not in KINDS:
        raise bad("can't parse InputMedia: media type is unsupported")
    found = media(account.hub.files, account.id, query, kind, item.get("media"), most=account.hub.largest_upload)
    own = Query(query.method, item, query.files)
    return {kind: found, **formatted(account.hub, item.get("caption"), own, "caption")}
