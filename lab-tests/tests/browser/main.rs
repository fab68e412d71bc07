//! A foreign web page in a real browser cannot read or change anything of a lab on the same machine.
//!
//! Needs Chromium and its WebDriver server; where they are absent the tests say so and end:
//! `make browser-test` insists on them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod attacks;
mod browser;
mod embedded;
mod foreign_page;
