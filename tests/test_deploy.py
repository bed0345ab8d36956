"""The files for running an office name what is there: locks, paths, services. They are read, no image is built."""

import re
import tomllib
from pathlib import Path

import yaml

from bot.config import Settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


def lock(path: Path) -> dict[str, frozenset[str]]:
    """Requirement to its hashes."""
    blocks = re.split(r"\n(?=\S)", path.read_text("utf-8").strip())
    lines = [[line.strip().rstrip("\\").strip() for line in block.splitlines()] for block in blocks]
    return {head: frozenset(rest) for head, *rest in lines}


def test_what_runs_in_the_image_is_part_of_the_lock_hash_by_hash() -> None:
    whole, running = lock(ROOT / "requirements.lock"), lock(DEPLOY / "requirements.lock")
    assert running.items() <= whole.items()
    assert all(hashes and all(line.startswith("--hash=sha256:") for line in hashes) for hashes in running.values())
    names = {re.split(r"[ =\[]", head)[0] for head in running}
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert {re.split(r"[\[>=;]", name)[0] for name in wanted} <= names
    assert not names & {"pytest", "mypy", "playwright", "ruff"}


def test_everything_the_image_installs_has_a_hash_or_was_built_here() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    installs = re.findall(r"pip (?:install|wheel)[^\n]*", text)
    assert len(installs) == 4
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)
    assert not re.search(r"https?://|index-url", text)
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert let_in[0] == "*"  # no key, no database and no settings of this machine get into an image
    assert all((ROOT / line[1:]).exists() for line in let_in if line.startswith("!"))


def test_the_compose_files_hold_together() -> None:
    base = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    more = yaml.safe_load((DEPLOY / "compose.postgresql.yaml").read_text("utf-8"))
    office = base["services"]["huiyin"]
    assert (DEPLOY / office["build"]["context"] / office["build"]["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    named = {mount.split(":")[0] for mount in office["volumes"] if not mount.startswith(".")}
    assert named == set(base["volumes"])
    assert set(more["services"]["huiyin"]["depends_on"]) <= more["services"].keys()
    assert {mount.split(":")[0] for mount in more["services"]["postgres"]["volumes"]} == set(more["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in office["ports"])


def test_settings_volumes_and_folders_of_the_container_agree() -> None:
    settings = Settings(**tomllib.loads((DEPLOY / "config.example.toml").read_text("utf-8")))
    office = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["huiyin"]
    mounts = [mount.split(":")[1] for mount in office["volumes"]]
    made = (DEPLOY / "Dockerfile").read_text("utf-8")
    for path in (settings.database.url.removeprefix("sqlite:///"), settings.security.key_file, settings.files.folder):
        home = next(mount for mount in mounts if Path(path).is_relative_to(mount))
        assert home in made
    assert not settings.security.key_file.is_relative_to("/var/lib/huiyin")  # the keys lie apart from the data
    assert settings.web is not None
    assert office["ports"] == [f"127.0.0.1:8080:{settings.web.port}"]


def test_the_units_start_what_exists_where_the_page_puts_it() -> None:
    page = (ROOT / "docs" / "how-to" / "install.md").read_text("utf-8")
    for unit in sorted(DEPLOY.glob("*.service")):
        text = unit.read_text("utf-8")
        assert re.search(r"^ExecStart=/opt/huiyin/\.venv/bin/huiyin (run|backup) ", text, re.MULTILINE)
        for folder in re.findall(r"^ReadWritePaths=(.*)$", text, re.MULTILINE)[0].split():
            assert folder in page, f"{unit.name}: {folder} must be made first, or the service does not start"
        assert unit.name in page
