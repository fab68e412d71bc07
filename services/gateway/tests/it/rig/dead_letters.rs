//! Dead letters as workers write them.

use async_nats::HeaderMap;
use contract::Stage;

use super::Rig;

/// The trace of the dead letters that tests make.
pub(crate) const DEAD_LETTER_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const DEAD_LETTER_SPAN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The event headers of a message that the lab itself sent.
pub(crate) fn own_headers(kind: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![
        ("ce-specversion", "1.0"),
        ("ce-id", "first"),
        ("ce-source", "/waybill/gateway"),
        ("ce-type", kind),
        ("Content-Type", "application/json"),
    ]
}

impl Rig {
    /// The sequence numbers of the dead letters.
    pub(crate) async fn dead_letters(&self) -> Vec<u64> {
        self.messages("DEAD").await.iter().map(|dead_letter| dead_letter.sequence).collect()
    }

    /// Dead-letters a message as a worker of `stage` does: `headers` are the message's own.
    pub(crate) async fn dead_letter(
        &self,
        stage: Stage,
        subject: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> u64 {
        let mut all = HeaderMap::new();
        for (name, value) in [
            ("waybill-dead-stage", stage.name()),
            ("waybill-dead-reason", "attempts_used_up"),
            ("waybill-dead-detail", "it failed"),
            ("waybill-dead-attempts", "4"),
            ("waybill-dead-subject", subject),
            ("waybill-dead-seq", "77"),
            ("traceparent", DEAD_LETTER_SPAN),
            ("baggage", "waybill.fault=processor%3Derror,waybill.scenario=poison"),
        ] {
            all.insert(name, value);
        }
        for (name, value) in headers {
            match name.strip_prefix("dead-letter:") {
                Some(own) => all.insert(own, *value),
                None => all.insert(format!("waybill-original-{name}").as_str(), *value),
            }
        }
        let subject = contract::topology::dead(stage);
        let sent = self.jetstream.publish_with_headers(subject, all, body.into()).await;
        sent.unwrap().await.unwrap().sequence
    }
}
