//! The description as one HTML page without scripts and external resources.

mod value;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};
use value::{about, kind, limits};

const METHODS: [&str; 3] = ["get", "post", "delete"];
const STYLE: &str = include_str!("../page.css");

/// Renders the page for this description.
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
                    p { (prose(text(&api["info"]["description"]))) }
                    p { a href="/openapi.json" { "openapi.json" } " is the machine-readable form." }
                }
                nav aria-label="Calls" {
                    @for group in list(&api["tags"]) { (group_entries(api, group)) }
                    ul { li { a href="#schemas" { "Schemas" } } }
                }
                main {
                    @for group in list(&api["tags"]) { (section(api, group)) }
                    section id="schemas" {
                        h2 { "Schemas" }
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

fn calls_of<'a>(api: &'a Value, group: &'a Value) -> impl Iterator<Item = Call<'a>> {
    let of_group = |call: &Call<'_>| list(&call.operation["tags"]).any(|tag| *tag == group["name"]);
    calls(api).into_iter().filter(of_group)
}

fn group_entries(api: &Value, group: &Value) -> Markup {
    html! {
        p { (title(group)) }
        ul { @for call in calls_of(api, group) {
            li { a href={ "#" (call.id()) } { b { (call.method.to_uppercase()) } code { (call.path) } } }
        } }
    }
}

fn section(api: &Value, group: &Value) -> Markup {
    html! {
        section {
            h2 { (title(group)) }
            p { (prose(text(&group["description"]))) }
            @for call in calls_of(api, group) { (article(&call)) }
        }
    }
}

/// `dead-letters` as a heading.
fn title(group: &Value) -> String {
    let name = text(&group["name"]).replace('-', " ");
    let mut chars = name.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn article(call: &Call<'_>) -> Markup {
    let operation = call.operation;
    html! {
        article id=(call.id()) {
            h3 { b { (call.method.to_uppercase()) } " " code { (call.path) } }
            p { (prose(text(&operation["summary"]))) }
            @for part in text(&operation["description"]).split("\n\n") { p { (prose(part)) } }
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
                    dd {
                        (prose(text(&answer["description"])))
                        @for (name, header) in map(&answer["headers"]) {
                            div { "Header " code { (name) } ": " (prose(text(&header["description"]))) }
                        }
                    }
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
            p { (prose(text(&schema["description"]))) }
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
                (field(name, inner, about(inner), required(name)))
            } }
        } @else if !["oneOf", "allOf"].iter().any(|key| schema.get(key).is_some()) {
            p { (kind(schema)) " " (limits(schema)) }
        }
        @for (key, between) in [("oneOf", "or"), ("allOf", "and")] {
            @for (n, choice) in list(&schema[key]).enumerate() {
                @if n > 0 { p.between { (between) } }
                @if choice.get("$ref").is_some() { p { (kind(choice)) } } @else {
                    p { (prose(text(&choice["description"]))) }
                    (body(choice))
                }
            }
        }
    }
}

fn field(name: &str, schema: &Value, about: Option<&Value>, required: bool) -> Markup {
    html! {
        dt { code { (name) } " " (kind(schema)) @if required { " " em { "required" } } " " (limits(schema)) }
        dd { (prose(about.map_or("", text))) }
    }
}

/// A string with `code` in it.
fn prose(text: &str) -> Markup {
    html! { @for (n, part) in text.split('`').enumerate() {
        @if n % 2 == 1 { code { (part) } } @else { (part) }
    } }
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
