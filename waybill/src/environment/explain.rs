//! Errors for invalid environment variables, which name the variable.

use std::{error::Error as _, ffi::OsString};

use clap::{
    Arg, Command, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{value_of, variable_of, without_variables};

/// The error text if a variable is invalid; `None` if the command line is.
///
/// `arguments` is the command line that was parsed together with the environment.
pub(crate) fn explain(error: &Error, command: &Command, arguments: &[OsString]) -> Option<String> {
    let alone = without_variables(command.clone()).try_get_matches_from(arguments);
    if alone.is_err_and(|alone| alone.kind() == error.kind() && invalid(&alone) == invalid(error)) {
        return None;
    }
    in_words(error, command)
}

/// The error text, with the names of variables.
pub(super) fn in_words(error: &Error, command: &Command) -> Option<String> {
    match error.kind() {
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => value(error, command),
        ErrorKind::InvalidUtf8 => no_text(command),
        ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict => {
            Some(with_variables(&first_paragraph(error), command))
        }
        _ => None,
    }
}

/// The allowed and the given value.
fn value(error: &Error, command: &Command) -> Option<String> {
    let Some(argument) = invalid(error) else {
        // The value parser has named the variable.
        return Some(first_paragraph(error));
    };
    let found = all(command).find(|arg| arg.to_string() == argument)?;
    let name = variable_of(&found)?;
    let must = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(words)) if !words.is_empty() => {
            format!("must be one of {}", words.join(", "))
        }
        _ => error.source().map_or_else(|| "is invalid".to_owned(), ToString::to_string),
    };
    let given = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(given)) if !found.is_hide_env_values_set() => {
            format!(", got \"{}\"", settings::without_user(given))
        }
        _ => String::new(),
    };
    Some(format!("{name}: {must}{given}"))
}

fn no_text(command: &Command) -> Option<String> {
    let is_no_text = |name: &str| value_of(name).is_some_and(|value| value.to_str().is_none());
    let wrong = all(command)
        .find_map(|arg| variable_of(&arg).map(str::to_owned).filter(|name| is_no_text(name)));
    wrong.map(|name| format!("{name}: must be text in UTF-8"))
}

/// The message with the name of its variable before each flag.
fn with_variables(message: &str, command: &Command) -> String {
    let named = |message: String, arg: Arg| match variable_of(&arg) {
        Some(name) => message.replace(&arg.to_string(), &format!("{name} ({arg})")),
        None => message,
    };
    all(command).fold(message.to_owned(), named)
}

fn invalid(error: &Error) -> Option<String> {
    match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(argument) => Some(argument.clone()),
        ContextValue::Strings(arguments) => Some(arguments.join(" ")),
        _ => None,
    }
}

/// The message of clap, without its heading and the advice after it.
fn first_paragraph(error: &Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The arguments of a command and of all below it.
fn all(command: &Command) -> impl Iterator<Item = Arg> {
    let mut command = command.clone();
    // Only a built command can format its arguments.
    command.build();
    below(&command).into_iter()
}

fn below(command: &Command) -> Vec<Arg> {
    let own = command.get_arguments().cloned();
    own.chain(command.get_subcommands().flat_map(below)).collect()
}
