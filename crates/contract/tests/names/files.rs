//! The files that contain names, and the PromQL in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// A file that was read.
pub(crate) struct File {
    /// From the repository's root.
    pub(crate) path: String,
    pub(crate) text: String,
    extension: &'static str,
}

/// Folders, and the extension of the files to check in them.
const PLACES: &[(&str, &str)] = &[
    ("grafana/dashboards", "json"),
    ("grafana/provisioning", "yaml"),
    ("prometheus", "yaml"),
    ("scenarios", "yaml"),
    ("scenarios", "md"),
    ("docs", "md"),
];

/// Every file of the places that exist.
pub(crate) fn all() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let in_place = |(folder, extension): &(&str, &'static str)| {
        let mut paths = Vec::new();
        collect(&root.join(folder), extension, &mut paths);
        let extension = *extension;
        paths.into_iter().map(move |path| (path, extension)).collect::<Vec<_>>()
    };
    let found = PLACES.iter().flat_map(in_place);
    found.map(|(path, extension)| read(&root, &path, extension)).collect()
}

fn read(root: &Path, path: &Path, extension: &'static str) -> File {
    let text = fs::read_to_string(path).expect("a file of the repository is readable text");
    let below = path.strip_prefix(root).expect("it was found below the root");
    File { path: below.display().to_string(), text, extension }
}

fn collect(folder: &Path, extension: &str, into: &mut Vec<PathBuf>) {
    // A place that is not there yet holds no wrong names.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a folder of the repository is readable").path();
        if path.is_dir() {
            collect(&path, extension, into);
        } else if path.extension().is_some_and(|found| found == extension) {
            into.push(path);
        }
    }
}

/// The PromQL of a file, each with the file's path.
pub(crate) fn queries(file: &File) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    match file.extension {
        "json" => {
            let dashboard = serde_json::from_str(&file.text).expect("a dashboard is JSON");
            of_json(&dashboard, &mut found);
        }
        "yaml" => of_yaml(&file.text, &mut found),
        _ => {}
    }
    found.into_iter().map(|query| (file.path.as_str(), query)).collect()
}

fn of_json(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let is_loki = value.pointer("/datasource/uid").is_some_and(|uid| uid == "loki");
            match fields.get("expr") {
                Some(Value::String(query)) if !is_loki => into.push(query.clone()),
                _ => {}
            }
            fields.values().for_each(|field| of_json(field, into));
        }
        Value::Array(items) => items.iter().for_each(|item| of_json(item, into)),
        _ => {}
    }
}

/// Values of `expr:`, on its line or as the deeper lines below it.
fn of_yaml(text: &str, into: &mut Vec<String>) {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<_> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let Some((before, value)) = line.split_once("expr: ") else { continue };
        if !before.trim_start_matches([' ', '-']).is_empty() {
            continue;
        }
        if value.starts_with(['|', '>']) {
            let below = lines[at + 1..].iter();
            let block =
                below.take_while(|next| next.trim().is_empty() || depth(next) > depth(line));
            into.push(block.map(|next| next.trim()).collect::<Vec<_>>().join(" "));
        } else {
            into.push(value.trim().trim_matches('\'').to_owned());
        }
    }
}
