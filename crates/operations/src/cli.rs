//! Operations on a command line: `KIND:ARGUMENTS`.

use crate::{CliForm, Operation, OperationKind};

/// Columns of an example in the help.
const EXAMPLE_COLUMNS: usize = 27;

/// Parses an operation and checks its limits. The error says how the operation is written.
pub fn parse(text: &str) -> Result<Operation, String> {
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    let known = OperationKind::ALL.into_iter().find(|known| known.name() == kind);
    let kind = known.ok_or_else(|| {
        let kinds = OperationKind::ALL.map(OperationKind::name).join(", ");
        format!("unknown operation `{kind}`: must be one of {kinds}")
    })?;
    let operation = kind
        .parse_arguments(rest)
        .ok_or_else(|| format!("invalid operation `{text}`: write {}", kind.cli().syntax))?;
    operation.check(kind.name()).map_err(|error| error.to_string())?;
    Ok(operation)
}

/// The syntax of all operations, for the help: an example of each, and what it does.
pub fn help() -> String {
    let mut lines = vec!["Operations:".to_owned()];
    let mut is_shared = false;
    for CliForm { example, help: about, .. } in OperationKind::ALL.map(OperationKind::cli) {
        let is_short = about.is_empty();
        match lines.last_mut().filter(|_| is_shared && is_short) {
            Some(line) => line.extend(["   ", example]),
            None if is_short => lines.push(format!("  {example}")),
            None => lines.push(format!("  {example:<EXAMPLE_COLUMNS$}{about}")),
        }
        is_shared = is_short;
    }
    lines.join("\n")
}

/// Finite numbers with commas between them.
pub(crate) fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(number).collect()
}

/// A finite number: JSON has no infinity.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// A whole number, perhaps with underscores between its digits.
pub(crate) fn whole_number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Add, Hash};

    #[test]
    fn the_example_of_every_kind_is_parsed_as_its_example() {
        for kind in OperationKind::ALL {
            assert_eq!(parse(kind.cli().example), Ok(kind.example()), "{kind}");
        }
    }

    #[test]
    fn every_operation_in_the_help_is_valid() {
        let help = help();
        let words =
            help.split_whitespace().filter(|word| word.contains(':') && !word.ends_with(':'));
        let read = words.map(parse).collect::<Result<Vec<_>, _>>().unwrap();
        assert!(read.len() > OperationKind::ALL.len(), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }

    #[test]
    fn kinds_without_a_description_share_a_line_of_the_help() {
        let help = help();
        let lines: Vec<_> = help.lines().take(4).collect();
        assert_eq!(lines[0], "Operations:");
        assert_eq!(lines[1], "  add:1,2,3   subtract:9,4   multiply:6,7   divide:1,3");
        assert_eq!(lines[2], "  primes:100000              count the primes below this number");
        assert!(lines[3].starts_with("  hash:1000:some text        SHA-256"), "{help}");
    }

    #[test]
    fn errors_show_how_an_operation_is_written() {
        let cases = [
            ("fly:1", "unknown operation `fly`: must be one of add, "),
            ("add:1,x", "write add:1,2,3"),
            ("add:1,inf", "write add:1,2,3"),
            ("add:1", "add.inputs: needs 2"),
            ("wait", "write wait:SECONDS"),
            ("wait:-1", "wait.seconds: must be 0"),
            ("render:9", "write render:"),
            ("hash:1", "write hash:ROUNDS:TEXT"),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn arguments_are_read_to_the_end() {
        let hash = Hash { text: "a:b".to_owned(), rounds: 1_000 };
        assert_eq!(parse("hash:1_000:a:b"), Ok(hash.into()));
        assert_eq!(parse("add:-1, 2"), Ok(Add { inputs: vec![-1.0, 2.0] }.into()));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>(), kind in prop::sample::select(OperationKind::ALL.to_vec())) {
            let _ = parse(&text);
            let _ = parse(&format!("{kind}:{text}"));
        }
    }
}
