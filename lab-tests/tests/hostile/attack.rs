//! Sends hostile exports concurrently and checks the console.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};

use crate::{
    console::{BUDGET_MIB, Console, alone},
    watch::Watch,
};

/// Concurrent exports of one kind.
const AT_ONCE: usize = 4;
/// Least number of exports of one kind that are first sent one by one, so that they are stored.
const ALONE: u128 = 2;
/// Statuses of responses to exports that were read.
const READ: [u16; 3] = [200, 400, 413];
/// Memory limit of the process.
const MEMORY_MIB_MAX: u64 = BUDGET_MIB * 3 / 2;

/// Encoding of a body.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Protobuf,
    Json,
}

/// One kind of hostile export.
pub(crate) struct Hostile {
    /// Description.
    pub(crate) what: &'static str,
    pub(crate) signal: &'static str,
    pub(crate) form: Form,
    /// The body with this number.
    pub(crate) body: Box<dyn Fn(u128) -> Vec<u8> + Send + Sync>,
    /// Number of exports.
    pub(crate) times: usize,
    /// A trace of the exports, whose page is requested.
    pub(crate) trace: Option<u128>,
}

impl Hostile {
    /// Protobuf, the same body each time.
    pub(crate) fn protobuf(what: &'static str, signal: &'static str, body: Vec<u8>) -> Self {
        Self::numbered(what, signal, AT_ONCE + 1, move |_| body.clone())
    }

    /// Protobuf, made by number.
    pub(crate) fn numbered(
        what: &'static str,
        signal: &'static str,
        times: usize,
        body: impl Fn(u128) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let body = Box::new(body);
        Self { what, signal, form: Form::Protobuf, body, times, trace: None }
    }

    /// JSON, the same body each time.
    pub(crate) fn json(what: &'static str, signal: &'static str, body: String) -> Self {
        Self { form: Form::Json, ..Self::protobuf(what, signal, body.into_bytes()) }
    }

    /// Also requests the page of this trace.
    pub(crate) fn with_page(self, trace: u128) -> Self {
        Self { trace: Some(trace), ..self }
    }
}

/// Attacks a new console with each kind in turn. Panics with all problems that were found.
pub(crate) async fn survives(attacks: Vec<Hostile>) {
    let _alone = alone().await;
    let idle = Arc::new(Console::start().await);
    let mut console = Arc::new(Console::start().await);
    let mut faults = Vec::new();
    for attack in attacks {
        let found = one(&console, &idle, &attack).await;
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", attack.what)));
        let is_alive = Arc::get_mut(&mut console).is_some_and(Console::is_alive);
        if !is_alive {
            faults.push(format!("{}: the console is gone", attack.what));
            console = Arc::new(Console::start().await);
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Runs one attack; returns the problems.
async fn one(console: &Arc<Console>, idle: &Arc<Console>, attack: &Hostile) -> Vec<String> {
    console.forget_peak();
    let watch = Watch::start(console, idle);
    let media = match attack.form {
        Form::Protobuf => "application/x-protobuf",
        Form::Json => "application/json",
    };
    // Without compression, which would take longer than everything else.
    let send = |n| console.export(attack.signal, media, "identity", (attack.body)(n));
    let mut outcomes = Vec::new();
    let alone = (attack.times as u128).saturating_sub(AT_ONCE as u128).max(ALONE);
    for n in 1..=alone {
        outcomes.push(send(n).await);
    }
    let read = outcomes.iter().filter(|status| READ.map(Ok).contains(status)).count();
    outcomes.extend(
        stream::iter(alone + 1..=attack.times as u128)
            .map(send)
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await,
    );
    // Other pages must respond while this one is rendered: `watch` checks that.
    let page = page(console, attack).await;
    let mut seen = watch.end().await;
    seen.add_page(page);
    seen.judge(attack.what);
    let mut answers = BTreeMap::<_, usize>::new();
    for answer in outcomes {
        *answers.entry(answer.map_err(|_| "no answer")).or_default() += 1;
    }
    let peak = console.peak_mib();
    println!("MEASURED: {}: {answers:?}, {peak} MiB", attack.what);
    if peak > MEMORY_MIB_MAX {
        seen.faults.push(format!("{peak} MiB at most; the budget is {BUDGET_MIB}"));
    }
    if read == 0 {
        seen.faults.push(format!("none of those that came alone was read: {answers:?}"));
    }
    seen.faults
}

/// Response time and size of the page of the trace.
async fn page(console: &Console, attack: &Hostile) -> Option<(Duration, Result<usize, String>)> {
    let path = format!("/traces/{:032x}", attack.trace?);
    let started = Instant::now();
    let bytes = match console.get(&path).await {
        Err(error) if error.contains("404") => return None,
        other => other.map(|page| page.len()),
    };
    Some((started.elapsed(), bytes))
}
