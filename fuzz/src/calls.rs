//! Sequences of calls from C, misuse included: no crash, and no handle answers to what it is not.

mod session;

use std::ffi::{CStr, c_char};
use std::ptr;

use chat::buffer::{chat_buffer, chat_buffer_free};
use chat::client::{chat_client_connect, chat_client_fd, chat_client_free, chat_client_login, chat_client_session};
use chat::connection::{
    chat_connection_free, chat_connection_mid_line, chat_connection_new, chat_connection_output,
    chat_connection_receive, chat_connection_sent,
};
use chat::error::chat_last_error;

use chat::events::chat_events_free;
use chat::lists::conversations::chat_conversations_free;
use chat::lists::history::{chat_history_free, chat_history_message};
use chat::lists::inbox::{chat_inbox_count, chat_inbox_free, chat_inbox_next, chat_message};
use chat::lists::rooms::chat_rooms_free;
use chat::lists::sessions::{chat_session_info, chat_sessions_free, chat_sessions_next};
use chat::lists::users::{chat_user, chat_users_free, chat_users_next};
use chat::open::{chat_answer, chat_close, chat_open};
use chat::operator::{
    chat_add_demo_users, chat_add_user, chat_edit_user, chat_end_sessions, chat_list_sessions, chat_list_users,
    chat_open_session, chat_remove_user, chat_set_password, chat_take_inbox_of,
};
use chat::options::chat_options;
use chat::server::{
    chat_server_address, chat_server_free, chat_server_join, chat_server_port, chat_server_start, chat_server_stop,
};
use chat::session::messages::chat_session_send;
use chat::session::people::chat_session_active_users;
use chat::session::reading::chat_session_take_inbox;

use chat::session::{
    chat_find_session, chat_login, chat_register, chat_session_free, chat_session_logout, chat_session_token,
    chat_session_user, chat_token,
};
use chat::status::chat_status;

/// Each byte of `data` says what to do next, or with what.
pub fn calls(data: &[u8]) {
    let mut program = Program { rest: data, handles: vec![0, 1, usize::MAX], token: chat_token { text: [0; 37] } };
    while !program.rest.is_empty() {
        program.step();
    }
    program.clean_up();
}

struct Program<'a> {
    rest: &'a [u8],
    /// Every handle that there ever was, freed or not, and some that never were.
    handles: Vec<usize>,
    token: chat_token,
}

const TEXTS: [Option<&CStr>; 14] = [
    None,
    Some(c""),
    Some(c"messi"),
    Some(c"henderson"),
    Some(c"lineker"),
    Some(c"surabaya"),
    Some(c"two words"),
    Some(c"two\nlines"),
    Some(c"\xff"),
    Some(c"ana"),
    Some(c"127.0.0.1:0"),
    Some(c"192.0.2.7:5"),
    Some(c"#room"),
    Some(c"#other"),
];

impl Program<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// Any handle, taken for one of whatever kind.
    fn handle<K>(&mut self) -> *mut K {
        let place = usize::from(self.byte()) % self.handles.len();
        ptr::without_provenance_mut(self.handles[self.handles.len() - 1 - place])
    }

    fn text(&mut self) -> *const c_char {
        TEXTS[usize::from(self.byte()) % TEXTS.len()].map_or(ptr::null(), CStr::as_ptr)
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte());
        let (bytes, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        bytes.to_vec()
    }

    /// Keeps the handle that a call has given; one that failed gives none.
    fn keep<K>(&mut self, status: chat_status, handle: *mut K) {
        assert_eq!(status == chat_status::CHAT_OK, !handle.is_null());
        if !handle.is_null() {
            assert!(!self.handles.contains(&handle.addr()), "a handle came twice");
            self.handles.push(handle.addr());
        }
    }

    fn step(&mut self) {
        let op = self.byte() % 72;
        if op >= 40 {
            return self.session_step(op);
        }
        // SAFETY: all pointers but handles, which need not be any, are NULL or to what they should be.
        unsafe {
            match op {
                0 => {
                    let mut chat = ptr::null_mut();
                    let options = cheap();
                    let status = chat_open(&raw const options, &raw mut chat);
                    self.keep(status, chat);
                }
                1 => _ = chat_add_demo_users(self.handle()),
                2 | 3 => {
                    let mut answer = chat_buffer { data: ptr::null_mut(), len: 0, capacity: 0 };
                    let (chat, line) = (self.handle(), self.bytes());
                    if chat_answer(chat, line.as_ptr(), line.len(), &raw mut answer) == chat_status::CHAT_OK {
                        assert_eq!(answer.data.add(answer.len).read(), 0);
                    }
                    chat_buffer_free(&raw mut answer);
                    chat_buffer_free(&raw mut answer);
                }
                4 => _ = chat_add_user(self.handle(), self.text(), self.text(), self.text(), self.text()),
                5 => _ = chat_set_password(self.handle(), self.text(), self.text()),
                6 => _ = chat_remove_user(self.handle(), self.text()),
                7 | 8 => {
                    let mut session = ptr::null_mut();
                    let status = chat_login(self.handle(), self.text(), self.text(), &raw mut session);
                    self.keep(status, session);
                }
                9 | 10 => _ = chat_session_send(self.handle(), self.text(), self.text(), ptr::null_mut()),
                11 => {
                    let mut inbox = ptr::null_mut();
                    let status = chat_session_take_inbox(self.handle(), &raw mut inbox);
                    self.keep(status, inbox);
                }
                12 => {
                    let mut users = ptr::null_mut();
                    let status = chat_session_active_users(self.handle(), &raw mut users);
                    self.keep(status, users);
                }
                13 => _ = chat_session_logout(self.handle()),
                14 => {
                    let mut message = std::mem::zeroed::<chat_message>();
                    if chat_inbox_next(self.handle(), &raw mut message) == chat_status::CHAT_OK {
                        assert_eq!(message.text.add(message.text_len).read(), 0);
                        CStr::from_ptr(message.from).to_str().unwrap();
                    }
                }
                15 => {
                    let mut count = 0;
                    _ = chat_inbox_count(self.handle(), &raw mut count);
                }
                16 => {
                    let mut user = std::mem::zeroed::<chat_user>();
                    if chat_users_next(self.handle(), &raw mut user) == chat_status::CHAT_OK {
                        for text in [user.name, user.full_name, user.country] {
                            CStr::from_ptr(text).to_str().unwrap();
                        }
                    }
                }
                17 => {
                    let mut connection = ptr::null_mut();
                    let status = chat_connection_new(self.handle(), self.text(), &raw mut connection);
                    self.keep(status, connection);
                }
                18 | 19 => {
                    let mut taken = 0;
                    let (connection, bytes) = (self.handle(), self.bytes());
                    _ = chat_connection_receive(connection, bytes.as_ptr(), bytes.len(), &raw mut taken);
                    assert!(taken <= bytes.len());
                }
                20 => {
                    let (mut data, mut len) = (ptr::null(), 0);
                    let connection = self.handle();
                    if chat_connection_output(connection, &raw mut data, &raw mut len) == chat_status::CHAT_OK {
                        let sent = len.saturating_sub(usize::from(self.byte()));
                        assert_eq!(chat_connection_sent(connection, sent), chat_status::CHAT_OK);
                        assert_ne!(chat_connection_sent(connection, usize::MAX), chat_status::CHAT_OK);
                    }
                }
                21 => {
                    let mut mid_line = 2;
                    _ = chat_connection_mid_line(self.handle(), &raw mut mid_line);
                }
                // Servers take threads, and a few will do.
                22 if self.handles.len() < 12 => {
                    let mut server = ptr::null_mut();
                    let status =
                        chat_server_start(self.handle(), c"127.0.0.1:0".as_ptr(), ptr::null(), &raw mut server);
                    self.keep(status, server);
                }
                23 => {
                    let (mut port, mut address) = (0, chat_buffer { data: ptr::null_mut(), len: 0, capacity: 0 });
                    _ = chat_server_port(self.handle(), &raw mut port);
                    if chat_server_address(self.handle(), &raw mut address) == chat_status::CHAT_OK {
                        let mut client = ptr::null_mut();
                        let status = chat_client_connect(address.data.cast(), ptr::null(), &raw mut client);
                        self.keep(status, client);
                    }
                    chat_buffer_free(&raw mut address);
                }
                24 => _ = chat_server_stop(self.handle()),
                25 => _ = chat_server_join(self.handle(), 0),
                26 => {
                    let mut fd = 0;
                    _ = chat_client_fd(self.handle(), &raw mut fd);
                    let mut session = ptr::null_mut();
                    let status = chat_client_login(self.handle(), self.text(), self.text(), &raw mut session);
                    self.keep(status, session);
                }
                27 => {
                    let mut session = ptr::null_mut();
                    let (client, user) = (self.handle(), self.text());
                    let status = chat_client_session(client, user, &raw const self.token, &raw mut session);
                    self.keep(status, session);
                }
                28 => {
                    let (session, mut name) = (self.handle(), ptr::null());
                    _ = chat_session_token(session, &raw mut self.token);
                    if chat_session_user(session, &raw mut name) == chat_status::CHAT_OK {
                        CStr::from_ptr(name).to_str().unwrap();
                    }
                }
                30 => {
                    let mut session = ptr::null_mut();
                    let status = chat_find_session(self.handle(), &raw const self.token, &raw mut session);
                    self.keep(status, session);
                }
                31 => {
                    let mut session = ptr::null_mut();
                    let status = chat_register(
                        self.handle(),
                        self.text(),
                        self.text(),
                        self.text(),
                        ptr::null(),
                        &raw mut session,
                    );
                    self.keep(status, session);
                }
                32 => {
                    let mut session = ptr::null_mut();
                    let status = chat_open_session(self.handle(), self.text(), &raw mut session);
                    self.keep(status, session);
                }
                33 => _ = chat_end_sessions(self.handle(), self.text()),
                34 => {
                    let mut sessions = ptr::null_mut();
                    let status = chat_list_sessions(self.handle(), &raw mut sessions);
                    self.keep(status, sessions);
                }
                35 => {
                    let mut session = std::mem::zeroed::<chat_session_info>();
                    if chat_sessions_next(self.handle(), &raw mut session) == chat_status::CHAT_OK {
                        for text in [session.id, session.user] {
                            CStr::from_ptr(text).to_str().unwrap();
                        }
                    }
                }
                36 => {
                    let mut users = ptr::null_mut();
                    let status = chat_list_users(self.handle(), &raw mut users);
                    self.keep(status, users);
                }
                37 => {
                    let mut inbox = ptr::null_mut();
                    let status = chat_take_inbox_of(self.handle(), self.text(), &raw mut inbox);
                    self.keep(status, inbox);
                }
                38 => _ = chat_edit_user(self.handle(), self.text(), self.text(), self.text()),
                29 => {
                    if let Some(error) = chat_last_error().as_ref() {
                        CStr::from_ptr(error.message).to_str().unwrap();
                    }
                }
                _ => {
                    let handle = self.handle::<()>();
                    // The first may find a server that is about to stop.
                    assert!(!(free(handle) && free(handle)) || handle.is_null(), "it was freed twice");
                }
            }
        }
    }

    /// What is left, for the next sequence to begin with nothing.
    fn clean_up(self) {
        for handle in self.handles.into_iter().rev() {
            let server = ptr::without_provenance_mut(handle);
            if chat_server_stop(server) == chat_status::CHAT_OK {
                assert_eq!(chat_server_join(server, 30_000), chat_status::CHAT_OK);
            }
            free(ptr::without_provenance_mut(handle));
        }
    }
}

/// # Safety
///
/// The message is one that the library has given, and still valid.
unsafe fn read_message(message: &chat_history_message) {
    if message.id > 0 {
        // SAFETY: this function's condition.
        unsafe {
            assert_eq!(message.text.add(message.text_len).read(), 0);
            CStr::from_ptr(message.with).to_str().unwrap();
            CStr::from_ptr(message.from).to_str().unwrap();
        }
    }
}

unsafe extern "C" fn wake(_user_data: *mut std::ffi::c_void) {}

/// Frees a handle of whatever kind; whether it was one. A server that runs is none to be freed.
fn free(handle: *mut ()) -> bool {
    let outcomes = [
        chat_close(handle.cast()),
        chat_connection_free(handle.cast()),
        chat_session_free(handle.cast()),
        chat_events_free(handle.cast()),
        chat_inbox_free(handle.cast()),
        chat_history_free(handle.cast()),
        chat_conversations_free(handle.cast()),
        chat_rooms_free(handle.cast()),
        chat_users_free(handle.cast()),
        chat_sessions_free(handle.cast()),
        chat_client_free(handle.cast()),
        chat_server_free(handle.cast()),
    ];
    let freed = outcomes.iter().filter(|outcome| **outcome == chat_status::CHAT_OK).count();
    assert!(freed <= 1 || handle.is_null(), "a handle of two kinds");
    freed > 0
}

fn cheap() -> chat_options {
    chat_options {
        registration: 1,
        mailbox_messages: 10,
        line_bytes: 200,
        reply_bytes: 500,
        password_memory_kib: 8,
        password_passes: 1,
        password_lanes: 1,
        ..chat_options::default()
    }
}
