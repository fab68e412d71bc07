//! Interpolates variables as Grafana 13 does.

use std::collections::HashMap;

/// The step of a panel of usual width for up to an hour: the minimum of the data source.
const INTERVAL_SECONDS: u32 = 5;

/// Values of variables.
#[derive(Debug, Clone, Default)]
pub(super) struct Values(HashMap<String, Chosen>);

/// The value of one variable.
#[derive(Debug, Clone)]
pub(super) enum Chosen {
    /// A single value.
    Plain(String),
    /// One or more values of a multi-value variable.
    OneOf(Vec<String>),
}

impl Values {
    /// Grafana's built-in variables, for a time range of this many seconds.
    pub(super) fn of_time(seconds: u32) -> Self {
        // As in the Prometheus data source: step plus scrape interval, at least four scrape intervals.
        let rate = (INTERVAL_SECONDS * 2).max(INTERVAL_SECONDS * 4);
        let mut values = Self::default();
        for (name, value) in [
            ("__rate_interval", format!("{rate}s")),
            ("__interval", format!("{INTERVAL_SECONDS}s")),
            ("__interval_ms", format!("{}", INTERVAL_SECONDS * 1_000)),
            ("__auto", format!("{INTERVAL_SECONDS}s")),
            ("__range", format!("{seconds}s")),
            ("__range_s", seconds.to_string()),
            ("__range_ms", format!("{}", seconds * 1_000)),
        ] {
            values.set(name, Chosen::Plain(value));
        }
        values
    }

    /// Sets the value of a variable.
    pub(super) fn set(&mut self, name: &str, chosen: Chosen) {
        self.0.insert(name.to_owned(), chosen);
    }

    /// Interpolates `$name`, `${name}`, `${name:format}` and `[[name]]`; an unknown variable is an error.
    pub(super) fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['$', '[']) {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some((name, format, length)) = variable(rest) {
                let chosen = self.0.get(name).ok_or_else(|| format!("unknown variable {name}"))?;
                filled.push_str(&chosen.formatted(format)?);
                rest = &rest[length..];
            } else {
                filled.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

impl Chosen {
    fn formatted(&self, format: Option<&str>) -> Result<String, String> {
        let chosen = match self {
            Self::Plain(value) => return Ok(value.clone()),
            Self::OneOf(chosen) => chosen,
        };
        match (format, chosen.as_slice()) {
            (None | Some("regex"), [one]) => Ok(escaped(one)),
            (None | Some("regex"), several) => Ok(format!(
                "({})",
                several.iter().map(|one| escaped(one)).collect::<Vec<_>>().join("|")
            )),
            (Some("pipe"), several) => Ok(several.join("|")),
            (Some("csv" | "raw"), several) => Ok(several.join(",")),
            (Some(other), _) => Err(format!("unknown format {other}")),
        }
    }
}

/// Escapes a value for a regular expression in a quoted string.
fn escaped(value: &str) -> String {
    let mut escaped = String::new();
    for letter in value.chars() {
        match letter {
            '\\' => escaped.push_str(r"\\\\"),
            _ if "$^*{}[]'+?.()|".contains(letter) => {
                escaped.push_str(r"\\");
                escaped.push(letter);
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// Name, format and length of the variable at the start of `text`.
fn variable(text: &str) -> Option<(&str, Option<&str>, usize)> {
    let word =
        |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    if let Some(inner) = text.strip_prefix("${") {
        let end = inner.find('}')?;
        let (name, format) =
            inner[..end].split_once(':').map_or((&inner[..end], None), |(n, f)| (n, Some(f)));
        return Some((name, format, end + 3));
    }
    if let Some(inner) = text.strip_prefix("[[") {
        let end = inner.find("]]")?;
        return Some((&inner[..end], None, end + 4));
    }
    let bare = text.strip_prefix('$')?;
    let length = word(bare);
    (length > 0 && !bare.starts_with(|c: char| c.is_ascii_digit()))
        .then(|| (&bare[..length], None, length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_interpolated_as_in_grafana() {
        let mut values = Values::of_time(900);
        values.set("one", Chosen::OneOf(vec!["a.b".into()]));
        values.set("two", Chosen::OneOf(vec!["a".into(), "b|c".into()]));
        values.set("all", Chosen::Plain(".+".into()));
        for (text, wanted) in [
            ("rate(x[$__rate_interval]) / $__range", "rate(x[20s]) / 900s"),
            (r#"{a=~"$one"} > 1"#, r#"{a=~"a\\.b"} > 1"#),
            (r#"{a=~"${two:regex}"}"#, r#"{a=~"(a|b\\|c)"}"#),
            ("[[all]] and ${all}x and ${two:pipe}", ".+ and .+x and a|b|c"),
            ("x[5m] $1 ends with $", "x[5m] $1 ends with $"),
        ] {
            assert_eq!(values.fill(text).as_deref(), Ok(wanted));
        }
        assert!(values.fill("$other").is_err(), "a variable that is never set");
        assert!(values.fill("${one:sqlstring}").is_err(), "an unknown format");
    }
}
