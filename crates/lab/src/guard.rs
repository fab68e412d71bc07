//! Ends child processes with their supervisor, even if the supervisor is killed. Each child is started through
//! `waybill guard`, which on Linux replaces itself by the child's program.

use std::{
    convert::Infallible,
    ffi::OsString,
    io,
    process::{ExitStatus, Stdio},
};

use tokio::{
    process::Command,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// The arguments to put before a command to run it under a guard.
pub fn prefix(waybill: &std::path::Path) -> Vec<OsString> {
    vec![
        waybill.into(),
        "guard".into(),
        "--parent".into(),
        std::process::id().to_string().into(),
        "--".into(),
    ]
}

/// Replaces this process by `argv`, which the kernel kills when `parent` ends (parent-death signal). Returns only on error:
/// the parent has already ended, or the program does not exist. Call it before any thread is started.
#[cfg(target_os = "linux")]
pub fn exec(parent: u32, argv: &[OsString]) -> io::Result<Infallible> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    use std::os::unix::process::CommandExt as _;

    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have ended before the line above; then no signal is sent.
    let current = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if current != Some(parent) {
        return Err(io::Error::other("the parent process has ended"));
    }
    let (program, arguments) = split(argv)?;
    Err(std::process::Command::new(program).args(arguments).exec())
}

/// Runs `argv` as a child and ends with it, or with `parent`, whose end closes the standard input.
/// Returns only with an error.
#[cfg(not(target_os = "linux"))]
pub fn exec(_parent: u32, argv: &[OsString]) -> io::Result<Infallible> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(watch(argv))?;
    std::process::exit(status.code().unwrap_or(1))
}

/// The portable guard: runs `argv` until it ends, and kills it when standard input closes. A
/// SIGTERM is left to the child: it is sent to the whole process group.
pub async fn watch(argv: &[OsString]) -> io::Result<ExitStatus> {
    let mut terminate = signal(SignalKind::terminate())?;
    let (program, arguments) = split(argv)?;
    let mut child =
        Command::new(program).args(arguments).stdin(Stdio::null()).kill_on_drop(true).spawn()?;
    let mut closed = stdin_closed();
    loop {
        tokio::select! {
            status = child.wait() => return status,
            _ = terminate.recv() => {}
            _ = &mut closed => {
                child.kill().await?;
                return child.wait().await;
            }
        }
    }
}

/// Resolves when standard input ends. It is read in a detached thread, so a pending read does not delay the guard's exit.
fn stdin_closed() -> oneshot::Receiver<()> {
    let (closing, closed) = oneshot::channel();
    std::thread::spawn(move || {
        let _end = io::copy(&mut io::stdin(), &mut io::sink());
        let _receiver_gone = closing.send(());
    });
    closed
}

fn split(argv: &[OsString]) -> io::Result<(&OsString, &[OsString])> {
    argv.split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no command to guard"))
}
