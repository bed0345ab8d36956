"""Keys and sealing: what the database holds of people's words is closed with them. It knows no tables."""

import base64
import errno
import hashlib
import hmac
import json
import os
import secrets
import stat
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.disk import settle
from bot.errors import ConfigError, HuiyinError

_NAMES = ("content", "identity", "lookup")
_NONCE, _DRAWN = 12, 256  # bytes; nonces at a time
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)  # FAT, many network shares: a file has one name there


class SealBroken(HuiyinError):
    """Sealed with another key, or changed since."""


class KeysExist(ConfigError):
    """Keys were to be made where there are some."""


class Sealer:
    """AES-256-GCM with one key; `purpose` keeps what was sealed for one use from being opened as another."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._nonces: deque[bytes] = deque()

    def seal(self, data: bytes, purpose: bytes) -> bytes:
        nonce = self._nonce()
        return nonce + self._cipher.encrypt(nonce, data, purpose)

    def open(self, sealed: bytes, purpose: bytes) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose)
        except (InvalidTag, ValueError):  # ValueError: cut off within the nonce
            raise SealBroken(purpose.decode()) from None

    def _nonce(self) -> bytes:
        """Random bytes that are used once; many are fetched at a time, for each fetch asks the kernel."""
        while True:
            try:
                return self._nonces.popleft()  # of two threads each gets its own
            except IndexError:
                drawn = os.urandom(_NONCE * _DRAWN)
                self._nonces.extend(drawn[at : at + _NONCE] for at in range(0, len(drawn), _NONCE))


class Lookup:
    """Finds without storing: keyed hashes of chat ids, codes and the like."""

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(key, digestmod=hashlib.sha256)

    def digest(self, purpose: str, *parts: str) -> bytes:
        """32 bytes; the same parts give the same digest under the same key only."""
        found = self._keyed.copy()  # the key is worked in once, which is half of what such a hash costs
        found.update("\0".join((purpose, *parts)).encode("utf-8", "replace"))
        return found.digest()

    def lane(self, channel: str, chat: str) -> int:
        """A chat's conversation id: positive, 63 bits."""
        return int.from_bytes(self.digest("lane", channel, chat)[:8], "big") >> 1


@dataclass(frozen=True)
class Keys:
    """The three keys of one office. Never in a backup, never in a log."""

    content: Sealer
    identity: Sealer
    lookup: Lookup
    fingerprint: str

    def __repr__(self) -> str:
        return f"Keys({self.fingerprint})"


def read_keys(path: Path) -> Keys:
    """The keys in a file that only its owner may read."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise ConfigError(f"security.key_file: others may read {path}; run chmod 600 on it")
        stored = json.loads(path.read_text("ascii"))
        raw = {name: base64.b64decode(stored[name], validate=True) for name in _NAMES}
    except FileNotFoundError:
        raise ConfigError(
            f"security.key_file: {path} is missing; put back the copy that belongs to this data"
        ) from None
    except OSError as error:
        raise ConfigError(f"security.key_file: cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"security.key_file: {path} is not a key file of this program") from None
    if any(len(key) != 32 for key in raw.values()):
        raise ConfigError(f"security.key_file: {path} holds a key of the wrong length")
    fingerprint = hashlib.sha256(b"".join(raw[name] for name in _NAMES)).hexdigest()[:16]
    return Keys(Sealer(raw["content"]), Sealer(raw["identity"]), Lookup(raw["lookup"]), fingerprint)


def make_keys(path: Path) -> Keys:
    """New keys in a new file with mode 600; an existing file is never touched: KeysExist.

    The file has its name only when it is whole and on the disk. Of several that begin at once one makes it.
    """
    keys = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in _NAMES}
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                json.dump(keys, file)
                file.flush()
                os.fsync(file.fileno())
            _give_name(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        settle(path.parent)  # keys that a loss of power took away would take all data with them
    except FileExistsError:
        raise KeysExist(f"security.key_file: {path} is there already") from None
    except OSError as error:
        raise ConfigError(f"security.key_file: cannot write {path}: {error.strerror}") from None
    return read_keys(path)


def _give_name(draft: Path, path: Path) -> None:
    """Never that of a file that is there: FileExistsError."""
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # the name is ours, and empty for a moment
        os.replace(draft, path)
