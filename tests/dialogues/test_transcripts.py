"""Every transcript in this folder is played, on both databases."""

from pathlib import Path

import pytest

from tests.dialogues.runner import Performance, TranscriptBroken
from tests.rig import Town

TRANSCRIPTS = sorted(Path(__file__).parent.glob("*.md"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_the_talk_goes_as_written(town: Town, path: Path) -> None:
    await Performance(town, path).play()


async def test_a_wrong_line_is_named(town: Town, tmp_path: Path) -> None:
    talk = tmp_path / "wrong.md"
    talk.write_text("- 居: resident\n居：你好\n回 居：something else\n", "utf-8")
    with pytest.raises(TranscriptBroken, match=r"wrong\.md:3"):
        await Performance(town, talk).play()


async def test_a_message_nobody_wrote_down_is_found(town: Town, tmp_path: Path) -> None:
    talk = tmp_path / "short.md"
    talk.write_text("- 居: resident\n居：你好\n", "utf-8")
    with pytest.raises(TranscriptBroken, match="also got"):
        await Performance(town, talk).play()
