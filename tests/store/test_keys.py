"""The three keys: their file, what sealing keeps apart, and how chats become lanes."""

import errno
import json
import os
import random
import stat
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.identity import Identity
from bot.ids import Ids
from bot.sealing import KeysExist, Lookup, SealBroken, Sealer, make_keys, read_keys
from bot.store import facts
from bot.store.writer import Writer
from tests.rig import FakeClock

KEY, OTHER_KEY = bytes(range(32)), bytes(32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys"


# --- the file ---


def test_a_new_key_file_is_for_its_owner_alone(file: Path) -> None:
    make_keys(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_existing_key_file_is_never_touched(file: Path) -> None:
    make_keys(file)
    before = file.read_bytes()
    with pytest.raises(ConfigError, match=r"security\.key_file"):
        make_keys(file)
    assert file.read_bytes() == before


def test_nobody_ever_reads_half_a_key_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several processes that start at once some read while one writes; and one may die while it does."""
    seen: list[bool] = []
    sync = os.fsync

    def looked_at(handle: int) -> None:
        seen.append(file.exists())
        sync(handle)

    monkeypatch.setattr(os, "fsync", looked_at)
    make_keys(file)
    assert seen == [False, True]  # what it holds is on the disk before its name is, and the name before it is used
    assert list(file.parent.iterdir()) == [file]


def test_a_key_file_that_cannot_be_written_leaves_nothing_behind(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        make_keys(file)
    assert list(file.parent.iterdir()) == []


def test_a_disk_without_second_names_for_a_file_holds_keys_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAT and many network shares know no hard links (link(2): EPERM), and some no sync of a folder (EINVAL)."""
    sync = os.fsync

    def unlinked(_draft: Path, _path: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    def of_files(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(handle)

    monkeypatch.setattr(os, "link", unlinked)
    monkeypatch.setattr(os, "fsync", of_files)
    made = make_keys(file)
    assert read_keys(file).fingerprint == made.fingerprint
    assert list(file.parent.iterdir()) == [file]
    with pytest.raises(KeysExist):
        make_keys(file)
    assert read_keys(file).fingerprint == made.fingerprint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_may_read_stops_the_start(file: Path, mode: int) -> None:
    make_keys(file)
    file.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_keys(file)


def test_a_missing_key_file_stops_the_start_and_is_not_made_anew(file: Path) -> None:
    with pytest.raises(ConfigError, match="is missing"):
        read_keys(file)
    assert not file.exists()


@pytest.mark.parametrize("words", ["", "{}", "[]", "null", '"keys"', "{", '{"content": 1, "identity": 2, "lookup": 3}',
                                   '{"content": "?", "identity": "?", "lookup": "?"}'])  # fmt: skip
def test_a_file_that_holds_no_keys_stops_the_start(file: Path, words: str) -> None:
    file.touch(0o600)
    file.write_text(words)
    with pytest.raises(ConfigError, match="not a key file"):
        read_keys(file)


def test_a_file_of_other_bytes_stops_the_start(file: Path) -> None:
    file.touch(0o600)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not a key file"):
        read_keys(file)


def test_a_key_of_the_wrong_length_stops_the_start(file: Path) -> None:
    make_keys(file)
    stored = json.loads(file.read_text())
    file.write_text(json.dumps(stored | {"lookup": "AAAA"}))
    with pytest.raises(ConfigError, match="wrong length"):
        read_keys(file)


def test_a_folder_in_place_of_the_key_file_stops_the_start(file: Path) -> None:
    file.mkdir(mode=0o700)
    with pytest.raises(ConfigError, match=r"security\.key_file"):
        read_keys(file)


def test_the_same_file_gives_the_same_keys(file: Path) -> None:
    made, read = make_keys(file), read_keys(file)
    assert read.content.open(made.content.seal(b"words", b"outbox"), b"outbox") == b"words"
    assert read.lookup.digest("chat", "1") == made.lookup.digest("chat", "1")
    assert read.fingerprint == made.fingerprint


def test_the_three_keys_of_one_file_differ(file: Path) -> None:
    stored = json.loads((make_keys(file), file.read_text())[1])
    assert len(set(stored.values())) == 3


def test_keys_show_nothing_of_themselves(file: Path) -> None:
    keys = make_keys(file)
    assert not any(secret in repr(keys) + str(keys) for secret in json.loads(file.read_text()).values())


def test_keys_that_do_not_fit_the_database_stop_the_start(writer: Writer) -> None:
    writer.run(lambda tx: facts.open_run(tx, "one"))
    with pytest.raises(ConfigError, match="not the keys"):
        writer.run(lambda tx: facts.open_run(tx, "another"))


def test_each_run_has_its_own_number_and_knows_how_the_last_one_ended(writer: Writer) -> None:
    assert writer.run(lambda tx: facts.open_run(tx, "one")) == (1, True)
    assert writer.run(lambda tx: facts.open_run(tx, "one")) == (2, False)
    writer.run(facts.close_run)
    assert writer.run(lambda tx: facts.open_run(tx, "one")) == (3, True)


# --- sealing ---


def test_what_is_sealed_for_one_purpose_cannot_be_opened_as_another() -> None:
    sealed = Sealer(KEY).seal("楼道灯坏了".encode(), b"case")
    assert Sealer(KEY).open(sealed, b"case").decode() == "楼道灯坏了"
    with pytest.raises(SealBroken):
        Sealer(KEY).open(sealed, b"outbox")


def test_another_key_opens_nothing() -> None:
    with pytest.raises(SealBroken):
        Sealer(OTHER_KEY).open(Sealer(KEY).seal(b"words", b"case"), b"case")


def test_a_changed_byte_breaks_the_seal() -> None:
    sealed = Sealer(KEY).seal(b"words", b"case")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(SealBroken):
            Sealer(KEY).open(bytes(changed), b"case")


def test_what_was_cut_off_breaks_the_seal() -> None:
    sealed = Sealer(KEY).seal(b"words", b"case")
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            Sealer(KEY).open(sealed[:length], b"case")


def test_the_same_words_are_never_sealed_alike() -> None:
    assert Sealer(KEY).seal(b"words", b"case") != Sealer(KEY).seal(b"words", b"case")


def test_a_sealed_chat_cannot_be_opened_as_a_name() -> None:
    identity = Identity(Sealer(KEY))
    assert identity.open_chat(identity.seal_chat("100")) == "100"
    assert identity.open_name(identity.seal_name("王\ud800秀英")) == "王?秀英"
    with pytest.raises(SealBroken):
        identity.open_name(identity.seal_chat("100"))


# --- lookup ---


def test_a_lane_is_a_positive_63_bit_number() -> None:
    lanes = [Lookup(KEY).lane("telegram:1", str(chat)) for chat in range(2000)]
    assert all(0 <= lane < 2**63 for lane in lanes)
    assert len(set(lanes)) == len(lanes)
    assert max(Counter(lane >> 60 for lane in lanes).values()) < 400  # eight parts of about 250


def test_one_chat_on_two_channels_has_two_lanes() -> None:
    assert Lookup(KEY).lane("telegram:1", "5") != Lookup(KEY).lane("telegram:2", "5")


def test_lanes_say_nothing_without_the_key() -> None:
    assert Lookup(KEY).lane("telegram:1", "5") != Lookup(OTHER_KEY).lane("telegram:1", "5")


def test_a_digest_depends_on_its_purpose_and_on_where_its_parts_end() -> None:
    digest = Lookup(KEY).digest
    assert len({digest("chat", "ab", "c"), digest("chat", "a", "bc"), digest("code", "ab", "c")}) == 3


def test_half_a_surrogate_pair_has_a_digest() -> None:
    assert len(Lookup(KEY).digest("chat", "\ud800")) == 32


# --- ids ---


def test_ids_sort_by_time_and_never_repeat(ids: Ids, clock: FakeClock) -> None:
    made = []
    for _second in range(50):
        made += [ids() for _ in range(20)]
        clock.advance(seconds=1)
    assert made == sorted(set(made))
    assert all(0 < id_ < 2**63 for id_ in made)


def test_ids_go_on_above_what_an_earlier_run_made() -> None:
    ids, ahead = Ids(lambda: 1_800_000_000_000, random.Random(1)), Ids(lambda: 1_800_003_600_000, random.Random(2))
    last = ahead()
    ids.go_on_above(last)
    assert last < ids() < ids()
    unbothered = Ids(lambda: 1_800_000_000_000, random.Random(1))
    unbothered.go_on_above(last >> 1)
    assert unbothered() == Ids(lambda: 1_800_000_000_000, random.Random(1))()
    unbothered.go_on_above(2**63 - 1)  # no clock can have made it
    assert unbothered() < last


def test_ids_of_two_processes_never_meet(clock: FakeClock) -> None:
    """The same milliseconds, the same chance: only their marks tell them apart, however many they make."""
    milliseconds = int(clock.now().timestamp() * 1000)
    made = set()
    for run in (57, 58):
        ids = Ids(lambda: milliseconds, random.Random(7))
        ids.mark(run)
        made |= {ids() for _ in range(50_000)}
    assert len(made) == 100_000


def test_ids_follow_those_of_a_machine_whose_clock_is_fast(ids: Ids, clock: FakeClock) -> None:
    other = Ids(lambda: int(clock.now().timestamp() * 1000) + 5000, random.Random(3))
    theirs = [other() for _ in range(3)]
    ids.follow(theirs[-1])
    assert ids() > theirs[-1]


def test_ids_go_on_growing_when_the_clock_is_set_back(ids: Ids, clock: FakeClock) -> None:
    before = ids()
    clock.advance(hours=-1)
    assert ids() > before


def test_no_nonce_is_used_twice_whichever_thread_seals() -> None:
    sealer = Sealer(KEY)

    def sealed(_thread: int) -> list[bytes]:
        return [sealer.seal(b"words", b"purpose") for _each in range(2000)]

    with ThreadPoolExecutor(4) as threads:
        found = [one for many in threads.map(sealed, range(4)) for one in many]
    assert len({one[:12] for one in found}) == 8000
    assert {sealer.open(one, b"purpose") for one in found} == {b"words"}
