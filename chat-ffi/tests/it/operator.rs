//! Everything that an operator can do in Rust can be done in C and Python, as the table in `docs/architecture.md` says.

const DOCS: &str = include_str!("../../../docs/architecture.md");
const RUST: [&str; 8] = [
    include_str!("../../../chat-lib/src/engine/operator.rs"),
    include_str!("../../../chat-lib/src/engine/invitations.rs"),
    include_str!("../../../chat-lib/src/engine/operator/erasing.rs"),
    include_str!("../../../chat-lib/src/engine/operator/rooms.rs"),
    include_str!("../../../chat-lib/src/engine/exchange.rs"),
    include_str!("../../../chat-lib/src/engine/exchange/export.rs"),
    include_str!("../../../chat-lib/src/engine/health.rs"),
    include_str!("../../../chat-lib/src/engine/reload.rs"),
];
const C: &str = include_str!("../../../include/chat.h");
const PYTHON: &str = include_str!("../../../chat-py/python/chat/_chat.pyi");

#[test]
fn an_operator_has_the_same_in_all_languages() {
    let (_, table) = DOCS.split_once("| an operator can | Rust | C | Python | `chat-server` |\n").unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let mut in_rust: Vec<&str> = Vec::new();
    for row in rows {
        let names: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [rust, c, python] = [names[2], names[3], names[4]];
        in_rust.push(rust);
        assert!(C.contains(&format!("chat_status {c}(")), "chat.h has no {c}()");
        assert!(PYTHON.contains(&format!("    def {python}(")), "Python's Chat has no {python}");
    }
    let public = RUST.iter().flat_map(|source| source.split("    pub fn ").skip(1));
    let mut public: Vec<&str> = public.map(|rest| rest.split(['(', '<']).next().unwrap()).collect();
    public.sort_unstable();
    in_rust.sort_unstable();
    assert_eq!(in_rust, public, "the table is not that of chat-lib");
}
