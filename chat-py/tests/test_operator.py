"""What an operator can do with users, sessions and data."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from chat import Announcement, Chat, Client, Invitation, Server, SessionInfo, errors

if TYPE_CHECKING:
    from pathlib import Path


def quick() -> Chat:
    room = Chat.memory(password_cost=(8, 1, 1))
    room.add_user("ana", "secret", full_name="Ana Lima", country="Brasil")
    room.add_user("bea", "secret", full_name="Bea Souza")
    return room


def test_users_are_listed() -> None:
    room = quick()
    ana, bea = room.list_users()
    assert (ana.name, ana.full_name, ana.country) == ("ana", "Ana Lima", "Brasil")
    assert (bea.name, bea.country) == ("bea", "")
    assert repr(ana) == "User(name='ana', full_name='Ana Lima', country='Brasil')"
    assert ana == room.list_users()[0] != bea
    assert len({ana, room.list_users()[0]}) == 1


def test_sessions_are_opened_listed_and_ended() -> None:
    room = quick()
    ana = room.open_session("ana")
    bea = room.login("bea", "secret")
    ana.send("bea", "halo")
    assert [session.user for session in room.list_sessions()] == ["ana", "bea"]
    (first, _second) = room.list_sessions()
    assert isinstance(first, SessionInfo)
    assert first.id in room.sessions
    assert ana.token not in repr(room.list_sessions())
    with pytest.raises(errors.NoSuchUser):
        room.open_session("nobody")
    room.end_sessions("ana")
    with pytest.raises(errors.NoSuchSession):
        ana.inbox()
    with pytest.raises(errors.NoSuchUser):
        room.end_sessions("nobody")
    assert bea.active_users() == ["bea"]
    assert [message.text for message in room.inbox_of("bea")] == ["halo"]
    assert room.inbox_of("nobody") == bea.inbox() == []


def test_invitations_let_one_person_register() -> None:
    room = Chat.memory(registration="invite", password_cost=(8, 1, 1))
    with pytest.raises(errors.InvitationRequired):
        room.register("ana", "secret", "Ana Lima")
    with pytest.raises(errors.NoSuchInvitation):
        room.register("ana", "secret", "Ana Lima", invitation="x")
    code = room.invite()
    room.register("ana", "secret", "Ana Lima", invitation=code)
    with Server(room) as server, Client(*server.address) as client:
        with pytest.raises(errors.NoSuchInvitation):
            client.register("bea", "secret", "Bea Souza", invitation=code)
        client.register("bea", "secret", "Bea Souza", invitation=room.invite())

    room.invite()
    (invitation,) = room.list_invitations()
    assert isinstance(invitation, Invitation)
    assert invitation.expires - invitation.created == timedelta(days=7)
    assert repr(invitation).startswith(f"Invitation(id='{invitation.id}', expires=")
    room.revoke_invitation(invitation.id)
    assert room.list_invitations() == []
    with pytest.raises(errors.NoSuchInvitation):
        room.revoke_invitation(invitation.id)


def test_sessions_tell_when_and_from_where() -> None:
    room = quick()
    before = datetime.now(timezone.utc) - timedelta(milliseconds=1)
    room.open_session("ana")
    with Server(room) as server, Client(*server.address) as client:
        client.login("bea", "secret")
    here, there = room.list_sessions()
    assert here.address is None
    assert there.address is not None
    assert there.address[0] == "127.0.0.1"
    assert before <= here.opened <= here.last_used <= datetime.now(timezone.utc)
    assert here == room.list_sessions()[0] != there
    assert f"opened='{here.opened.isoformat()}'" in repr(here)


def test_users_are_banned() -> None:
    room = quick()
    ana = room.open_session("ana")
    room.ban_user("ana")
    with pytest.raises(errors.NoSuchSession):
        ana.inbox()
    with pytest.raises(errors.WrongPassword):
        room.login("ana", "wrong")
    with pytest.raises(errors.Banned):
        room.login("ana", "secret")
    with pytest.raises(errors.Banned):
        room.open_session("ana")
    assert [user.banned for user in room.list_users()] == [True, False]
    assert repr(room.list_users()[0]).endswith(", banned=True)")
    room.unban_user("ana")
    room.login("ana", "secret")
    for change in [room.ban_user, room.unban_user]:
        with pytest.raises(errors.NoSuchUser):
            change("nobody")


def test_settings_change_while_the_chat_is_in_use() -> None:
    room = quick()
    ana = room.open_session("ana")
    ana.send("bea", "halo")
    room.reload(mailbox_messages=1, registration="open")
    with pytest.raises(errors.MailboxFull):
        ana.send("bea", "halo")
    assert room.register("eve", "secret", "Eve").user == "eve"
    with pytest.raises(ValueError, match="password_cost"):
        room.reload(password_cost=(0, 0, 0))
    with pytest.raises(TypeError, match="'sync' is for a chat in a directory"):
        room.reload(sync="never")  # type: ignore[call-arg]
    room.reload()
    ana.send("bea", "halo")
    with pytest.raises(errors.RegistrationClosed):
        room.register("carl", "secret", "Carl")


def test_a_session_is_the_same_everywhere() -> None:
    """A program that took sessions of both kinds had to know two classes."""
    room = quick()
    with Server(room) as server, Client(*server.address) as client:
        here, there = room.login("ana", "secret"), client.login("ana", "secret")
        assert type(here) is type(there)
        assert repr(here) == repr(there) == "Session(user='ana')"
        for session in [here, there, client.session(here.token, "ana")]:
            session.send("bea", "halo")
            with pytest.raises(errors.NoSuchRecipient):
                session.send("nobody", "halo")
        there.logout()
        with pytest.raises(errors.NoSuchSession):
            room.session(there.token)
        assert room.session(here.token).user == "ana"
    assert len(room.inbox_of("bea")) == 3


def test_people_are_exported_and_erased() -> None:
    room = quick()
    ana, bea = room.open_session("ana"), room.open_session("bea")
    bea.create_room("#bench", title="The bench")
    ana.join_room("#bench")
    ana.send("#bench", "sekret")
    (bench,) = room.list_rooms()
    assert (bench.name, bench.title) == ("#bench", "The bench")
    assert (bench.members, bench.standing) == (2, None)
    members = room.list_members("#bench")
    assert [(member.name, member.owner) for member in members] == [("ana", False), ("bea", True)]
    export = io.BytesIO()
    room.export_user("ana", export)
    assert b"sekret" in export.getvalue()
    assert b"argon2id" not in export.getvalue()
    assert room.erase_user("ana") == 1
    dump = io.BytesIO()
    room.dump(dump)
    assert b"sekret" not in dump.getvalue()
    with pytest.raises(errors.NoSuchUser):
        room.erase_user("ana")
    with pytest.raises(errors.NoSuchUser):
        room.export_user("ana", export)
    room.set_room_keep("#bench", "keep_messages", "1000")
    dump = io.BytesIO()
    room.dump(dump)
    assert b"1000" in next(line for line in dump.getvalue().splitlines() if b"#bench" in line)
    with pytest.raises(ValueError, match="keep_for"):
        room.set_room_keep("#bench", "keep_for", "soon")
    with pytest.raises(errors.NoSuchRoom):
        room.set_room_keep("#other", "keep_for", "90days")
    room.delete_room("#bench")
    assert room.list_rooms() == []
    with pytest.raises(errors.NoSuchRoom):
        room.list_members("#bench")


def test_announcements_are_told_to_those_who_are_there() -> None:
    room = quick()
    assert room.announce("nobody is there") == 0
    with room.open_session("ana").events() as events:
        assert room.announce("Down at noon") == 1
        announcement = events.next(30)
        assert isinstance(announcement, Announcement)
        assert announcement.text == "Down at noon"
        assert announcement.time <= datetime.now(timezone.utc)
    with pytest.raises(errors.LineTooLong):
        room.announce("x" * 5000)
    with pytest.raises(errors.BadParameters):
        room.announce(" ")


def test_data_is_dumped_and_restored(tmp_path: Path) -> None:
    room = quick()
    room.open_session("ana").send("bea", "halo")
    room.check()
    room.tidy()
    room.check_writable()
    assert "\nchat_users " in room.metrics()
    dump = io.BytesIO()
    room.dump(dump)
    assert b"$argon2id$" in dump.getvalue()
    with pytest.raises(errors.NotEmpty):
        room.restore(io.BytesIO(dump.getvalue()))
    with Chat.open(tmp_path / "data", password_cost=(8, 1, 1)) as copy:
        with pytest.raises(errors.BadDump):
            copy.restore(io.BytesIO(dump.getvalue()[:-10]))
        restored = copy.restore(io.BytesIO(dump.getvalue()))
        assert (restored.users, restored.without_password, restored.messages) == (2, 0, 1)
        assert repr(restored) == "Restored(users=2, without_password=0, messages=1)"
        assert [message.text for message in copy.login("bea", "secret").inbox()] == ["halo"]
        copy.check()
        assert not copy.is_read_only
    # A raw file may take less than it is given.
    path = tmp_path / "dump"
    with path.open("wb", buffering=0) as raw:
        room.dump(raw, hashes=False)
    assert b"$argon2id$" not in path.read_bytes()
    with path.open("rb", buffering=0) as raw:
        assert Chat.memory().restore(raw).without_password == 2


def test_what_a_file_raises_is_raised() -> None:
    room = quick()
    with pytest.raises(ValueError, match="closed file"):
        closed = io.BytesIO()
        closed.close()
        room.dump(closed)
    with pytest.raises(TypeError):
        room.dump(io.StringIO())  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Chat.memory().restore(io.StringIO("text"))  # type: ignore[arg-type]

    class Full:
        calls = 0

        def write(self, _data: bytes) -> int:
            self.calls += 1
            raise KeyError(self.calls)

    full = Full()
    with pytest.raises(KeyError, match="1"):
        room.dump(full)
    assert full.calls == 1
    room.close()
    with pytest.raises(errors.ClosedError):
        room.dump(io.BytesIO())


def test_demo_users_stay_off_the_network() -> None:
    room = Chat()
    room.may_listen("127.0.0.1", 8889)
    with pytest.raises(errors.PublicPassword):
        room.may_listen("0.0.0.0", 8889)  # noqa: S104
