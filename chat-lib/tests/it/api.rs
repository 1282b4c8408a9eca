//! What a Rust programmer expects of every public type, checked by the compiler.

use std::fmt::Debug;

use chat_lib::client::Requester;
use chat_lib::model::{Account, Inbox, MessageId, PasswordHash, Profile, SessionId, SessionToken, UserName};
use chat_lib::server::{Handle, Listener, ServerBuilder};
use chat_lib::settings::Settings;
use chat_lib::store::{Durable, HistoryPage, Memory, Options, Unread};
use chat_lib::{
    Chat, Client, Config, Connection, Credentials, Error, FinishedJob, Identity, Job, Outbox, Server, Session, UserInfo,
};

fn is_shared<T: Debug + Send + Sync>() {}

fn is_sent<T: Debug + Send>() {}

#[test]
fn threads_can_have_them() {
    is_shared::<(Chat, Config, Session, Client, Error, Settings)>();
    is_shared::<(Memory, Durable, Options, HistoryPage, Unread)>();
    is_shared::<(Account, Inbox, MessageId, PasswordHash, Profile, SessionId, SessionToken, UserName)>();
    is_shared::<(Handle, Listener, ServerBuilder)>();
    is_shared::<(Credentials, Identity, UserInfo)>();
    is_sent::<(Server, Connection, Outbox, Job, FinishedJob, Requester)>();
}

#[test]
fn names_and_tokens_are_parsed() {
    let name: UserName = "messi".parse().unwrap();
    assert_eq!(name.as_ref(), "messi");
    assert!(matches!("lionel messi".parse::<UserName>(), Err(Error::InvalidUserName)));
    let token: SessionToken = "609107b0-9f49-4d74-8195-f66446cd56e5".parse().unwrap();
    assert_eq!(token.to_string(), "609107b0-9f49-4d74-8195-f66446cd56e5");
    assert!(matches!("x".parse::<SessionToken>(), Err(Error::InvalidToken)));
}
