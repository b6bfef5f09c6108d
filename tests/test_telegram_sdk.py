"""aiogram builds its types when they are first used, which must be none's loss."""

from typing import get_args

import pytest
from pydantic import BaseModel

pytestmark = pytest.mark.feature("DEV-01")


@pytest.mark.parametrize("name", ["Update", "MenuButtonCommands", "InlineKeyboardMarkup", "ReactionTypeEmoji"])
def test_a_type_that_we_do_not_need_is_built_for_who_does(name: str) -> None:
    from adapters.telegram.sdk import aiogram

    one = getattr(aiogram.types, name)
    one.model_rebuild()
    assert one.__pydantic_complete__


def test_what_is_sent_takes_the_types_it_holds() -> None:
    from adapters.telegram.sdk import aiogram

    called = aiogram.methods.SetChatMenuButton(chat_id=1, menu_button={"type": "commands"})  # type: ignore[arg-type]
    assert isinstance(called.menu_button, aiogram.types.MenuButtonCommands)


def test_meanwhile_others_build_their_own() -> None:
    from adapters.telegram import sdk

    class Early(BaseModel):
        late: "Late | None" = None

    class Late(BaseModel):
        pass

    with sdk._unbuilt():
        assert Early.model_rebuild() is True
    assert Late in get_args(Early.model_fields["late"].annotation)
