//! Every public item has a documentation comment. Fields and variants are exempt: a comment that restates the name helps
//! no reader, so the compiler's own lint, which asks for it, is off.

use crate::files::{self, File};

/// What an item can begin with after `pub`.
const KINDS: [&str; 9] =
    ["fn ", "async fn ", "const fn ", "struct ", "enum ", "trait ", "const ", "static ", "type "];

#[test]
fn every_public_item_has_a_documentation_comment() {
    let files = files::with_extension("rs");
    let sources: Vec<_> = files.iter().filter(|file| is_source(&file.path)).collect();
    assert!(sources.len() > 400, "only {} files were found", sources.len());
    let missing: Vec<_> = sources.iter().flat_map(|file| undocumented(file)).collect();
    assert!(missing.is_empty(), "without a comment:\n{}", missing.join("\n"));
}

#[test]
fn items_without_a_comment_are_found_and_fields_and_private_items_are_not() {
    let text = "\
        /// A type.\n#[derive(Debug)]\npub struct Documented {\n    pub field: u8,\n}\n\
        #[derive(Debug)]\npub enum Bare { One }\npub(crate) fn private() {}\npub fn bare() {}\n";
    let file = File { path: "a.rs".to_owned(), text: text.to_owned() };
    assert_eq!(undocumented(&file), ["a.rs:7: pub enum Bare { One }", "a.rs:9: pub fn bare() {}"]);
}

fn is_source(path: &str) -> bool {
    path.contains("/src/") && !path.contains("/tests") && !path.ends_with("tests.rs")
}

/// The public items of a file without a comment, as `path:line: text`.
fn undocumented(file: &File) -> Vec<String> {
    let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines: Vec<_> = code.lines().map(str::trim).collect();
    let bare = (0..lines.len()).filter(|at| is_item(lines[*at]) && !is_documented(&lines[..*at]));
    bare.map(|at| format!("{}:{}: {}", file.path, at + 1, lines[at])).collect()
}

fn is_item(line: &str) -> bool {
    let rest = line.strip_prefix("pub ");
    rest.is_some_and(|rest| !rest.contains('$') && KINDS.iter().any(|kind| rest.starts_with(kind)))
}

/// Whether the lines before an item end with a documentation comment. Attributes in between, of one line or more, are
/// skipped.
fn is_documented(before: &[&str]) -> bool {
    let mut is_in_attribute = false;
    for line in before.iter().rev() {
        let is_start = line.starts_with("#[");
        if is_in_attribute || is_start {
            is_in_attribute = !is_start;
        } else if line.ends_with(")]") {
            is_in_attribute = true;
        } else {
            return line.starts_with("///");
        }
    }
    false
}
