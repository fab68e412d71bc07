//! How soon the allocator gives memory that is free back to the system.

use std::{os::unix::process::CommandExt as _, process::Command};

/// The allocator reads it once, before `main`.
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Milliseconds. By default it is a second, in which a flood of telemetry frees more than the console may hold; at
/// once would cost a call to the system for every block.
const PURGE_DELAY_MS: &str = "10";

/// Begins this program again, in the same process, with memory that is given back soon, unless the environment says
/// how soon. Before any thread, and before anything is open. Where that fails, the process only takes more memory.
pub(crate) fn give_back_soon() {
    #[expect(clippy::disallowed_methods, reason = "it is the allocator's setting, not ours")]
    let is_said = std::env::var_os(PURGE_DELAY).is_some();
    let (Ok(program), mut arguments) = (std::env::current_exe(), std::env::args_os()) else {
        return;
    };
    if !is_said && let Some(name) = arguments.next() {
        let mut again = Command::new(program);
        again.arg0(name).args(arguments).env(PURGE_DELAY, PURGE_DELAY_MS);
        let _error = again.exec();
    }
}
