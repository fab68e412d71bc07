//! Every public type of the workspace has a name of its own, so that a name in a sentence means one thing.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::files;

/// The keywords that declare a type.
const DECLARATIONS: [&str; 4] = ["struct", "enum", "trait", "type"];

/// Names that several public types may have, and why.
const EXCEPTIONS: &[(&str, &str)] =
    &[("Config", "each service has one, used with its path: `gateway::Config`")];

#[test]
fn no_two_public_types_of_the_workspace_have_the_same_name() {
    let mut declared = BTreeMap::<String, Vec<String>>::new();
    for file in files::with_extension("rs").into_iter().filter(|file| !is_test(&file.path)) {
        let tokens = file.text.parse().expect("a file of the repository is Rust");
        for name in public_types(tokens) {
            declared.entry(name).or_default().push(file.path.clone());
        }
    }
    assert!(declared.len() > 300, "only {} public types were found", declared.len());
    let is_excepted = |name: &str| EXCEPTIONS.iter().any(|(excepted, _)| *excepted == name);
    let repeated: Vec<_> = declared
        .into_iter()
        .filter(|(name, paths)| paths.len() > 1 && !is_excepted(name))
        .map(|(name, paths)| format!("{name}: {}", paths.join(", ")))
        .collect();
    assert!(repeated.is_empty(), "rename all but one of these:\n{}", repeated.join("\n"));
}

#[test]
fn public_types_are_found_without_those_of_tests_and_of_one_crate() {
    let rust = "
        pub struct A; pub(crate) struct B; enum C {} pub type D<T> = Vec<T>;
        mod inner { pub trait E { type Item; } pub enum F {} }
        #[cfg(test)] mod tests { pub struct G; }
        #[cfg(test)] use a::b; pub struct H { pub kind: u8 }
    ";
    let names: Vec<_> = public_types(rust.parse().expect("it is Rust"));
    assert_eq!(names, ["A", "D", "E", "F", "H"]);
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.starts_with("fuzz/")
}

/// The names of the types declared with `pub`, in modules too, without items under `#[cfg(test)]`.
fn public_types(tokens: TokenStream) -> Vec<String> {
    let mut names = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(sign) if sign.as_char() == '#' && is_cfg_test(tokens.peek()) => {
                let is_end = |token: &TokenTree| match token {
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                    TokenTree::Punct(sign) => sign.as_char() == ';',
                    _ => false,
                };
                tokens.by_ref().find(is_end);
            }
            TokenTree::Ident(word) if word == "pub" => {
                let is_declaration = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if DECLARATIONS.contains(&word.to_string().as_str()));
                if tokens.next_if(is_declaration).is_some() {
                    names.extend(tokens.next().map(|name| name.to_string()));
                }
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                names.extend(public_types(group.stream()));
            }
            _ => {}
        }
    }
    names
}

fn is_cfg_test(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.stream().to_string().replace(' ', "") == "cfg(test)")
}
