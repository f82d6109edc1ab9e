//! The list of codes in `docs/reference/aws-check.md` is that of the table.
//! `WRITE_REFERENCE=1 cargo test -p aws-check --test reference` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use aws_check::table::GROUPS;

const BEGIN: &str = "<!-- codes: made from crates/aws-check/src/table.rs -->\n";
const END: &str = "<!-- end of codes -->\n";

fn codes() -> String {
    let mut text = String::new();
    for group in GROUPS {
        let _ = writeln!(text, "\n### {}\n\n| code | | what is wrong | why it matters | how to mend it |", group.title);
        text.push_str("|---|---|---|---|---|\n");
        for rule in group.rules {
            let (code, severity) = (rule.code, rule.severity);
            let cell = |words: &str| words.replace('|', "\\|");
            let _ = writeln!(
                text,
                "| `{code}` | {severity} | {} | {} | {} |",
                cell(rule.what),
                cell(rule.why),
                cell(rule.mend)
            );
        }
    }
    text.push('\n');
    text
}

#[test]
fn the_reference_lists_every_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/aws-check.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (listed, after) = rest.split_once(END).unwrap();
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", codes())).unwrap();
    } else {
        assert!(listed == codes(), "the list is not that of the table: see the head of {}", file!());
    }
}
