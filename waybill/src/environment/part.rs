//! The settings of one part of a lab, as that part will parse them.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command, parser::ValueSource};
use lab::embedded::{Setting, SettingOrigin};

use super::{SettingSources, explain, variable_of, without_variable};

/// The source of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SettingSource {
    /// A flag of `waybill up`.
    Flag(String),
    /// An environment variable of the user.
    Environment(String),
    /// The default value.
    Default,
    /// Set by the lab itself.
    Up,
}

/// One setting of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingRow {
    /// Its variable.
    pub(crate) name: String,
    /// Its value; `None` if it is not set and has no default.
    pub(crate) value: Option<String>,
    pub(crate) from: SettingSource,
    /// Its value must not be shown.
    pub(crate) is_secret: bool,
    /// Shown only if it is set.
    pub(crate) is_rare: bool,
}

/// Every setting of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartSettings {
    pub(crate) part: String,
    pub(crate) rows: Vec<SettingRow>,
}

/// Why the settings of a part are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidSettings(String);

/// The settings that the lab and the user give to a part.
#[derive(Debug)]
pub(crate) struct GivenSettings<'a> {
    pub(crate) by_lab: &'a [Setting],
    pub(crate) by_user: &'a [(String, String)],
    /// Sources of the values of the flags of `waybill up`.
    pub(crate) sources: &'a SettingSources,
}

/// Parses the settings of the part that runs `command`; also returns them as a table.
pub(crate) fn settings_of(
    part: &str,
    command: &Command,
    given: &GivenSettings<'_>,
) -> Result<(PartSettings, ArgMatches), InvalidSettings> {
    let rows = command.get_arguments().filter_map(|arg| row(arg, given)).collect();
    let matches = read(part, command, given)?;
    Ok((PartSettings { part: part.to_owned(), rows }, matches))
}

/// The settings of the called command itself, from its own arguments.
pub(crate) fn own_settings(command: &Command, sources: &SettingSources) -> PartSettings {
    let row = |arg: &Arg| {
        let name = variable_of(arg)?.to_owned();
        let source = sources.get(arg.get_id().as_str());
        let from = match source.map(|(source, _)| *source) {
            Some(ValueSource::CommandLine) => SettingSource::Flag(format!("--{}", arg.get_long()?)),
            Some(ValueSource::EnvVariable) => SettingSource::Environment(name.clone()),
            _ => SettingSource::Default,
        };
        let value = source.map(|(_, value)| value.clone()).filter(|value| !value.is_empty());
        let is_secret = arg.is_hide_env_values_set();
        Some(SettingRow { name, value, from, is_secret, is_rare: arg.is_hide_set() })
    };
    let rows = command.get_arguments().filter_map(row).collect();
    PartSettings { part: command.get_name().to_owned(), rows }
}

/// Parses the settings as the part itself would.
fn read(
    part: &str,
    command: &Command,
    given: &GivenSettings<'_>,
) -> Result<ArgMatches, InvalidSettings> {
    let mut arguments = vec![OsString::from(part)];
    let named = command.clone().mut_args(|arg| {
        let value = variable_of(&arg).and_then(|name| given.value(name));
        let (Some(value), Some(flag)) = (value, arg.get_long()) else {
            return arg;
        };
        arguments.push(format!("--{flag}={value}").into());
        let takes_none = matches!(arg.get_action(), ArgAction::SetTrue);
        if takes_none { arg.action(ArgAction::Set).num_args(1) } else { arg }
    });
    let bare = named.clone().mut_args(without_variable);
    bare.try_get_matches_from(&arguments).map_err(|error| {
        let known = explain::in_words(&error, &named);
        InvalidSettings(known.unwrap_or_else(|| error.render().to_string()))
    })
}

impl GivenSettings<'_> {
    fn setting(&self, name: &str) -> Option<&Setting> {
        self.by_lab.iter().rev().find(|setting| setting.name == name)
    }

    fn of_user(&self, name: &str) -> Option<&str> {
        let found = self.by_user.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.trim().is_empty())
    }

    /// The value that the part will see; an empty one counts as not set.
    fn value(&self, name: &str) -> Option<&str> {
        let value = match self.setting(name) {
            Some(setting) => Some(setting.value.as_str()),
            None => self.of_user(name),
        };
        value.filter(|value| !value.is_empty())
    }

    fn from(&self, name: &str) -> SettingSource {
        match self.setting(name).map(|setting| setting.origin) {
            Some(SettingOrigin::Lab) => SettingSource::Up,
            Some(SettingOrigin::Up(flag)) => match self.sources.get(flag) {
                Some((ValueSource::CommandLine, _)) => {
                    SettingSource::Flag(format!("--{}", flag.replace('_', "-")))
                }
                Some((ValueSource::EnvVariable, _)) => SettingSource::Environment(name.to_owned()),
                Some(_) => SettingSource::Default,
                None => SettingSource::Up,
            },
            None if self.of_user(name).is_some() => SettingSource::Environment(name.to_owned()),
            None => SettingSource::Default,
        }
    }
}

fn row(arg: &Arg, given: &GivenSettings<'_>) -> Option<SettingRow> {
    let name = variable_of(arg)?;
    let default = arg.get_default_values().iter().filter_map(|value| value.to_str());
    let default = default.collect::<Vec<_>>().join(",");
    let value = given.value(name).map(str::to_owned);
    Some(SettingRow {
        name: name.to_owned(),
        from: if value.is_some() { given.from(name) } else { SettingSource::Default },
        value: value.or(Some(default)).filter(|value| !value.is_empty()),
        is_secret: arg.is_hide_env_values_set(),
        is_rare: arg.is_hide_set(),
    })
}
