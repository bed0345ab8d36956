"""What the pages name exists: commands with options, settings, what is typed in a chat, events of the log, links."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from typer.core import TyperGroup

from bot.cli import app
from bot.config import Settings
from handlers.routes import all_routes
from tests.proof.__main__ import PROOFS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("deploy/*")])
HOW_TOS = sorted((ROOT / "docs" / "how-to").glob("*.md"))
CODE = re.compile(r"`([^`\n]+)`|```[a-z]*\n(.*?)```", re.DOTALL)
SOURCE = "\n".join(path.read_text("utf-8") for path in (ROOT / "bot").rglob("*.py"))
OF_OTHERS = {  # @BotFather's, web addresses, and a setting of PostgreSQL
    "newbot", "setprivacy", "revoke", "healthz", "metrics", "office", "synchronous_commit",
}  # fmt: skip
CITED = re.compile(r"\b(?:[MN]\d{2}|T\d{1,2})\b")  # of a mechanism, a demand, a threat
ids = [str(page.relative_to(ROOT)) for page in PAGES]


def code_in(page: Path) -> list[str]:
    """Everything set as code; of a page without marks, all of it."""
    text = page.read_text("utf-8")
    if page.suffix != ".md":
        return text.splitlines()
    return [line for one, block in CODE.findall(text) for line in (one or block).splitlines()]


def model_of(path: str) -> type[BaseModel]:
    """The settings under a section's name."""
    field = Settings.model_fields[path].annotation
    kinds = [field, *getattr(field, "__args__", ())]
    return next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))


def verbs_of_huiyin() -> Mapping[str, Any]:
    top = typer.main.get_command(app)
    assert isinstance(top, TyperGroup)
    commands: Mapping[str, Any] = top.commands
    return commands


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_commands_and_their_options_exist(page: Path) -> None:
    verbs = verbs_of_huiyin()
    for line in code_in(page):
        for words in re.findall(r"(?:^|(?<=[\s/]))huiyin +((?:--config \S+ +)?[a-z][a-z-]*(?: [^|&;#>]*)?)", line):
            verb, *rest = re.sub(r"^--config \S+ +", "", words).split()
            if verb == "huiyin" or line.strip().startswith(("# ", "docker", "install", "useradd", "systemctl", "cp")):
                continue
            assert verb in verbs, line
            options = {option for parameter in verbs[verb].params for option in parameter.opts}
            used = {word for word in rest if word.startswith("--")}
            assert used <= options, line


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_what_runs_in_the_container_exists(page: Path) -> None:
    verbs = verbs_of_huiyin()
    for line in code_in(page):
        for verb in re.findall(r"(?:exec huiyin huiyin|run --rm huiyin) ([a-z][a-z-]*)", line):
            assert verb in verbs, line


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_settings_exist(page: Path) -> None:
    for line in code_in(page):
        for section, key in re.findall(r"^#?\s*\[([a-z]+)\](?:[ /]+([a-z_]+))?", line.strip()):
            assert section in Settings.model_fields or page.suffix not in (".md", ".toml"), line
            if key and section in Settings.model_fields:
                assert key in model_of(section).model_fields, line


@pytest.mark.parametrize("page", [page for page in PAGES if page.suffix == ".md"], ids=lambda page: page.name)
def test_settings_in_examples_would_be_taken(page: Path) -> None:
    for block in re.findall(r"```toml\n(.*?)```", page.read_text("utf-8").replace("\n   ", "\n"), re.DOTALL):
        for section, values in tomllib.loads(block).items():
            names = model_of(section).model_fields if isinstance(values, dict) else model_of("telegram").model_fields
            assert set(values if isinstance(values, dict) else [section]) <= set(names), block


@pytest.mark.parametrize("section", list(Settings.model_fields))
def test_every_setting_is_in_the_example(section: str) -> None:
    text = (ROOT / "config.example.toml").read_text("utf-8")
    shown = re.search(rf"^(?:# )?\[{section}\](.*?)(?=^(?:# )?\[|\Z)", text, re.DOTALL | re.MULTILINE)
    assert shown, section
    names = set(re.findall(r"(?:^(?:# )?|or )(\w+) = ", shown[1], re.MULTILINE))
    assert set(model_of(section).model_fields) <= names


def test_the_containers_settings_are_taken() -> None:
    Settings(**tomllib.loads((ROOT / "deploy" / "config.example.toml").read_text("utf-8")))


@pytest.mark.parametrize("page", [page for page in PAGES if page.suffix == ".md"], ids=lambda page: page.name)
def test_what_is_typed_in_a_chat_exists(page: Path) -> None:
    router = all_routes()
    known = router.commands.keys() | router.group_commands.keys() | OF_OTHERS
    for one, _block in CODE.findall(page.read_text("utf-8")):
        if found := re.fullmatch(r"/([a-z]+)(?: .*)?", one):
            assert found[1] in known, one


@pytest.mark.parametrize("page", HOW_TOS, ids=lambda page: page.name)
def test_events_of_the_log_and_names_of_settings_exist(page: Path) -> None:
    for one, _block in CODE.findall(page.read_text("utf-8")):
        if re.fullmatch(r"[a-z]+(_[a-z]+)+", one):
            assert one in OF_OTHERS or one in SOURCE, one


@pytest.mark.parametrize("page", [page for page in PAGES if page.suffix == ".md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [page for page in HOW_TOS if ".zh-CN" not in page.name], ids=lambda page: page.name)
def test_every_page_is_there_in_both_languages_and_can_be_found(page: Path) -> None:
    chinese = page.with_name(f"{page.stem}.zh-CN.md")
    assert chinese.name in {path.name for path in HOW_TOS}
    assert f"docs/how-to/{page.name}" in (ROOT / "README.md").read_text("utf-8")
    assert f"docs/how-to/{chinese.name}" in (ROOT / "README.zh-CN.md").read_text("utf-8")
    assert page.read_text("utf-8").splitlines()[2] == f"[中文]({chinese.name})"
    assert chinese.read_text("utf-8").splitlines()[2] == f"[English]({page.name})"


def test_words_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in PAGES:
        for line in code_in(page):
            for word in re.findall(r"\bmake (?:-C \S+ )?([a-z]+)", line):
                assert word in targets, f"{page.name}: {line}"


def test_every_proof_has_its_line_and_every_line_its_proof() -> None:
    lines = re.findall(
        r"^\| ([A-Z]\d+(?:, [A-Z]\d+)*) \|", (ROOT / "docs" / "proofs.md").read_text("utf-8"), re.MULTILINE
    )
    assert {id for line in lines for id in line.split(", ")} == {name.split()[0] for name in PROOFS}


def test_every_id_that_is_cited_is_explained_and_no_other() -> None:
    page = ROOT / "docs" / "mechanisms.md"
    explained = re.findall(r"^\| (\w+) \|", page.read_text("utf-8").replace("| id |", ""), re.MULTILINE)
    sources = [path for folder in ("bot", "handlers", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    cited = {id for path in [*sources, *PAGES] if path != page for id in CITED.findall(path.read_text("utf-8"))}
    assert len(explained) == len(set(explained))
    assert set(explained) == cited
