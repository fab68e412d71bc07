//! Parses the lines of a response into families.

use super::{
    family::{FamilyKind, MetricFamily, MetricSample},
    line::{self, SampleLine},
};

/// Lines of one answer.
const LINES_MAX: usize = 200_000;

/// Why a string is not OpenMetrics, and in which line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct NotOpenMetrics {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

/// The families of a whole answer. It must end with `# EOF`: half an answer is none.
pub(super) fn families(text: &str) -> Result<Vec<MetricFamily>, NotOpenMetrics> {
    let mut families: Vec<MetricFamily> = Vec::new();
    let mut ended = false;
    for (index, line) in text.split_terminator('\n').enumerate() {
        let fail = |what| NotOpenMetrics { line: index + 1, what };
        if ended {
            return Err(fail("something follows # EOF"));
        }
        if index >= LINES_MAX {
            return Err(fail("the response has too many lines"));
        }
        match line.strip_prefix("# ") {
            Some("EOF") => ended = true,
            Some(comment) => describe(&mut families, comment).map_err(fail)?,
            None => add(&mut families, line).map_err(fail)?,
        }
    }
    let lines = text.lines().count();
    if ended { Ok(families) } else { Err(NotOpenMetrics { line: lines, what: "# EOF is missing" }) }
}

fn describe(families: &mut Vec<MetricFamily>, comment: &str) -> Result<(), &'static str> {
    let (word, rest) = comment.split_once(' ').ok_or("a comment is not TYPE, UNIT or HELP")?;
    let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
    if !line::is_name(name) {
        return Err("a family has no valid name");
    }
    if word == "TYPE" {
        if families.last().is_some_and(|last| last.name == name) {
            return Err("a family is declared twice");
        }
        families.push(MetricFamily {
            name: name.to_owned(),
            kind: FamilyKind::named(text)?,
            unit: String::new(),
            help: String::new(),
            samples: Vec::new(),
        });
        return Ok(());
    }
    let family = families.last_mut().filter(|family| family.name == name);
    let family = family.ok_or("TYPE must come first")?;
    match word {
        "UNIT" => text.clone_into(&mut family.unit),
        "HELP" => family.help = line::unescaped(text)?,
        _ => return Err("a comment is not TYPE, UNIT or HELP"),
    }
    Ok(())
}

fn add(families: &mut [MetricFamily], line: &str) -> Result<(), &'static str> {
    let SampleLine { name, labels, value, exemplar } = SampleLine::read(line)?;
    let family = families.last_mut().ok_or("a sample comes before the first TYPE")?;
    let suffix = name.strip_prefix(&*family.name).ok_or("a sample is of another family")?;
    let suffixes = family.kind.suffixes();
    let known = suffixes.iter().find(|known| **known == suffix);
    match (family.kind, known) {
        (FamilyKind::Other, _) => {}
        (_, None) => return Err("a sample's name does not fit its family's type"),
        (_, Some(suffix)) => family.samples.push(MetricSample { suffix, labels, value, exemplar }),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n# HELP a_seconds Say \\\"a\\\".\n\
        a_seconds_bucket{q=\"x\\\\y\",le=\"1.0\"} 1 # {trace_id=\"0f\"} 0.5 1760000000.123\n\
        a_seconds_bucket{q=\"x\\\\y\",le=\"+Inf\"} 2\na_seconds_sum{q=\"x\\\\y\"} 2.5\n\
        a_seconds_count{q=\"x\\\\y\"} 2\n# TYPE i info\ni_info{v=\"1\"} 1\n# EOF\n";

    #[test]
    fn samples_exemplars_and_escapes_are_read_and_other_kinds_passed_over() {
        let families = super::families(GOOD).unwrap();
        let [family, info] = families.as_slice() else { panic!("{families:?}") };
        assert_eq!((family.kind, family.unit.as_str()), (FamilyKind::Histogram, "seconds"));
        assert_eq!(family.help, "Say \"a\".");
        assert_eq!(family.samples[0].labels[0], ("q".to_owned(), "x\\y".to_owned()));
        let exemplar = family.samples[0].exemplar.as_ref().unwrap();
        assert_eq!((exemplar.value, exemplar.at), (0.5, Some(1_760_000_000.123)));
        assert!(info.samples.is_empty());
    }

    #[test]
    fn invalid_openmetrics_is_rejected_with_its_line() {
        for (text, line, what) in [
            ("", 0, "# EOF is missing"),
            ("# TYPE a gauge\na 1\n", 2, "# EOF is missing"),
            ("<html>\n", 1, "a sample has no valid name"),
            ("a 1\n# EOF\n", 1, "a sample comes before the first TYPE"),
            ("# TYPE a gauge\nb 1\n# EOF\n", 2, "a sample is of another family"),
            ("# TYPE a counter\na 1\n# EOF\n", 2, "a sample's name does not fit its family's type"),
            ("# TYPE a gauge\na{b=\"1} 2\n# EOF\n", 2, "a label's value does not end"),
            ("# TYPE a gauge\na one\n# EOF\n", 2, "a value is not a number"),
            ("# TYPE a gauge\na 1 2 3\n# EOF\n", 2, "something follows a sample's value"),
            ("# EOF\na 1\n", 2, "something follows # EOF"),
            ("# TYPE a round\n# EOF\n", 1, "a type is unknown to OpenMetrics"),
        ] {
            assert_eq!(families(text), Err(NotOpenMetrics { line, what }), "{text}");
        }
    }
}
