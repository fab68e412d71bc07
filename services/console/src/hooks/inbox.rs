//! The newest webhooks of each name.

use std::collections::VecDeque;

use axum::http::StatusCode;
use indexmap::IndexMap;
use parking_lot::Mutex;

use super::hook::Hook;
use super::requested_response::RequestedResponse;

/// Maximum number of names; above it, the least recently used one is evicted with its webhooks.
pub(crate) const NAMES_MAX: usize = 32;
/// Maximum number of webhooks of one name; above it, the oldest is evicted.
pub(crate) const KEPT_MAX: usize = 100;
/// Memory of one name: any single webhook fits, and all names together take at most 8 MiB.
const BYTES_MAX: usize = 256 * 1024;

/// All names, the least recently used one first.
#[derive(Debug, Default)]
pub(crate) struct Inbox(Mutex<InboxState>);

#[derive(Debug, Default)]
struct InboxState {
    by_name: IndexMap<String, KeptHooks>,
    next_number: u64,
}

/// The webhooks of one name, oldest arrival first.
#[derive(Debug, Default)]
struct KeptHooks {
    hooks: VecDeque<Hook>,
    bytes: usize,
    received: u64,
    evicted: u64,
}

/// Counts of one name.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct HookSummary {
    pub(crate) name: String,
    /// Webhooks kept; a repeated webhook counts once.
    pub(crate) kept: usize,
    /// Requests received, repeated webhooks included.
    pub(crate) received: u64,
    pub(crate) evicted: u64,
    /// Approximate memory in use.
    pub(crate) bytes: usize,
}

impl Inbox {
    /// Stores a webhook. It replaces an earlier one with the same id and continues its count.
    /// Returns how often it has arrived, and the status of the response.
    pub(super) fn keep(&self, hook: Hook, requested: &RequestedResponse) -> (u64, StatusCode) {
        let mut state = self.0.lock();
        let number = state.next_number;
        state.next_number += 1;
        let mut kept = state.by_name.shift_remove(&hook.name).unwrap_or_default();
        let name = hook.name.clone();
        let arrival = kept.put(Hook { number, ..hook }, requested);
        // Pushed at the end: the most recently used.
        state.by_name.insert(name, kept);
        if state.by_name.len() > NAMES_MAX {
            state.by_name.shift_remove_index(0);
        }
        arrival
    }

    /// Counts of all names, the most recently used first.
    pub(crate) fn list(&self) -> Vec<HookSummary> {
        let state = self.0.lock();
        let of = |(name, kept): (&String, &KeptHooks)| HookSummary {
            name: name.clone(),
            kept: kept.hooks.len(),
            received: kept.received,
            evicted: kept.evicted,
            bytes: kept.bytes,
        };
        state.by_name.iter().rev().map(of).collect()
    }

    /// The webhooks of one name, newest arrival first; `None` if nothing has arrived under it.
    pub(crate) fn of(&self, name: &str) -> Option<Vec<Hook>> {
        let state = self.0.lock();
        Some(state.by_name.get(name)?.hooks.iter().rev().cloned().collect())
    }

    /// The webhooks of all names, newest arrival first.
    pub(crate) fn all(&self) -> Vec<Hook> {
        let state = self.0.lock();
        let mut hooks: Vec<Hook> =
            state.by_name.values().flat_map(|kept| kept.hooks.iter().cloned()).collect();
        drop(state);
        hooks.sort_by_key(|hook| std::cmp::Reverse((hook.last_at_ms, hook.number)));
        hooks
    }
}

impl KeptHooks {
    fn put(&mut self, mut hook: Hook, requested: &RequestedResponse) -> (u64, StatusCode) {
        self.received += 1;
        if let Some(before) = self.take_same(&hook) {
            hook.number = before.number;
            hook.first_at_ms = before.first_at_ms;
            hook.arrivals = before.arrivals + 1;
            hook.body_changed = before.body_changed || before.body != hook.body;
        }
        let (arrivals, status) = (hook.arrivals, requested.status(hook.arrivals));
        hook.response_status = status.as_u16();
        self.bytes += hook.bytes();
        self.hooks.push_back(hook);
        while self.hooks.len() > KEPT_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.hooks.pop_front() else { break };
            self.bytes -= oldest.bytes();
            self.evicted += 1;
        }
        (arrivals, status)
    }

    fn take_same(&mut self, hook: &Hook) -> Option<Hook> {
        let id = hook.fields.id.as_ref()?;
        let at = self.hooks.iter().position(|kept| kept.fields.id.as_ref() == Some(id))?;
        let before = self.hooks.remove(at)?;
        self.bytes -= before.bytes();
        Some(before)
    }
}
