"""Files both ways."""

import io
import json
from typing import Any

import aiohttp
import pytest

from tests.fakebotapi import FakeBotApi, ManualClock, Person
from tests.fakebotapi.conftest import Client

pytestmark = pytest.mark.sockets

JPEG = b"\xff\xd8\xff" + b"picture" * 10
MEGABYTE = 1024 * 1024


@pytest.fixture
def alice(api: FakeBotApi) -> Person:
    alice = api.person("Alice")
    alice.starts()
    return alice


async def uploaded(client: Client, method: str, files: dict[str, bytes], **words: Any) -> dict[str, Any]:
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    for name, value in words.items():
        form.add_field(name, value if isinstance(value, str) else json.dumps(value))
    for name, data in files.items():
        form.add_field(name, io.BytesIO(data), filename=f"{name}.bin", content_type="application/octet-stream")
    async with client.session.post(f"{client.api.base_url}{client.api.token}/{method}", data=form) as answer:
        found: dict[str, Any] = await answer.json()
    return found


async def test_what_people_send_can_be_fetched_for_an_hour(
    api: FakeBotApi, client: Client, alice: Person, clock: ManualClock
) -> None:
    alice.sends_photo(JPEG, "楼道")
    alice.sends_document(b"%PDF", "诉求.pdf", "application/pdf", reply_to=alice.messages[0])
    alice.sends_voice(duration=7)
    photo, document, voice = [update["message"] for update in (await client.updates())[1:]]
    assert photo["caption"] == "楼道"
    assert [size["width"] for size in photo["photo"]] == [90, 320, 1280]
    assert document["document"]["file_name"] == "诉求.pdf"
    assert document["reply_to_message"]["text"] == "/start"
    assert (voice["voice"]["duration"], voice["voice"]["mime_type"]) == (7, "audio/ogg")
    found = await client.asked("getFile", file_id=photo["photo"][-1]["file_id"])
    url = f"{api.base_file_url}{api.token}/{found['file_path']}"
    async with client.session.get(url) as answer:
        assert await answer.read() == JPEG
    clock.advance(3601)
    async with client.session.get(url) as answer:
        assert answer.status == 404


async def test_a_file_over_20_mb_cannot_be_fetched(api: FakeBotApi, client: Client, alice: Person) -> None:
    sent = alice.sends_document(b"large", size=20 * MEGABYTE + 1)
    assert await client.refused("getFile", file_id=sent.file_id) == (400, "Bad Request: file is too big")
    assert await client.refused("getFile", file_id="nothing") == (400, "Bad Request: invalid file_id")


async def test_a_file_id_belongs_to_one_bot(api: FakeBotApi, client: Client, alice: Person) -> None:
    sent = alice.sends_document(b"x")
    other = api.bot("654321:TEST-another_TOKEN-of-nobody_abcdefg")
    found = await client.call("getFile", token=other.token, file_id=sent.file_id)
    assert found["description"] == "Bad Request: invalid file_id"


@pytest.mark.parametrize("kind", ["photo", "document", "voice", "audio", "video"])
async def test_files_go_up_and_again_by_their_id(api: FakeBotApi, client: Client, alice: Person, kind: str) -> None:
    method = f"send{kind.title()}"
    found = await uploaded(client, method, {kind: JPEG}, chat_id=str(alice.id), caption="说明")
    assert found["ok"], found
    shown = alice.screen
    assert shown is not None
    assert (shown.kind, shown.text, alice.file(shown)) == (kind, "说明", JPEG)
    again = await client.asked(method, chat_id=alice.id, **{kind: shown.file_id})
    assert kind in again
    assert api.journal.calls(method)[0].parameters[kind]["size"] == len(JPEG)
    assert api.complaints == []


async def test_uploads_refused(client: Client, alice: Person) -> None:
    async def refusal(method: str, name: str, data: bytes, **words: Any) -> tuple[int, str]:
        found = await uploaded(client, method, {name: data}, chat_id=str(alice.id), **words)
        return found["error_code"], found["description"].removeprefix("Bad Request: ")

    assert await refusal("sendDocument", "document", b"x" * (50 * MEGABYTE + 1)) == (413, "Request Entity Too Large")
    assert await refusal("sendDocument", "document", b"x" * (65 * MEGABYTE)) == (413, "Request Entity Too Large")
    too_big = "file of size 10485761 bytes is too big for a photo; the maximum size is 10485760 bytes"
    assert await refusal("sendPhoto", "photo", b"\xff\xd8" + b"x" * (10 * MEGABYTE - 1)) == (400, too_big)
    assert await refusal("sendPhoto", "photo", b"no picture") == (400, "IMAGE_PROCESS_FAILED")
    assert await refusal("sendDocument", "document", b"") == (400, "file must be non-empty")
    assert await refusal("sendDocument", "other", b"x") == (400, "there is no document in the request")
    assert await refusal("sendPhoto", "photo", JPEG, caption="字" * 1025) == (400, "message caption is too long")
    assert alice.received == []
    document = alice.sends_document(b"x")
    wrong = await client.refused("sendPhoto", chat_id=alice.id, photo=document.file_id)
    assert wrong == (400, "Bad Request: can't use file of type Document as Photo")
    wrong = await client.refused("sendPhoto", chat_id=alice.id, photo="AgAC-unknown")
    assert wrong == (400, "Bad Request: wrong file identifier/HTTP URL specified")


async def test_an_album_goes_up_whole(api: FakeBotApi, client: Client, alice: Person) -> None:
    media = [{"type": "photo", "media": f"attach://f{n}", "caption": str(n)} for n in range(3)]
    files = {f"f{n}": JPEG + bytes([n]) for n in range(3)}
    found = await uploaded(client, "sendMediaGroup", files, chat_id=str(alice.id), media=media)
    assert len({message["media_group_id"] for message in found["result"]}) == 1
    assert [message.text for message in alice.received] == ["0", "1", "2"]
    assert alice.file(alice.received[2]) == files["f2"]


@pytest.mark.parametrize("kinds", [["photo"], ["photo"] * 11, ["photo", "document"], ["photo", "sticker"]])
async def test_albums_refused(client: Client, alice: Person, kinds: list[str]) -> None:
    media = [{"type": kind, "media": "attach://f"} for kind in kinds]
    found = await uploaded(client, "sendMediaGroup", {"f": JPEG}, chat_id=str(alice.id), media=media)
    assert found["error_code"] == 400
    assert alice.received == []


async def test_people_send_albums_as_separate_messages(client: Client, alice: Person) -> None:
    alice.sends_album([JPEG, JPEG], "两张")
    first, second = [update["message"] for update in (await client.updates())[1:]]
    assert first["media_group_id"] == second["media_group_id"]
    assert (first["caption"], "caption" in second) == ("两张", False)


async def test_media_and_captions_can_be_edited(client: Client, alice: Person) -> None:
    sent = (await uploaded(client, "sendPhoto", {"photo": JPEG}, chat_id=str(alice.id), caption="a"))["result"]
    where = {"chat_id": alice.id, "message_id": sent["message_id"]}
    await client.asked("editMessageCaption", **where, caption="b")
    refused = await client.refused("editMessageText", **where, text="b")
    assert refused == (400, "Bad Request: there is no text in the message to edit")
    new = {"type": "document", "media": "attach://d"}
    await uploaded(client, "editMessageMedia", {"d": b"new"}, chat_id=str(alice.id), media=new,
                   message_id=str(sent["message_id"]))  # fmt: skip
    assert alice.screen is not None
    assert (alice.screen.kind, alice.screen.text, alice.file(alice.screen)) == ("document", "", b"new")


async def test_odd_things_have_the_real_shape(client: Client, alice: Person) -> None:
    alice.sends_sticker()
    alice.sends_video(b"v", duration=4)
    alice.sends_contact("+8612345")
    alice.sends_location(31.0, 121.0)
    alice.forwards(alice.says("原话"), hidden="某人")
    messages = [update["message"] for update in (await client.updates())[1:]]
    sticker, video, contact, location, _said, forwarded = messages
    assert sticker["sticker"]["type"] == "regular"
    assert video["video"]["duration"] == 4
    assert "user_id" not in contact["contact"]
    assert location["location"]["latitude"] == 31.0
    assert forwarded["forward_origin"]["sender_user_name"] == "某人"
