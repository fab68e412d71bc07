//! One sample line: `name{label="value"} 1.0 # {trace_id="…"} 0.5 1760000000.123`.

use super::family::{Exemplar, Labels};

/// Labels of one sample.
const LABELS_MAX: usize = 64;

/// A sample line, taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct SampleLine<'a> {
    pub(super) name: &'a str,
    pub(super) labels: Labels,
    pub(super) value: f64,
    pub(super) exemplar: Option<Exemplar>,
}

impl<'a> SampleLine<'a> {
    pub(super) fn read(line: &'a str) -> Result<Self, &'static str> {
        let end = line.find(['{', ' ']).ok_or("a sample has no valid name")?;
        let (name, rest) = line.split_at(end);
        if !is_name(name) {
            return Err("a sample has no valid name");
        }
        let (labels, rest) = labels(rest)?;
        let (numbers, exemplar) = match rest.split_once(" # ") {
            Some((numbers, exemplar)) => (numbers, Some(read_exemplar(exemplar)?)),
            None => (rest, None),
        };
        let (value, _time) = numbers_in(numbers)?;
        Ok(Self { name, labels, value, exemplar })
    }
}

/// Whether `text` is a valid name of a metric or label.
pub(super) fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    text.bytes().all(is_part) && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// A label value without its escapes.
pub(super) fn unescaped(text: &str) -> Result<String, &'static str> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        plain.push(match char {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some(escaped @ ('\\' | '"')) => escaped,
                _ => return Err("an escape is not \\\\, \\\" or \\n"),
            },
            other => other,
        });
    }
    Ok(plain)
}

fn read_exemplar(text: &str) -> Result<Exemplar, &'static str> {
    if !text.starts_with('{') {
        return Err("an exemplar has no labels");
    }
    let (labels, rest) = labels(text)?;
    let (value, at) = numbers_in(rest)?;
    Ok(Exemplar { labels, value, at })
}

/// The labels in braces, if there are any, and what follows them.
fn labels(text: &str) -> Result<(Labels, &str), &'static str> {
    let mut labels = Labels::new();
    let Some(mut rest) = text.strip_prefix('{') else { return Ok((labels, text)) };
    if let Some(after) = rest.strip_prefix('}') {
        return Ok((labels, after));
    }
    loop {
        let (name, after) = rest.split_once("=\"").ok_or("a label has no value")?;
        if !is_name(name) || labels.iter().any(|(known, _)| known == name) {
            return Err("a label's name is not valid or is given twice");
        }
        let end = end_of_value(after).ok_or("a label's value does not end")?;
        labels.push((name.to_owned(), unescaped(&after[..end])?));
        if labels.len() > LABELS_MAX {
            return Err("a sample has too many labels");
        }
        rest = &after[end + 1..];
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        rest = rest.strip_prefix(',').ok_or("labels are not separated by a comma")?;
    }
}

/// Where the quote is that ends the value.
fn end_of_value(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// A value and perhaps a time, each after one space.
fn numbers_in(text: &str) -> Result<(f64, Option<f64>), &'static str> {
    let text = text.strip_prefix(' ').ok_or("a space is missing before a value")?;
    let mut words = text.split(' ');
    let value = words.next().and_then(number).ok_or("a value is not a number")?;
    let time = words.next().map(|word| number(word).ok_or("a time is not a number")).transpose()?;
    if words.next().is_some() {
        return Err("something follows a sample's value");
    }
    Ok((value, time))
}

/// A number as OpenMetrics writes it. It has its own words for what is not finite; Rust's others are none.
pub fn number(word: &str) -> Option<f64> {
    match word {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ => word.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}
