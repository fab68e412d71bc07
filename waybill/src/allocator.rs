//! How soon the allocator gives memory that is free back to the system.

use std::{os::unix::process::CommandExt as _, process::Command};

/// Options of the allocator, which reads them once, before `main`.
///
/// Milliseconds until free memory goes back: by default a second, in which a flood of telemetry frees more than the
/// console may hold; at once would cost a call to the system for every block. No huge pages: one that holds a single
/// small block stays resident whole. Only the console has a promise about its memory, so only it goes without.
const OPTIONS: [(&str, &str); 2] = [("MIMALLOC_PURGE_DELAY", "10"), ("MIMALLOC_ALLOW_THP", "0")];

/// Begins this program again, in the same process, with memory that is given back soon. What the environment says of
/// the allocator wins. Before any thread, and before anything is open. Where that fails, the process only takes more
/// memory.
pub(crate) fn give_back_soon() {
    #[expect(clippy::disallowed_methods, reason = "they are the allocator's settings, not ours")]
    let missing: Vec<_> =
        OPTIONS.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()).collect();
    let (Ok(program), mut arguments) = (std::env::current_exe(), std::env::args_os()) else {
        return;
    };
    if !missing.is_empty()
        && let Some(name) = arguments.next()
    {
        let mut again = Command::new(program);
        again.arg0(name).args(arguments).envs(missing);
        let _error = again.exec();
    }
}
