//! Text forms, a module for each. What its `text` writes, its `parse` reads back as the same value.

use super::Kind;

/// What a limit of 0 is answered with: some take it for "no limit".
const ZERO: &str = "0 would leave nothing; for no limit, use a very large number";

/// As the form with the same name, and 0, which has a meaning of its own there.
macro_rules! or_zero {
    ($name:ident, $form:ident, $type:ty, $zero:expr) => {
        pub(super) mod $name {
            #[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "the settings of a directory have it"))]
            pub(in super::super) const KIND: super::Kind = super::$form::KIND;

            pub(in super::super) fn parse(text: &str) -> Result<$type, String> {
                match super::$form::parse(text) {
                    Err(problem) if problem == super::ZERO => Ok($zero),
                    outcome => outcome,
                }
            }

            pub(in super::super) use super::$form::text;
        }
    };
}

or_zero!(bytes_or_zero, bytes, usize, 0);
or_zero!(count_or_zero, count, usize, 0);
or_zero!(duration_or_zero, duration, std::time::Duration, std::time::Duration::ZERO);

/// `65536`, `64KiB`.
pub(super) mod bytes {
    use super::{Kind, ZERO};

    pub(in super::super) const KIND: Kind = Kind::Bytes;

    pub(in super::super) fn parse(text: &str) -> Result<usize, String> {
        let digits = text.trim_end_matches(|it: char| !it.is_ascii_digit());
        let unit = text.get(digits.len()..).unwrap_or_default().trim_start();
        let factor = match UNITS.iter().find(|(name, _)| *name == unit) {
            Some((_, factor)) => Some(*factor),
            None => (unit.is_empty() || unit == "B").then_some(1),
        };
        let number = digits.parse().ok().zip(factor).and_then(|(number, factor)| usize::checked_mul(number, factor));
        let number = number.ok_or("expected a number of bytes, such as 65536 or 64KiB")?;
        if number == 0 { Err(ZERO.to_owned()) } else { Ok(number) }
    }

    pub(in super::super) fn text(bytes: &usize) -> String {
        match UNITS.iter().find(|(_, factor)| *bytes > 0 && bytes.is_multiple_of(*factor)) {
            Some((name, factor)) => format!("{}{name}", bytes / factor),
            None => bytes.to_string(),
        }
    }

    const UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
}

/// `100000`.
pub(super) mod count {
    use std::fmt::Display;
    use std::str::FromStr;

    use super::{Kind, ZERO};

    pub(in super::super) const KIND: Kind = Kind::Count;

    pub(in super::super) fn parse<T: FromStr + Default + PartialEq>(text: &str) -> Result<T, String> {
        let number = text.parse().map_err(|_| "expected a number, such as 100000".to_owned())?;
        if number == T::default() { Err(ZERO.to_owned()) } else { Ok(number) }
    }

    pub(in super::super) fn text(count: &impl Display) -> String {
        count.to_string()
    }
}

/// `12h`, `1500ms`.
pub(super) mod duration {
    use std::time::Duration;

    use super::{Kind, ZERO};

    pub(in super::super) const KIND: Kind = Kind::Duration;

    pub(in super::super) fn parse(text: &str) -> Result<Duration, String> {
        let seconds = text.parse().map(Duration::from_secs);
        let duration = seconds.or_else(|_| humantime::parse_duration(text));
        let duration = duration.map_err(|_| "expected a duration, such as 90days, 12h or 1500ms".to_owned())?;
        if duration.is_zero() { Err(ZERO.to_owned()) } else { Ok(duration) }
    }

    pub(in super::super) fn text(duration: &Duration) -> String {
        let nanos = duration.as_nanos();
        match UNITS.iter().find(|(_, unit)| nanos > 0 && nanos.is_multiple_of(unit.as_nanos())) {
            Some((name, unit)) => format!("{}{name}", nanos / unit.as_nanos()),
            None => humantime::format_duration(*duration).to_string(),
        }
    }

    const UNITS: [(&str, Duration); 5] = [
        ("days", Duration::from_secs(24 * 60 * 60)),
        ("h", Duration::from_secs(60 * 60)),
        ("min", Duration::from_secs(60)),
        ("s", Duration::from_secs(1)),
        ("ms", Duration::from_millis(1)),
    ];
}

/// `closed`, `open`, `invite`.
pub(super) mod registration {
    use super::super::Choice;
    use super::{Kind, names};
    use crate::model::Registration;

    pub(in super::super) const KIND: Kind = Kind::Choice(CHOICES);

    pub(in super::super) fn parse(text: &str) -> Result<Registration, String> {
        match text {
            "closed" => Ok(Registration::Closed),
            "open" => Ok(Registration::Open),
            "invite" => Ok(Registration::Invite),
            _ => Err(format!("expected {}", names(CHOICES))),
        }
    }

    pub(in super::super) fn text(registration: &Registration) -> String {
        match registration {
            Registration::Closed => "closed",
            Registration::Open => "open",
            Registration::Invite => "invite",
        }
        .to_owned()
    }

    const CHOICES: &[Choice] = &[
        Choice { name: "closed", what: "nobody" },
        Choice { name: "open", what: "anyone who can connect" },
        Choice { name: "invite", what: "whoever has an invitation from the operator, which is valid once" },
    ];
}

/// `no`, `yes`.
pub(super) mod no_or_yes {
    use super::Kind;

    pub(in super::super) const KIND: Kind = Kind::Switch { off: OFF, on: ON };

    pub(in super::super) fn parse(text: &str) -> Result<bool, String> {
        match text {
            OFF => Ok(false),
            ON => Ok(true),
            _ => Err(format!("expected {OFF} or {ON}")),
        }
    }

    pub(in super::super) fn text(on: &bool) -> String {
        if *on { ON } else { OFF }.to_owned()
    }

    const OFF: &str = "no";
    const ON: &str = "yes";
}

/// `19456,2,1`.
pub(super) mod password_cost {
    use super::Kind;
    use crate::model::PasswordCost;

    pub(in super::super) const KIND: Kind = Kind::PasswordCost;

    pub(in super::super) fn parse(text: &str) -> Result<PasswordCost, String> {
        let numbers: Result<Vec<u32>, _> = text.split(',').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[memory, passes, lanes]) => {
                PasswordCost::new(memory, passes, lanes).map_err(|problem| problem.with_reasons())
            }
            _ => Err("expected three numbers, such as 19456,2,1".to_owned()),
        }
    }

    pub(in super::super) fn text(cost: &PasswordCost) -> String {
        format!("{},{},{}", cost.memory_kib(), cost.passes(), cost.lanes())
    }
}

/// `always`, `everysec`, `never`.
#[cfg(feature = "sqlite")]
pub(super) mod sync {
    use super::super::Choice;
    use super::{Kind, names};
    use crate::store::SyncMode;

    pub(in super::super) const KIND: Kind = Kind::Choice(CHOICES);

    pub(in super::super) fn parse(text: &str) -> Result<SyncMode, String> {
        match text {
            "always" => Ok(SyncMode::Always),
            "everysec" => Ok(SyncMode::EverySecond),
            "never" => Ok(SyncMode::Never),
            _ => Err(format!("expected {}", names(CHOICES))),
        }
    }

    pub(in super::super) fn text(sync: &SyncMode) -> String {
        match sync {
            SyncMode::Always => "always",
            SyncMode::EverySecond => "everysec",
            SyncMode::Never => "never",
        }
        .to_owned()
    }

    const CHOICES: &[Choice] = &[
        Choice { name: "always", what: "before it is acknowledged; nothing is lost" },
        Choice { name: "everysec", what: "within a second; the last second can be lost" },
        Choice { name: "never", what: "when the system writes it; half a minute or more can be lost" },
    ];
}

/// `90days`, `none`, `forever`, `remembered`.
#[cfg(feature = "sqlite")]
pub(super) mod keep_read {
    use super::super::Choice;
    use super::{Kind, duration, duration_or_zero, names};
    use crate::store::KeepRead;

    pub(in super::super) const KIND: Kind = Kind::DurationOr(CHOICES);

    pub(in super::super) fn parse(text: &str) -> Result<Option<KeepRead>, String> {
        match text {
            "remembered" => Ok(None),
            "none" => Ok(Some(KeepRead::No)),
            "forever" => Ok(Some(KeepRead::Forever)),
            _ => match duration_or_zero::parse(text) {
                Ok(duration) => Ok(Some(KeepRead::For(duration))),
                Err(problem) => Err(format!("{problem}, or {}", names(CHOICES))),
            },
        }
    }

    pub(in super::super) fn text(keep: &Option<KeepRead>) -> String {
        match keep {
            None => "remembered".to_owned(),
            Some(KeepRead::No) => "none".to_owned(),
            Some(KeepRead::For(duration)) => duration::text(duration),
            Some(KeepRead::Forever) => "forever".to_owned(),
            // Only for programs that do one thing and set it themselves: it has no text form.
            Some(KeepRead::Everything) => "everything".to_owned(),
        }
    }

    const CHOICES: &[Choice] = &[
        Choice { name: "remembered", what: "as when the directory was last opened; a new one starts with forever" },
        Choice { name: "forever", what: "they are kept" },
        Choice { name: "none", what: "they are dropped within an hour" },
    ];
}

/// `a, b or c`.
fn names(choices: &[super::Choice]) -> String {
    let names: Vec<&str> = choices.iter().map(|choice| choice.name).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    }
}
