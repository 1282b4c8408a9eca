"""The chat in an event loop."""

from __future__ import annotations

import asyncio

import pytest

from chat import Chat, Server, _chat, errors
from chat.aio import AsyncClient, serve


def test_a_client_and_a_server_of_the_loop() -> None:
    async def main() -> None:
        server = await serve(Chat())
        address = server.sockets[0].getsockname()
        async with server, await AsyncClient.connect(*address) as client:
            async with await client.login("messi", "surabaya") as messi:
                await asyncio.gather(*(messi.send("messi", str(number)) for number in range(50)))
                texts = [message.text for message in await messi.inbox()]
                assert sorted(texts, key=int) == [str(number) for number in range(50)]
                assert await messi.active_users() == ["messi"]
                with pytest.raises(errors.NoSuchRecipient):
                    await messi.send("nobody", "?")
                with pytest.raises(errors.NoSuchRecipient):
                    await messi.send("mes si", "?")
                with pytest.raises(errors.InvalidRequest):
                    await messi.room_inbox("#a b")
                assert "messi" in repr(messi)
                assert messi.token not in repr(messi)
            with pytest.raises(errors.NoSuchSession):
                await messi.inbox()

    asyncio.run(main())


def test_to_register_is_to_log_in() -> None:
    async def main() -> None:
        server = await serve(Chat.memory(registration="open", password_cost=(8, 1, 1)))
        address = server.sockets[0].getsockname()
        async with server, await AsyncClient.connect(*address) as client:
            async with await client.register("ana", "secret", "Ana Lima") as ana:
                assert await ana.active_users() == ["ana"]
            with pytest.raises(errors.UserExists):
                await client.register("ana", "secret", "Ana Lima")

    asyncio.run(main())


def test_an_invitation_is_passed_on() -> None:
    async def main() -> None:
        room = Chat.memory(registration="invite", password_cost=(8, 1, 1))
        server = await serve(room)
        async with server, await AsyncClient.connect(*server.sockets[0].getsockname()) as client:
            with pytest.raises(errors.InvitationRequired):
                await client.register("ana", "secret", "Ana Lima")
            code = room.invite()
            async with await client.register("ana", "secret", "Ana Lima", invitation=code) as ana:
                assert await ana.active_users() == ["ana"]
                assert len(await ana.conversations()) == 0
            with pytest.raises(errors.NoSuchInvitation):
                await client.register("bea", "secret", "Bea Souza", invitation=code)

    asyncio.run(main())


def test_a_client_sends_line_ends_in_a_text() -> None:
    texts = ["satu\ndua", "\n", "tiga\n\r", "\nempat\n", "two\r\nlines"]

    async def main(address: tuple[str, int], token: str) -> list[str]:
        async with await AsyncClient.connect(*address) as client:
            messi = client.session(token, "messi")
            for text in texts:
                await messi.send("messi", text)
            with pytest.raises(errors.InvalidRequest):
                await messi.send_to_all(["messi"], "two\r\nlines")
            return [message.text for message in await messi.inbox()]

    with Chat() as chat, Server(chat) as server:
        assert asyncio.run(main(server.address, chat.login("messi", "surabaya").token)) == texts


def test_nothing_can_be_smuggled_into_a_request() -> None:
    """A request is written from words, and each of them stays one."""
    token = "609107b0-9f49-4d74-8195-f66446cd56e5"
    request = _chat.Request.of_message_to_all(token, ["a", "b"], "b\nc")
    assert _chat.Requester().request(request) == f"\r\nsendgroup {token} a,b b\nc\r\n".encode()
    for words in [
        ("auth", "a b", "c"),
        ("auth", "a", "b c"),
        ("auth", "", "b"),
        ("auth", "a", "b\r\nlogout"),
        ("register", "a b", "c", "D"),
        ("register", "a", "b", "C\nlogout"),
        ("send", token, "a b", " c"),
        ("send", token, "a", " b\r\ninbox"),
    ]:
        with pytest.raises(errors.InvalidRequest):
            _chat.Request.of_words(*words)
    for to, text in [(["a,b"], "c"), (["a b"], "c"), (["a"], "b\r\ninbox"), (["#a"], "c")]:
        with pytest.raises(errors.InvalidRequest):
            _chat.Request.of_message_to_all(token, to, text)
    with pytest.raises(errors.InvalidRequest):
        _chat.Request.of_room_inbox(token, "#a\r\ninbox")
    for unknown in [(), ("halo",), ("inbox",), ("inbox", token, "x"), ("inbox\r\n", token)]:
        with pytest.raises(errors.BadCommand):
            _chat.Request.of_words(*unknown)
    with pytest.raises(errors.InvalidToken):
        _chat.Request.of_words("inbox", f"{token}\r\nlogout")
    call = b'{"jsonrpc":"2.0","method":"typing","params":{"with":"a"}}'
    with pytest.raises(errors.InvalidToken):
        _chat.Request.of_call("x", call)
    for line in [call + b"\r\n" + call, call[:-1]]:
        with pytest.raises(errors.BadJson):
            _chat.Request.of_call(token, line)
    typing = _chat.Request.of_call(token, call)
    resume = _chat.Requester().resume_first(typing)
    assert resume is not None
    assert _chat.Requester().request(resume).endswith(f'"token":"{token}"}}}}\r\n'.encode())


def test_a_client_of_a_server_in_threads() -> None:
    async def main(address: tuple[str, int]) -> None:
        async with await AsyncClient.connect(*address) as client:
            with pytest.raises(errors.WrongPassword):
                await client.login("messi", "malang")
            token = (await client.login("messi", "surabaya")).token
            await client.session(token, "messi").send("henderson", "halo")

    with Chat() as chat, Server(chat) as server:
        asyncio.run(main(server.address))
        assert len(chat.get_inbox("henderson")["messages"]) == 1


def test_a_peer_that_pipelines_and_closes() -> None:
    async def main() -> bytes:
        server = await serve(Chat())
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"halo\r\n" * 20_000)
            writer.write_eof()
            answers = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answers

    answers = asyncio.run(main())
    assert answers == b'{"status": "ERROR", "message": "Command tidak benar"}\r\n\r\n' * 20_000


def test_a_server_that_goes_away() -> None:
    async def main() -> None:
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1")
        async with server:
            client = await AsyncClient.connect(*server.sockets[0].getsockname())
            for _ in range(2):
                with pytest.raises(errors.Disconnected):
                    await client.login("messi", "surabaya")
            await client.close()
        address = server.sockets
        assert not address

    asyncio.run(main())


def test_nobody_listens() -> None:
    with pytest.raises(errors.NetworkError):
        asyncio.run(AsyncClient.connect("127.0.0.1", 1))


def test_cancelling_is_not_hidden() -> None:
    async def main() -> None:
        async with await asyncio.start_server(_log_in_once, "127.0.0.1") as server:
            address = server.sockets[0].getsockname()
            client = await AsyncClient.connect(*address)
            with pytest.raises(asyncio.TimeoutError) as raised:
                await asyncio.wait_for(_ask_for_ever(client), 0.2)
            assert not isinstance(raised.value, errors.ChatError)
            await client.close()
            with pytest.raises(errors.ClosedError):
                await client.login("messi", "surabaya")

    async def _ask_for_ever(client: AsyncClient) -> None:
        async with await client.login("messi", "surabaya") as messi:
            await messi.inbox()

    async def _log_in_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        token = "609107b0-9f49-4d74-8195-f66446cd56e5"
        writer.write(f'{{"status": "OK", "tokenid": "{token}"}}\r\n\r\n'.encode())
        await reader.read()
        writer.close()

    asyncio.run(main())


def test_public_passwords_stay_off_the_network() -> None:
    with pytest.raises(errors.PublicPassword):
        asyncio.run(serve(Chat(), "0.0.0.0"))  # noqa: S104


def test_clear_text_on_a_network_has_to_be_allowed() -> None:
    async def listen(*, allow_cleartext: bool) -> None:
        (await serve(Chat.memory(), "0.0.0.0", allow_cleartext=allow_cleartext)).close()  # noqa: S104

    with pytest.raises(errors.Cleartext):
        asyncio.run(listen(allow_cleartext=False))
    asyncio.run(listen(allow_cleartext=True))


def test_a_closed_chat_turns_peers_away() -> None:
    problems: list[object] = []

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: problems.append(context["exception"]))
        chat = Chat()
        async with await serve(chat) as server:
            chat.close()
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"halo\r\n")
            try:
                return await reader.read()
            except ConnectionError:
                return b""
            finally:
                writer.close()

    assert asyncio.run(main()) == b""
    assert [type(problem) for problem in problems] == [errors.ClosedError]
