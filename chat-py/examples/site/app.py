"""A site with a chat in it: its own users, its own WebSocket, and no other server.

Run ``pip install ./chat-py starlette uvicorn websockets`` at the top of the repository, then
``python chat-py/examples/site/app.py DATA``, and open http://127.0.0.1:8000 in two browsers.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from users import Users

from chat import Chat, ChatError, Closed, Message, Session, errors
from chat.aio import AsyncEvents, events

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

ROOM = "#lounge"
SHOWN = 50
COOKIE = "session"
SESSION_ENDED = 4401


def make_app(data: Path) -> Starlette:
    """Create the site, which keeps everything in the directory ``data``."""
    data.mkdir(exist_ok=True)
    users = Users(data / "site.db")
    # A user's first login creates their account in the chat.
    chat = Chat.open(data / "chat", authenticate=users.authenticate)

    async def page(_request: Request) -> Response:
        return FileResponse(Path(__file__).with_name("index.html"))

    async def register(request: Request) -> Response:
        fields = await request.json()
        try:
            await run_in_threadpool(
                users.add, fields["user"], fields["password"], fields["full_name"]
            )
        except sqlite3.IntegrityError:
            return JSONResponse({"error": "this name is taken"}, 409)
        return await login(request)

    async def login(request: Request) -> Response:
        fields = await request.json()
        try:
            session = await run_in_threadpool(chat.login, fields["user"], fields["password"])
        except ChatError as error:
            return JSONResponse({"error": str(error)}, 403)
        response = JSONResponse({"user": session.user})
        # Behind HTTPS, add secure=True.
        response.set_cookie(COOKIE, session.token, httponly=True, samesite="strict")
        return response

    async def live(websocket: WebSocket) -> None:
        try:
            session = await run_in_threadpool(chat.session, websocket.cookies.get(COOKIE, ""))
        except ChatError:
            await websocket.close(SESSION_ENDED)
            return
        await websocket.accept()
        await run_in_threadpool(enter, session)
        with contextlib.suppress(WebSocketDisconnect):
            await Visit(websocket, session).run()

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        with chat:
            yield

    routes = [
        Route("/", page),
        Route("/register", register, methods=["POST"]),
        Route("/login", login, methods=["POST"]),
        WebSocketRoute("/live", live),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def enter(session: Session) -> None:
    """Join the room. The first user who comes creates it."""
    try:
        session.join_room(ROOM)
    except errors.NoSuchRoom:
        try:
            session.create_room(ROOM, title="Lounge")
        except errors.RoomExists:
            session.join_room(ROOM)


class Visit:
    """One browser that shows the room.

    It is sent ``{"history": [...], "unread": N}`` first, then ``{"message": {...}, "unread": N}``
    for each message, ``{"unread": N}`` when it has read something, and ``{"error": ...}``. It sends
    ``{"text": ...}`` and ``{"read": ID}``.
    """

    def __init__(self, websocket: WebSocket, session: Session) -> None:
        """Show the room to the user of ``session``."""
        self._websocket, self._session = websocket, session
        self._unread = 0

    async def run(self) -> None:
        """Serve the browser until it is gone, or the session ends."""
        # Before the history is read, so that nothing is missed between the two.
        async with events(self._session) as happening:
            page = await run_in_threadpool(self._session.history, ROOM, limit=SHOWN)
            self._unread = await run_in_threadpool(self._count_unread)
            history = [_shown(message) for message in page]
            await self._websocket.send_json({"history": history, "unread": self._unread})
            async with anyio.create_task_group() as tasks:

                async def until_gone(work: Callable[[], Awaitable[None]]) -> None:
                    with contextlib.suppress(WebSocketDisconnect):
                        await work()
                    tasks.cancel_scope.cancel()

                shown = page[-1].id if page else 0
                tasks.start_soon(until_gone, lambda: self._tell(happening, shown))
                tasks.start_soon(until_gone, self._listen)

    def _count_unread(self) -> int:
        listed = self._session.conversations()
        return next((found.unread for found in listed if found.name == ROOM), 0)

    async def _tell(self, happening: AsyncEvents, shown: int) -> None:
        async for event in happening:
            match event:
                case Message(conversation=conversation, id=number):
                    if conversation == ROOM and number > shown:
                        self._unread += event.sender != self._session.user
                        told = {"message": _shown(event), "unread": self._unread}
                        await self._websocket.send_json(told)
                case Closed():
                    await self._websocket.close(SESSION_ENDED)

    async def _listen(self) -> None:
        while True:
            text = await self._websocket.receive_text()
            try:
                await self._do(json.loads(text))
            except errors.NoSuchSession:
                return
            except (ChatError, ValueError) as error:
                await self._websocket.send_json({"error": str(error)})

    async def _do(self, request: object) -> None:
        match request:
            case {"text": str(text)}:
                await run_in_threadpool(self._session.send, ROOM, text)
            case {"read": int(number)}:
                self._unread = await run_in_threadpool(self._session.read, ROOM, number)
                await self._websocket.send_json({"unread": self._unread})


def _shown(message: Message) -> dict[str, object]:
    time = message.time.isoformat()
    return {
        "id": message.id,
        "sender": message.sender,
        "name": message.sender_name,
        "text": message.text,
        "time": time,
    }


if __name__ == "__main__":
    uvicorn.run(make_app(Path(sys.argv[1])))
