"""A bare echo with aiogram, as its own first example has it. It runs in an environment that holds aiogram alone."""

import asyncio
import sys

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message

dispatcher = Dispatcher()


@dispatcher.message()  # type: ignore[untyped-decorator]  # what is in another environment has no types here
async def echo(message: Message) -> None:
    await message.answer(message.text or "")


async def main(base_url: str, token: str) -> None:
    server = TelegramAPIServer(base=base_url + "{token}/{method}", file=base_url + "{token}/{path}")
    await dispatcher.start_polling(Bot(token, session=AiohttpSession(api=server)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
