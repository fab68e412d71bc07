//! What a web page of a stranger can do to a lab on the same machine: nothing. A real browser tries.
//!
//! Needs Chromium and its WebDriver server; where they are absent the tests say so and end:
//! `make browser-test` insists on them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod attacks;
mod browser;
mod embedded;
mod stranger;
