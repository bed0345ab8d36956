"""Checks what was sent as evidence: by its own bytes, never by its name. Metadata of pictures is taken out; no I/O."""

import io
import zipfile
from dataclasses import dataclass

MAX_BYTES = 20 * 1024 * 1024  # as much as a bot may fetch
MAX_PIXELS = 60_000_000
JPEG_QUALITY = 92

_KINDS = (  # magic bytes, offset, mime, extension, kind
    (b"\xff\xd8\xff", 0, "image/jpeg", "jpg", "photo"),
    (b"\x89PNG\r\n\x1a\n", 0, "image/png", "png", "photo"),
    (b"WEBP", 8, "image/webp", "webp", "photo"),
    (b"OggS", 0, "audio/ogg", "ogg", "voice"),
    (b"ID3", 0, "audio/mpeg", "mp3", "voice"),
    (b"\xff\xfb", 0, "audio/mpeg", "mp3", "voice"),
    (b"\xff\xf3", 0, "audio/mpeg", "mp3", "voice"),
    (b"ftypM4A", 4, "audio/mp4", "m4a", "voice"),
    (b"ftyp", 4, "video/mp4", "mp4", "video"),
    (b"\x1a\x45\xdf\xa3", 0, "audio/webm", "webm", "voice"),
    (b"%PDF-", 0, "application/pdf", "pdf", "document"),
)
_OFFICE = {
    "word/document.xml": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    "xl/workbook.xml": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
}


class Rejected(Exception):
    """Not taken; the message is a reason code: too_large, empty, unknown_kind, damaged, too_many_pixels, macros."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What it is, and the bytes that may be kept. `may_identify`: it can tell who it is from (voice, documents)."""

    kind: str
    mime: str
    extension: str
    clean: bytes
    may_identify: bool


def inspect(data: bytes, claimed_name: str | None = None) -> Inspected:
    """What a file is by its bytes; raises Rejected, and nothing else, whatever the bytes are."""
    if not data:
        raise Rejected("empty")
    if len(data) > MAX_BYTES:
        raise Rejected("too_large")
    for magic, offset, mime, extension, kind in _KINDS:
        if data[offset : offset + len(magic)] == magic:
            clean = _without_metadata(data, extension) if kind == "photo" else data
            return Inspected(kind, mime, extension, clean, kind != "photo")
    if data[:4] == b"PK\x03\x04":
        mime, extension = _office_kind(data)
        return Inspected("document", mime, extension, data, True)
    raise Rejected("unknown_kind")


def _without_metadata(data: bytes, extension: str) -> bytes:
    """The picture drawn anew, turned the right way up, without anything that came with it."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    form = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[extension]
    try:
        with Image.open(io.BytesIO(data), formats=(form,)) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise Rejected("too_many_pixels")
            upright = ImageOps.exif_transpose(picture)
            bare = Image.new(upright.mode, upright.size)
            if upright.mode == "P":
                upright = upright.convert("RGBA")
                bare = Image.new("RGBA", upright.size)
            bare.paste(upright)
            out = io.BytesIO()
            options = {"quality": JPEG_QUALITY} if form in ("JPEG", "WEBP") else {}
            bare.save(out, form, **options)
    except Rejected:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Rejected("damaged") from None
    except Exception:  # a decoder's own fault on hostile bytes
        raise Rejected("damaged") from None
    return out.getvalue()


def _office_kind(data: bytes) -> tuple[str, str]:
    """Which office document a zip is, by its directory alone; it is never unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            names = set(packed.namelist())
    except Exception:
        raise Rejected("damaged") from None
    if any(name.endswith("vbaProject.bin") for name in names):
        raise Rejected("macros")
    for name, found in _OFFICE.items():
        if name in names:
            return found
    raise Rejected("unknown_kind")
