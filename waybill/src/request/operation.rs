//! One operation on the command line: `KIND:ARGUMENTS`.

use contract::operation::{Operation, OperationKind};

/// The syntax of operations, for the help.
pub(crate) const HELP: &str = "\
Operations:
  add:1,2,3   subtract:9,4   multiply:6,7   divide:1,3
  primes:100000              count the primes below this number
  hash:1000:some text        SHA-256 of a text, with this number of rounds
  wait:2.5                   wait, in seconds
  render:320x200             a Mandelbrot tile; with center and zoom: render:320x200@-0.5,0,4";

/// Default zoom of a tile.
const ZOOM_DEFAULT: f64 = 1.0;
/// Default center of a tile: the whole set is visible.
const CENTER_DEFAULT: [f64; 2] = [-0.5, 0.0];

/// Parses an operation and checks its limits.
pub(crate) fn parse(text: &str) -> Result<Operation, String> {
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    let known = OperationKind::ALL.into_iter().find(|known| known.name() == kind);
    let kind = known.ok_or_else(|| {
        let kinds = OperationKind::ALL.map(OperationKind::name).join(", ");
        format!("unknown operation `{kind}`: must be one of {kinds}")
    })?;
    let operation = read(kind, rest)
        .ok_or_else(|| format!("invalid operation `{text}`: write {}", example(kind)))?;
    operation.check(kind.name()).map_err(|error| error.to_string())?;
    Ok(operation)
}

fn read(kind: OperationKind, rest: &str) -> Option<Operation> {
    Some(match kind {
        OperationKind::Add => Operation::Add { inputs: numbers(rest)? },
        OperationKind::Subtract => Operation::Subtract { inputs: numbers(rest)? },
        OperationKind::Multiply => Operation::Multiply { inputs: numbers(rest)? },
        OperationKind::Divide => Operation::Divide { inputs: numbers(rest)? },
        OperationKind::Primes => Operation::Primes { below: rest.replace('_', "").parse().ok()? },
        OperationKind::Hash => {
            let (rounds, text) = rest.split_once(':')?;
            Operation::Hash { text: text.to_owned(), rounds: rounds.replace('_', "").parse().ok()? }
        }
        OperationKind::Wait => Operation::Wait { seconds: number(rest)? },
        OperationKind::Render => tile(rest)?,
    })
}

fn tile(text: &str) -> Option<Operation> {
    let (size, place) = match text.split_once('@') {
        Some((size, place)) => (size, numbers(place)?),
        None => (text, CENTER_DEFAULT.to_vec()),
    };
    let (width, height) = size.split_once('x')?;
    let (center, zoom) = match *place.as_slice() {
        [x, y] => ([x, y], ZOOM_DEFAULT),
        [x, y, zoom] => ([x, y], zoom),
        _ => return None,
    };
    let (width, height) = (width.parse().ok()?, height.parse().ok()?);
    Some(Operation::Render { width, height, center, zoom })
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(number).collect()
}

/// JSON has no infinity.
fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

const fn example(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Add => "add:1,2,3",
        OperationKind::Subtract => "subtract:9,4",
        OperationKind::Multiply => "multiply:6,7",
        OperationKind::Divide => "divide:1,3",
        OperationKind::Primes => "primes:100000",
        OperationKind::Hash => "hash:ROUNDS:TEXT",
        OperationKind::Wait => "wait:SECONDS",
        OperationKind::Render => "render:WIDTHxHEIGHT or render:WIDTHxHEIGHT@X,Y,ZOOM",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn operations_are_parsed_as_the_help_writes_them() {
        let words =
            HELP.split_whitespace().filter(|word| word.contains(':') && !word.ends_with(':'));
        let read = words.map(parse).collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(read.len(), 9);
        let hash = Operation::Hash { text: "a:b".to_owned(), rounds: 10 };
        assert_eq!(parse("hash:10:a:b"), Ok(hash));
        let tile = Operation::Render { width: 4, height: 3, center: [-1.0, 0.5], zoom: 2.0 };
        assert_eq!(parse("render:4x3@-1,0.5,2"), Ok(tile));
        assert_eq!(parse("add:-1,2"), Ok(Operation::Add { inputs: vec![-1.0, 2.0] }));
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

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in any::<String>(), kind in 0usize..8) {
            let _ = parse(&text);
            let _ = parse(&format!("{}:{text}", OperationKind::ALL[kind]));
        }
    }
}
