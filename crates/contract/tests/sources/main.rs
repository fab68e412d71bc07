//! Rules over the sources of the repository.
//!
//! - [`banned`]: no banned word of `docs/glossary.md` stands in an identifier, a string or a document; what to write
//!   instead, and the exceptions with their reasons
//! - [`documented`]: every public item has a documentation comment
//! - [`emitters`]: every registered name of a signal has an emitter
//! - [`type_names`]: every public type has a name of its own
//! - [`source`]: identifiers and strings of a Rust file, without its comments
//! - [`files`]: the files of the repository

#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod banned;
mod documented;
mod emitters;
mod files;
mod source;
mod type_names;

use banned::{BANNED, is_excepted};

/// Every banned word or phrase in `text`, which is lower case, words parted by one blank.
fn found_in(text: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let padded = format!(" {text} ");
    BANNED.iter().copied().filter(move |(word, _)| padded.contains(&format!(" {word} ")))
}

fn problems(path: &str, texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut problems: Vec<_> = texts
        .flat_map(|text| {
            let found: Vec<_> = found_in(&text).collect();
            found.into_iter().map(move |(word, instead)| (text.clone(), word, instead))
        })
        .filter(|(_, word, _)| !is_excepted(path, word))
        .map(|(text, word, instead)| {
            let part: String = text.chars().take(80).collect();
            format!("{path}: \"{word}\" in \"{part}\": write {instead}")
        })
        .collect();
    problems.dedup();
    problems
}

#[test]
fn no_identifier_or_string_holds_a_banned_word() {
    let files = files::with_extension("rs");
    assert!(files.len() > 500, "only {} files were found", files.len());
    let found: Vec<_> =
        files.iter().flat_map(|file| problems(&file.path, source::texts(&file.text))).collect();
    assert!(found.is_empty(), "{} banned words:\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_document_holds_a_banned_word() {
    let files = files::with_extension("md");
    assert!(files.len() > 20, "only {} files were found", files.len());
    let found: Vec<_> = files
        .iter()
        .filter(|file| file.path != "docs/glossary.md")
        .flat_map(|file| problems(&file.path, file.text.split("\n\n").map(source::words)))
        .collect();
    assert!(found.is_empty(), "{} banned words:\n{}", found.len(), found.join("\n"));
}

#[test]
fn banned_words_are_found_in_every_spelling() {
    let rust = r#"
        // A vitals in a comment is not looked at.
        fn open_desk(vitals: InHand) { log("Nobody  overtakes\nwho waits"); }
    "#;
    let found: Vec<_> =
        source::texts(rust).flat_map(|text| found_in(&text).collect::<Vec<_>>()).collect();
    let words: Vec<_> = found.into_iter().map(|(word, _)| word).collect();
    assert_eq!(words, ["desk", "vitals", "in hand", "nobody"]);
    assert!(found_in(&source::words("the desktop environments")).next().is_none());
}
