//! The settings of the parts of the lab: invalid ones are refused before anything starts, and those without
//! effect are reported.

use anyhow::Context as _;
use bus::TraceContext;
use clap::{Command, CommandFactory as _, FromArgMatches as _};
use lab::embedded::{self, EmbeddedOptions};
use telemetry::TelemetryConfig;

use crate::{
    cli::Cli,
    environment::{
        GivenSettings, PartSettings, SettingSources, own_settings, settings_of, variables,
    },
    exit::UsageError,
};

/// Variables that other programs read.
const OF_OTHERS: [&str; 3] = ["WAYBILL_TEST_SEED", "WAYBILL_STACK", "WAYBILL_VERSION"];

/// The settings of all parts.
#[derive(Debug)]
pub(super) struct Environment {
    /// `up` itself first.
    pub(super) parts: Vec<PartSettings>,
    /// Variables that have no effect, or only a partial one: the name, and why.
    pub(super) ignored_variables: Vec<(String, String)>,
    /// Why the console receives no complete traces, if so.
    pub(super) no_traces: Option<String>,
}

impl Environment {
    /// Reads the settings of all parts; an error names the invalid one.
    pub(super) fn read(
        options: &EmbeddedOptions,
        sources: &SettingSources,
    ) -> anyhow::Result<Self> {
        options.check_environment().map_err(|refused| UsageError(refused.to_string()))?;
        let cli = Cli::command();
        let up = below(&cli, &["up"])?;
        let mut read = Self {
            parts: vec![own_settings(up, sources)],
            ignored_variables: ignored_variables(options, &cli),
            no_traces: None,
        };
        for (part, path, by_lab) in embedded::settings(options) {
            let given = GivenSettings { by_lab: &by_lab, by_user: &options.user, sources };
            let (settings, matches) = settings_of(&part, below(&cli, &path)?, &given)
                .map_err(|wrong| UsageError(wrong.to_string()))?;
            read.parts.push(settings);
            if part == "gateway" {
                let telemetry = TelemetryConfig::from_arg_matches(&matches)
                    .map_err(|error| UsageError(plain(&error)))?;
                read.ignored_variables.extend(telemetry.ignored_variables());
                let is_linked = matches.get_one("trace_context") == Some(&TraceContext::Link);
                read.no_traces = no_traces(options, &telemetry, is_linked);
            }
        }
        Ok(read)
    }
}

/// Why no complete trace of a job can be found in the console.
fn no_traces(
    options: &EmbeddedOptions,
    telemetry: &TelemetryConfig,
    is_linked: bool,
) -> Option<String> {
    let console = format!("http://127.0.0.1:{}", options.ports.otlp_grpc);
    let given = |name: &str| {
        let found = options.user.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let elsewhere = given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        .or_else(|| options.otlp_endpoint.clone())
        .filter(|url| url.trim_end_matches('/') != console);
    if let Some(url) = elsewhere {
        return Some(format!("sent to {}", settings::without_user(&url)));
    }
    let linked = "WAYBILL_TRACE_CONTEXT=link starts a trace in each stage";
    telemetry.why_no_trace().or(is_linked.then_some(linked)).map(str::to_owned)
}

fn ignored_variables(options: &EmbeddedOptions, cli: &Command) -> Vec<(String, String)> {
    let known = variables(cli);
    let of_one =
        options.ignored_variables().into_iter().map(|aside| (aside.name.to_owned(), aside.why));
    let is_unknown = |name: &&String| {
        name.starts_with("WAYBILL_")
            && !known.contains(*name)
            && !OF_OTHERS.contains(&name.as_str())
    };
    let unknown = options.user.iter().map(|(name, _)| name).filter(is_unknown).map(|name| {
        (
            name.clone(),
            "is not a setting: --show-config lists the settings of every part".to_owned(),
        )
    });
    of_one.chain(unknown).collect()
}

fn below<'a>(command: &'a Command, path: &[&str]) -> anyhow::Result<&'a Command> {
    path.iter().try_fold(command, |command, name| {
        command.find_subcommand(name).with_context(|| format!("no such command: {name}"))
    })
}

fn plain(error: &clap::Error) -> String {
    error.render().to_string().trim_start_matches("error: ").trim().to_owned()
}
