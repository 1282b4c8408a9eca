//! `docs/protocol-2.md` says what the code does.

use serde_json::Value;

use super::limits::Caps;
use super::methods::METHODS;
use crate::limits::{LIST_DEFAULT, LIST_MAX};
use crate::{Chat, Connection, Outbox};

const CONTRACT: &str = include_str!("../../../../docs/protocol-2.md");

/// What is between a heading and the next one.
fn section(title: &str) -> &'static str {
    let (_, rest) = CONTRACT.split_once(&format!("\n{title}\n")).unwrap_or_else(|| panic!("no {title}"));
    rest.split("\n##").next().unwrap()
}

#[test]
fn every_method_has_a_section() {
    for method in METHODS {
        let section = section(&format!("### {}", method.name));
        let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
        assert!(section.contains(method.what), "{}: {}", method.name, method.what);
        assert_eq!(rows.len(), method.params.len(), "{}", method.name);
        for (param, row) in method.params.iter().zip(rows) {
            let required = if param.required { "yes" } else { "no" };
            assert!(row.starts_with(&format!("| `{}` |", param.name)), "{}: {row}", method.name);
            assert!(row.ends_with(&format!("| {required} | {} |", param.what)), "{}: {row}", method.name);
        }
        let refused = section.split("Refused with ").nth(1).unwrap_or_default();
        for code in method.errors.split_whitespace() {
            assert!(refused.contains(&format!("`{code}`")), "{}: {code}", method.name);
        }
    }
    let headings = CONTRACT.split("\n## Methods\n").nth(1).unwrap().split("\n## ").next().unwrap();
    assert_eq!(headings.matches("\n### ").count(), METHODS.len());
}

#[test]
fn every_limit_has_its_default() {
    let Value::Object(limits) = serde_json::to_value(Caps::default()).unwrap() else { panic!() };
    let section = section("## Limits");
    for (name, value) in &limits {
        let number = grouped(value.as_u64().unwrap());
        let row =
            section.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap_or_else(|| panic!("{name}"));
        assert!(row.contains(&format!("| {number} |")), "{row} and {number}");
    }
    assert_eq!(section.matches("\n| `").count(), limits.len());
    let lists = format!("{} if it is missing, and above {} it means", LIST_DEFAULT, grouped(LIST_MAX as u64));
    assert!(CONTRACT.contains(&lists), "{lists}");
}

/// The dialogue is what a server says, but for what is different each time.
#[test]
fn the_dialogue_with_netcat_is_true() {
    let chat = Chat::memory();
    chat.add_demo_users().unwrap();
    let (mut out, mut connection) = (Outbox::new(&chat), Connection::new(chat));
    let dialogue = section("## A conversation with netcat").split("```").nth(1).unwrap().trim();
    for part in dialogue.split("> ").skip(1) {
        let (request, expected) = part.split_once('\n').unwrap();
        let line = format!("{request}\n");
        assert_eq!(connection.receive(line.as_bytes(), &mut out), line.len());
        let answer = String::from_utf8(out.take()).unwrap();
        let expected = expected.lines().map(|line| line.strip_prefix("< ").unwrap());
        assert_eq!(answer.lines().map(constant).collect::<Vec<_>>(), expected.map(constant).collect::<Vec<_>>());
    }
}

/// A line without the values that are different each time.
fn constant(line: &str) -> Value {
    fn erase(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if ["token", "epoch", "time"].contains(&name.as_str()) {
                        *member = Value::Null;
                    }
                    erase(member);
                }
            }
            Value::Array(entries) => entries.iter_mut().for_each(erase),
            _ => {}
        }
    }
    let mut line = serde_json::from_str(line).unwrap();
    erase(&mut line);
    line
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}
