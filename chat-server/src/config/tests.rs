//! Every option from every place, and what is said about what is wrong.

use std::fs;
use std::path::Path;

use super::*;

fn read_words(words: &[&str], file: &str, variables: &[(&str, &str)]) -> Result<Configuration, Wrong> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.toml");
    fs::write(&path, file).unwrap();
    let mut all: Vec<OsString> = vec!["chat-server".into(), "--config".into(), path.into()];
    all.extend(words.iter().map(OsString::from));
    let variables: Vec<_> = variables.iter().map(|(name, text)| (name.into(), text.into())).collect();
    read_from(&all, &variables)
}

fn right(words: &[&str], file: &str, variables: &[(&str, &str)]) -> Configuration {
    read_words(words, file, variables).unwrap_or_else(|wrong| panic!("{words:?}, {file:?}, {variables:?}: {wrong:?}"))
}

/// What is said, without the directory of the file.
fn wrong(words: &[&str], file: &str, variables: &[(&str, &str)]) -> Vec<String> {
    match read_words(words, file, variables) {
        Ok(_) => panic!("{words:?}, {file:?}, {variables:?} is taken"),
        Err(Wrong::Call(problem)) => vec![options::first_line(&problem)],
        Err(Wrong::Configuration(problems)) => problems
            .iter()
            .map(|problem| {
                problem.split(' ').map(|word| word.rsplit('/').next().unwrap()).collect::<Vec<_>>().join(" ")
            })
            .collect(),
    }
}

fn value<'a>(configuration: &'a Configuration, key: &str) -> &'a Value {
    configuration.values.iter().find(|value| value.key == key).unwrap()
}

fn options() -> Options {
    Options::of(&Args::definition())
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let (file, variable, flag) = ("line_bytes = \"1KiB\"", [("CHAT_LINE_BYTES", "2KiB")], ["--line-bytes", "3KiB"]);
    for (words, file, variables, text, origin) in [
        (&[][..], "", &[][..], "64KiB", "default"),
        (&[], file, &[], "1KiB", "file.toml:1"),
        (&[], file, &variable, "2KiB", "CHAT_LINE_BYTES"),
        (&flag, file, &variable, "3KiB", "command line"),
        (&[], file, &[("CHAT_LINE_BYTES", "")], "1KiB", "file.toml:1"),
    ] {
        let configuration = right(words, file, variables);
        let found = value(&configuration, "line_bytes");
        assert_eq!(found.texts, [text]);
        assert!(found.origin.to_string().ends_with(origin), "{found:?}");
        let settings = &configuration.args.serve.settings.0;
        assert_eq!(chat_lib::settings::Settings::find("line_bytes").unwrap().get(settings), text);
    }
}

#[test]
fn each_option_has_a_key_a_variable_and_a_flag() {
    for option in options().iter() {
        let default = option.arg.get_default_values().first().map(|text| text.to_string_lossy().into_owned());
        // One without a default may need others beside it.
        let text = match default {
            _ if option.is_switch() => "true".to_owned(),
            Some(default) => default,
            None => continue,
        };
        let file = format!("\n{} = {text:?}", option.key);
        let variable = [(&*option.variable, &*text)];
        let flag = as_words(option, &text);
        let flag: Vec<&str> = flag.iter().map(String::as_str).collect();
        for (words, file, variables, origin) in [
            (&[][..], &*file, &[][..], "file.toml:2".to_owned()),
            (&[], "", &variable, option.variable.clone()),
            (&flag, "", &[], "command line".to_owned()),
        ] {
            let configuration = right(words, file, variables);
            let found = value(&configuration, &option.key);
            assert_eq!(found.texts, [&*text]);
            assert!(found.origin.to_string().ends_with(&origin), "{found:?}");
        }
    }
}

fn as_words(option: &options::Opt, text: &str) -> Vec<String> {
    let flag = option.flag.clone();
    if option.is_switch() { vec![flag] } else { vec![flag, text.to_owned()] }
}

#[test]
fn values_are_written_as_toml_writes_them() {
    let file = "listen = ['127.0.0.1:0', \"[::1]:0\"]\ndemo = true\nmailbox_messages = 1_000\nline_time = 90\n";
    let configuration = right(&[], file, &[]);
    let Args { serve, .. } = &configuration.args;
    assert_eq!(serve.addresses().count(), 2);
    assert!(serve.demo && !serve.memory);
    assert_eq!(serve.settings.0.limits.mailbox_messages, 1000);
    assert_eq!(serve.settings.0.limits.line_time.as_secs(), 90);
    let listed = right(&[], "listen = '127.0.0.1:1'", &[("CHAT_LISTEN", "127.0.0.1:2, 127.0.0.1:3")]);
    assert_eq!(listed.args.serve.addresses().map(|(_, address)| address.port()).collect::<Vec<_>>(), [2, 3]);
    assert!(!right(&[], file, &[("CHAT_DEMO", "0")]).args.serve.demo);
    assert!(right(&[], "", &[("CHAT_DEMO", "1")]).args.serve.demo);
}

/// `allow_cleartext` took `true` alone, and `limit_loopback` took `"yes"` alone.
#[test]
fn what_is_true_or_false_takes_the_usual_words() {
    let is_set = |key: &str, configuration: &Configuration| match key {
        "demo" => configuration.args.serve.demo,
        _ => configuration.args.serve.settings.0.limits.limit_loopback,
    };
    for (key, variable) in [("demo", "CHAT_DEMO"), ("limit_loopback", "CHAT_LIMIT_LOOPBACK")] {
        for (text, wanted) in [("true", true), ("false", false), ("'yes'", true), ("'no'", false), ("'true'", true)] {
            assert_eq!(is_set(key, &right(&[], &format!("{key} = {text}"), &[])), wanted, "{key} = {text}");
        }
        for (text, wanted) in
            [("yes", true), ("no", false), ("true", true), ("false", false), ("1", true), ("0", false)]
        {
            // What it says overrides the file.
            let file = format!("{key} = {}", !wanted);
            assert_eq!(is_set(key, &right(&[], &file, &[(variable, text)])), wanted, "{variable}={text}");
        }
    }
    let shown = print::effective(&options(), &right(&["--limit-loopback", "yes"], "", &[]).values);
    assert!(shown.contains("\nlimit_loopback = true ") && shown.contains("\ndemo = false "), "{shown}");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (words, file, variables, wanted) in [
        (&[][..], "\nlisten = 4\nlisten = 5", &[][..], "file.toml:3: this is not TOML: duplicate key"),
        (&[], "line_bytes", &[], "file.toml:1: this is not TOML: "),
        (&[], "\n\nline_byts = 4", &[], "file.toml:3: there is no option line_byts; did you mean line_bytes?"),
        (&[], "line-bytes = 4", &[], "file.toml:1: there is no option line-bytes; did you mean line_bytes?"),
        (&[], "config = 'x'", &[], "file.toml:1: there is no option config; "),
        (&[], "zzz = 1", &[], "file.toml:1: there is no option zzz; \"chat-server config default\" lists all"),
        (&[], "[limits]\nline_bytes = 4", &[], "file.toml:1: there is no table limits; "),
        (&[], "line_bytes = {}", &[], "file.toml:1: line_bytes takes a value, not a table"),
        (&[], "line_bytes = [4]", &[], "file.toml:1: line_bytes takes one value, not a list"),
        (&[], "listen = []", &[], "file.toml:1: listen needs a value"),
        (
            &[],
            "log = 'loud'",
            &[],
            "file.toml:1: log cannot be \"loud\": expected off, error, warn, info, debug or trace",
        ),
        (&[], "line_bytes = -1", &[], "file.toml:1: line_bytes cannot be \"-1\": expected a number of bytes"),
        (&[], "data = ''", &[], "file.toml:1: data cannot be \"\": expected a value"),
        (&[], "listen = ['127.0.0.1:0', 'x']", &[], "file.toml:1: listen cannot be \"x\": it is HOST:PORT"),
        (&[], "demo = 'on'", &[], "file.toml:1: demo cannot be \"on\": expected true or false"),
        (&[], "demo = 1", &[], "file.toml:1: demo cannot be \"1\": expected true or false"),
        (&[], "limit_loopback = 1", &[], "file.toml:1: limit_loopback cannot be \"1\": expected true or false"),
        (&[], "", &[("CHAT_LINE_TIME", "soon")], "CHAT_LINE_TIME: line_time cannot be \"soon\": expected a duration"),
        (&["--line-bytes", "x"], "", &[], "invalid value 'x' for '--line-bytes <BYTES>'"),
        (
            &[],
            "memory = true\ndata = 'x'",
            &[],
            "the argument '--data <DIR>' cannot be used with '--memory' \
             (--data is from file.toml:2; --memory is from file.toml:1)",
        ),
        (&["--listen", "0.0.0.0:0"], "demo = true", &[], "--demo has a public password and cannot listen on 0.0.0.0:0"),
    ] {
        let said = wrong(words, file, variables);
        assert!(said.len() == 1 && said[0].starts_with(wanted), "wanted {wanted:?}, got {said:#?}");
    }
    // Whoever corrects a file does not want to be told one mistake at a time.
    let all = wrong(&[], "log = 'x'\nzzz = 1\n", &[("CHAT_DEMO", "x")]);
    assert_eq!(all.len(), 3, "{all:#?}");
    let Err(Wrong::Configuration(missing)) =
        read_from(&["chat-server".into()], &[("CHAT_CONFIG".into(), "/-/x".into())])
    else {
        panic!()
    };
    assert_eq!(missing, ["/-/x: the file cannot be read: No such file or directory (os error 2)"]);
}

/// A server is tried in memory with the file that it runs with.
#[test]
fn what_counts_less_yields_to_what_excludes_it() {
    let on_disk = "data = 'x'\nsync = 'never'\n";
    let configuration = right(&["--memory"], on_disk, &[]);
    assert!(configuration.args.serve.memory);
    assert_eq!(value(&configuration, "sync").origin, Origin::Default);
    assert!(right(&[], on_disk, &[("CHAT_MEMORY", "true")]).args.serve.memory);
    let other = right(&["--data", "y"], "memory = true", &[]);
    assert_eq!((other.args.serve.memory, &*other.args.serve.data), (false, Path::new("y")));
    right(&[], "memory = false\ndata = 'x'", &[]);
}

#[test]
fn variables_that_have_no_effect_are_pointed_out() {
    let odd = right(&[], "", &[("CHAT_LISTN", "x"), ("CHAT_ZZZ", "x"), ("CHAT_CONFIG", "x"), ("HOME", "x")]).warnings;
    assert_eq!(
        odd,
        ["the variable CHAT_LISTN has no effect; did you mean CHAT_LISTEN?", "the variable CHAT_ZZZ has no effect"]
    );
}

#[test]
fn tasks_take_their_data_directory_from_the_file() {
    let data = |words: &[&str], variables: &[(&str, &str)]| {
        let configuration = right(&[], "data = 'ours'\nline_bytes = 1", &[]);
        assert_eq!(configuration.args.serve.data, Path::new("ours"));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file.toml");
        fs::write(&path, "data = 'ours'\nline_bytes = 1").unwrap();
        let variables: Vec<_> = variables.iter().map(|(name, text)| (name.into(), text.into())).collect();
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let config = [OsString::from("--config"), path.into()];
        // It was an option for serving where it stood before the task.
        let directories = [1, words.len()].map(|place| {
            let words = [&words[..place], &config, &words[place..]].concat();
            match read_from(&words, &variables).unwrap().args.task {
                Some(crate::args::Task::User(crate::args::User::List { data })) => data.directory().to_owned(),
                task => panic!("{task:?}"),
            }
        });
        assert_eq!(directories[0], directories[1]);
        directories[0].clone()
    };
    let list = ["chat-server", "user", "list"];
    assert_eq!(data(&list, &[]), Path::new("ours"));
    assert_eq!(data(&list, &[("CHAT_DATA", "theirs")]), Path::new("theirs"));
    assert_eq!(data(&[&list[..], &["--data", "mine"]].concat(), &[]), Path::new("mine"));
    let said = wrong(&["--log", "off", "user", "list"], "", &[]);
    assert_eq!(said, ["--log is for serving, and cannot be used with a command"]);
}

/// A mistake that concerns serving alone kept an operator from banning a user.
#[test]
fn a_task_works_whatever_else_is_wrong() {
    let list = ["user", "list"];
    let data = |words: &[&str], file: &str, variables: &[(&str, &str)]| {
        let Configuration { args, warnings, .. } = right(words, file, variables);
        match args.task {
            Some(crate::args::Task::User(crate::args::User::List { data })) => {
                (data.directory().to_owned(), warnings.len())
            }
            task => panic!("{task:?}"),
        }
    };
    let ours = |warnings| (PathBuf::from("ours"), warnings);
    assert_eq!(data(&list, "data = 'ours'\nlog = 'x'\nlisten = 'x'", &[("CHAT_LISTEN", "x")]), ours(0));
    assert_eq!(data(&list, "data = 'ours'\nconnctions = 3\nlisten_ = 3", &[]), ours(1));
    assert_eq!(right(&list, "dta = 'ours'", &[]).warnings.len(), 1);
    for (file, variables, wanted) in [
        ("data", &[][..], "file.toml:1: this is not TOML: "),
        ("data = ['ours']", &[], "file.toml:1: data takes one value, not a list"),
        ("data = ''", &[], "file.toml:1: data cannot be \"\": expected a value"),
    ] {
        let said = wrong(&list, file, variables);
        assert!(said.len() == 1 && said[0].starts_with(wanted), "wanted {wanted:?}, got {said:#?}");
        assert_eq!(data(&["user", "list", "--data", "ours"], file, variables), ours(0));
    }
}

/// Every line of it, set to what it says.
#[test]
fn the_default_file_has_the_defaults() {
    let default = print::default(&options());
    let is_set = |line: &&str| line.starts_with('#') && !line.starts_with("# ") && line.contains(" = ");
    let lines = default.lines().filter(is_set).filter(|line| !line.ends_with("# no default"));
    let file: Vec<&str> = lines.map(|line| line.trim_start_matches('#')).collect();
    // These exclude each other, and one of them is off.
    let set = right(&[], &file.join("\n"), &[]);
    for (unset, set) in right(&[], "", &[]).values.iter().zip(&set.values) {
        assert_eq!(unset.texts, set.texts, "{}", set.key);
        let is_off = *set.texts == ["false"] || set.texts.is_empty();
        assert!(is_off || matches!(set.origin, Origin::File { .. }), "{set:?}");
    }
}

#[test]
fn what_is_shown_can_be_read_back() {
    let configuration = right(&["--sync", "never", "--mailbox-messages", "7"], "data = \"a'\\\"\\\\b # \\u007f\"", &[]);
    let shown = print::effective(&options(), &configuration.values);
    let again = right(&[], &shown, &[]);
    for (value, again) in configuration.values.iter().zip(&again.values) {
        assert_eq!(value.texts, again.texts, "{shown}");
    }
    let line = shown.lines().find(|line| line.starts_with("mailbox_messages")).unwrap();
    assert!(line.starts_with("mailbox_messages = 7 ") && line.ends_with("  # command line"), "{line}");
}

/// The help, the default file and the page of settings are three places to look an option up.
#[test]
fn all_descriptions_of_the_options_agree() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/chat-server.toml");
    let wanted = print::default(&options());
    if env::var_os("CONFIG_TOML").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(committed == wanted, "out of date: CONFIG_TOML=write cargo test -p chat-server --bin chat-server config");
    let help = Args::definition().render_long_help().to_string();
    for option in options().iter() {
        assert!(help.contains(&format!("{} ", option.flag)) || help.contains(&format!("{}\n", option.flag)));
        assert!(wanted.contains(&format!("\n#{} = ", option.key)), "{}", option.key);
    }
    // -h has the first sentence alone.
    let short = Args::definition().render_help().to_string();
    assert!(
        short.lines().count() < 200
            && short.contains("Where to listen, as HOST:PORT")
            && !short.contains("Port 0 takes")
    );
    assert!(help.contains("Port 0 takes"));
    let page = include_str!("../../../docs/settings.md");
    for setting in chat_lib::settings::Settings::ALL {
        assert!(page.contains(&format!("| `{}` |", setting.name)) && options().find(setting.name).is_some());
    }
}

/// The package's file shows only a few keys, and an operator removes the # in front of them.
#[test]
fn the_file_of_the_package_has_only_options_that_exist() {
    let file = include_str!("../../../packaging/chat-server.toml");
    let set: String = file.lines().filter(|line| !line.starts_with("# ")).map(|line| format!("{line}\n")).collect();
    right(&[], &set, &[]);
    // Values that are commented out name files that are not here, so only their keys are looked at.
    let keys = set.lines().filter_map(|line| Some(line.trim_start_matches('#').split_once(" = ")?.0));
    for key in keys {
        assert!(options().find(key).is_some(), "{key}");
    }
}

/// What changes is logged, and the engine's URL may have its password.
#[test]
fn changes_show_no_password() {
    let file = |password: &str| format!("cluster = \"nats://chat:{password}@a,b\"");
    let (old, new) = (right(&[], &file("sesame"), &[]), right(&[], &file("open"), &[]));
    let changes = old.changes(&new);
    let shown: Vec<_> = changes.iter().map(|change| (&*change.key, &*change.from, &*change.to)).collect();
    assert_eq!(shown, [("cluster", "nats://…", "nats://…")]);
    let shown = print::effective(&options(), &old.values);
    assert!(shown.contains("cluster = \"nats://chat:…@a,b\""), "{shown}");
    assert!(!format!("{:?}", old.args).contains("sesame"));
}
