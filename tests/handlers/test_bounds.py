"""How much one person may bring: what is beyond it is said in words, and no matter is ever refused."""

import shutil
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from bot.config import LimitSettings
from bot.dialogue.context import MOST_LEFT
from bot.dialogue.event import FileKind, FileRef, Said
from bot.dialogue.form import MOST_FILES
from bot.errors import StoreError
from bot.house import read_house
from bot.office.cases.service import MOST_FOLLOWERS
from bot.office.cases.tables import attachment, case_party
from bot.office.people.model import Role
from bot.outside import Outside
from bot.store.queues import conversation
from bot.words import Message
from handlers.residents import matters
from tests.handlers.talks import LAMP, PHOTO, anonymously, code_in, registered
from tests.rig import Someone, Town

GB = 2**30
MOST = 30
PLACES = ("幸福里1号楼2单元", "幸福里2号楼2单元", "幸福里3号楼2单元", "幸福里4号楼2单元", "幸福里5号楼2单元")
Disk = Callable[[int], None]


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """So many percent of a disk are free from now on."""

    def set_to(percent: int) -> None:
        left = SimpleNamespace(total=20 * GB, free=percent * GB // 5)
        monkeypatch.setattr(shutil, "disk_usage", lambda _folder: left)

    return set_to


async def brings(resident: Someone, words: str) -> None:
    await resident.says(words)
    if "另一件事" in resident.last.labels:
        await resident.presses("另一件事")


async def states(town: Town) -> list[tuple[str, str | None]]:
    wanted = select(attachment.c.state, attachment.c.reason).order_by(attachment.c.entry, attachment.c.state.desc())
    rows = await town.store.writer.submit(lambda tx: tx.read(wanted).all())
    return [(row.state, row.reason) for row in rows]


# --- what is begun and not registered ---


@pytest.mark.parametrize(
    "words", ["/request 幸福里{n}号楼2单元的灯坏了", "我要投诉窗口第{n}个工作人员收了我钱", "/suggest 多办{n}场讲座"]
)
async def test_what_is_begun_and_not_registered_has_an_end_that_is_said(town: Town, words: str) -> None:
    """Each message reads and writes the whole chat: one that grows without end would hold up everybody."""
    resident = town.resident()
    for begins in ("/start", "好", "楼道灯坏了"):
        await resident.says(begins)
    for n in range(MOST_LEFT):
        await resident.says(words.format(n=n))
        assert "放不下" not in resident.last.text
    state = select(func.max(func.length(conversation.c.state)))
    for _time in range(2):
        await resident.says(words.format(n="多"))
        assert "这条放不下，没有记" in resident.last.text
        size = (await town.store.writer.submit(lambda tx: tx.flushed().execute(state).scalar())) or 0
        assert size < 20_000
    await resident.says("取消")
    await resident.says(words.format(n="又"))
    assert "放不下" not in resident.last.text


async def test_questions_about_page_after_page_have_an_end_too(town: Town) -> None:
    resident = town.resident()
    official = await town.official("yi", Role.HANDLER, "medical-desk")
    for words in ("/start", "好"):
        await resident.says(words)
    state = select(func.max(func.length(conversation.c.state)))
    for n in range(10):
        await resident.forges("policy.page:hospital-bill")
        await resident.says(f"第{n}回住院能报多少" + "呢" * 3000)
    size = (await town.store.writer.submit(lambda tx: tx.flushed().execute(state).scalar())) or 0
    assert size < 100_000
    await resident.presses("要")
    await official.says(f"/case {resident.number()}")
    await official.presses("看全部的话")
    while "第9回住院" not in official.last.text:
        await official.presses("下一页", on=official.last)


async def test_a_list_of_many_matters_is_one(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    resident = town.resident()
    for words in ("/start", "好"):
        await resident.says(words)
    several = "幸福里3号楼2单元的灯坏了，还有水管漏水，另外问下居住证怎么办"
    monkeypatch.setattr(matters, "MOST_LEFT", 2)
    await resident.says(several)
    assert several in resident.last.text
    await resident.presses("登记")
    assert "登记好了" in resident.last.text


# --- matters a day ---


async def test_the_sixth_matter_of_a_day_is_registered_too_and_a_person_is_offered(town: Town) -> None:
    official = await town.official()
    resident, _number = await registered(town)
    for place in PLACES[:4]:
        await brings(resident, f"{place}的下水道堵了")
        assert "找真人" not in resident.last.labels
        await resident.presses("登记")
    await brings(resident, f"{PLACES[4]}的电梯坏了")
    assert "今天已经登记了 5 件" in resident.last.text
    assert {"登记", "找真人", "我的事"} <= set(resident.last.labels)
    await resident.presses("登记")
    assert resident.number() in official.last.text


async def test_what_was_begun_goes_with_them_to_the_person_that_was_offered(town: Town) -> None:
    official = await town.official()
    resident, _number = await registered(town)
    for place in PLACES[:4]:
        await brings(resident, f"{place}的下水道堵了")
        await resident.presses("登记")
    await brings(resident, f"{PLACES[4]}的电梯坏了")
    await resident.presses("找真人")
    assert "真人会在这里回您" in resident.last.text
    assert f"{PLACES[4]}的电梯坏了" in official.last.text


async def test_the_next_day_counts_from_the_beginning(town: Town) -> None:
    resident, _number = await registered(town)
    for place in PLACES[:4]:
        await brings(resident, f"{place}的下水道堵了")
        await resident.presses("登记")
    await town.passes(days=1)
    await brings(resident, f"{PLACES[4]}的电梯坏了")
    assert "今天已经登记" not in resident.last.text


async def test_the_numbers_are_settings(town: Town) -> None:
    with_limits(town, LimitSettings(matters_a_day=1, files_a_case=7))
    assert town.app.house.means.bounds.files_a_case == 7
    resident, _number = await registered(town)
    await brings(resident, f"{PLACES[0]}的下水道堵了")
    assert "今天已经登记了 1 件" in resident.last.text


# --- files of one case ---


async def test_a_full_case_takes_words_and_says_that_it_takes_no_more_files(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    kept = tuple(photo(town, one) for one in range(MOST - 1))
    await resident.does(Said(f"/add {number} 都是那盏灯", kept))
    resident.news()
    await resident.does(Said(f"/add {number} 还有两张", (photo(town, 100), photo(town, 101))))
    told = [words for words in resident.news() if "最多放 30 个" in words]
    assert len(told) == 1
    assert "找真人" in next(heard for heard in resident.heard if heard.text == told[0]).labels
    await official.says(f"/case {number}")
    assert "还有两张" in official.last.text
    assert (await states(town))[-1] == ("refused", "full")
    assert [state for state, _reason in await states(town)].count("refused") == 1


async def test_what_did_not_fit_at_one_time_fits_into_the_case(town: Town) -> None:
    resident, number = await registered(town)
    await resident.does(Said(f"/add {number} 第一批", tuple(photo(town, one) for one in range(MOST_FILES))))
    await resident.does(Said(f"/add {number} 剩下的", (photo(town, 100), photo(town, 101))))
    assert not any("最多放" in words for words in resident.news())
    assert [state for state, _reason in await states(town)] == ["stored"] * (MOST_FILES + 2)


async def test_a_file_that_was_refused_takes_no_place(town: Town) -> None:
    resident, number = await registered(town)
    lost = tuple(FileRef(FileKind.PHOTO, f"expired{one}", 10) for one in range(MOST))
    await resident.does(Said(f"/add {number} 看看", lost))
    await resident.does(Said(f"/add {number} 再发", (photo(town, 1),)))
    assert (await states(town))[-1] == ("stored", None)
    assert not any("最多放" in words for words in resident.news())


async def test_an_anonymous_case_keeps_to_the_same_number(town: Town) -> None:
    await town.official("du", Role.SUPERVISOR)
    resident, number, code = await anonymously(town)
    for first in (0, MOST):
        await resident.says(f"查进度 {number} {code}")
        await resident.presses("打字补一句")
        await resident.does(Said("", tuple(photo(town, first + one) for one in range(2 if first else MOST))))
    assert [reason for _state, reason in await states(town)] == [None] * MOST + ["full"] * 2


def photo(town: Town, number: int) -> FileRef:
    """A picture of its own, ready to be fetched."""
    town.channel.files[f"photo{number}"] = PHOTO
    return FileRef(FileKind.PHOTO, f"photo{number}", len(PHOTO))


# --- the disk ---


async def test_below_a_tenth_files_are_refused_in_words_and_words_are_taken(town: Town, free: Disk) -> None:
    official = await town.official()
    free(4)
    resident, number = await registered(town)
    await resident.presses("加照片")
    await resident.does(Said("看这张", (photo(town, 1),)))
    assert "放不下照片" in resident.last.text
    assert {"再发一次", "找真人"} <= set(resident.last.labels)
    await official.says(f"/case {number}")
    assert "看这张" in official.last.text
    free(50)
    await resident.presses("再发一次")
    await resident.does(Said("", (photo(town, 1),)))
    assert "文件到了" in official.last.text


async def test_on_a_nearly_full_disk_nothing_is_confirmed_and_nothing_is_lost(town: Town, free: Disk) -> None:
    resident = town.resident()
    free(2)
    with pytest.raises(StoreError):  # the platform keeps what is not confirmed, and brings it again
        await resident.says(LAMP)
    free(50)
    await resident.says(LAMP)
    assert "先给您留着" in resident.last.text


async def test_what_had_come_in_before_is_still_answered(town: Town, free: Disk) -> None:
    official = await town.official()
    _resident, number = await registered(town)
    free(2)
    await town.settle()
    assert number in official.last.text


async def test_a_code_that_goes_round_makes_no_crowd_that_every_answer_is_owed_to(town: Town) -> None:
    """One event tells fifty people at most; whoever holds the code can look at any time."""
    resident, _number = await registered(town)
    await resident.presses("给家人看进度")
    asks = code_in(resident)
    for one in range(MOST_FOLLOWERS + 1):
        kin = town.resident(f"kin{one}")
        await kin.says(asks)
        await kin.presses("一起收")
    assert f"已经有 {MOST_FOLLOWERS} 位" in kin.last.text
    await town.resident("kin0").presses("一起收")  # whoever follows already is among them
    assert "也发您一份" in town.resident("kin0").last.text
    count = select(func.count()).select_from(case_party)
    assert await town.store.writer.submit(lambda tx: tx.read(count).scalar()) == MOST_FOLLOWERS + 1


def with_limits(town: Town, limits: LimitSettings) -> None:
    settings = town.settings.model_copy(update={"limits": limits})
    town.app.house = read_house(settings, town.store.keys, Outside(town.clock), {town.channel.name: Message("Here.")})


async def test_what_one_case_holds_has_an_end_that_is_said(town: Town) -> None:
    """Whoever looks at it opens all of it: one that grew for ever would hold up everybody."""
    with_limits(town, LimitSettings(additions_a_case=10))
    official = await town.official()
    resident, number = await registered(town)
    first = await resident.says(f"/add {number} 还是黑的")
    for floor in range(2, 10):
        await resident.says(f"/add {number} {floor}层也黑了")
    await resident.edits(first, f"/add {number} 还是很黑")
    await resident.says(f"/add {number} 顶层也黑了")
    assert "一件事最多补充 10 次，这件满了" in resident.last.text
    await resident.edits(first, f"/add {number} 真的很黑")
    assert "一件事最多补充 10 次，这件满了" in resident.last.text
    await official.says(f"/take {number}")
    await official.says(f"/case {number}")
    assert "9层也黑了" in official.last.text
    assert "顶层也黑了" not in official.last.text
    await resident.says("找真人")
    assert "编号" in resident.last.text


async def test_that_somebody_makes_it_hard_has_room_in_a_full_case(town: Town) -> None:
    with_limits(town, LimitSettings(additions_a_case=10))
    supervisor = await town.official("du", Role.SUPERVISOR)
    resident, number, code = await anonymously(town)
    for time in range(11):
        await resident.says(f"/check {number} {code}")
        await resident.presses("打字补一句")
        await resident.says(f"又来了第 {time} 次")
    assert "这件满了" in resident.last.text
    await resident.says(f"/check {number} {code}")
    await resident.presses("有人为难我")
    await resident.says("他来我家敲门")
    assert "他来我家敲门" in supervisor.last.text
