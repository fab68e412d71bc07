//! Renders settings as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{PartSettings, SettingRow, SettingSource};
use crate::terminal::{BOLD, DIM, styled};

/// Replaces a secret.
const MASK: &str = "••••";

/// The settings of every part as text, one per line.
pub(crate) fn as_text(parts: &[PartSettings]) -> String {
    let is_shown = |row: &&SettingRow| !row.is_rare || row.value.is_some();
    let rows = || parts.iter().flat_map(|part| part.rows.iter().filter(is_shown));
    let names = rows().map(|row| row.name.len()).max().unwrap_or_default();
    let values = rows().map(|row| value(row).chars().count().min(48)).max().unwrap_or_default();
    let mut text = String::new();
    for PartSettings { part, rows } in parts {
        let _ = writeln!(text, "{}", styled(BOLD, part));
        for row in rows.iter().filter(is_shown) {
            let from = styled(DIM, &from(row));
            let _ = writeln!(text, "  {:<names$}  {:<values$}  {from}", row.name, value(row));
        }
    }
    text
}

/// The same as JSON.
pub(crate) fn as_json(parts: &[PartSettings]) -> Value {
    let row = |row: &SettingRow| {
        let value = row.value.as_ref().map(|_| value(row));
        let (from, by) = match &row.from {
            SettingSource::Flag(flag) => ("flag", Some(flag)),
            SettingSource::Environment(name) => ("environment", Some(name)),
            SettingSource::Default => ("default", None),
            SettingSource::Up => ("up", None),
        };
        json!({"name": row.name, "value": value, "from": from, "by": by, "secret": row.is_secret})
    };
    let part = |part: &PartSettings| json!({"part": part.part, "settings": part.rows.iter().map(row).collect::<Vec<_>>()});
    parts.iter().map(part).collect()
}

fn value(row: &SettingRow) -> String {
    match &row.value {
        Some(_) if row.is_secret => MASK.to_owned(),
        Some(value) => settings::without_user(value.trim()),
        None => "-".to_owned(),
    }
}

fn from(row: &SettingRow) -> String {
    match &row.from {
        SettingSource::Flag(flag) => format!("flag {flag}"),
        SettingSource::Environment(name) => format!("environment variable {name}"),
        SettingSource::Default if row.value.is_none() => "not set".to_owned(),
        SettingSource::Default => "default".to_owned(),
        SettingSource::Up => "set by up".to_owned(),
    }
}
