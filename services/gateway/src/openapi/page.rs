//! The description for people: one page, nothing loaded from anywhere, readable without a script.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};

const METHODS: [&str; 3] = ["get", "post", "delete"];
const STYLE: &str = include_str!("page.css");
/// The start of a reference to a named schema.
const SCHEMAS: &str = "#/components/schemas/";

/// The whole page for this description.
pub(super) fn page(api: &Value) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Waybill gateway: API" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Waybill gateway" }
                    p { (text(&api["info"]["description"])) }
                    p { a href="/openapi.json" { "openapi.json" } " is the same for machines." }
                }
                nav aria-label="Calls" { ul { @for call in calls(api) { (entry(&call)) } } }
                main {
                    @for group in list(&api["tags"]) { (section(api, group)) }
                    section id="schemas" {
                        h2 { "Shapes" }
                        @for (name, schema) in map(&api["components"]["schemas"]) { (shape(name, schema)) }
                    }
                }
            }
        }
    };
    page.into_string()
}

/// One call: its method, path and description.
struct Call<'a> {
    method: &'static str,
    path: &'a str,
    operation: &'a Value,
}

impl Call<'_> {
    fn id(&self) -> &str {
        text(&self.operation["operationId"])
    }
}

fn calls(api: &Value) -> Vec<Call<'_>> {
    let paths = map(&api["paths"]);
    let all = paths.flat_map(|(path, item)| {
        METHODS
            .into_iter()
            .filter_map(move |method| Some(Call { method, path, operation: item.get(method)? }))
    });
    all.collect()
}

fn entry(call: &Call<'_>) -> Markup {
    html! { li { a href={ "#" (call.id()) } { b { (call.method.to_uppercase()) } " " code { (call.path) } } } }
}

fn section(api: &Value, group: &Value) -> Markup {
    let of_group = |call: &Call<'_>| list(&call.operation["tags"]).any(|tag| *tag == group["name"]);
    html! {
        section {
            h2 { (text(&group["name"])) }
            p { (text(&group["description"])) }
            @for call in calls(api).into_iter().filter(of_group) { (article(&call)) }
        }
    }
}

fn article(call: &Call<'_>) -> Markup {
    let operation = call.operation;
    html! {
        article id=(call.id()) {
            h3 { b { (call.method.to_uppercase()) } " " code { (call.path) } }
            p { (text(&operation["summary"])) }
            @for part in text(&operation["description"]).split("\n\n") { p { (part) } }
            @if list(&operation["parameters"]).next().is_some() {
                h4 { "Parameters" }
                dl { @for parameter in list(&operation["parameters"]) { (field(
                    text(&parameter["name"]),
                    &parameter["schema"],
                    Some(&parameter["description"]),
                    parameter["required"] == Value::Bool(true),
                )) } }
            }
            @if let Some(body) = operation.get("requestBody") {
                h4 { "Body" }
                p { (contents(&body["content"])) }
            }
            h4 { "Answers" }
            dl {
                @for (status, answer) in map(&operation["responses"]) {
                    dt { code { (status) } " " (contents(&answer["content"])) }
                    dd { (text(&answer["description"])) }
                }
            }
        }
    }
}

fn contents(content: &Value) -> Markup {
    html! { @for (media, content) in map(content) { (kind(&content["schema"])) " " small { (media) } } }
}

fn shape(name: &str, schema: &Value) -> Markup {
    html! {
        article id={ "schema-" (name) } {
            h3 { code { (name) } }
            p { (text(&schema["description"])) }
            (body(schema))
        }
    }
}

/// The fields of an object, or the choices of one that is this or that.
fn body(schema: &Value) -> Markup {
    let required = |name: &str| list(&schema["required"]).any(|one| one == name);
    html! {
        @if map(&schema["properties"]).next().is_some() {
            dl { @for (name, inner) in map(&schema["properties"]) {
                (field(name, inner, inner.get("description"), required(name)))
            } }
        } @else if !["oneOf", "allOf"].iter().any(|key| schema.get(key).is_some()) {
            p { (kind(schema)) " " small { (limits(schema)) } }
        }
        @for (key, between) in [("oneOf", "or"), ("allOf", "and")] {
            @for (n, choice) in list(&schema[key]).enumerate() {
                @if n > 0 { p.between { (between) } }
                @if choice.get("$ref").is_some() { p { (kind(choice)) } } @else {
                    p { (text(&choice["description"])) }
                    (body(choice))
                }
            }
        }
    }
}

fn field(name: &str, schema: &Value, about: Option<&Value>, required: bool) -> Markup {
    html! {
        dt { code { (name) } " " (kind(schema)) @if required { " " em { "required" } } " " small { (limits(schema)) } }
        dd { (about.map_or("", text)) }
    }
}

/// What a value is, with a link where it has a name.
fn kind(schema: &Value) -> Markup {
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

/// The limits of a value, as they stand in the description.
fn limits(schema: &Value) -> String {
    const LIMITS: [&str; 10] = [
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "pattern",
        "format",
        "enum",
        "default",
    ];
    let known = LIMITS.iter().filter_map(|limit| Some((limit, schema.get(limit)?)));
    let shown: Vec<String> = known.map(|(limit, value)| format!("{limit} {value}")).collect();
    shown.join(", ")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn map(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
