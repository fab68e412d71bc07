//! The full lab's broker rights, which need no Docker, and the lab itself, which does: `make compose-test`.

mod docker;
mod full_lab;
mod guarded;
mod rights;
