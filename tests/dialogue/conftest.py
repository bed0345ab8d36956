"""A talk with the tiny office."""

import pytest

from tests.dialogue.small import Chat


@pytest.fixture
def chat() -> Chat:
    return Chat()
