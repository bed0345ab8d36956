"""Checks what was sent as evidence by its bytes, never by its name; takes out what pictures tell besides. No I/O."""

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bot.errors import Invalid

if TYPE_CHECKING:
    from PIL import Image

MAX_BYTES = 20 * 1024 * 1024  # as much as a bot may fetch (the Bot API, getFile)
MAX_PIXELS = 60_000_000
JPEG_QUALITIES = (92, 80)  # the second where the first would pass MAX_BYTES
MAX_DIRECTORY = 1024 * 1024  # of an office document: some ten thousand parts

Kind = Literal["photo", "voice", "video", "document"]


class Rejected(Invalid):
    """Not taken: empty, too_large, unknown_kind, damaged, too_many_pixels, macros or heic."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What it is, and the bytes that may be kept. `may_identify`: it can tell who it is from (voice, documents)."""

    kind: Kind
    mime: str
    extension: str
    clean: bytes
    may_identify: bool


@dataclass(frozen=True, slots=True)
class _Format:
    kind: Kind
    mime: str
    extension: str


_JPEG = _Format("photo", "image/jpeg", "jpg")
_PNG = _Format("photo", "image/png", "png")
_WEBP = _Format("photo", "image/webp", "webp")
_OGG = _Format("voice", "audio/ogg", "ogg")
_MP3 = _Format("voice", "audio/mpeg", "mp3")
_AAC = _Format("voice", "audio/aac", "aac")
_WAV = _Format("voice", "audio/wav", "wav")
_M4A = _Format("voice", "audio/mp4", "m4a")
_WEBA = _Format("voice", "audio/webm", "weba")
_WEBM = _Format("video", "video/webm", "webm")
_MP4 = _Format("video", "video/mp4", "mp4")
_MOV = _Format("video", "video/quicktime", "mov")
_PDF = _Format("document", "application/pdf", "pdf")
_OOXML = "application/vnd.openxmlformats-officedocument"
_OFFICE = {
    "word/document.xml": _Format("document", f"{_OOXML}.wordprocessingml.document", "docx"),
    "xl/workbook.xml": _Format("document", f"{_OOXML}.spreadsheetml.sheet", "xlsx"),
}

EXTENSIONS = {
    found.mime: found.extension
    for found in (_JPEG, _PNG, _OGG, _MP3, _AAC, _WAV, _M4A, _WEBA, _WEBM, _MP4, _MOV, _PDF, *_OFFICE.values())
}  # of what is kept, by its type

_MACRO_NAME = re.compile(r"\.(docm|dotm|xlsm|xltm|xlam|xlsb|pptm)\s*$", re.IGNORECASE)
_MACRO_PART = re.compile(r"vbaproject\.bin$|/macrosheets/|/activex/", re.IGNORECASE)
_VIDEO_BRAND = re.compile(rb"iso[2-9m]|mp4[12]|avc1|M4V.|MSNV|dash|3g[p2].", re.DOTALL)
_HEIC_BRAND = re.compile(rb"he[iv][cxms]|mif1|msf1")
_OGG_CODEC = re.compile(rb"OpusHead|\x01vorbis|Speex   ")


def inspect(data: bytes, claimed_name: str | None = None) -> Inspected:
    """What a file is by its bytes; raises Rejected, and nothing else, whatever the bytes are.

    Pictures are drawn anew from their first frame: upright, without metadata, profile or anything that hung on.
    WebP becomes JPEG, or PNG where it is see-through. All else is kept as it came, not opened, and marked.
    HEIC is refused: its place and device could not be taken out; the same picture sent as a photo arrives as JPEG.
    """
    if not data:
        raise Rejected("empty")
    if len(data) > MAX_BYTES:
        raise Rejected("too_large")
    found = _office_document(data, claimed_name) if data[:4] == b"PK\x03\x04" else _format(data)
    if found is None:
        raise Rejected("unknown_kind")
    if found.kind != "photo":
        return Inspected(found.kind, found.mime, found.extension, data, may_identify=True)
    drawn, clean = _drawn_anew(data, found)
    return Inspected(drawn.kind, drawn.mime, drawn.extension, clean, may_identify=False)


def _format(data: bytes) -> _Format | None:
    for magic, found in ((b"\xff\xd8\xff", _JPEG), (b"\x89PNG\r\n\x1a\n", _PNG), (b"ID3", _MP3), (b"%PDF-", _PDF)):
        if data.startswith(magic):
            return found
    if data[4:8] == b"ftyp":
        return _iso_media(data)
    match data[:4]:
        case b"RIFF":
            return {b"WEBP": _WEBP, b"WAVE": _WAV}.get(data[8:12])
        case b"OggS":
            return _OGG if _OGG_CODEC.search(data[:64]) else None
        case b"\x1a\x45\xdf\xa3":
            return _webm(data)
    return _audio_frame(data[:4])


def _iso_media(data: bytes) -> _Format | None:
    """MP4 and its kin by the brand in the first box (ISO/IEC 14496-12)."""
    brand = data[8:12]
    if _HEIC_BRAND.fullmatch(brand):
        raise Rejected("heic")
    if not 16 <= int.from_bytes(data[:4], "big") <= len(data):
        return None
    if brand in (b"M4A ", b"M4B "):
        return _M4A
    if brand == b"qt  ":
        return _MOV
    if not _VIDEO_BRAND.fullmatch(brand):
        return None
    # Recorders of voice use the video brands too: then no track is handled as "vide".
    return _M4A if b"\0\0\0\0soun" in data and b"\0\0\0\0vide" not in data else _MP4


def _webm(data: bytes) -> _Format | None:
    if b"webm" not in data[:64]:
        return None
    return _WEBM if re.search(rb"V_(?:VP[89]|AV1|MPEG)", data[:65536]) else _WEBA


def _audio_frame(head: bytes) -> _Format | None:
    """MP3 and AAC without a container begin with the header of a frame."""
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0 and head[2] >> 2 & 0xF < 13:  # ADTS, a known sampling rate
        return _AAC
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    is_mp3 = head[1] >= 0xE0 and version != 1 and layer == 1 and 0 < bitrate < 15 and rate != 3
    return _MP3 if is_mp3 else None


def _office_document(data: bytes, claimed_name: str | None) -> _Format | None:
    """Which office document a zip is, by the names of its parts; no part is unpacked."""
    if claimed_name is not None and _MACRO_NAME.search(claimed_name):
        raise Rejected("macros")
    names = _part_names(data)
    if any(_MACRO_PART.search(name) for name in names):
        raise Rejected("macros")
    if "[Content_Types].xml" not in names:
        return None
    return next((found for part, found in _OFFICE.items() if part in names), None)


def _part_names(data: bytes) -> frozenset[str]:
    """The directory of a zip that is nothing but a zip: nothing before or behind it, and a directory of modest size."""
    import zipfile

    end = data[-22:]  # without a comment: office programs write none
    size, offset = int.from_bytes(end[12:16], "little"), int.from_bytes(end[16:20], "little")
    if end[:4] != b"PK\x05\x06" or data[-42:-38] == b"PK\x06\x07" or size + offset + 22 != len(data):
        raise Rejected("damaged")
    if size > MAX_DIRECTORY:
        raise Rejected("too_large")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            return frozenset(packed.namelist())
    except Exception:  # whatever the directory's reader makes of hostile bytes
        raise Rejected("damaged") from None


def _drawn_anew(data: bytes, found: _Format) -> tuple[_Format, bytes]:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    decoder = {_JPEG: "JPEG", _PNG: "PNG", _WEBP: "WEBP"}[found]
    try:
        with Image.open(io.BytesIO(data), formats=(decoder,)) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise Rejected("too_many_pixels")
            picture.load()
            return _encoded(_upright(picture), found)
    except Rejected:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Rejected("too_many_pixels") from None
    except Exception:  # a decoder's own fault on hostile bytes
        raise Rejected("damaged") from None


def _upright(picture: "Image.Image") -> "Image.Image":
    """Turned as its orientation says, since nobody can read that afterwards."""
    from PIL.Image import Transpose

    turns: dict[object, Transpose] = {
        2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM, 5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
    }  # fmt: skip
    try:
        turn = turns.get(picture.getexif().get(0x0112))
    except Exception:  # a broken EXIF block; the picture itself was read
        return picture
    return picture if turn is None else picture.transpose(turn)


def _encoded(picture: "Image.Image", source: _Format) -> tuple[_Format, bytes]:
    """One picture and nothing else; the encoders would carry over what stands in `info`."""
    see_through = picture.has_transparency_data
    mode = "RGBA" if see_through else {"1": "L", "L": "L", "I;16": "I;16"}.get(picture.mode, "RGB")
    bare = picture if picture.mode == mode else picture.convert(mode)
    bare.info = {}
    target = _PNG if source == _PNG or see_through else _JPEG
    for quality in JPEG_QUALITIES:
        out = io.BytesIO()
        if target == _JPEG:
            bare.save(out, "JPEG", quality=quality)
        else:
            bare.save(out, "PNG")
        if out.tell() <= MAX_BYTES:
            return target, out.getvalue()
        if target == _PNG:
            break
    raise Rejected("too_large")
