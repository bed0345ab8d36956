"""What the answers of a matter's form say, for whoever registers them."""

from typing import Any

from bot.dialogue.form import Answers
from bot.office.cases.model import Kind, Privacy


def stored_place(answers: Answers) -> str:
    """Words of the place, and the point on the map where one was sent."""
    place = answers.get("place") or {}
    spot = ",".join(f"{degrees:.5f}" for degrees in place.get("spot") or [])
    return " ".join(filter(None, (place.get("words", ""), spot)))


def known(answers: Answers) -> dict[str, Any]:
    """What is settled already apart from the words: kind, place, category, who may know, whether staff is meant."""
    return {
        "kind": Kind(answers.get("kind") or Kind.CONSULT),
        "place": stored_place(answers),
        "category": answers.get("category"),
        "privacy": Privacy(answers.get("identity") or Privacy.NAMED),
        "about_staff": bool(answers.get("about_staff")),
        "sources": tuple(answers.get("sources", ())),
    }
