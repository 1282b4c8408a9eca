//! The table of settings against the surfaces that are made from it, and the forms of values.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{Choice, Kind, Scope, Setting, Settings};
use crate::model::PasswordCost;
use crate::store::{KeepRead, SyncMode};

fn settings(texts: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (name, text) in texts {
        settings.set(name, text).unwrap();
    }
    settings
}

#[test]
fn every_row_is_complete_and_has_a_name_of_its_own() {
    for (place, setting) in Settings::ALL.iter().enumerate() {
        let Setting { name, what, why, .. } = setting;
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert_eq!(Settings::ALL.iter().position(|other| other.name == *name), Some(place), "{name}");
        assert_eq!(name.ends_with("_bytes"), setting.kind == Kind::Bytes, "{name}");
        for prose in [what, why] {
            assert!(prose.ends_with('.') && prose.starts_with(char::is_uppercase), "{name}: {prose}");
        }
    }
}

/// A text form that does not read back as the same value would change a setting that was shown and set again.
#[test]
fn each_text_reads_back_as_its_value_and_sets_its_own_field() {
    for setting in Settings::ALL {
        let mut same = Settings::default();
        same.set(setting.name, &setting.default()).unwrap();
        assert_eq!(same, Settings::default(), "{}", setting.name);

        let examples: &[&str] = match setting.kind {
            Kind::Bytes => &["1", "1023", "3KiB", "1025KiB", "7MiB", "1GiB"],
            Kind::Count => &["1", "7"],
            Kind::Duration => &["1days", "36h", "90min", "61s", "1500ms", "1us"],
            Kind::DurationOr(choices) | Kind::Choice(choices) => {
                &choices.iter().map(|choice| choice.name).collect::<Vec<_>>()
            }
            Kind::Switch { off, on } => &[off, on],
            Kind::PasswordCost => &["8,1,1", "65536,3,4"],
        };
        for example in examples {
            let changed = settings(&[(setting.name, example)]);
            assert_eq!(setting.get(&changed), *example, "{}", setting.name);
            for other in Settings::ALL.iter().filter(|other| other.name != setting.name) {
                assert_eq!(other.get(&changed), other.default(), "{} sets {}", setting.name, other.name);
            }
        }
        let Err(invalid) = same.set(setting.name, "?") else { panic!("{} takes anything", setting.name) };
        assert!(invalid.to_string().starts_with(&format!("{}: expected ", setting.name)), "{invalid}");
    }
}

/// A limit of 0, meant as none, had a server refuse everybody, or end each session at once.
#[test]
fn a_limit_of_zero_is_refused_unless_it_means_something() {
    let takes_zero = Settings::ALL.iter().filter(|setting| Settings::default().set(setting.name, "0").is_ok());
    let takes_zero: Vec<_> = takes_zero.map(|setting| setting.name).collect();
    assert_eq!(takes_zero, ["shutdown_grace", "keep_read", "keep_messages", "keep_bytes"]);
    let zero = settings(&[("shutdown_grace", "0")]);
    let text = Settings::ALL.iter().find(|setting| setting.name == "shutdown_grace").unwrap().get(&zero);
    assert_eq!(settings(&[("shutdown_grace", &text)]), zero, "however it is written: {text}");
}

#[test]
fn people_write_values_in_several_ways() {
    for (text, bytes) in [("65536", 65_536), ("64KiB", 65_536), ("64 KiB", 65_536), ("1024B", 1024)] {
        assert_eq!(settings(&[("line_bytes", text)]).limits.line_bytes, bytes, "{text}");
    }
    for (text, duration) in [("90", Duration::from_secs(90)), ("1m 30s", Duration::from_secs(90))] {
        assert_eq!(settings(&[("line_time", text)]).limits.line_time, duration, "{text}");
    }
    let cost = settings(&[("password_cost", "8,1,1")]).password_cost;
    assert_eq!(cost, PasswordCost::new(8, 1, 1).unwrap());
    let refused = [
        ("line_bytes", "-1"),
        ("line_bytes", "1kb"),
        ("line_bytes", "KiB"),
        ("line_bytes", "99999999999999GiB"),
        ("failed_logins", "4294967296"),
        ("line_time", ""),
        ("line_time", "soon"),
        ("registration", "true"),
        ("password_cost", "1,2"),
        ("password_cost", "1,2,1"),
        ("password_cost", "19456,2,1,1"),
        ("line-bytes", "1"),
    ];
    for (name, text) in refused {
        let mut unchanged = Settings::default();
        assert!(unchanged.set(name, text).is_err(), "{name} {text}");
        assert_eq!(unchanged, Settings::default());
    }
}

#[test]
fn a_store_is_opened_as_the_settings_say() {
    let options = settings(&[("sync", "everysec"), ("keep_read", "90days")]).store_options();
    assert_eq!(options.sync, SyncMode::EverySecond);
    assert_eq!(options.keep_read, Some(KeepRead::For(Duration::from_secs(90 * 86_400))));
    assert_eq!(settings(&[("keep_read", "none")]).store_options().keep_read, Some(KeepRead::No));
}

#[test]
fn the_page_is_made_from_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md");
    let wanted = page();
    if std::env::var_os("SETTINGS_MD").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(committed == wanted, "out of date: SETTINGS_MD=write cargo test -p chat-lib --lib settings");
}

fn page() -> String {
    let mut page = include_str!("intro.md").to_owned();
    for (scope, title) in
        [(Scope::Chat, "Any chat"), (Scope::Directory, "A chat in a directory"), (Scope::Limits, "Limits")]
    {
        write!(page, "\n## {title}\n\n| name | unit | default | what it does | why that default |\n").unwrap();
        page += "| --- | --- | --- | --- | --- |\n";
        for setting in Settings::ALL.iter().filter(|setting| setting.scope == scope) {
            let Setting { name, what, why, .. } = setting;
            let (unit, choices) = unit(setting.kind);
            let default = setting.default();
            writeln!(page, "| `{name}` | {unit} | `{default}` | {what}{choices} | {why} |").unwrap();
        }
    }
    page
}

fn unit(kind: Kind) -> (&'static str, String) {
    let listed = |choices: &[Choice]| {
        let choices: Vec<_> = choices.iter().map(|Choice { name, what }| format!(" `{name}`: {what}.")).collect();
        choices.concat()
    };
    match kind {
        Kind::Bytes => ("bytes", String::new()),
        Kind::Count => ("count", String::new()),
        Kind::Duration => ("duration", String::new()),
        Kind::DurationOr(choices) => ("duration or word", listed(choices)),
        Kind::Choice(choices) => ("word", listed(choices)),
        Kind::Switch { off, on } => ("word", format!(" `{on}` or `{off}`.")),
        Kind::PasswordCost => ("KiB, passes, lanes", String::new()),
    }
}
