//! Enough of a PromQL parser to find the series and labels of a query.
//!
//! It does not check that the query is well-formed; a real Prometheus does.

use crate::register::{Register, Series};

#[derive(Debug, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Text(&'a str),
    Mark(char),
}

const OPERATORS: &[&str] = &["and", "or", "unless", "bool", "offset", "inf", "nan", "atan2"];
const LABEL_LISTS: &[&str] = &["by", "without", "on", "ignoring", "group_left", "group_right"];

/// What is wrong with the names in `query`, one sentence each.
pub(crate) fn problems(query: &str, register: &Register) -> Vec<String> {
    let tokens = tokens(query);
    let (mut series, mut grouped, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let next = tokens.get(at + 1);
        match (&tokens[at], next) {
            (Token::Word(word), Some(Token::Mark('('))) if LABEL_LISTS.contains(word) => {
                let list = inside(&tokens, at + 1, ')');
                grouped.extend(list.iter().filter_map(|token| match token {
                    Token::Word(label) => Some(*label),
                    _ => None,
                }));
                at += list.len() + 2;
            }
            (Token::Mark('{'), _) => {
                let selector = inside(&tokens, at, '}');
                check_selector(selector, series.last(), register, &mut problems);
                at += selector.len() + 1;
            }
            (Token::Word(word), next) if !is_function(next) && !OPERATORS.contains(word) => {
                match register.series(word) {
                    Some(known) => series.push((*word, known)),
                    None => problems.push(format!("no series {word}")),
                }
            }
            _ => {}
        }
        at += 1;
    }
    let is_free =
        |label: &&str| !series.is_empty() && !series.iter().any(|(_, series)| series.has(label));
    problems.extend(grouped.into_iter().filter(is_free).map(|label| format!("no label {label}")));
    problems
}

/// True where the word before is one: `rate(…)`, `sum by (…) (…)`.
fn is_function(next: Option<&Token<'_>>) -> bool {
    match next {
        Some(Token::Mark(mark)) => *mark == '(',
        Some(Token::Word(word)) => LABEL_LISTS.contains(word),
        _ => false,
    }
}

/// The names that a pattern such as `sent_(spans|logs)(_total)?` stands for; the suffix is optional.
fn expanded(pattern: &str) -> Vec<String> {
    let pattern = pattern.replace("(_total)?", "");
    let group = pattern.split_once('(').and_then(|(before, rest)| {
        let (choices, after) = rest.split_once(')')?;
        Some((before, choices, after))
    });
    let Some((before, choices, after)) = group else { return vec![pattern] };
    choices.split('|').flat_map(|choice| expanded(&format!("{before}{choice}{after}"))).collect()
}

/// Checks the labels between braces, and their values where the register knows them.
fn check_selector(
    selector: &[Token<'_>],
    series: Option<&(&str, Series)>,
    register: &Register,
    problems: &mut Vec<String>,
) {
    for (at, token) in selector.iter().enumerate() {
        let (Token::Word(label), Some(Token::Text(value))) = (token, value_after(selector, at))
        else {
            continue;
        };
        if *label == "__name__" {
            let names = expanded(value).into_iter();
            let unknown = names.filter(|name| register.series(name).is_none());
            problems.extend(unknown.map(|name| format!("no series {name}")));
            return;
        }
        let Some((name, series)) = series else { continue };
        if !series.has(label) {
            problems.push(format!("{name} has no label {label}"));
        }
        let known = series.values(label);
        let is_word = |word: &&str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let wrong = value.split('|').filter(is_word).filter(|word| !known.contains(word));
        if !known.is_empty() {
            problems.extend(wrong.map(|word| format!("{label} is never {word}")));
        }
    }
}

/// The text behind a label and its `=`, `!=`, `=~` or `!~`.
fn value_after<'t, 'a>(selector: &'t [Token<'a>], label: usize) -> Option<&'t Token<'a>> {
    selector[label + 1..].iter().find(|token| !matches!(token, Token::Mark('=' | '!' | '~')))
}

/// What lies between the bracket at `open` and the next `close`.
fn inside<'t, 'a>(tokens: &'t [Token<'a>], open: usize, close: char) -> &'t [Token<'a>] {
    let rest = &tokens[open + 1..];
    let end = rest.iter().position(|token| *token == Token::Mark(close));
    &rest[..end.unwrap_or(rest.len())]
}

/// Words, quoted texts and marks. Numbers, durations and what stands in `[…]` name nothing.
fn tokens(query: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '$');
        let length = match first {
            '"' | '\'' => {
                let length = rest[1..].find(first).map_or(rest.len(), |end| end + 2);
                found.push(Token::Text(rest[1..length].trim_end_matches(first)));
                length
            }
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            _ if is_part(first) => {
                let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                if first.is_ascii_alphabetic() || matches!(first, '_' | ':') {
                    found.push(Token::Word(&rest[..length]));
                }
                length
            }
            _ => {
                if !first.is_whitespace() {
                    found.push(Token::Mark(first));
                }
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    found
}
