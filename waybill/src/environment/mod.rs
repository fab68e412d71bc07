//! Settings from the environment: an empty variable counts as not set, and the error for an invalid one names it
//! and the allowed values.

mod explain;
mod part;
mod render;

use std::{
    collections::{BTreeSet, HashMap},
    env,
    ffi::OsString,
};

use clap::{Arg, ArgMatches, Command, builder::Resettable, parser::ValueSource};

pub(crate) use explain::explain;
pub(crate) use part::{
    GivenSettings, PartSettings, SettingRow, SettingSource, own_settings, settings_of,
};
pub(crate) use render::{as_json, as_text};

/// The value of each argument of a command and where it comes from, by the argument's id.
pub(crate) type SettingSources = HashMap<String, (ValueSource, String)>;

/// The arguments of a command and where they come from.
pub(crate) fn sources(matches: &ArgMatches) -> SettingSources {
    let source = |id: &clap::Id| {
        let id = id.as_str();
        let source = matches.value_source(id)?;
        let values = matches.get_raw(id).into_iter().flatten().filter_map(|value| value.to_str());
        Some((id.to_owned(), (source, values.collect::<Vec<_>>().join(","))))
    };
    matches.ids().filter_map(source).collect()
}

/// The environment of this process, without variables that are not UTF-8: those are reported when they are read.
pub(crate) fn user_environment() -> Vec<(String, String)> {
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    env::vars_os().filter_map(text).collect()
}

/// The command as if variables that are empty or white space were not set.
pub(crate) fn without_empty(command: Command) -> Command {
    let without = |arg: Arg| match variable_of(&arg).and_then(value_of) {
        Some(value) if is_empty(&value) => without_variable(arg),
        _ => arg,
    };
    command.mut_args(without).mut_subcommands(without_empty)
}

/// The command as if nothing were set.
fn without_variables(command: Command) -> Command {
    command.mut_args(without_variable).mut_subcommands(without_variables)
}

fn without_variable(arg: Arg) -> Arg {
    arg.env(Resettable::<clap::builder::OsStr>::Reset)
}

/// The variable that an argument can be set by.
pub(crate) fn variable_of(arg: &Arg) -> Option<&str> {
    arg.get_env()?.to_str()
}

/// Every variable of a command and of all below it.
pub(crate) fn variables(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(variable_of).map(str::to_owned);
    own.chain(command.get_subcommands().flat_map(variables)).collect()
}

/// The value of a variable, to see whether it is empty or not UTF-8; settings get their values through clap.
#[expect(
    clippy::disallowed_methods,
    reason = "clap cannot tell an empty variable from one that is set"
)]
fn value_of(name: &str) -> Option<OsString> {
    env::var_os(name)
}

fn is_empty(value: &OsString) -> bool {
    value.to_str().is_some_and(|value| value.trim().is_empty())
}
