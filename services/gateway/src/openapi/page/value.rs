//! One value of the description: what it is, and its limits in words.

use maud::{Markup, html};
use serde_json::Value;

use super::{list, text};

/// The start of a reference to a named schema.
const SCHEMAS: &str = "#/components/schemas/";
/// Formats that say more than the type does.
const FORMATS: [&str; 3] = ["uuid", "uri", "date-time"];

/// What a value is, with a link where it has a name.
pub(super) fn kind(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS)) {
        return html! { a href={ "#schema-" (name) } { (name) } };
    }
    let choices: Vec<&Value> = list(&schema["oneOf"]).filter(|one| one["type"] != "null").collect();
    if let [only] = choices[..] {
        return kind(only);
    }
    if schema["type"] == "array" {
        return html! { "list of " (kind(&schema["items"])) };
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().map(text).filter(|one| *one != "null").collect(),
        one => vec![text(one)],
    };
    html! { (types.join(" or ")) }
}

/// What it is for. Where it may be null, that stands with what it is otherwise.
pub(super) fn about(schema: &Value) -> Option<&Value> {
    let inner = || list(&schema["oneOf"]).find_map(|one| one.get("description"));
    schema.get("description").or_else(inner)
}

/// The limits of a value.
pub(super) fn limits(schema: &Value) -> Markup {
    let ranges = [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " entries"),
    ];
    let mut words: Vec<String> = ranges
        .into_iter()
        .filter_map(|(min, max, of)| Some(range(schema.get(min), schema.get(max))? + of))
        .collect();
    let format = text(&schema["format"]);
    words.extend(FORMATS.contains(&format).then(|| format.to_owned()));
    words.extend(schema.get("default").map(|value| format!("{value} if absent")));
    let pattern = text(&schema["pattern"]);
    html! {
        @if !words.is_empty() { small { (words.join(", ")) } " " }
        @if list(&schema["enum"]).next().is_some() { small { "one of " (choices(schema)) } " " }
        @if !pattern.is_empty() { small { "like " code { (pattern) } } }
    }
}

fn range(min: Option<&Value>, max: Option<&Value>) -> Option<String> {
    match (min, max) {
        (Some(min), Some(max)) if min == max => Some(min.to_string()),
        (Some(min), Some(max)) => Some(format!("{} to {}", number(min), number(max))),
        (Some(min), None) => Some(format!("at least {}", number(min))),
        (None, Some(max)) => Some(format!("at most {}", number(max))),
        (None, None) => None,
    }
}

/// Without a point where there is nothing behind it.
fn number(value: &Value) -> String {
    value.as_f64().map_or_else(|| value.to_string(), |value| value.to_string())
}

fn choices(schema: &Value) -> Markup {
    html! { @for (n, choice) in list(&schema["enum"]).enumerate() {
        @if n > 0 { ", " }
        code { (text(choice)) }
    } }
}
