"""Live chat in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chat import Chat, Client, Closed, Message, Server, Typing, errors
from chat.aio import AsyncClient, AsyncEvents, AsyncSession, ChatProtocol, events, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from chat import Event, Session


@contextlib.asynccontextmanager
async def client_of(chat: Chat, *, in_loop: bool) -> AsyncIterator[AsyncClient]:
    """Connect to a server in the loop, or to one in threads."""
    if in_loop:
        async with await serve(chat) as server:
            address = server.sockets[0].getsockname()
            async with await AsyncClient.connect(*address) as client:
                yield client
    else:
        with Server(chat) as server_in_threads:
            async with await AsyncClient.connect(*server_in_threads.address) as client:
                yield client


async def next_message(happening: AsyncEvents) -> Message:
    while True:
        event = await happening.next(30)
        assert event is not None
        if isinstance(event, Message):
            return event


@pytest.mark.parametrize("in_loop", [True, False])
def test_a_session_has_all_commands(*, in_loop: bool) -> None:
    async def main() -> None:
        async with client_of(Chat(), in_loop=in_loop) as client:
            messi = await client.login("messi", "surabaya")
            lineker = await client.login("lineker", "surabaya")
            await use_messages(messi, lineker)
            await use_rooms(messi, lineker)
            await use_people(messi, lineker)

    asyncio.run(main())


async def use_messages(messi: AsyncSession, lineker: AsyncSession) -> None:
    sent = await messi.send("lineker", "one\r\n1", key="k")
    assert await messi.send("lineker", "one\r\n1", key="k") == sent
    await messi.typing("lineker")
    page = await lineker.history("messi", before=sent.id + 1, limit=1)
    assert [message.text for message in page] == ["one\r\n1"]
    assert not await lineker.history("messi", after=sent.id)
    with pytest.raises(ValueError, match="not both"):
        await lineker.history("messi", after=1, before=1)
    assert (await lineker.sync()).next == sent.id
    assert (await lineker.conversations())[0].unread == 1
    assert await lineker.read("messi", sent.id) == 0
    await messi.delete(sent.id)
    assert (await lineker.history("messi"))[0].deleted
    await messi.send_to_all(["lineker", "henderson"], "halo")
    with pytest.raises(errors.NoSuchRecipient):
        await messi.send_to_all([], "halo")
    assert [message.text for message in await lineker.inbox()] == ["halo"]
    assert await lineker.read("messi") == 0


async def use_rooms(messi: AsyncSession, lineker: AsyncSession) -> None:
    await messi.create_room("#bench", title="The bench", open=False)
    with pytest.raises(errors.NoSuchRoom):
        await lineker.join_room("#bench")
    await messi.invite("#bench", "lineker")
    await lineker.join_room("#bench")
    await messi.set_room("#bench", title="Bench", owners=["lineker", "messi"])
    assert [room.title for room in await lineker.rooms()] == ["Bench"]
    assert all(member.owner for member in await lineker.members("#bench"))
    await messi.send("#bench", "halo")
    (unread,) = await lineker.room_inbox("#bench")
    assert (unread.recipient, unread.text) == ("#bench", "halo")
    await messi.leave_room("#bench")
    await lineker.invite("#bench", "henderson")
    await lineker.remove_from_room("#bench", "henderson")
    await lineker.delete_room("#bench")
    assert not await lineker.rooms()


async def use_people(messi: AsyncSession, lineker: AsyncSession) -> None:
    assert [user.name for user in await messi.users(after="henderson")] == ["lineker", "messi"]
    await messi.block("lineker")
    assert [user.name for user in await messi.blocks()] == ["lineker"]
    with pytest.raises(errors.Blocked):
        await lineker.send("messi", "halo")
    await messi.unblock("lineker")
    await messi.set_profile(full_name="Leo Messi", country="Spain")
    assert (await lineker.users(after="lineker"))[0].full_name == "Leo Messi"
    await messi.set_password("surabaya", "secret")
    (session,) = await messi.sessions()
    assert session.current
    await messi.end_session(session.id)
    with pytest.raises(errors.NoSuchSession):
        await messi.read("lineker")


@pytest.mark.parametrize("in_loop", [True, False])
def test_events_of_a_server(*, in_loop: bool) -> None:
    async def main() -> None:
        async with client_of(Chat(), in_loop=in_loop) as client:
            messi = await client.login("messi", "surabaya")
            lineker = await client.login("lineker", "surabaya")
            first = await messi.send("lineker", "first")
            async with lineker.events() as live, lineker.events(after=0) as all_of_them:
                second = await messi.send("lineker", "second")
                assert (await next_message(live)).id == second.id
                assert live.position == second.id
                assert (await next_message(all_of_them)).id == first.id
                assert (await next_message(all_of_them)).id == second.id
                await messi.typing("lineker")
                while (event := await live.next(30)) != Typing(conversation="messi", user="messi"):
                    assert event is not None
                await lineker.logout()
                told = [event async for event in live]
                assert told[-1] == Closed(reason="session_ended")
                assert live.closed
            assert all_of_them.closed

    asyncio.run(main())


def test_events_in_the_process() -> None:
    async def main() -> None:
        with Chat() as room:
            messi, lineker = room.login("messi", "surabaya"), room.login("lineker", "surabaya")
            async with events(lineker) as happening:
                assert await happening.next(0) is None
                assert await happening.next(0.01) is None
                sent = [messi.send("lineker", str(number)).id for number in range(100)]
                assert [(await next_message(happening)).id for _ in sent] == sent
            async with events(lineker, after=sent[-2]) as happening:
                assert (await next_message(happening)).id == sent[-1]

    asyncio.run(main())


def descriptor_count() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def test_events_need_no_thread_while_they_wait() -> None:
    """Neither a thread nor a descriptor of their own: a site has one for each of its users."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        messi = Chat().login("messi", "surabaya")
        async with events(messi) as happening:

            async def refuse(*_arguments: object) -> None:
                raise AssertionError

            async def in_this_thread(_pool: object, work: Callable[[], object]) -> object:
                return work()

            descriptors = descriptor_count()
            async with contextlib.AsyncExitStack() as stack:
                more = [AsyncEvents(messi.events, remote=False) for _ in range(3)]
                loop.run_in_executor = in_this_thread  # type: ignore[assignment, method-assign]
                for one in more:
                    await stack.enter_async_context(one)
                loop.run_in_executor = refuse  # type: ignore[assignment, method-assign]
                waiting = [asyncio.create_task(next_message(one)) for one in [happening, *more]]
                await asyncio.sleep(0)
                messi.send("messi", "halo")
                assert [message.text for message in await asyncio.gather(*waiting)] == ["halo"] * 4
                assert descriptor_count() == descriptors

    asyncio.run(main())


def test_closing_and_cancelling_end_the_iteration() -> None:
    async def main() -> None:
        messi = Chat().login("messi", "surabaya")
        happening = events(messi)
        assert (happening.position, happening.closed) == (None, False)

        async def listen() -> list[Event]:
            return [event async for event in happening]

        async with happening:
            cancelled = asyncio.create_task(listen())
            await asyncio.sleep(0)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            # Nothing is lost by that.
            messi.send("messi", "halo")
            assert (await next_message(happening)).text == "halo"
            waiting = asyncio.create_task(listen())
            await asyncio.sleep(0)
            assert not waiting.done()
            happening.close()
            assert await asyncio.wait_for(waiting, 30) == []
        assert repr(happening) == "AsyncEvents(closed)"
        assert await happening.next() is None
        with pytest.raises(errors.ClosedError):
            async with closed_before(messi):
                pass

    def closed_before(messi: object) -> AsyncEvents:
        happening = events(messi)  # type: ignore[arg-type]
        happening.close()
        return happening

    asyncio.run(main())


def test_closing_wakes_who_waits_for_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The descriptor of a connection does not become readable by closing it here."""
    monkeypatch.setattr("chat.aio._events._LOOK", 1000)

    async def main(session: Session) -> None:
        async with AsyncEvents(session.events, remote=True) as happening:
            waiting = asyncio.create_task(happening.next())
            await asyncio.sleep(0)
            happening.close()
            assert await asyncio.wait_for(waiting, 30) is None

    with Chat() as room, Server(room) as server, Client(*server.address) as client:
        asyncio.run(main(client.login("messi", "surabaya")))


def test_events_that_cannot_begin() -> None:
    async def main() -> None:
        room = Chat()
        messi = room.login("messi", "surabaya")
        messi.logout()
        with pytest.raises(errors.NoSuchSession):
            await events(messi).next()
        async with client_of(room, in_loop=True) as client:
            lineker = await client.login("lineker", "surabaya")
        with pytest.raises(errors.ClosedError):
            await lineker.events().next()

    asyncio.run(main())


def test_a_peer_is_told_as_it_happens() -> None:
    """The peers of a server in a loop only listen, and ask for nothing."""

    async def main() -> None:
        room = Chat()
        # As if somebody held them: a peer that is gone must not seem to be there still.
        peers: list[ChatProtocol] = []

        def protocol() -> ChatProtocol:
            peers.append(ChatProtocol(room))
            return peers[-1]

        loop = asyncio.get_running_loop()
        async with await loop.create_server(protocol, "127.0.0.1") as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())

            async def call(method: str, **parameters: object) -> object:
                request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
                writer.write(f"{json.dumps(request)}\n".encode())
                return json.loads(await reader.readline())["result"]

            await call("login", user="messi", password="surabaya")
            await call("subscribe", after=0)
            lineker = room.login("lineker", "surabaya")
            # In halves of a line, which does not keep events from it.
            writer.write(b'{"jsonrpc":"2.0","id":2,')
            sent = [lineker.send("messi", str(number)).id for number in range(1000)]
            told = [json.loads(await reader.readline()) for _ in sent]
            assert [event["params"]["id"] for event in told] == sent
            writer.write(b'"method":"ping"}\n')
            assert json.loads(await reader.readline()) == {"jsonrpc": "2.0", "id": 2, "result": {}}
            assert [user.online for user in lineker.users(after="lineker")] == [True]
            async with events(lineker) as happening:
                writer.close()
                while (event := await happening.next(30)) is not None:
                    if getattr(event, "online", True) is False:
                        break
                assert event is not None

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_loop_that_ends_lets_go_of_its_chat(tmp_path: Path) -> None:
    """What wakes connections is kept for each loop, and must not keep the loop and its chat."""

    async def main(chat: Chat) -> weakref.ref[asyncio.AbstractEventLoop]:
        server = await serve(chat)
        _reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"halo\r\n")
        await _reader.readline()
        server.close()
        return weakref.ref(asyncio.get_running_loop())

    def run(chat: Chat) -> weakref.ref[asyncio.AbstractEventLoop]:
        loop = asyncio.run(main(chat))
        gc.collect()
        return loop

    with Chat.open(tmp_path) as chat, pytest.warns(ResourceWarning):
        loop = run(chat)
    assert loop() is None
    Chat.open(tmp_path).close()


def test_a_session_is_bound_again() -> None:
    """Sessions share a connection, to which protocol 2 binds one at a time."""

    async def main() -> None:
        async with client_of(Chat(), in_loop=True) as client:
            sessions = [await client.login(user, "surabaya") for user in ("messi", "lineker")]

            async def send(number: int) -> str:
                session = sessions[number % 2]
                await session.send("henderson", str(number))
                return (await session.history("henderson"))[-1].sender

            senders = await asyncio.gather(*(send(number) for number in range(20)))
            assert senders == ["messi", "lineker"] * 10

    asyncio.run(main())


def test_a_session_goes_on_at_another_server() -> None:
    """One of two servers goes, and then the other one."""

    async def main(chat: Chat) -> None:
        one, two = Server(chat, "127.0.0.99"), Server(chat, "127.0.0.100")
        addresses = [f"{host}:{port}" for host, port in (one.address, two.address)]
        async with await AsyncClient.connect(addresses) as client:
            messi = await client.login("messi", "surabaya")
            async with messi.events() as happening:
                one.stop()
                one.join()
                await messi.send("messi", "one")
                assert (await next_message(happening)).text == "one"
                one = Server(chat, *one.address)
                two.stop()
                two.join()
                await messi.send("messi", "two")
                assert (await next_message(happening)).text == "two"
            one.stop()
            one.join()

    with Chat() as chat:
        asyncio.run(main(chat))
