//! What the Tab key makes of a line.

use super::commands::{COMMANDS, Takes, find};
use super::known::Known;

/// How a line goes on.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Completion {
    /// How many characters before the cursor are replaced.
    pub(crate) count: usize,
    /// With what.
    pub(crate) text: String,
    /// What it could be, if that is not one thing alone.
    pub(crate) choices: Vec<String>,
}

/// Completes the word that ends `before`: the name of a command, what the command takes, or in a text the name of a user.
pub(crate) fn complete(before: &str, known: &Known) -> Completion {
    let word = before.rsplit(' ').next().unwrap_or_default();
    let mut candidates: Vec<String> = match before.strip_prefix('/') {
        Some(rest) if !rest.contains(' ') => {
            let names = COMMANDS.iter().flat_map(|command| [Some(command.name), command.alias]).flatten();
            names.map(|name| format!("/{name}")).collect()
        }
        Some(rest) => {
            let (name, words) = rest.split_once(' ').unwrap_or((rest, ""));
            let takes = find(name).map_or(&[][..], |command| command.takes);
            match takes.get(words.matches(' ').count()).or(takes.last()) {
                Some(Takes::User) => known.users().collect(),
                Some(Takes::Room) => known.rooms().collect(),
                Some(Takes::Conversation) => known.users().chain(known.rooms()).collect(),
                Some(Takes::One(words)) => words.iter().map(|&word| word.to_owned()).collect(),
                Some(Takes::Text) | None => Vec::new(),
            }
        }
        None if word.is_empty() => Vec::new(),
        None => known.users().collect(),
    };
    candidates.retain(|candidate| candidate.starts_with(word));
    candidates.sort();
    let count = word.chars().count();
    match candidates.as_slice() {
        [] => Completion { count, text: word.to_owned(), choices: Vec::new() },
        [only] => Completion { count, text: format!("{only} "), choices: Vec::new() },
        [first, .., last] => {
            let same = first.chars().zip(last.chars()).take_while(|(a, b)| a == b);
            let text: String = same.map(|(c, _)| c).collect();
            let choices = if text == word { candidates } else { Vec::new() };
            Completion { count, text, choices }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_how_they_go_on() {
        let mut known = Known::default();
        for user in ["henderson", "henry", "messi"] {
            known.learn_user(user, "Somebody");
        }
        known.learn_room("#bench");
        for (before, text, choices) in [
            ("/hi", "/history ", ""),
            ("/qu", "/quit ", ""),
            ("/m", "/m", "/m /members /msg"),
            ("/msg h", "hen", ""),
            ("/msg hen", "hen", "henderson henry"),
            ("/msg #", "#bench ", ""),
            ("/to ", "", "#bench henderson henry messi"),
            ("/msg messi hen", "hen", ""),
            ("/set #bench o", "o", "open owners"),
            ("/set #bench owners messi hend", "henderson ", ""),
            ("/invite mes", "messi ", ""),
            ("/invite messi #b", "#bench ", ""),
            ("/nonsense me", "me", ""),
            ("halo mes", "messi ", ""),
            ("halo ", "", ""),
            ("", "", ""),
        ] {
            let completion = complete(before, &known);
            assert_eq!(
                (completion.text.as_str(), completion.choices.join(" ")),
                (text, choices.to_owned()),
                "{before}"
            );
            assert!(before.chars().count() >= completion.count);
        }
    }
}
