"""Bad settings, keys and content: one line that names what is wrong, exit code 2, and nothing else happens."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli import main

Checks = Callable[[], subprocess.CompletedProcess[str]]
CONTENT = Path(__file__).parent.parent / "content"
HUIYIN = Path(sys.executable).with_name("huiyin")
TOKEN = "123456789:AAExampleExampleExampleExampleExampl"  # made up


def huiyin(folder: Path, *words: str, settings: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the command in an empty folder of its own."""
    (folder / "config.toml").write_text(settings, "utf-8")
    return subprocess.run((HUIYIN, *words), cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Checks:
    """`huiyin check` of a folder's own content, in this very process: to start one takes longer than the check."""

    def check() -> subprocess.CompletedProcess[str]:
        (tmp_path / "config.toml").write_text(f'[content]\nfolder = "{tmp_path}/content"', "utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["huiyin", "check"])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return subprocess.CompletedProcess(sys.argv, int(ended.value.code or 0), said.out, said.err)

    return check


def fault(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a refusal."""
    lines = [line for line in done.stderr.splitlines() if "[info" not in line]
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ('[offic]\nname = "x"', "offic: no such key"),
        ('[office]\nnme = "x"', "office.nme: no such key"),
        ('[office]\ntimezone = "Asia/Nowhere"', "office.timezone"),
        ('[office]\nlanguage = "xx"', "office.language"),
        ('[database]\nurl = "mysql://x"', "database.url"),
        ('[database]\nurl = "sqlite://"', "database.url"),
        ('[telegram]\nmode = "polling"', "telegram"),
        ('[telegram]\ntoken = "nonsense"', "telegram.token"),
        ('[telegram]\ntoken_file = "missing.token"', "telegram.token_file"),
        ("[web]\nport = 99999", "web.port"),
        ('[web]\nurl = "nonsense"', "web.url"),
        ("office = 3", "office"),
        ("[office", "config.toml"),
        ('[content]\nfolder = "nowhere"', "nowhere"),
        ('[database]\nurl = "sqlite:///."', "database.url: . is a folder"),
        ('[files]\nfolder = "config.toml"\n[web]\nport = 0', "files.folder: config.toml"),
        ('[files]\nfolder = "/proc/nowhere"\n[web]\nport = 0', "files.folder: /proc/nowhere"),
        (f'[telegram]\ntoken = "{TOKEN}"\nbase_url = "nonsense"', "telegram.base_url: not a web address"),
        (f'[telegram]\ntoken = "{TOKEN}"\nbase_file_url = "nonsense"', "telegram.base_file_url: not a web address"),
        ("[web]\nenabled = false", "web.enabled"),
    ],
)
def test_a_wrong_setting_names_itself(tmp_path: Path, settings: str, named: str) -> None:
    assert named in fault(huiyin(tmp_path, "run", settings=settings))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ('[database]\nurl = "sqlite:///."', "database.url: . is a folder"),
        ('[files]\nfolder = "config.toml"', "files.folder: config.toml"),
        (f'[telegram]\ntoken = "{TOKEN}"\nbase_url = "nonsense"', "telegram.base_url: not a web address"),
        ("[web]\nenabled = false", "web.enabled"),
    ],
)
def test_check_names_what_would_stop_the_start(tmp_path: Path, settings: str, named: str) -> None:
    assert named in fault(huiyin(tmp_path, "check", settings=settings))


def test_check_names_a_key_file_that_is_lost_or_that_others_may_read(tmp_path: Path) -> None:
    assert huiyin(tmp_path, "check").returncode == 0
    assert not (tmp_path / "data").exists()  # it has made nothing
    huiyin(tmp_path, "invite", "--role", "handler")
    keys = tmp_path / "data" / "huiyin.keys"
    keys.chmod(0o644)
    assert "chmod 600" in fault(huiyin(tmp_path, "check"))
    keys.unlink()
    assert "security.key_file" in fault(huiyin(tmp_path, "check"))


def test_a_token_file_of_other_bytes_is_named(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff\xfe1234")
    settings = '[telegram]\ntoken_file = "token"'
    assert "telegram.token_file" in fault(huiyin(tmp_path, "run", settings=settings))


@pytest.mark.parametrize(
    ("words", "settings", "named"),
    [
        (("--only", "dispatch"), "", "--only: one process has an embedded database to itself"),
        (("--only", "dispatch,talk"), "", "--only: talk is none of receive, dispatch, send, tick, web"),
        (("--only", ","), "", "--only: name some of"),
        (("--only", "web"), '[database]\nurl = "postgresql://x/y"\n[web]\nenabled = false', "--only: web is not"),
        (("--only", "send"), '[database]\nurl = "postgresql://x/y"', "--only: there is no platform"),
    ],
)
def test_a_share_of_the_work_that_cannot_be_is_named(
    tmp_path: Path, words: tuple[str, ...], settings: str, named: str
) -> None:
    assert named in fault(huiyin(tmp_path, "run", *words, settings=settings))
    assert not (tmp_path / "data").exists()


def test_what_is_to_be_released_and_what_dropped_is_said_one_after_the_other(tmp_path: Path) -> None:
    assert "one of them at a time" in fault(huiyin(tmp_path, "outbox", "--release", "5", "--drop", "6"))


def test_a_settings_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "nothing.toml" in fault(huiyin(tmp_path, "check", "--config", "nothing.toml"))
    assert "nothing.toml" in fault(huiyin(tmp_path, "--config", "nothing.toml", "check"))


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert "web.port" in fault(huiyin(tmp_path, "run", settings=f"[web]\nport = {port}"))


@pytest.mark.parametrize("folder", ["config.toml", "/proc/nowhere"])
def test_a_backup_into_a_folder_that_cannot_be_names_it(tmp_path: Path, folder: str) -> None:
    huiyin(tmp_path, "invite", "--role", "handler")
    assert folder in fault(huiyin(tmp_path, "backup", folder))


def test_a_lost_key_file_is_named_and_no_new_one_is_made(tmp_path: Path) -> None:
    invited = huiyin(tmp_path, "invite", "--role", "handler")
    assert invited.returncode == 0, invited.stderr
    (tmp_path / "data" / "huiyin.keys").unlink()
    assert "security.key_file" in fault(huiyin(tmp_path, "run"))
    assert not (tmp_path / "data" / "huiyin.keys").exists()


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    huiyin(tmp_path, "invite", "--role", "handler")
    (tmp_path / "data" / "huiyin.keys").chmod(0o644)
    assert "chmod 600" in fault(huiyin(tmp_path, "run"))


def test_other_keys_than_the_databases_are_refused(tmp_path: Path) -> None:
    huiyin(tmp_path, "invite", "--role", "handler")
    other = tmp_path / "other"
    other.mkdir()
    huiyin(other, "invite", "--role", "handler")
    shutil.copy(other / "data" / "huiyin.keys", tmp_path / "data" / "huiyin.keys")
    assert "not the keys" in fault(huiyin(tmp_path, "run", settings="[web]\nport = 0"))


@pytest.mark.parametrize(
    ("file", "words", "named"),
    [
        ("departments.toml", "housing = 3", "departments.toml"),
        ("categories.toml", "[", "categories.toml"),
        ("understanding/zh_CN.toml", "place = ['(']", "understanding"),
        ("calendar/2026.toml", "off = 3", "2026.toml"),
        ("locale/zh_CN.po", 'msgid "a', "zh_CN.po"),
        ("emergency/zh_CN.toml", "=", "zh_CN.toml"),
        ("policies/zh_CN/health/hospital-bill.md", "no front matter", "hospital-bill.md"),
        ("categories.toml", "x = 1", "categories.toml: x: not a table"),
        ("emergency/zh_CN.toml", "fire = 119", "zh_CN.toml: fire: a text is needed"),
        ("emergency/zh_CN.toml", "fire = '着火打 119。'", "zh_CN.toml: no text for electricity"),
        ("understanding/zh_CN.toml", "", "understanding/zh_CN.toml: no rules"),
        ("understanding/zh_CN.toml", "kinds = ['x']", "understanding"),
    ],
)
def test_a_faulty_content_file_is_named(tmp_path: Path, checks: Checks, file: str, words: str, named: str) -> None:
    shutil.copytree(CONTENT, tmp_path / "content")
    faulty = next((tmp_path / "content").rglob(Path(file).name)) if "policies" in file else tmp_path / "content" / file
    faulty.write_text(words, "utf-8")
    assert named in fault(checks())


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("policies/zh_CN/medical/hospital-bill.md", "department: medical-desk", "department: moon", "no moon"),
        ("policies/zh_CN/medical/hospital-bill.md", "slug: hospital-bill", "slug: bill", "not the name of the file"),
        ("policies/zh_CN/medical/hospital-bill.md", "  - medical-enrol", "  - nowhere", "no page nowhere"),
        (
            "policies/zh_CN/medical/hospital-bill.md",
            "review_by: 2027-12-31",
            "review_by: 2020-01-01",
            "before valid_from",
        ),
        (
            "policies/zh_CN/medical/hospital-bill.md",
            "## 孩子代办",
            "| a | b |\n|---|---|\n\n## 孩子代办",
            "hospital-bill.md",
        ),
        ("locale/zh_CN.po", "{number}", "{nummer}", "{nummer} is no field"),
        ("departments.toml", '"health"', '"healthz"', "no category healthz"),
    ],
)
def test_a_fault_inside_a_content_file_is_named(
    tmp_path: Path, checks: Checks, *, file: str, old: str, new: str, named: str
) -> None:
    shutil.copytree(CONTENT, tmp_path / "content")
    for language in ("zh_CN", "en"):  # the translation agrees: it is not what is wrong
        path = tmp_path / "content" / file.replace("zh_CN", language)
        if path.exists():
            words = path.read_text("utf-8")
            changed = "\n".join(
                line.replace(old, new) if not line.startswith("msgid") else line for line in words.split("\n")
            )
            path.write_text(changed, "utf-8")
    assert named in fault(checks())


def test_check_warns_of_what_will_go_wrong_later(tmp_path: Path) -> None:
    shutil.copytree(CONTENT, tmp_path / "content")
    for calendar in (tmp_path / "content" / "calendar").iterdir():
        calendar.unlink()
    for page in (tmp_path / "content" / "policies").rglob("hospital-bill.md"):
        words = page.read_text("utf-8").replace("valid_from: 2026-01-01", "valid_from: 2020-01-01")
        page.write_text(words.replace("review_by: 2027-12-31", "review_by: 2020-12-31"), "utf-8")
    done = huiyin(tmp_path, "check", settings='[content]\nfolder = "content"')
    assert done.returncode == 0, done.stderr
    assert "the days off of" in done.stdout
    assert "hospital-bill.md: review_by is over" in done.stdout


def test_check_names_a_lost_key_file(tmp_path: Path) -> None:
    huiyin(tmp_path, "invite", "--role", "handler")
    (tmp_path / "data" / "huiyin.keys").unlink()
    assert "security.key_file" in fault(huiyin(tmp_path, "check"))


def test_an_invitation_is_a_link_with_a_code(tmp_path: Path) -> None:
    done = huiyin(tmp_path, "invite", "--role", "handler", "--department", "housing")
    assert "/office?start=" in done.stdout
    assert "--department" in fault(huiyin(tmp_path, "invite", "--role", "handler", "--department", "moon"))
    assert "--role" in fault(huiyin(tmp_path, "invite", "--role", "king"))


def test_the_token_is_in_no_output(tmp_path: Path) -> None:
    settings = f'[telegram]\ntoken = "{TOKEN}"\nbase_url = "http://127.0.0.1:1/bot"\nwrong = 1\n[web]\nport = 0'
    done = huiyin(tmp_path, "run", settings=settings)
    assert TOKEN not in done.stdout + done.stderr
    assert "telegram.wrong" in fault(done)


def test_what_the_running_program_logs_shows_no_token(tmp_path: Path) -> None:
    """Whatever a library says or raises, as the program itself sets its logs up."""
    code = (
        "import logging, structlog; from bot.logs import set_up_logs; set_up_logs('debug')\n"
        f"url = 'https://api.telegram.org/bot{TOKEN}/getMe'\n"
        "logging.getLogger('asyncio').error('lost %s', url)\n"
        "try: raise ValueError(url)\n"
        "except ValueError: logging.getLogger('aiohttp.client').exception('failed')\n"
        "logging.getLogger('x').warning(url.replace(':', '%3A'))\n"
        "structlog.get_logger().error('failed', cause=url)\n"
    )
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.count("<token>") == 4
    assert TOKEN.partition(":")[2] not in done.stdout + done.stderr


def test_check_finds_no_fault_in_what_is_shipped(tmp_path: Path) -> None:
    done = huiyin(tmp_path, "check")
    assert done.returncode == 0
    assert "no faults found" in done.stdout


def test_check_names_the_departments_without_anybody(tmp_path: Path) -> None:
    assert "warning" not in huiyin(tmp_path, "check").stdout  # there is no database yet
    huiyin(tmp_path, "invite", "--role", "handler", "--department", "housing")
    done = huiyin(tmp_path, "check")
    assert done.returncode == 0
    assert "nobody can take the cases of xingfuli" in done.stdout


def test_a_talk_in_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("", "utf-8")
    said = "好\n幸福里3号楼2单元的灯坏了\n登记\n"
    done = subprocess.run(
        (HUIYIN, "chat"), cwd=tmp_path, input=said, capture_output=True, text=True, timeout=60, check=False
    )
    assert "登记好了" in done.stdout
