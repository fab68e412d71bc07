//! Where webhooks are kept: a shelf for each name, the newest of each.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use indexmap::IndexMap;

use super::Hook;
use super::answer::Wanted;

/// Names; then the one that has been quiet for longest leaves with all that it has.
pub(crate) const NAMES_MAX: usize = 32;
/// Webhooks kept of one name; then the oldest leaves.
pub(crate) const KEPT_MAX: usize = 100;
/// Memory for one name: room for any one webhook, and eight MiB for all names together.
const BYTES_MAX: usize = 256 * 1024;

/// All names, the one that has been quiet for longest first.
#[derive(Debug, Default)]
pub(crate) struct Inbox(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    by_name: IndexMap<String, Kept>,
    next_number: u64,
}

/// What is kept under one name, oldest arrival first.
#[derive(Debug, Default)]
struct Kept {
    hooks: VecDeque<Hook>,
    bytes: usize,
    received: u64,
    evicted: u64,
}

/// How a shelf stands.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct HookSummary {
    pub(crate) name: String,
    /// Webhooks on it, a repeated one counted once.
    pub(crate) kept: usize,
    /// Requests since the first, repeats included.
    pub(crate) received: u64,
    /// Webhooks that left to make room.
    pub(crate) evicted: u64,
    /// Memory in use, about.
    pub(crate) bytes: usize,
}

impl Inbox {
    /// Puts a webhook on its shelf. One whose id is there already takes that one's place and counts up.
    /// Says how often it has arrived, and what it is answered.
    pub(super) fn keep(&self, hook: Hook, wanted: &Wanted) -> (u64, StatusCode) {
        let mut state = self.lock();
        let number = state.next_number;
        state.next_number += 1;
        let mut kept = state.by_name.shift_remove(&hook.name).unwrap_or_default();
        let name = hook.name.clone();
        let told = kept.put(Hook { number, ..hook }, wanted);
        // At the end: it is the one that spoke last.
        state.by_name.insert(name, kept);
        if state.by_name.len() > NAMES_MAX {
            state.by_name.shift_remove_index(0);
        }
        told
    }

    /// How every shelf stands, the one that spoke last first.
    pub(crate) fn list(&self) -> Vec<HookSummary> {
        let state = self.lock();
        let of = |(name, kept): (&String, &Kept)| HookSummary {
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
        let state = self.lock();
        Some(state.by_name.get(name)?.hooks.iter().rev().cloned().collect())
    }

    /// The webhooks of all names, newest arrival first.
    pub(crate) fn all(&self) -> Vec<Hook> {
        let state = self.lock();
        let mut hooks: Vec<Hook> =
            state.by_name.values().flat_map(|kept| kept.hooks.iter().cloned()).collect();
        drop(state);
        hooks.sort_by_key(|hook| std::cmp::Reverse((hook.last_at_ms, hook.number)));
        hooks
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn put(&mut self, mut hook: Hook, wanted: &Wanted) -> (u64, StatusCode) {
        self.received += 1;
        if let Some(before) = self.take_same(&hook) {
            hook.number = before.number;
            hook.first_at_ms = before.first_at_ms;
            hook.arrivals = before.arrivals + 1;
            hook.body_changed = before.body_changed || before.body != hook.body;
        }
        let (arrivals, answer) = (hook.arrivals, wanted.status(hook.arrivals));
        hook.answer = answer.as_u16();
        self.bytes += hook.bytes();
        self.hooks.push_back(hook);
        while self.hooks.len() > KEPT_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.hooks.pop_front() else { break };
            self.bytes -= oldest.bytes();
            self.evicted += 1;
        }
        (arrivals, answer)
    }

    fn take_same(&mut self, hook: &Hook) -> Option<Hook> {
        let id = hook.said.id.as_ref()?;
        let at = self.hooks.iter().position(|kept| kept.said.id.as_ref() == Some(id))?;
        let before = self.hooks.remove(at)?;
        self.bytes -= before.bytes();
        Some(before)
    }
}
