"""What a user can do, in the process and on a server: rooms, history, reading, events."""

from __future__ import annotations

import copy
import inspect
import pickle
import select
import threading
from typing import TYPE_CHECKING

import pytest

from chat import (
    Chat,
    Client,
    Closed,
    Connection,
    Deleted,
    Events,
    Lagged,
    Message,
    Page,
    Presence,
    Read,
    RoomChange,
    Server,
    Session,
    Typing,
    Wakeups,
    errors,
)
from chat.aio import AsyncSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chat import Event

#: How many messages threads share.
COUNT = 100


@pytest.fixture(params=["in the process", "on a server"])
def login(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Session]]:
    """Log in by a user name; whatever this is used for must be the same in both places."""
    with Chat() as room:
        if request.param == "in the process":
            yield lambda user: room.login(user, "surabaya")
        else:
            with Server(room) as server, Client(*server.address) as client:
                yield lambda user: client.login(user, "surabaya")


def texts(page: Page[Message]) -> list[str]:
    return [message.text for message in page]


def messages_of(events: Events, count: int) -> list[Message]:
    found: list[Message] = []
    while len(found) < count:
        event = events.next(30)
        assert event is not None
        if isinstance(event, Message):
            found.append(event)
    return found


def until(events: Events, kind: type[Event]) -> Event:
    """Wait for an event of a kind, and pass over presence and the like."""
    while True:
        event = events.next(30)
        assert event is not None
        if isinstance(event, kind):
            return event


def test_history_and_reading(login: Callable[[str], Session]) -> None:
    messi, henderson = login("messi"), login("henderson")
    sent = [messi.send("henderson", str(number)) for number in range(5)]
    assert [one.id for one in sent] == sorted(one.id for one in sent)
    assert sent[0].time.utcoffset() is not None
    page = henderson.history("messi", limit=2)
    assert (texts(page), page.more, len(page)) == (["3", "4"], True, 2)
    assert texts(henderson.history("messi", before=page[0].id)) == ["0", "1", "2"]
    assert texts(henderson.history("messi", after=sent[2].id)) == ["3", "4"]
    assert page[0].time == sent[3].time
    with pytest.raises(ValueError, match="not both"):
        henderson.history("messi", before=1, after=1)
    with pytest.raises(ValueError, match="2\\*\\*53"):
        henderson.history("messi", before=2**53)
    (conversation,) = henderson.conversations()
    assert (conversation.name, conversation.unread) == ("messi", 5)
    assert conversation.last == page[1]
    assert henderson.read("messi", sent[1].id) == 3
    assert messi.conversations()[0].read_by_other == sent[1].id
    assert henderson.read("messi") == 0
    assert not henderson.conversations(before=sent[-1].id)
    messi.delete(sent[4].id)
    last = henderson.history("messi")[-1]
    assert (last.text, last.deleted) == ("", True)
    with pytest.raises(errors.NotYourMessage):
        henderson.delete(sent[3].id)
    synced = henderson.sync(limit=3)
    assert (texts(synced), synced.more) == (["0", "1", "2"], True)
    assert texts(henderson.sync(synced.next)) == ["3", ""]


def test_a_key_is_used_once(login: Callable[[str], Session]) -> None:
    messi = login("messi")
    sent = messi.send("henderson", "halo", key="order 17")
    assert messi.send("henderson", "halo", key="order 17") == sent
    assert [message.key for message in messi.history("henderson")] == ["order 17"]
    with pytest.raises(errors.KeyReused):
        messi.send("lineker", "halo", key="order 17")
    with pytest.raises(errors.InvalidKey):
        messi.send("lineker", "halo", key="")


def test_rooms(login: Callable[[str], Session]) -> None:
    messi, henderson, lineker = login("messi"), login("henderson"), login("lineker")
    messi.create_room("#bench", title="The bench", open=False)
    with pytest.raises(errors.RoomExists):
        henderson.create_room("#bench")
    with pytest.raises(errors.NoSuchRoom):
        henderson.join_room("#bench")
    messi.invite("#bench", "henderson")
    assert [room.standing for room in henderson.rooms()] == ["invited"]
    henderson.join_room("#bench")
    messi.set_room("#bench", title="Open bench", open=True, owners=["messi", "henderson"])
    (room,) = lineker.rooms()
    assert (room.title, room.open, room.members, room.standing) == ("Open bench", True, 2, None)
    lineker.join_room("#bench")
    members = messi.members("#bench", limit=2)
    assert [(member.name, member.owner) for member in members] == [
        ("henderson", True),
        ("lineker", False),
    ]
    assert members.more
    assert [member.name for member in messi.members("#bench", after="lineker")] == ["messi"]
    lineker.send("#bench", "halo")
    (unread,) = messi.room_inbox("#bench")
    assert (unread.recipient, unread.sender_name, unread.text) == ("#bench", "Gary Lineker", "halo")
    messi.remove_from_room("#bench", "lineker")
    with pytest.raises(errors.NotAMember):
        lineker.history("#bench")
    messi.leave_room("#bench")
    with pytest.raises(errors.LastOwner):
        henderson.leave_room("#bench")
    henderson.delete_room("#bench")
    assert not lineker.rooms()
    messi.send_to_all(["henderson", "lineker"], "halo")
    assert [message.text for message in lineker.inbox()] == ["halo"]


def test_people(login: Callable[[str], Session]) -> None:
    messi, lineker, elsewhere = login("messi"), login("lineker"), login("messi")
    assert [user.name for user in messi.users(after="henderson")] == ["lineker", "messi"]
    messi.block("lineker")
    with pytest.raises(errors.Blocked):
        lineker.send("messi", "halo")
    assert [user.full_name for user in messi.blocks()] == ["Gary Lineker"]
    messi.unblock("lineker")
    lineker.send("messi", "halo")
    messi.set_profile(full_name="Leo Messi")
    messi.set_profile(country="Spain")
    (me,) = messi.users(after="lineker")
    assert (me.full_name, me.country) == ("Leo Messi", "Spain")
    (other,) = [session for session in messi.sessions() if not session.current]
    messi.end_session(other.id)
    with pytest.raises(errors.NoSuchSession):
        elsewhere.inbox()
    with pytest.raises(errors.WrongPassword):
        messi.set_password("jakarta", "secret")
    elsewhere = login("messi")
    messi.set_password("surabaya", "secret")
    with pytest.raises(errors.NoSuchSession):
        elsewhere.inbox()


def test_events_tell_all_that_happens(login: Callable[[str], Session]) -> None:
    messi, lineker = login("messi"), login("lineker")
    first = messi.send("lineker", "first")
    with lineker.events() as events:
        second = messi.send("lineker", "second")
        (message,) = messages_of(events, 1)
        assert (message.id, message.conversation, message.sender) == (second.id, "messi", "messi")
        assert events.position == second.id
        messi.typing("lineker")
        assert until(events, Typing) == Typing(conversation="messi", user="messi")
        messi.delete(second.id)
        assert until(events, Deleted) == Deleted(conversation="messi", id=second.id)
        messi.create_room("#bench")
        messi.invite("#bench", "lineker")
        change = until(events, RoomChange)
        assert change == RoomChange(room="#bench", change="invited", user="lineker", by="messi")
        with messi.events() as more:
            presence = until(events, Presence)
            assert isinstance(presence, Presence)
            assert (presence.user, presence.online) == ("messi", True)
            lineker.read("messi", second.id)
            read = until(more, Read)
            assert read == Read(conversation="lineker", user="lineker", upto=second.id)
        with lineker.events(after=first.id) as again:
            assert [message.id for message in messages_of(again, 1)] == [second.id]
        lineker.logout()
        assert until(events, Closed) == Closed(reason="session_ended")
        assert events.closed
        assert events.next() is None
        assert list(events) == []


def test_events_end_when_they_are_closed(login: Callable[[str], Session]) -> None:
    events = login("messi").events()
    assert events.next(0) is None
    seen: list[Event] = []
    waiting = threading.Thread(target=lambda: seen.extend(events))
    waiting.start()
    events.close()
    waiting.join(30)
    assert not waiting.is_alive()
    assert (seen, repr(events)) == ([], "Events(closed)")
    with pytest.raises(errors.ClosedError):
        events.fileno()
    events.close()
    assert list(events) == []


def test_events_can_be_polled(login: Callable[[str], Session]) -> None:
    messi = login("messi")
    with messi.events() as events:
        while events.next(0) is not None:
            pass
        messi.send("messi", "a note to myself")
        while True:
            assert select.select([events], [], [], 30)[0]
            event = events.next(0)
            if isinstance(event, Message):
                break


def test_threads_share_events(login: Callable[[str], Session]) -> None:
    messi = login("messi")
    seen: list[int] = []
    with messi.events() as events:

        def listen() -> None:
            for event in events:
                if isinstance(event, Message):
                    seen.append(event.id)
                if len(seen) == COUNT:
                    events.close()

        threads = [threading.Thread(target=listen) for _ in range(3)]
        for thread in threads:
            thread.start()
        sent = [messi.send("messi", str(number)).id for number in range(COUNT)]
        for thread in threads:
            thread.join(30)
    assert sorted(seen) == sent


def test_a_slow_reader_misses_no_message() -> None:
    with Chat.memory(events_bytes=65_536) as room:
        room.add_demo_users()
        messi = room.login("messi", "surabaya")
        with messi.events() as events:
            sent = [messi.send("messi", "x" * 1000).id for _ in range(500)]
            found: list[Event] = []
            while sum(isinstance(event, Message) for event in found) < len(sent):
                event = events.next(30)
                assert event is not None
                found.append(event)
            assert Lagged() in found
            assert [event.id for event in found if isinstance(event, Message)] == sent


def test_a_client_that_reconnects_misses_nothing() -> None:
    with Chat() as room:
        messi = room.login("messi", "surabaya")
        server = Server(room)
        address = server.address
        client = Client(*address)
        events = client.session(messi.token, "messi").events()
        first = messi.send("messi", "first").id
        assert [message.id for message in messages_of(events, 1)] == [first]
        server.stop()
        server.join(30)
        second = messi.send("messi", "second").id
        with Server(room, *address):
            assert [message.id for message in messages_of(events, 1)] == [second]
        events.close()
        client.close()


def test_a_closed_client_has_no_events(chat_server_address: tuple[str, int]) -> None:
    client = Client(*chat_server_address)
    messi = client.login("messi", "surabaya")
    client.close()
    with pytest.raises(errors.ClosedError):
        messi.events()


@pytest.fixture
def chat_server_address() -> Iterator[tuple[str, int]]:
    with Chat() as room, Server(room) as server:
        yield server.address


def test_a_connection_of_an_own_loop_is_woken() -> None:
    room = Chat()
    wakeups, connection = Wakeups(), Connection(room)
    connection.set_wakeups(wakeups, 7)
    login = b'{"user":"messi","password":"surabaya"}'
    for request in [
        b'{"jsonrpc":"2.0","id":1,"method":"login","params":%b}\n' % login,
        b'{"jsonrpc":"2.0","id":2,"method":"subscribe"}\n',
    ]:
        assert b'"result"' in connection.receive(request)
        connection.sent()
    while connection.wants_turn:
        connection.receive(b"")
        connection.sent()
    wakeups.take()
    assert not select.select([wakeups], [], [], 0)[0]
    room.login("henderson", "surabaya").send("messi", "halo")
    assert select.select([wakeups], [], [], 30)[0]
    assert wakeups.take() == [7]
    assert not select.select([wakeups], [], [], 0)[0]
    assert connection.wants_turn
    assert b'"method":"message"' in connection.receive(b"")
    connection.close()
    with pytest.raises(errors.ClosedError):
        connection.receive(b"")


def test_values() -> None:
    room = Chat()
    messi = room.login("messi", "surabaya")
    sent = messi.send("messi", "a secret")
    message = messi.history("messi")[0]
    values = [sent, message, *messi.conversations(), *messi.users(), *messi.sessions()]
    for value in [*values, Lagged(), Closed(reason="session_ended")]:
        assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value  # noqa: S301
        assert hash(copy.copy(value)) == hash(value)
        assert "a secret" not in repr(value)
        assert repr(value).startswith(f"{type(value).__name__}(")
    match message:
        case Message(id, "messi", "messi", name, text="a secret"):
            assert (id, name) == (sent.id, "Lionel Messi")
        case _:
            pytest.fail("it should match")
    with pytest.raises(TypeError):
        messi.history("messi")[0] = message  # type: ignore[index]
    assert messi.history("messi")[:] == (message,)
    assert message in messi.history("messi")
    assert str(Page[Message]) == "chat.Page[chat.Message]"


def test_both_sessions_have_the_same_methods() -> None:
    def public(kind: type) -> dict[str, list[str]]:
        methods = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
        return {
            name: list(inspect.signature(method).parameters) if callable(method) else []
            for name, method in methods.items()
        }

    assert public(Session) == public(AsyncSession)


def test_a_session_goes_on_at_another_server() -> None:
    """One of two servers goes, and then the other one."""
    with Chat() as room:
        one, two = Server(room, "127.0.0.97"), Server(room, "127.0.0.98")
        addresses = [f"{host}:{port}" for host, port in (one.address, two.address)]
        with Client(",".join(addresses)) as client, Client(addresses, timeout=20) as other:
            messi = client.login("messi", "surabaya")
            again = other.session(messi.token, "messi")
            with messi.events() as events:
                one.stop()
                one.join()
                messi.send("messi", "one")
                again.send("messi", "two")
                one = Server(room, *one.address)
                two.stop()
                two.join()
                messi.send("messi", "three")
                again.send("messi", "four")
                found = texts_of_messages(events, 4)
            one.stop()
            one.join()
        assert found == ["one", "two", "three", "four"]
        with pytest.raises(errors.NetworkError):
            Client(addresses)


def texts_of_messages(events: Events, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        event = events.next(30)
        assert event is not None
        if isinstance(event, Message):
            found.append(event.text)
    return found
