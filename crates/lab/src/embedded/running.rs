//! Finds the data folder of a running lab by the command line of its nats-server, which names its configuration.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Ports, nats};

/// A running embedded lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningLab {
    /// Data folder.
    pub data_dir: PathBuf,
    /// Health page of the broker; `None` if this user may not read its address.
    pub health_url: Option<String>,
}

impl RunningLab {
    /// The embedded lab on these ports; `None` if there is none, or if it belongs to another user.
    pub fn find(ports: Ports) -> Option<Self> {
        let listens = format!("listen: \"127.0.0.1:{}\"", ports.nats);
        let is_it = |config: &PathBuf| {
            fs::read_to_string(config).is_ok_and(|text| text.lines().any(|line| line == listens))
        };
        let config = command_lines().iter().filter_map(|line| config_in(line)).find(is_it)?;
        let folder = config.parent()?;
        let health_url = fs::read_to_string(folder.join(nats::HEALTH_PAGE_FILE)).ok();
        Some(Self { data_dir: folder.parent()?.to_owned(), health_url })
    }
}

/// The configuration file in a command line of nats-server.
fn config_in(line: &[String]) -> Option<PathBuf> {
    let at = line.iter().position(|word| word == "--config")?;
    let path = Path::new(line.get(at + 1)?);
    (path.file_name()? == nats::CONFIG_FILE).then(|| path.to_owned())
}

#[cfg(target_os = "linux")]
fn command_lines() -> Vec<Vec<String>> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let read = |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).ok();
    let words = |line: Vec<u8>| {
        line.split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect()
    };
    entries.filter_map(Result::ok).filter_map(read).map(words).collect()
}

#[cfg(not(target_os = "linux"))]
fn command_lines() -> Vec<Vec<String>> {
    let listed = std::process::Command::new("ps").args(["-axww", "-o", "command="]).output();
    let Ok(listed) = listed else { return Vec::new() };
    let lines = String::from_utf8_lossy(&listed.stdout).into_owned();
    lines.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_found_on_its_command_line() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let found = config_in(&words("/bin/nats-server --config /d/nats/nats.conf"));
        assert_eq!(found, Some(PathBuf::from("/d/nats/nats.conf")));
        assert_eq!(config_in(&words("other --config /d/nats/other.conf")), None);
        assert_eq!(config_in(&words("nats-server --config")), None);
    }
}
