//! Tests of a whole lab: real processes, a real broker, real signals.

mod backlog;
mod canary;
mod cancel;
mod clocks;
mod crashes;
mod dependencies;
mod first_kill;
mod full_disk;
mod hooks;
mod hostile_clients;
mod killed_workers;
mod leases;
mod lost;
mod lost_spans;
mod one_trace;
mod payloads;
mod poison;
mod redrive;
mod repeats;
mod searches;
mod signals;
mod slots;
mod trace_modes;
mod unreadable;
mod webhooks;
