"""Only allowed kinds get in, and pictures leave their place, device and passengers behind (T10)."""

import io
import subprocess
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from bot.office.cases import evidence
from bot.office.cases.evidence import MAX_BYTES, MAX_PIXELS, Inspected, Rejected, inspect

CANARY = b"CANARY-31.2304N-121.4737E"
PICTURE = Image.linear_gradient("L").resize((48, 32)).convert("RGB")


def saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = CANARY.decode()
    tags.get_ifd(0x8825).update({1: "N", 2: (31.0, 13.0, 49.0), 29: CANARY.decode()})
    return tags


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def zipped(*names: str, content: bytes = b"<x/>") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names:
            packed.writestr(name, content)
    return out.getvalue()


def ftyp(brand: bytes, rest: bytes = b"") -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0isommp42" + rest


def jpeg(**options: Any) -> bytes:
    """With everything that a JPEG can carry besides, a hidden zip at the end included."""
    plain = saved(PICTURE, "JPEG", exif=exif(), icc_profile=CANARY, comment=CANARY, **options)
    iptc = segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(CANARY).to_bytes(4, "big") + CANARY)
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + CANARY)
    return plain[:2] + xmp + iptc + segment(0xFE, CANARY) + plain[2:] + zipped("x.html", content=CANARY) + CANARY


def png(picture: Image.Image = PICTURE, **options: Any) -> bytes:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Location", CANARY.decode())
    notes.add_text("Author", CANARY.decode(), zip=True)
    notes.add_itxt("XML:com.adobe.xmp", CANARY.decode())
    plain = saved(picture, "PNG", exif=exif(), icc_profile=CANARY, pnginfo=notes, **options)
    return plain[:-12] + chunk(b"prVt", CANARY) + plain[-12:] + CANARY


def webp(picture: Image.Image = PICTURE, **options: Any) -> bytes:
    return saved(picture, "WEBP", exif=exif(), xmp=CANARY, icc_profile=CANARY, **options) + CANARY


PHOTOS: dict[str, tuple[bytes, str]] = {
    "jpeg": (jpeg(), "image/jpeg"),
    "progressive jpeg": (jpeg(progressive=True), "image/jpeg"),
    "png": (png(), "image/png"),
    "webp": (webp(), "image/jpeg"),
    "webp with alpha": (webp(PICTURE.convert("RGBA").rotate(45)), "image/png"),
}
OTHERS: dict[str, tuple[bytes, str, str, str]] = {
    "opus": (b"OggS\0\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x01", "voice", "audio/ogg", "ogg"),
    "mp3 with tags": (b"ID3\x04\0\0\0\0\0\0" + bytes(64), "voice", "audio/mpeg", "mp3"),
    "mp3": (b"\xff\xfb\x90\x64" + bytes(64), "voice", "audio/mpeg", "mp3"),
    "aac": (b"\xff\xf1\x50\x80" + bytes(64), "voice", "audio/aac", "aac"),
    "wav": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(64), "voice", "audio/wav", "wav"),
    "m4a": (ftyp(b"M4A "), "voice", "audio/mp4", "m4a"),
    "recorded voice": (ftyp(b"iso5", b"hdlr\0\0\0\0\0\0\0\0soun"), "voice", "audio/mp4", "m4a"),
    "webm voice": (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm" + b"A_OPUS", "voice", "audio/webm", "weba"),
    "webm": (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm" + b"V_VP9", "video", "video/webm", "webm"),
    "mp4": (ftyp(b"isom", b"hdlr\0\0\0\0\0\0\0\0vide" + b"hdlr\0\0\0\0\0\0\0\0soun"), "video", "video/mp4", "mp4"),
    "mov": (ftyp(b"qt  "), "video", "video/quicktime", "mov"),
    "pdf": (b"%PDF-1.7\n%%EOF\n", "document", "application/pdf", "pdf"),
    "docx": (zipped("[Content_Types].xml", "word/document.xml"), "document", evidence._OOXML, "docx"),
    "xlsx": (zipped("[Content_Types].xml", "xl/workbook.xml"), "document", evidence._OOXML, "xlsx"),
}
SAMPLES = [photo[0] for photo in PHOTOS.values()] + [other[0] for other in OTHERS.values()] + [ftyp(b"heic")]


def refusal(data: bytes, name: str | None = None) -> str:
    with pytest.raises(Rejected) as raised:
        inspect(data, name)
    return str(raised.value)


def carries_nothing(found: Inspected) -> bool:
    """Nothing but the picture's own parts, up to the very last byte."""
    data = found.clean
    if found.mime == "image/png":
        kinds, place = set(), 8
        while place < len(data):
            kinds.add(data[place + 4 : place + 8])
            place += 12 + int.from_bytes(data[place : place + 4], "big")
        return kinds == {b"IHDR", b"IDAT", b"IEND"} and place == len(data)
    place = 2
    while data[place + 1] != 0xDA:
        header = data[place + 1] == 0xE0 and data[place + 2 : place + 9] == b"\0\x10JFIF\0"
        if not header and data[place + 1] not in (0xDB, 0xC0, 0xC4):
            return False
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return data.index(b"\xff\xd9", place) == len(data) - 2


@pytest.mark.parametrize("sample", PHOTOS)
def test_a_picture_leaves_everything_else_behind(sample: str) -> None:
    data, mime = PHOTOS[sample]
    assert data.count(CANARY) >= 4
    found = inspect(data)
    assert (found.kind, found.mime, found.may_identify) == ("photo", mime, False)
    assert CANARY not in found.clean
    assert carries_nothing(found)
    drawn = Image.open(io.BytesIO(found.clean))
    assert drawn.size == PICTURE.size
    assert not drawn.getexif()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_stands_upright(form: str, orientation: int) -> None:
    corners = Image.new("RGB", (48, 32), "white")
    corners.paste("black", (0, 0, 24, 16))
    corners.paste("red", (24, 0, 48, 16))
    data = saved(corners, form, exif=exif(orientation))
    meant = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    drawn = Image.open(io.BytesIO(inspect(data).clean)).convert("RGB")
    assert drawn.size == meant.size
    for x, y in product((8, -8), (8, -8)):
        place = x % drawn.width, y % drawn.height
        assert drawn.getpixel(place) == pytest.approx(meant.getpixel(place), abs=16)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_metadata_does_not_cost_the_picture() -> None:
    plain = saved(PICTURE, "JPEG")
    for block in (b"", b"MM", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + bytes(30)):
        found = inspect(plain[:2] + segment(0xE1, b"Exif\0\0" + block) + plain[2:])
        assert carries_nothing(found)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_png_of_every_mode(mode: str) -> None:
    picture = Image.new("I;16", (48, 32), 30000) if mode == "I;16" else PICTURE.convert("RGBA").convert(mode)
    found = inspect(png(picture))
    assert carries_nothing(found)
    drawn = Image.open(io.BytesIO(found.clean))
    assert drawn.convert("RGBA").tobytes() == picture.convert("RGBA").tobytes()


def test_transparency_by_colour_is_kept() -> None:
    drawn = Image.open(io.BytesIO(inspect(saved(PICTURE, "PNG", transparency=PICTURE.getpixel((0, 0)))).clean))
    assert drawn.convert("RGBA").getchannel("A").tobytes()[0] == 0


def test_a_jpeg_in_print_colours() -> None:
    assert Image.open(io.BytesIO(inspect(saved(PICTURE.convert("CMYK"), "JPEG")).clean)).mode == "RGB"


def test_a_jpeg_with_two_pictures_keeps_the_first() -> None:
    """Telephones add a second one for brightness."""
    assert carries_nothing(inspect(saved(PICTURE, "MPO", save_all=True, append_images=[PICTURE.rotate(180)])))


@pytest.mark.parametrize("sample", OTHERS)
def test_the_rest_is_kept_as_it_came_and_marked(sample: str) -> None:
    data, kind, mime, extension = OTHERS[sample]
    found = inspect(data)
    assert (found.kind, found.extension, found.may_identify) == (kind, extension, True)
    assert found.mime.startswith(mime)
    assert found.clean is data


@pytest.mark.parametrize("name", [None, "", "photo.pdf", "virus.exe", "a/../../b.jpg", "x\0.docm", "工单.DOCM"])
def test_the_bytes_decide_and_not_the_name(name: str | None) -> None:
    found = inspect(jpeg(), name)
    assert (found.mime, found.extension) == ("image/jpeg", "jpg")


@pytest.mark.parametrize(
    "data",
    [
        b"MZ\x90\0" + bytes(60), b"\x7fELF" + bytes(60), b"#!/bin/sh\n", b"<html><script>", b"<svg onload=x>",
        b"GIF89a" + bytes(40), saved(PICTURE, "BMP"), saved(PICTURE, "TIFF"), saved(PICTURE, "ICO"), b"%!PS-Adobe",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60), b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b\x08\0",
        b" %PDF-1.7", b"RIFF\0\0\0\0AVI ", b"OggS\0\x02" + bytes(22) + b"\x80theora", ftyp(b"avif"), ftyp(b"xxxx"),
        b"\0\0\xff\xffftypisom", b"\x1a\x45\xdf\xa3\x42\x82\x88matroska", b"\xff\xfe<\0", b"\xff", b"\0",
        zipped("x.txt"), zipped("word/document.xml"), zipped("[Content_Types].xml", "ppt/presentation.xml"),
    ],
)  # fmt: skip
def test_what_is_not_on_the_list(data: bytes) -> None:
    assert refusal(data, "photo.jpg") == "unknown_kind"


def test_reasons() -> None:
    assert refusal(b"") == "empty"
    assert refusal(jpeg() + bytes(MAX_BYTES)) == "too_large"
    assert refusal(ftyp(b"heic"), "IMG_0001.HEIC") == "heic"
    assert inspect(b"%PDF-" + bytes(MAX_BYTES - 5)).extension == "pdf"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_picture_is_damaged(form: str) -> None:
    data = saved(Image.effect_noise((64, 64), 80).convert("RGB"), form)
    assert {refusal(data[:length]) for length in range(12, len(data) * 3 // 4, 97)} == {"damaged"}


@pytest.mark.parametrize("warned", ["error", "ignore"])
@pytest.mark.parametrize("size", [(9000, 7000), (20_000, 20_000), (2**31 - 1, 1)])
def test_a_picture_bomb_is_refused_by_its_header(warned: Any, size: tuple[int, int]) -> None:
    assert size[0] * size[1] > MAX_PIXELS
    header = size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big") + b"\x01\0\0\0\0"
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"never read")
    with warnings.catch_warnings():
        warnings.simplefilter(warned)
        assert refusal(data) == "too_many_pixels"


def test_a_picture_stays_within_the_limit_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = Image.effect_noise((200, 200), 120)
    data = saved(noise, "JPEG", quality=88)
    assert len(inspect(data).clean) > len(data)
    monkeypatch.setattr(evidence, "MAX_BYTES", len(data))
    assert len(inspect(data).clean) < len(data)
    palette = saved(noise.convert("P"), "PNG")
    monkeypatch.setattr(evidence, "MAX_BYTES", len(palette))
    assert refusal(palette) == "too_large"


def test_a_zip_bomb_is_never_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zipped("[Content_Types].xml", "word/document.xml", content=bytes(50_000_000))

    def unpack(*_: object, **__: object) -> None:
        raise AssertionError("unpacked")

    monkeypatch.setattr(zipfile.ZipFile, "open", unpack)
    monkeypatch.setattr(zlib, "decompressobj", unpack)
    assert inspect(data).clean is data


def test_a_zip_with_countless_names(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zipped(*(f"{number}" for number in range(100)))
    monkeypatch.setattr(evidence, "MAX_DIRECTORY", 1000)
    assert refusal(data) == "too_large"


@pytest.mark.parametrize("spoil", [lambda data: data + b"x", lambda data: data[:4] + b"xx" + data[4:],
                                   lambda data: data[:-1], lambda data: data[:40]])  # fmt: skip
def test_a_zip_with_passengers_is_damaged(spoil: Callable[[bytes], bytes]) -> None:
    assert refusal(spoil(OTHERS["docx"][0])) == "damaged"


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("word/vbaProject.bin", "letter.docx"), ("word/VBAPROJECT.BIN", None), ("xl/macrosheets/sheet1.xml", ""),
        ("word/activeX/activeX1.xml", None), ("x", "letter.docm"), ("x", "表.XLSM"), ("x", "a.docx.dotm "),
    ],
)  # fmt: skip
def test_macros_are_refused_by_part_and_by_name(part: str, name: str | None) -> None:
    assert refusal(zipped("[Content_Types].xml", "word/document.xml", part), name) == "macros"


def check(data: bytes, name: str | None = None) -> None:
    """Whatever the bytes are: a refusal or something fit to keep."""
    try:
        found = inspect(data, name)
    except Rejected:
        return
    assert 0 < len(found.clean) <= MAX_BYTES
    assert carries_nothing(found) if found.kind == "photo" else found.clean == data
    again = inspect(found.clean)
    assert (again.kind, again.mime) == (found.kind, found.mime)


@given(st.sampled_from([sample[:16] for sample in SAMPLES] + [b""]), st.binary(max_size=300), st.none() | st.text())
def test_hostile_bytes_raise_nothing_else(head: bytes, rest: bytes, name: str | None) -> None:
    check(head + rest, name)


@pytest.mark.parametrize("sample", range(len(SAMPLES)))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_mutated_files_raise_nothing_else(sample: int, data: st.DataObject) -> None:
    spoiled = bytearray(SAMPLES[sample])
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(spoiled)))
        length = data.draw(st.sampled_from([0, 1, 1, 1, 40, len(spoiled)]))
        spoiled[place : place + length] = data.draw(st.binary(max_size=4))
    check(bytes(spoiled))


def test_the_library_of_pictures_is_loaded_only_when_needed() -> None:
    program = "import sys, bot.office.cases.evidence; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
