//! Pretty-prints a body; otherwise it stays as it was sent.

/// Characters shown; the JSON has all of them.
const SHOWN_MAX: usize = 4_000;
const INDENT: &str = "  ";
const CUT: &str = "\n… cut here; the JSON of this name has all of it";

/// `json`, which is valid, with line breaks and indents; cut where it is long. Order, numbers and escapes
/// stay as they were sent, because the signature covers them.
pub(super) fn body(json: &str) -> String {
    let mut shown = String::new();
    let (mut depth, mut before) = (0_usize, ' ');
    for (count, (c, in_text)) in significant(json).enumerate() {
        if count == SHOWN_MAX {
            shown.push_str(CUT);
            break;
        }
        let is_end = !in_text && matches!(c, '}' | ']');
        if is_end {
            depth = depth.saturating_sub(1);
        }
        match before {
            '{' | '[' if is_end => {}
            '{' | '[' | ',' => line(&mut shown, depth),
            ':' => shown.push(' '),
            _ if is_end => line(&mut shown, depth),
            _ => {}
        }
        shown.push(c);
        if !in_text && matches!(c, '{' | '[') {
            depth += 1;
        }
        before = if in_text { ' ' } else { c };
    }
    shown
}

fn line(shown: &mut String, depth: usize) {
    shown.push('\n');
    shown.extend(std::iter::repeat_n(INDENT, depth));
}

/// The characters without the space between them, each with whether it is of a text.
fn significant(json: &str) -> impl Iterator<Item = (char, bool)> {
    let (mut in_text, mut escaped) = (false, false);
    json.chars().filter_map(move |c| {
        let was_in_text = in_text;
        if c == '"' && !escaped {
            in_text = !in_text;
        }
        escaped = was_in_text && c == '\\' && !escaped;
        let belongs = was_in_text || in_text;
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
        fn lines_are_broken_as_the_library_breaks_them(value in any_json()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assume!(value.to_string().len() < SHOWN_MAX);
            prop_assert_eq!(body(&value.to_string()), pretty.clone());
            prop_assert_eq!(body(&pretty), pretty);
        }
    }

    #[test]
    fn order_and_numbers_stay_and_long_bodies_are_cut() {
        let sent = r#"{"z":1.10,"a":12345678901234567890123,"e":[],"o":{ }}"#;
        let shown =
            "{\n  \"z\": 1.10,\n  \"a\": 12345678901234567890123,\n  \"e\": [],\n  \"o\": {}\n}";
        assert_eq!(body(sent), shown);
        let long = format!("\"{}\"", "ü".repeat(60_000));
        assert_eq!(body(&long).chars().count(), SHOWN_MAX + CUT.chars().count());
    }
}
