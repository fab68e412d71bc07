//! Many hosts at the same time: permits, waits, memory, and what is reported.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{breaker::FAILURES_MAX, host::SPREAD, *};

const UNHEALTHY: Health = Health::Unhealthy { least: None };
const SLOTS: usize = 16;

fn hosts() -> (Arc<Hosts>, Arc<AtomicUsize>) {
    let away = Arc::new(AtomicUsize::new(0));
    let open = away.clone();
    (Hosts::new(SLOTS, move |count| open.store(count, Ordering::Relaxed)), away)
}

async fn try_once(hosts: &Arc<Hosts>, host: &str, health: Health) {
    let permit = hosts.enter(host).await.expect("a permit");
    permit.end(health);
}

async fn make_away(hosts: &Arc<Hosts>, host: &str) {
    for _ in 0..FAILURES_MAX {
        try_once(hosts, host, UNHEALTHY).await;
    }
}

#[tokio::test]
async fn an_unreachable_host_is_not_tried_and_the_others_are() {
    let (hosts, away) = hosts();
    make_away(&hosts, "dead:80").await;
    assert_eq!(away.load(Ordering::Relaxed), 1);
    for n in 1..100 {
        let start = Instant::now();
        let not_now = hosts.enter("dead:80").await.err().expect("its breaker is open");
        assert!(start.elapsed() < PERMIT_WAIT, "it does not wait in its slot");
        assert!(not_now.after <= Duration::from_secs(1) + SPREAD * n, "{not_now:?}");
        assert_eq!(not_now.why, BREAKER_OPEN);
        try_once(&hosts, "dead:81", Health::Healthy).await;
    }
}

#[tokio::test]
async fn an_unproven_host_that_hangs_holds_two_slots_and_a_proven_one_never_all() {
    let (hosts, _) = hosts();
    let mut held = Vec::new();
    for _ in 0..UNPROVEN_ATTEMPTS_MAX {
        held.push(hosts.enter("hangs:80").await.expect("a permit"));
    }
    let not_now = hosts.enter("hangs:80").await.err().expect("no permit");
    assert_eq!(not_now.why, LIMIT_REACHED);
    let start = Instant::now();
    assert!(hosts.enter("hangs:80").await.is_err());
    assert!(start.elapsed() < PERMIT_WAIT, "known to hang: no notification waits in a slot for it");

    try_once(&hosts, "well:80", Health::Healthy).await;
    let mut proven = Vec::new();
    while let Ok(permit) = hosts.enter("well:80").await {
        proven.push(permit);
    }
    assert_eq!(proven.len(), SLOTS * 3 / 4);
}

#[tokio::test]
async fn hosts_that_never_responded_share_half_of_the_slots() {
    let (hosts, _) = hosts();
    try_once(&hosts, "well:80", Health::Healthy).await;
    let mut held = Vec::new();
    for n in 0..SLOTS {
        held.extend(hosts.enter(&format!("h{n}:80")).await);
    }
    assert_eq!(held.len(), SLOTS / 2);
    try_once(&hosts, "well:80", Health::Healthy).await;
    held.clear();
    try_once(&hosts, "h0:80", Health::Unknown).await;
}

#[tokio::test]
async fn a_waiting_notification_gets_the_first_free_permit() {
    let (hosts, _) = hosts();
    let first = hosts.enter("h:80").await.ok().unwrap();
    let second = hosts.enter("h:80").await.ok().unwrap();
    let third = tokio::spawn({
        let hosts = hosts.clone();
        async move { hosts.enter("h:80").await.is_ok() }
    });
    tokio::task::yield_now().await;
    first.end(Health::Healthy);
    assert!(third.await.unwrap());
    drop(second);
}

#[tokio::test]
async fn a_worker_with_one_slot_can_notify_any_host() {
    let hosts = Hosts::new(1, |_| ());
    for host in ["a:80", "b:80", "a:80", "b:80"] {
        try_once(&hosts, host, Health::Healthy).await;
    }
}

#[tokio::test]
async fn a_cancelled_attempt_frees_its_permit_and_the_probe() {
    let (hosts, away) = hosts();
    make_away(&hosts, "dead:80").await;
    let later = Instant::now() + Duration::from_secs(1);
    let Admission::Start(probe) = hosts.admit("dead:80", later) else {
        panic!("its delay is over")
    };
    assert!(matches!(hosts.admit("dead:80", later), Admission::NotNow(_)), "one probe at a time");
    drop(probe);
    let Admission::Start(probe) = hosts.admit("dead:80", later) else {
        panic!("nothing was learnt")
    };
    assert_eq!(probe.end(Health::Healthy), None);
    assert_eq!(away.load(Ordering::Relaxed), 0);
    try_once(&hosts, "dead:80", Health::Healthy).await;
}

#[tokio::test]
async fn a_failed_probe_returns_the_delay_of_its_notification() {
    let (hosts, away) = hosts();
    make_away(&hosts, "dead:80").await;
    let later = Instant::now() + Duration::from_secs(1);
    let Admission::Start(probe) = hosts.admit("dead:80", later) else {
        panic!("its delay is over")
    };
    let after = probe.end(UNHEALTHY).expect("the host is away still");
    assert!(after >= Duration::from_secs(1), "{after:?}");
    assert_eq!(away.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn the_number_of_hosts_is_limited_and_an_evicted_one_is_not_counted_as_open() {
    let (hosts, away) = hosts();
    make_away(&hosts, "dead:80").await;
    let late = hosts.enter("late:80").await.ok().unwrap();
    for n in 0..HOSTS_MAX.get() {
        try_once(&hosts, &format!("h{n}:80"), Health::Healthy).await;
    }
    assert_eq!((hosts.lock().hosts.len(), away.load(Ordering::Relaxed)), (HOSTS_MAX.get(), 0));
    try_once(&hosts, "late:80", Health::Healthy).await;
    late.end(UNHEALTHY);
    let mut known = hosts.lock();
    assert!(!known.unproven.is_full(1), "every try ended");
    assert!(known.hosts.get("late:80").unwrap().proven, "the forgotten one does not speak for it");
}

/// Lines as a log would have them.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_has_one_line_when_a_breaker_opens_and_one_when_it_closes() {
    let (lines, (hosts, _)) = (Lines::default(), hosts());
    let to = lines.clone();
    let log = tracing_subscriber::fmt().json().with_writer(move || to.clone()).finish();
    tracing::subscriber::with_default(log, || {
        let mut now = Instant::now();
        let tries = [[UNHEALTHY; 8].as_slice(), &[Health::Healthy; 8]].concat();
        for health in tries {
            now += Duration::from_mins(6);
            let Admission::Start(permit) = hosts.admit("dead:80", now) else {
                panic!("its delay is over")
            };
            hosts.end(&permit, health, now, 0.5);
            std::mem::forget(permit);
        }
    });
    let text = String::from_utf8(lines.0.lock().clone()).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [opened, closed] = lines.as_slice() else { panic!("{text}") };
    assert_eq!((&opened["level"], &opened["fields"]["host"]), (&"WARN".into(), &"dead:80".into()));
    assert_eq!((&closed["level"], &closed["fields"]["host"]), (&"INFO".into(), &"dead:80".into()));
    assert_eq!(closed["fields"]["away_ms"], 4 * 360_000, "{closed}");
}
