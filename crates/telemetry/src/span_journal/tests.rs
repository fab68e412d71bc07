use std::fs;

use contract::propagation::TraceParent;
use opentelemetry::trace::SpanKind;
use proptest::prelude::*;

use super::*;
use crate::FinishedSpan;

fn span(number: u64, name: &str) -> SpanData {
    let own = TraceParent { trace_id: 7, span_id: number, sampled: true };
    let parent = TraceParent { span_id: 1, ..own };
    FinishedSpan::new(name.to_owned(), SpanKind::Producer, own).parent(parent).build()
}

fn names(left: &[SpanData]) -> Vec<&str> {
    left.iter().map(|span| span.name.as_ref()).collect()
}

#[test]
fn unexported_spans_are_exported_by_the_next_process_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans/processor");
    let (journal, left) = SpanJournal::open(&path).unwrap();
    assert!(left.is_empty());
    for number in 2..6 {
        journal.begin(&span(number, &format!("span {number}")));
    }
    journal.remove([SpanId::from(3), SpanId::from(99)]);
    journal.begin(&span(6, "in the place of 3"));
    drop(journal);
    let (journal, left) = SpanJournal::open(&path).unwrap();
    assert_eq!(names(&left), ["span 2", "in the place of 3", "span 4", "span 5"]);
    assert_eq!(left[0].parent_span_id, SpanId::from(1));
    assert_eq!(left[0].span_kind, SpanKind::Producer);
    assert!(left.iter().all(|span| span.start_time == span.end_time));
    drop(journal);
    assert!(SpanJournal::open(&path).unwrap().1.is_empty());
}

#[test]
fn a_locked_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans");
    let first = SpanJournal::open(&path).unwrap();
    let refused = SpanJournal::open(&path).unwrap_err();
    assert!(refused.to_string().contains("locked by another process"), "{refused}");
    drop(first);
    SpanJournal::open(&path).unwrap();
}

#[test]
fn processes_that_share_a_folder_use_one_file_each_and_the_next_one_uses_that_of_a_killed_one() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = SpanJournal::open(folder.path()).unwrap();
    let (second, _) = SpanJournal::open(folder.path()).unwrap();
    first.begin(&span(2, "of the first"));
    second.begin(&span(3, "of the second"));
    drop(first);
    let (third, left) = SpanJournal::open(folder.path()).unwrap();
    assert_eq!(names(&left), ["of the first"]);
    drop((second, third));
    let (_again, left) = SpanJournal::open(folder.path()).unwrap();
    assert!(left.is_empty(), "exported once");
    assert_eq!(names(&SpanJournal::open(folder.path()).unwrap().1), ["of the second"]);
    let full: Vec<_> = (2..FILES_MAX).map(|_| SpanJournal::open(folder.path()).unwrap()).collect();
    let one_more = SpanJournal::open(folder.path()).unwrap();
    let refused = SpanJournal::open(folder.path()).unwrap_err().to_string();
    assert!(refused.contains("64 other processes"), "{refused}");
    drop((full, one_more));
}

#[test]
fn the_file_stays_within_its_limit_and_a_long_name_is_not_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans");
    let (journal, _) = SpanJournal::open(&path).unwrap();
    for number in 0..u64::from(LINES_MAX) + 10 {
        journal.begin(&span(number + 2, "x"));
    }
    assert_eq!(fs::metadata(&path).unwrap().len(), FILE_BYTES_MAX);
    journal.remove([SpanId::from(2)]);
    journal.begin(&span(1 << 40, &"long".repeat(LINE_BYTES)));
    drop(journal);
    assert_eq!(SpanJournal::open(&path).unwrap().1.len(), LINES_MAX as usize - 1);
}

proptest! {
    #[test]
    fn any_file_content_is_read_without_an_error(
        text in prop::collection::vec(any::<u8>(), 0..2_000),
        lines in prop::collection::vec("[{}\":,a-z0-9 ]{0,320}", 0..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spans");
        fs::write(&path, [text, lines.concat().into_bytes()].concat()).unwrap();
        let (journal, _) = SpanJournal::open(&path).unwrap();
        journal.begin(&span(2, "new"));
        drop(journal);
        let (_journal, left) = SpanJournal::open(&path).unwrap();
        prop_assert_eq!(names(&left), ["new"]);
    }
}
