//! Which process listens on a port of this machine, as far as this user may know.

use std::{fmt, fs, path::Path, process::Command};

/// The state of a listening socket in the kernel's tables.
const LISTENING: &str = "0A";

/// A process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) id: u32,
    /// The name of its program.
    pub(crate) program: String,
    /// Its arguments, without the program.
    pub(crate) arguments: Vec<String>,
}

impl fmt::Display for Listener {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (process {})", self.program, self.id)
    }
}

/// The process that listens on `port`; `None` if that cannot be determined.
pub(crate) fn of(port: u16) -> Option<Listener> {
    if Path::new("/proc/net/tcp").exists() { of_proc(port) } else { of_lsof(port) }
}

fn of_proc(port: u16) -> Option<Listener> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listeners(&table, port))
        .collect();
    let sockets: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let entries = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    // Skips entries that are no process ids, such as `self`.
    let mut ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let id = ids.find(|id| holds(&Path::new("/proc").join(id.to_string()), &sockets))?;
    let program = fs::read_to_string(format!("/proc/{id}/comm")).ok()?.trim().to_owned();
    let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let words = line.split(|byte| *byte == 0).skip(1).filter(|word| !word.is_empty());
    let arguments = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    Some(Listener { id, program, arguments })
}

/// Where there is no `/proc`.
fn of_lsof(port: u16) -> Option<Listener> {
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let socket = format!("-iTCP:{port}");
    let found = run("lsof", &["-nP", &socket, "-sTCP:LISTEN", "-Fp"])?;
    let id: u32 = found.lines().find_map(|line| line.strip_prefix('p')?.parse().ok())?;
    let line = run("ps", &["-o", "command=", "-p", &id.to_string()])?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let program = words.next()?.rsplit('/').next()?.to_owned();
    Some(Listener { id, program, arguments: words.collect() })
}

/// The inodes of the sockets that listen on `port`, from one of the kernel's tables.
fn listeners(table: &str, port: u16) -> Vec<String> {
    let wanted = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| {
        row.get(1).is_some_and(|local| local.ends_with(&wanted)) && row.get(3) == Some(&LISTENING)
    })
    .filter_map(|row| row.get(9).map(|inode| (*inode).to_owned()))
    .collect()
}

/// Whether a process has one of these sockets open. False for processes of other users.
fn holds(process: &Path, sockets: &[String]) -> bool {
    let Ok(files) = fs::read_dir(process.join("fd")) else { return false };
    let mut targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    targets.any(|target| sockets.iter().any(|socket| target.as_os_str() == socket.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_of_that_port_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 111 1 0 100\n\
            1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000 0 0 222 1 0 100\n\
            2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 333 1 0 100\n";
        assert_eq!(listeners(table, 8080), ["111"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_that_listens_on_a_port_is_named_with_its_arguments() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let found = of(listener.local_addr().unwrap().port()).unwrap();
        let id = std::process::id();
        assert_eq!(found.id, id);
        assert!(found.to_string().ends_with(&format!(" (process {id})")), "{found}");
        assert_eq!(found.arguments, std::env::args().skip(1).collect::<Vec<_>>());
    }
}
