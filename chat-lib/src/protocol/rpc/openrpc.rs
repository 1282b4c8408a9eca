//! `docs/openrpc.json`: protocol 2 for programs that generate clients, made from the table of methods.
//! `OPENRPC=write cargo test -p chat-lib --lib openrpc` writes it.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::arguments::{Kind, Param};
use super::methods::{METHODS, Method, Shape};
use super::properties::{command_and_reply, event};
use super::{Id, write_event, write_reply};
use crate::error::{Error, samples};
use crate::limits::{LIST_DEFAULT, Limits};
use crate::model::{MessageId, Registration};
use crate::protocol::{Reply, ServerInfo};

#[derive(Serialize)]
struct Document {
    openrpc: &'static str,
    info: Value,
    methods: Vec<MethodObject>,
    #[serde(rename = "x-events")]
    events: Vec<EventObject>,
    components: Components,
}

#[derive(Serialize)]
struct MethodObject {
    name: &'static str,
    summary: &'static str,
    #[serde(rename = "paramStructure")]
    param_structure: &'static str,
    params: Vec<ParamObject>,
    result: ResultObject,
    errors: Vec<Value>,
    #[serde(rename = "x-session")]
    session: bool,
}

#[derive(Serialize)]
struct ParamObject {
    name: &'static str,
    summary: &'static str,
    required: bool,
    schema: Value,
}

#[derive(Serialize)]
struct ResultObject {
    name: &'static str,
    schema: Value,
}

#[derive(Serialize)]
struct EventObject {
    name: &'static str,
    summary: &'static str,
    #[serde(rename = "x-audience")]
    audience: &'static str,
    params: Value,
}

#[derive(Serialize)]
struct Components {
    schemas: Value,
    errors: Map<String, Value>,
}

fn document() -> Document {
    let info = json!({
        "title": "chat, protocol 2",
        "version": "2.0",
        "description": "docs/protocol-2.md is the contract; this document has its methods, events and errors in a form for programs.",
    });
    Document {
        openrpc: "1.3.2",
        info,
        methods: METHODS.iter().map(method).collect(),
        events: events(),
        components: Components { schemas: schemas(), errors: errors() },
    }
}

fn method(method: &Method) -> MethodObject {
    let mut codes: Vec<&str> = method.errors.split_whitespace().collect();
    if !method.params.is_empty() {
        codes.push("bad_parameters");
    }
    if method.session && !codes.contains(&"no_such_session") {
        codes.push("no_such_session");
    }
    if !matches!(method.name, "server" | "ping") {
        codes.push("storage");
    }
    MethodObject {
        name: method.name,
        summary: method.what,
        param_structure: "by-name",
        params: method.params.iter().map(param).collect(),
        result: ResultObject { name: "result", schema: result(method.result) },
        errors: codes.iter().map(|code| json!({ "$ref": format!("#/components/errors/{code}") })).collect(),
        session: method.session,
    }
}

fn param(param: &Param) -> ParamObject {
    let schema = match param.kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Id => reference("MessageId"),
        Kind::Limit => json!({ "type": "integer", "minimum": 1, "default": LIST_DEFAULT }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
    };
    ParamObject { name: param.name, summary: param.what, required: param.required, schema }
}

fn result(shape: Shape) -> Value {
    let list = |name: &str, entry: &str| {
        object(&[(name, json!({ "type": "array", "items": reference(entry) })), ("more", flag())], &[])
    };
    match shape {
        Shape::Empty => object(&[], &[]),
        Shape::Server => object(
            &[("version", text()), ("registration", flag()), ("invitation", flag()), ("limits", reference("Limits"))],
            &[],
        ),
        Shape::Session => object(&[("token", text()), ("user", text()), ("name", text()), ("epoch", text())], &[]),
        Shape::Sessions => list("sessions", "Session"),
        Shape::Sent => object(&[("id", reference("MessageId")), ("time", reference("Time"))], &[]),
        Shape::Messages => list("messages", "Message"),
        Shape::Sync => {
            let messages = json!({ "type": "array", "items": reference("Message") });
            object(&[("messages", messages), ("more", flag()), ("next", reference("MessageId"))], &[])
        }
        Shape::Unread => object(&[("unread", count())], &[]),
        Shape::Conversations => list("conversations", "Conversation"),
        Shape::Next => object(&[("next", reference("MessageId"))], &[]),
        Shape::Users => list("users", "User"),
        Shape::Members => list("members", "Member"),
        Shape::Rooms => list("rooms", "Room"),
    }
}

fn events() -> Vec<EventObject> {
    let with_and_user = [("with", text()), ("user", text())];
    let changes = ["created", "joined", "left", "invited", "removed", "set", "deleted"];
    let partners = "the direct partners of the user, and the user's own other connections";
    let event = |name, summary, audience, params| EventObject { name, summary, audience, params };
    vec![
        event(
            "message",
            "A message was sent.",
            "all members of the conversation, the sender included",
            reference("Message"),
        ),
        event(
            "read",
            "A user has read a direct conversation further than before.",
            partners,
            object(&[&with_and_user[..], &[("upto", reference("MessageId"))]].concat(), &[]),
        ),
        event(
            "presence",
            "A user has subscribed somewhere, or nowhere any more.",
            partners,
            object(&[("user", text()), ("online", flag()), ("last_seen", or_null("Time"))], &[]),
        ),
        event(
            "typing",
            "A member is typing.",
            "the other members, in rooms of at most 100 members; at most once in 3 s for each user and conversation",
            object(&with_and_user, &[]),
        ),
        event(
            "room",
            "A room was changed.",
            "the members of the room, and the user whom it concerns",
            object(&[("room", text()), ("change", one_of(&changes)), ("user", text()), ("by", text())], &[]),
        ),
        event(
            "deleted",
            "A message was deleted.",
            "the members of the conversation",
            object(&[("with", text()), ("id", reference("MessageId"))], &[]),
        ),
        event(
            "announcement",
            "The operator has something to say. It is not stored.",
            "every connection that has subscribed",
            object(&[("text", text()), ("time", reference("Time"))], &[]),
        ),
        event(
            "lagged",
            "The subscription has ended, because events came faster than they were taken. Subscribe again.",
            "the connection whose subscription it was",
            object(&[], &[]),
        ),
        event(
            "closed",
            "The session has ended, and is not bound to the connection any more; or the server stops.",
            "the connection that the session was bound to, or that has subscribed",
            object(&[("reason", one_of(&["session_ended", "server_stopping"]))], &[]),
        ),
    ]
}

fn schemas() -> Value {
    let people = [("user", text()), ("name", text()), ("country", text())];
    json!({
        "MessageId": { "type": "integer", "minimum": 0, "maximum": MessageId::MAX.get() },
        "Time": { "type": "integer", "minimum": 0, "description": "milliseconds since 1970-01-01T00:00:00Z" },
        "Message": object(
            &[
                ("id", reference("MessageId")),
                ("with", text()),
                ("from", text()),
                ("name", text()),
                ("text", text()),
                ("time", reference("Time")),
            ],
            &[("key", text()), ("deleted", flag())],
        ),
        "Session": object(
            &[
                ("session", text()),
                ("opened", reference("Time")),
                ("last_used", reference("Time")),
                ("from", json!({ "type": ["string", "null"] })),
                ("current", flag()),
            ],
            &[],
        ),
        "Conversation": object(
            &[
                ("with", text()),
                ("unread", count()),
                ("read", reference("MessageId")),
                ("last", or_null("Message")),
            ],
            &[("members", json!({ "type": "array", "items": reference("Cursor") }))],
        ),
        "Cursor": object(&[("user", text()), ("read", reference("MessageId"))], &[]),
        "User": object(&people, &[("online", flag()), ("last_seen", or_null("Time"))]),
        "Member": object(&[&people[..], &[("owner", flag())]].concat(), &[]),
        "Room": object(
            &[("room", text()), ("title", text()), ("open", flag()), ("members", count())],
            &[("standing", one_of(&["invited", "member", "owner"]))],
        ),
        "Limits": limits(),
    })
}

/// All limits are counts, bytes or seconds.
fn limits() -> Value {
    let info = ServerInfo { version: String::new(), registration: Registration::Closed, limits: Limits::default() };
    let told = answer(&Reply::Server(Box::new(info)));
    let names = told["limits"].as_object().unwrap().keys().map(String::as_str);
    object(&names.map(|name| (name, count())).collect::<Vec<_>>(), &[])
}

fn errors() -> Map<String, Value> {
    let travels = |error: &Error| !matches!(Error::from_code(error.code(), &error.to_string()), Error::Refused { .. });
    let entry = |error: Error| {
        let message = error.to_string().replace("reason", "…");
        (
            error.code().to_owned(),
            json!({ "code": error.number(), "message": message, "data": { "code": error.code() } }),
        )
    };
    samples().into_iter().filter(travels).map(entry).collect()
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn one_of(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn or_null(name: &str) -> Value {
    json!({ "oneOf": [reference(name), { "type": "null" }] })
}

fn object(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let members = required.iter().chain(optional).map(|(name, schema)| ((*name).to_owned(), schema.clone()));
    let names: Vec<_> = required.iter().map(|(name, _)| name).collect();
    json!({ "type": "object", "properties": members.collect::<Map<_, _>>(), "required": names })
}

#[test]
fn the_document_is_made_from_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openrpc.json");
    let wanted = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("OPENRPC").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(committed == wanted, "out of date: OPENRPC=write cargo test -p chat-lib --lib openrpc");
}

/// Nothing that a method can be refused with is missing below `components`.
#[test]
fn every_code_is_known() {
    let known = errors();
    for method in METHODS {
        for code in method.errors.split_whitespace() {
            assert!(known.contains_key(code), "{}: {code}", method.name);
        }
    }
}

/// Whether a value is such as a schema says. It knows what the schemas above use, and takes no member that they lack.
fn fits(value: &Value, schema: &Value) -> bool {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(value, &schemas()[name.rsplit('/').next().unwrap()]);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return choices.iter().filter(|choice| fits(value, choice)).count() == 1;
    }
    let kinds = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    kinds.iter().any(|kind| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string() && schema["enum"].as_array().is_none_or(|words| words.contains(value)),
        "integer" => value.as_u64().is_some_and(|number| schema["maximum"].as_u64().is_none_or(|most| number <= most)),
        "array" => value.as_array().is_some_and(|entries| entries.iter().all(|entry| fits(entry, &schema["items"]))),
        "object" => value.as_object().is_some_and(|members| {
            members.iter().all(|(name, member)| fits_member(member, &schema["properties"][name]))
                && schema["required"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|name| members.contains_key(name.as_str().unwrap()))
        }),
        other => panic!("{other}"),
    })
}

fn fits_member(value: &Value, schema: &Value) -> bool {
    !schema.is_null() && fits(value, schema)
}

fn answer(reply: &Reply) -> Value {
    let mut out = Vec::new();
    write_reply(&Id::NULL, reply, &mut out);
    serde_json::from_slice::<Value>(&out).unwrap()["result"].take()
}

proptest! {
    #[test]
    fn results_fit_their_schemas((command, reply) in command_and_reply()) {
        let method = METHODS.iter().find(|method| method.name == command.name()).unwrap();
        let (answer, schema) = (answer(&reply), result(method.result));
        prop_assert!(fits(&answer, &schema), "{}: {}", method.name, answer);
    }

    #[test]
    fn events_fit_their_schemas(event in event()) {
        let mut out = Vec::new();
        write_event(&event, &mut out);
        let line: Value = serde_json::from_slice(&out).unwrap();
        let row = events().into_iter().find(|row| line["method"] == row.name).unwrap();
        prop_assert!(fits(&line["params"], &row.params), "{line}");
    }
}
