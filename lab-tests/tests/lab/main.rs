//! Tests of a whole lab: real processes, a real broker, real signals.

mod backlog;
mod bad_days;
mod canary;
mod cancel;
mod clocks;
mod crashes;
mod documents;
mod doors;
mod first_kill;
mod full_disk;
mod hooks;
mod killed_workers;
mod lost;
mod lost_spans;
mod one_trace;
mod ownership;
mod poison;
mod redrive;
mod repeats;
mod searches;
mod signals;
mod slots;
mod trace_modes;
mod unreadable;
mod webhooks;
