//! Pretty-prints a body without changing its order, numbers or escapes.

/// Characters shown; the JSON has all of them.
const SHOWN_MAX: usize = 4_000;
const INDENT: &str = "  ";
const CUT: &str = "\n… cut here; the JSON of this name has all of it";

/// Valid JSON with line breaks and indents; truncated if it is long. Order, numbers and escapes stay as they were sent,
/// because the signature covers them.
pub(super) fn pretty(json: &str) -> String {
    let mut shown = String::new();
    let (mut depth, mut before) = (0_usize, ' ');
    for (count, (c, in_string)) in significant(json).enumerate() {
        if count == SHOWN_MAX {
            shown.push_str(CUT);
            break;
        }
        let is_end = !in_string && matches!(c, '}' | ']');
        if is_end {
            depth = depth.saturating_sub(1);
        }
        match before {
            '{' | '[' if is_end => {}
            '{' | '[' | ',' => line_break(&mut shown, depth),
            ':' => shown.push(' '),
            _ if is_end => line_break(&mut shown, depth),
            _ => {}
        }
        shown.push(c);
        if !in_string && matches!(c, '{' | '[') {
            depth += 1;
        }
        before = if in_string { ' ' } else { c };
    }
    shown
}

fn line_break(shown: &mut String, depth: usize) {
    shown.push('\n');
    shown.extend(std::iter::repeat_n(INDENT, depth));
}

/// The characters without insignificant whitespace, each with whether it is part of a string.
fn significant(json: &str) -> impl Iterator<Item = (char, bool)> {
    let (mut in_string, mut escaped) = (false, false);
    json.chars().filter_map(move |c| {
        let was_in_string = in_string;
        if c == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = was_in_string && c == '\\' && !escaped;
        let belongs = was_in_string || in_string;
        (belongs || !c.is_ascii_whitespace()).then_some((c, belongs))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            r#"[{}\[\],:"\\ \n]{0,8}"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..6).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_result_equals_that_of_serde_json(value in any_json()) {
            let expected = serde_json::to_string_pretty(&value).unwrap();
            prop_assume!(value.to_string().len() < SHOWN_MAX);
            prop_assert_eq!(pretty(&value.to_string()), expected.clone());
            prop_assert_eq!(pretty(&expected), expected);
        }
    }

    #[test]
    fn order_and_numbers_are_unchanged_and_long_bodies_are_truncated() {
        let sent = r#"{"z":1.10,"a":12345678901234567890123,"e":[],"o":{ }}"#;
        let shown =
            "{\n  \"z\": 1.10,\n  \"a\": 12345678901234567890123,\n  \"e\": [],\n  \"o\": {}\n}";
        assert_eq!(pretty(sent), shown);
        let long = format!("\"{}\"", "ü".repeat(60_000));
        assert_eq!(pretty(&long).chars().count(), SHOWN_MAX + CUT.chars().count());
    }
}
