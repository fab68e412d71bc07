//! The full lab's broker rights, which need no Docker, and the lab itself, which does: `make compose-test`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod backends;
mod broker_attacks;
mod broker_with_users;
mod collector_killed;
mod dashboards;
mod docker;
mod foreign_page;
mod full_lab;
mod full_volumes;
mod killed_workers;
mod load;
mod loki_direct;
mod lost_telemetry;
mod memory;
mod network_access;
mod outages;
mod pin_images;
mod restart;
mod rights;
mod searches;
mod steady_load;
mod taken_port;
