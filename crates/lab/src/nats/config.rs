//! The configuration a nats-server of the lab gets.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use super::{Monitor, monitor, private};
use crate::Ready;

/// The configuration, in the server's folder.
pub(crate) const CONFIG_FILE: &str = "nats.conf";

/// What a stream's file store may take in all, in bytes: the limits of all streams and buckets fit.
const STORE_BYTES_MAX: u64 = 16 << 30;
/// Connections at once: four services, the console, the command line, a classroom.
const CONNECTIONS_MAX: u32 = 1_024;
/// Largest message, in bytes; what NATS recommends at most without special care.
const PAYLOAD_BYTES_MAX: u32 = 1 << 20;

/// Where a nats-server listens and keeps its things.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// For clients, on 127.0.0.1.
    pub port: u16,
    /// Its monitoring pages, on 127.0.0.1.
    pub monitor: Monitor,
    /// Its own: configuration and `store/` lie here. Made when absent.
    pub folder: PathBuf,
    /// Takes its output.
    pub log: PathBuf,
    /// Put before the command line, such as [`crate::guard::prefix`]; may be empty.
    pub prefix: Vec<OsString>,
}

impl ServerOptions {
    /// What clients connect to.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ready means: connections are taken and JetStream has recovered its streams.
    pub fn ready(&self) -> Ready {
        Ready::Answers(format!("{}?js-enabled-only=true", self.health_url()))
    }

    /// Where its monitoring pages are: `{monitor_url}/varz`. Whoever has it reads all of them.
    pub fn monitor_url(&self) -> String {
        self.monitor.url()
    }

    /// Where it says how it is, its streams and their disk included.
    pub fn health_url(&self) -> String {
        self.monitor.health_url()
    }

    fn file(&self) -> PathBuf {
        self.folder.join(CONFIG_FILE)
    }
}

/// The command line that runs `binary` with these options.
pub(crate) fn argv(binary: &Path, options: &ServerOptions) -> Vec<OsString> {
    let mut argv = options.prefix.clone();
    argv.extend([binary.into(), "--config".into(), options.file().into()]);
    argv
}

/// Replaces the configuration: it is the lab's, not the user's. Only this user can read where the
/// monitoring pages are, from it and from the file beside it.
pub(crate) fn write(options: &ServerOptions) -> io::Result<()> {
    fs::create_dir_all(&options.folder)?;
    private::write(&options.folder.join(monitor::FILE), &options.health_url())?;
    private::write(&options.file(), &text(options))
}

fn text(options: &ServerOptions) -> String {
    let ServerOptions { port, monitor, .. } = options;
    let (monitor_port, monitor_path) = (monitor.port(), monitor.path());
    let store = quoted(&options.folder.join("store"));
    format!(
        r#"# Written by the lab at each start; changes are lost.
server_name: "waybill-{port}"
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor_port}"
# The pages let every web page read them: only who knows this path finds them.
http_base_path: "{monitor_path}"
max_connections: {CONNECTIONS_MAX}
max_payload: {PAYLOAD_BYTES_MAX}

jetstream {{
  store_dir: {store}
  max_file_store: {STORE_BYTES_MAX}
  # Bounds what a crash of the machine can lose; a crash of the broker loses nothing anyway.
  sync_interval: "1s"
}}
"#
    )
}

/// A path as a string of that format.
fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    format!("\"{}\"", path.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_stay_whole_in_the_configuration() {
        assert_eq!(quoted(Path::new(r#"/a b/"c"\d"#)), r#""/a b/\"c\"\\d""#);
    }
}
