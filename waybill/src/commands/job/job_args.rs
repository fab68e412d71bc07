//! The job that `waybill job submit` submits, from its flags.

use std::{io::Read as _, path::PathBuf};

use anyhow::Context as _;
use client::JobRequest;
use contract::{
    api::BODY_BYTES_MAX,
    job::Notify,
    operation::{Operation, cli},
};
use serde_json::{Map, Value, json};

use crate::{exit::UsageError, request::Preset};

/// The flags that describe the job.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Job")]
pub(super) struct JobArgs {
    /// A prepared job [default: single, unless --operation or --file is given]
    #[arg(long, value_enum, value_name = "PRESET", conflicts_with_all = ["operations", "file"])]
    preset: Option<Preset>,
    /// An operation, such as add:1,2,3; repeat the flag for several, which run in that order
    #[arg(long = "operation", value_name = "KIND:ARGS", value_parser = cli::parse, conflicts_with = "file")]
    operations: Vec<Operation>,
    /// The whole job as JSON, from a file, or from standard input with -
    #[arg(long, value_name = "FILE|-")]
    file: Option<PathBuf>,
    /// Display name of the job
    #[arg(long)]
    name: Option<String>,
    /// Notification of the outcome: `log`, or the URL of a webhook
    #[arg(long, value_name = "log|URL")]
    notify: Option<String>,
    /// Maximum number of attempts
    #[arg(long, value_name = "N")]
    attempts: Option<u32>,
    /// Deadline in seconds, after which the job fails
    #[arg(long, value_name = "SECONDS")]
    deadline: Option<u32>,
    /// Fault to inject into this job, such as processor=error@2: the first two runs in the processor fail
    #[arg(long, value_name = "STAGE=KIND[:ARG][@RUNS]")]
    fault: Option<String>,
    /// Idempotency key: makes it safe to repeat the submission, which creates only one job
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl JobArgs {
    /// The request that these flags describe.
    pub(super) fn request(self) -> anyhow::Result<JobRequest> {
        let mut request = match (&self.file, self.operations.is_empty()) {
            (Some(file), _) => JobRequest::new(Value::Object(read(file)?)),
            (None, false) => JobRequest::new(json!({"name": "job", "operations": self.operations})),
            (None, true) => self.preset.unwrap_or(Preset::Single).request(),
        };
        self.override_with_flags(&mut request);
        Ok(request)
    }

    fn override_with_flags(self, request: &mut JobRequest) {
        let notify = self.notify.map(|notify| match notify.as_str() {
            "log" => Notify::Log,
            _ => Notify::Webhook { url: notify, on: None },
        });
        let given = [
            ("name", self.name.map(Value::from)),
            ("notify", notify.map(|notify| json!(notify))),
            ("attempts_max", self.attempts.map(Value::from)),
            ("deadline_seconds", self.deadline.map(Value::from)),
        ];
        for (field, value) in given {
            if let Some(value) = value {
                request.body[field] = value;
            }
        }
        request.fault = self.fault.or(request.fault.take());
        request.idempotency_key = self.idempotency_key;
    }
}

fn read(file: &PathBuf) -> anyhow::Result<Map<String, Value>> {
    // One byte more than allowed, to detect a file that is too large.
    let limit = u64::try_from(BODY_BYTES_MAX).unwrap_or(u64::MAX) + 1;
    let mut text = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin()
            .take(limit)
            .read_to_end(&mut text)
            .context("cannot read standard input")?;
    } else {
        let opened =
            std::fs::File::open(file).and_then(|file| file.take(limit).read_to_end(&mut text));
        opened.with_context(|| format!("cannot read {}", file.display()))?;
    }
    if text.len() > BODY_BYTES_MAX {
        return Err(UsageError(format!(
            "the job is too large: at most {BODY_BYTES_MAX} bytes of JSON are allowed"
        ))
        .into());
    }
    let source =
        if file.as_os_str() == "-" { "standard input".into() } else { file.display().to_string() };
    let wrong = |error| UsageError(format!("{source} is not a JSON object: {error}"));
    Ok(serde_json::from_slice(&text).map_err(wrong)?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        body: JobArgs,
    }

    fn request(flags: &[&str]) -> JobRequest {
        let cli = Cli::try_parse_from([&["submit"], flags].concat()).unwrap();
        cli.body.request().unwrap()
    }

    #[test]
    fn flags_override_a_preset_or_a_file() {
        let flaky =
            request(&["--preset", "flaky", "--name", "mine", "--attempts", "9", "--notify", "log"]);
        assert_eq!(flaky.body["name"], "mine");
        assert_eq!(
            (&flaky.body["attempts_max"], &flaky.body["notify"]),
            (&json!(9), &json!({"channel": "log"}))
        );
        assert_eq!(flaky.fault.as_deref(), Some("processor=error@2"));

        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{"name":"a","operations":[],"newer":1}"#).unwrap();
        let path = file.path().to_str().unwrap();
        let read = request(&["--file", path, "--deadline", "5", "--fault", "ingester=hang"]);
        assert_eq!(
            read.body,
            json!({"name": "a", "operations": [], "newer": 1, "deadline_seconds": 5})
        );
        assert_eq!(read.fault.as_deref(), Some("ingester=hang"));
    }

    #[test]
    fn operations_keep_their_order() {
        let made = request(&["--operation", "add:1,2", "--operation", "wait:0"]);
        let kinds = made.body["operations"].as_array().unwrap().iter();
        let kinds: Vec<_> = kinds.map(|operation| operation["kind"].clone()).collect();
        assert_eq!(kinds, ["add", "wait"]);
        assert_eq!(request(&[]).body["name"], "single");
    }
}
