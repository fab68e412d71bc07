//! Options of the allocator that return free memory to the system early.

use std::{os::unix::process::CommandExt as _, process::Command};

/// Options of the allocator, which reads them once, before `main`.
///
/// Purge delay in milliseconds: in the default second, a flood of telemetry frees more than the console may hold; no
/// delay would cost a system call per block. No huge pages: one with a single small block stays resident whole. Only
/// the console has a memory limit, so only it uses these options.
const OPTIONS: [(&str, &str); 2] = [("MIMALLOC_PURGE_DELAY", "10"), ("MIMALLOC_ALLOW_THP", "0")];

/// Executes this program again, in the same process, with these options, unless the environment sets them. Must be
/// called before any thread is started or file opened. If it fails, the process only uses more memory.
pub(crate) fn return_memory_early() {
    #[expect(
        clippy::disallowed_methods,
        reason = "these are settings of the allocator, not of waybill"
    )]
    let missing: Vec<_> =
        OPTIONS.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()).collect();
    let (Ok(program), mut arguments) = (std::env::current_exe(), std::env::args_os()) else {
        return;
    };
    if !missing.is_empty()
        && let Some(name) = arguments.next()
    {
        let mut command = Command::new(program);
        command.arg0(name).args(arguments).envs(missing);
        let _error = command.exec();
    }
}
