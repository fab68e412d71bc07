//! The configuration file of a nats-server of the lab.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use super::{Monitor, monitor, private};
use crate::Ready;

/// Name of the configuration file in the server's folder.
pub(crate) const CONFIG_FILE: &str = "nats.conf";

/// Size limit of the file store, in bytes; more than the limits of all streams and buckets together.
const STORE_BYTES_MAX: u64 = 16 << 30;
/// Maximum number of client connections: four services, the console, command lines and a workshop.
const CONNECTIONS_MAX: u32 = 1_024;
/// Largest message, in bytes: NATS' default.
const PAYLOAD_BYTES_MAX: u32 = 1 << 20;

/// The options of a nats-server.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Port for clients, on 127.0.0.1.
    pub port: u16,
    /// Address of the monitoring pages, on 127.0.0.1.
    pub monitor: Monitor,
    /// Folder of the configuration and of `store/`; created if absent.
    pub folder: PathBuf,
    /// Log file for its output.
    pub log: PathBuf,
    /// Arguments before the command line, such as [`crate::guard::prefix`]; may be empty.
    pub prefix: Vec<OsString>,
}

impl ServerOptions {
    /// The URL for clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The readiness check: the server accepts connections and JetStream has recovered its streams.
    pub fn ready(&self) -> Ready {
        Ready::Answers(format!("{}?js-enabled-only=true", self.health_url()))
    }

    /// Base URL of the monitoring pages, such as `{monitor_url}/varz`. It is secret: it gives access to all of them.
    pub fn monitor_url(&self) -> String {
        self.monitor.url()
    }

    /// URL of the health page, which includes streams and their disk.
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

/// Writes the configuration, replacing the old one, and a file with the address of the health page. Only this user can
/// read them, because they contain the secret path of the monitoring pages.
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

/// A path as a string in the configuration format.
fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    format!("\"{}\"", path.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_in_paths_are_escaped() {
        assert_eq!(quoted(Path::new(r#"/a b/"c"\d"#)), r#""/a b/\"c\"\\d""#);
    }
}
