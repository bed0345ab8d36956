"""What the import contracts leave open: that every module stands on a floor, and who opens who people are."""

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
OPENERS = {  # they call a platform, or answer for people
    "bot/delivery/ledger.py", "bot/menus.py", "bot/office/people/service.py", "bot/upkeep.py",
}  # fmt: skip


def test_every_module_stands_on_a_floor() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    floors = next(contract for contract in contracts if contract["type"] == "layers")["layers"]
    standing = {name.strip() for floor in floors for name in floor.split("|")}
    modules = {f"bot.{path.stem}" for path in (ROOT / "bot").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert modules - {"bot.__init__", "bot.__pycache__"} <= standing


def test_nobody_else_opens_who_people_are() -> None:
    files = [*(ROOT / "bot").rglob("*.py"), *(ROOT / "handlers").rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in files if opens_people(path)}
    assert found == OPENERS


def opens_people(path: Path) -> bool:
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return any(isinstance(node, ast.Attribute) and node.attr in ("open_chat", "open_name") for node in nodes)
