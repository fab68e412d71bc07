//! Every name in the register of signals has an emitter: a place outside the register and outside tests that uses it.

use crate::files::{self, File};

/// Where the register is.
const REGISTER: &str = "crates/contract/src/signals/";
/// The modules of the register whose constants are names or values.
const MODULES: [&str; 6] = ["attr", "reason", "operation", "notification", "canary", "signal"];

#[test]
fn every_metric_label_value_reason_and_attribute_has_an_emitter() {
    let code = emitting_code();
    let register: Vec<_> =
        files::with_extension("rs").into_iter().filter(|file| is_register(&file.path)).collect();
    let names: Vec<_> = register.iter().flat_map(names).collect();
    assert!(names.len() > 80, "only {} names were found", names.len());
    let ghosts: Vec<_> = names.iter().filter(|name| !name.is_used_in(&code)).collect();
    assert!(ghosts.is_empty(), "nothing emits these:\n{ghosts:#?}");
    for metric in contract::signals::METRICS {
        let constant = constant_of(metric.name, &register);
        assert!(uses(&code, &constant), "nothing emits {} ({constant})", metric.name);
    }
}

/// A constant of the register.
#[derive(Debug)]
struct Name {
    module: String,
    constant: String,
    value: String,
}

impl Name {
    /// Whether the code names the constant by its module. The macros of tracing take names of attributes only as
    /// literals.
    fn is_used_in(&self, code: &str) -> bool {
        let by_path = format!("{}::{}", self.module, self.constant);
        let is_literal = self.module == "attr" && code.contains(&format!("\"{}\"", self.value));
        is_literal || uses(code, &by_path)
    }
}

/// The names that the modules of a file of the register declare.
fn names(file: &File) -> Vec<Name> {
    let of_file = file.path.trim_start_matches(REGISTER).trim_end_matches(".rs").to_owned();
    let (mut module, mut names) = (of_file, Vec::new());
    for line in file.text.lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(" {")) {
            name.clone_into(&mut module);
        }
        let constant =
            line.strip_prefix("pub const ").and_then(|rest| rest.split_once(": &str = "));
        let Some((constant, value)) = constant else { continue };
        if MODULES.contains(&module.as_str()) {
            let value = value.trim_matches(['"', ';']).to_owned();
            names.push(Name { module: module.clone(), constant: constant.to_owned(), value });
        }
    }
    names
}

/// The constant that declares the metric called `name`.
fn constant_of(name: &str, register: &[File]) -> String {
    let lines = register.iter().flat_map(|file| file.text.lines());
    let quoted = format!("\"{name}\"");
    let declared =
        lines.filter_map(|line| line.split_once(" = ").filter(|(_, rest)| rest.contains(&quoted)));
    let found = declared.map(|(constant, _)| constant.trim().to_owned()).next();
    found.unwrap_or_else(|| panic!("the declaration of {name} was not found"))
}

/// Whether the code has this path or identifier as a whole word.
fn uses(code: &str, path: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(path).any(|(at, _)| {
        !is_part(code[..at].chars().next_back()) && !is_part(code[at + path.len()..].chars().next())
    })
}

/// All code that can emit something: without tests, comments and the register itself.
fn emitting_code() -> String {
    let is_emitter = |path: &str| {
        !is_register(path)
            && !path.contains("/tests")
            && !path.ends_with("tests.rs")
            && !path.starts_with("lab-tests/")
            && !path.starts_with("fuzz/")
    };
    let files = files::with_extension("rs");
    let emitters = files.iter().filter(|file| is_emitter(&file.path));
    emitters.map(|file| without_tests_and_comments(&file.text)).collect()
}

fn without_tests_and_comments(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line.trim(), "\n"]).collect()
}

fn is_register(path: &str) -> bool {
    path.starts_with(REGISTER)
}
