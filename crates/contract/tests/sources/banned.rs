//! The banned words.

/// Words and phrases, lower case, and what to write instead.
pub(crate) const BANNED: &[(&str, &str)] = &[
    ("desk", "dispatcher, operation context"),
    ("vitals", "service context"),
    ("in hand", "in flight"),
    ("burial", "dead-letter reason"),
    ("bury", "dead-letter"),
    ("buried", "dead-lettered"),
    ("enclosed", "record hint"),
    ("crowded", "no capacity"),
    ("untold", "attempted"),
    ("told", "notified, published, printed"),
    ("tells", "says, notifies, reports"),
    ("news", "event, message, line"),
    ("teller", "printer"),
    ("shelf", "inbox"),
    ("shelves", "inbox"),
    ("rhythm", "pace"),
    ("mixture", "mix"),
    ("notice", "notification"),
    ("notices", "notifications"),
    ("nobody", "no one, or name what does not happen"),
    ("whoever", "name who it is"),
    ("anew", "again"),
    ("comes again", "is redelivered"),
    ("come again", "be redelivered"),
    ("came again", "was redelivered"),
    ("is none of", "is not one of"),
    ("so many", "how many, of what"),
    ("hand on", "publish"),
    ("handed on", "published"),
    ("hands on", "publishes"),
    ("put away", "dead-lettered"),
    ("looked for", "searched"),
    ("fares", "the state it is in"),
    ("judges", "decides, checks"),
    ("patience", "timeout"),
    ("begun", "started"),
    ("in vain", "what happened: timed out, failed"),
    ("what never happens", "invariants"),
    ("is well", "is healthy"),
];

/// Where a banned word stays: the beginning of a path, the word, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("crates/contract/tests/sources/", "", "the list itself, and its test"),
    ("crates/contract/src/record/mod.rs", "told", "a field's name in stored records"),
    ("services/gateway/src/index/watch.rs", "told", "the same field"),
    ("crates/contract/src/signals/reason.rs", "notice", "the value of a label, `notice_too_old`"),
    ("services/notifier/src/notify.rs", "notice", "the same label"),
    ("services/notifier/tests/it/notifications.rs", "notice", "the same label"),
    ("services/notifier/src/channel/log.rs", "notice", "the name of a log event, `job.notice`"),
    ("services/console/src/store/stored_line.rs", "notice", "the name of a severity"),
    ("CHANGELOG.md", "begun", "the former name of a variable"),
    ("lab-tests/src/chaos/ledger/findings.rs", "notices", "fields of the JSON report"),
];

/// Whether `word` may stand in the file at `path`.
pub(crate) fn is_excepted(path: &str, word: &str) -> bool {
    EXCEPTIONS
        .iter()
        .any(|(place, excepted, _)| path.starts_with(place) && ["", word].contains(excepted))
}
