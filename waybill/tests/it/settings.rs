//! Settings of a lab: each reaches the part it is for, or is refused with its name.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use async_nats::jetstream::{self, consumer::pull};
use clap::{
    Arg, Command as Clap, CommandFactory as _,
    error::ErrorKind::{InvalidValue, TooManyValues, ValueValidation},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{PortBlock, eventually};
use tokio::process::Command;
use waybill::cli::Cli;

use crate::program::{Ended, Running, command, ended, run};

const LIMIT: Duration = Duration::from_secs(20);
const NEW_SECRET: &str = "whsec_a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=";
const OLD_SECRET: &str = "whsec_enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6eno=";
const SERVICES: [&str; 5] = ["gateway", "ingester", "processor", "notifier", "console"];
/// Variables whose value may be any text.
const FREE: [&str; 12] = [
    "WAYBILL_ALLOWED_HOSTS",
    "WAYBILL_ALLOWED_SOURCES",
    "WAYBILL_SPAN_JOURNAL",
    "WAYBILL_CACHE_DIR",
    "WAYBILL_DATA_DIR",
    "WAYBILL_NATS_PASSWORD",
    "WAYBILL_NATS_PASSWORD_FILE",
    "WAYBILL_NATS_SERVER",
    "WAYBILL_NATS_USER",
    "WAYBILL_WEBHOOK_CA_FILE",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_SERVICE_NAME",
];

/// A running `waybill up`, stopped at its end.
struct Lab {
    running: Running,
    ports: PortBlock,
    folder: TempDir,
}

fn up(ports: &PortBlock, data: &Path) -> Command {
    let mut command = command(["up", "--json", "--trickle", "0", "--data-dir"]);
    command.arg(data).args(["--port-base", &ports.base().to_string()]);
    command
}

impl Lab {
    fn start(flags: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_on(PortBlock::claim(), flags, variables)
    }

    fn start_on(ports: PortBlock, flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("temporary files can be written");
        let mut command = up(&ports, &folder.path().join("data"));
        command.args(flags).envs(variables.iter().copied());
        Self { running: Running::start(command), ports, folder }
    }

    fn url(&self, offset: u16, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.base() + offset)
    }

    async fn submit(&self, body: &Value, headers: &[(&'static str, &str)]) -> (u16, Value) {
        let post = reqwest::Client::new().post(self.url(0, "/v1/jobs")).json(body);
        let post = headers.iter().fold(post, |post, (name, value)| post.header(*name, *value));
        let answer = post.send().await.expect("the gateway runs");
        (answer.status().as_u16(), answer.json().await.expect("it answers in JSON"))
    }

    async fn stop(mut self) {
        let pid = self.running.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        kill_process(pid.expect("it runs"), Signal::INT).expect("it is ours");
        assert_eq!(self.running.end().await.code(), Some(0));
        drop(self.folder);
    }
}

fn add(notify: Option<String>) -> Value {
    let notify = notify.map(|url| json!({"channel": "webhook", "url": url}));
    json!({"name": "x", "operations": [{"kind": "add", "inputs": [1, 2]}], "notify": notify})
}

async fn ack_wait_of_the_processor(nats_url: &str) -> Duration {
    let client = async_nats::connect(nats_url).await.expect("the broker runs");
    let stream = jetstream::new(client).get_stream("TODO").await.expect("it was made");
    let consumer = stream.get_consumer::<pull::Config>("processor").await.expect("it was made");
    consumer.cached_info().config.ack_wait
}

#[tokio::test]
async fn the_ack_wait_of_a_lab_is_set_by_flag_or_variable() {
    for (flags, variables, seconds) in [
        (["--ack-wait", "2s"].as_slice(), [].as_slice(), 2),
        (&[], &[("WAYBILL_ACK_WAIT", "3")], 3),
        (&["--ack-wait", "2s"], &[("WAYBILL_ACK_WAIT_SECONDS", "9")], 2),
        (&[], &[("WAYBILL_ACK_WAIT_SECONDS", "1.5"), ("WAYBILL_ACK_WAIT", "")], 1),
    ] {
        let mut lab = Lab::start(flags, variables);
        let ready = lab.running.event("ready").await;
        let found = ack_wait_of_the_processor(ready["nats_url"].as_str().unwrap()).await;
        assert_eq!(found.as_secs(), seconds, "{flags:?} {variables:?}");
        lab.stop().await;
    }
}

#[tokio::test]
async fn an_ack_wait_out_of_range_is_refused_with_the_allowed_range() {
    for command in ["up", "topology apply"] {
        for wrong in ["0.5s", "6m", "soon", "-2s"] {
            let refused = run(&format!("{command} --ack-wait={wrong}")).await.expect(2);
            let said = "must be a duration from 1s to 5m";
            assert!(refused.stderr.contains(said), "{command} {wrong}: {}", refused.stderr);
        }
    }
}

#[tokio::test]
async fn settings_of_the_user_take_precedence_and_variables_for_a_single_process_are_ignored() {
    let ports = PortBlock::claim();
    let console = format!("127.0.0.1:{}", ports.base() + 10);
    let allow = format!("127.0.0.1:9,{console}");
    let secrets = format!("{NEW_SECRET} ,{OLD_SECRET}\n");
    let variables = [
        ("WAYBILL_FAULTS", "off"),
        ("WAYBILL_WEBHOOK_ALLOW", &allow),
        ("WAYBILL_WEBHOOK_SECRET", &secrets),
        ("WAYBILL_TRUST_TRACEPARENT", "1"),
        ("OTEL_SERVICE_NAME", "mine"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=zzz,team=a"),
    ];
    let mut lab = Lab::start_on(ports, &[], &variables);
    assert_eq!(lab.running.event("set_aside").await["variable"], "OTEL_SERVICE_NAME");
    assert_eq!(lab.running.event("set_aside").await["variable"], "OTEL_RESOURCE_ATTRIBUTES");
    let first = lab.running.event("first_trace").await;
    assert_eq!(first["complete"], true, "{first}");

    let (status, refused) = lab.submit(&add(None), &[("waybill-fault", "processor=error@1")]).await;
    assert_eq!(status, 400, "{refused}");
    let allowed = lab.submit(&add(Some("http://127.0.0.1:9/x".into())), &[]).await;
    assert_eq!(allowed.0, 202, "{}", allowed.1);
    let other = lab.submit(&add(Some("http://127.0.0.1:10/x".into())), &[]).await;
    assert_eq!(other.0, 400, "{}", other.1);

    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let job = add(Some(format!("http://{console}/hooks/pair")));
    let (_, accepted) = lab.submit(&job, &[("traceparent", &parent)]).await;
    assert_eq!(accepted["trace_id"], trace, "it is trusted");
    let hooks = lab.url(10, "/api/hooks/pair");
    eventually(LIMIT, "the webhook, signed with both", async || {
        let answer = reqwest::get(&hooks).await.ok()?.json::<Value>().await.ok()?;
        (answer["hooks"][0]["signature"] == "valid").then_some(())
    })
    .await;
    lab.stop().await;
}

#[tokio::test]
async fn a_lab_without_complete_traces_does_not_wait_for_one() {
    for (name, value) in [
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9"),
        ("WAYBILL_TELEMETRY", "no"),
        ("WAYBILL_TRACE_CONTEXT", "Link"),
    ] {
        let mut lab = Lab::start(&[], &[(name, value)]);
        let first = lab.running.event("first_trace").await;
        assert_eq!(first["lacks"], Value::Null, "{name}: {first}");
        assert!(first["seconds"].as_f64().unwrap() < 15.0, "{name}: {first}");
        lab.stop().await;
    }
}

#[tokio::test]
async fn variables_that_would_disconnect_parts_are_refused_before_anything_starts() {
    let (ports, folder) = (PortBlock::claim(), tempfile::tempdir().unwrap());
    let data = folder.path().join("data");
    for (name, value) in [
        ("WAYBILL_NATS_URL", "nats://127.0.0.1:9"),
        ("WAYBILL_GATEWAY_URL", "http://127.0.0.1:9"),
        ("WAYBILL_ADMIN_BIND", "127.0.0.1:9"),
        ("WAYBILL_INSTANCE", "mine"),
        ("WAYBILL_REPLICAS", "3"),
        ("WAYBILL_SLOTS", "0"),
        ("WAYBILL_NATS_USER", "without-password"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "junk"),
    ] {
        let mut command = up(&ports, &data);
        command.env(name, value);
        let refused = ended(command).await.expect(2);
        let named = if name == "WAYBILL_NATS_USER" { "WAYBILL_NATS_PASSWORD" } else { name };
        assert!(refused.stderr.contains(named), "{name}: {}", refused.stderr);
        assert!(!data.exists(), "{name}: nothing was started");
    }
}

async fn shown(variables: &[(String, String)], flags: &[&str]) -> Ended {
    let mut command = command(["up", "--show-config", "--json"]);
    command.args(flags).envs(variables.iter().map(|(name, value)| (name, value)));
    ended(command).await
}

fn setting<'a>(config: &'a Value, part: &str, name: &str) -> &'a Value {
    let of = |list: &'a Value, key: &str, wanted: &str| {
        list.as_array()
            .into_iter()
            .flatten()
            .find(|entry| entry[key] == wanted)
            .unwrap_or(&Value::Null)
    };
    of(&of(&config["parts"], "part", part)["settings"], "name", name)
}

#[tokio::test]
async fn show_config_prints_the_source_of_each_setting_and_hides_secrets() {
    let variables = [
        ("WAYBILL_WEBHOOK_SECRET", NEW_SECRET),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2"),
        ("WAYBILL_SLOTS", "7"),
        ("WAYBILL_GRACE_SECONDS", "3s"),
        ("WAYBILL_PROT_BASE", "1"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let ended = shown(&variables, &["--clock", "system", "--port-base", "20000"]).await.expect(0);
    assert!(!ended.stdout.contains(&NEW_SECRET[6..]) && !ended.stdout.contains("hunter2"));
    let config = ended.json();
    for (part, name, value, from, by) in [
        ("processor", "WAYBILL_SLOTS", json!("7"), "environment", json!("WAYBILL_SLOTS")),
        ("notifier", "WAYBILL_SLOTS", json!("7"), "environment", json!("WAYBILL_SLOTS")),
        ("gateway", "WAYBILL_CLOCK", json!("system"), "flag", json!("--clock")),
        (
            "ingester",
            "WAYBILL_GRACE_SECONDS",
            json!("3"),
            "environment",
            json!("WAYBILL_GRACE_SECONDS"),
        ),
        ("gateway", "WAYBILL_GATEWAY_BIND", json!("127.0.0.1:20000"), "up", Value::Null),
        ("ingester", "WAYBILL_ALLOWED_SOURCES", json!("/demo/*"), "default", Value::Null),
        ("topology", "WAYBILL_REPLICAS", json!("1"), "default", Value::Null),
        ("up", "WAYBILL_PORT_BASE", json!("20000"), "flag", json!("--port-base")),
        (
            "console",
            "WAYBILL_WEBHOOK_SECRET",
            json!("••••"),
            "environment",
            json!("WAYBILL_WEBHOOK_SECRET"),
        ),
    ] {
        let row = setting(&config, part, name);
        let found = (&row["value"], &row["from"], &row["by"]);
        assert_eq!(found, (&value, &from.into(), &by), "{part} {name}: {row}");
    }
    assert_eq!(config["set_aside"][0]["name"], "WAYBILL_PROT_BASE", "an unknown setting");
    let words = run("up --show-config --clock system").await.expect(0).stdout;
    assert!(words.contains("flag --clock") && words.contains("set by up"), "{words}");
}

/// Every variable of a command and its subcommands.
fn variables_of(command: &Clap) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(variable);
    own.chain(command.get_subcommands().flat_map(variables_of)).collect()
}

fn variable(arg: &Arg) -> Option<String> {
    Some(arg.get_env()?.to_str()?.to_owned())
}

#[tokio::test]
async fn an_empty_variable_counts_as_unset_everywhere() {
    let plain = shown(&[], &[]).await.expect(0).json();
    for empty in ["", " \n"] {
        let all = variables_of(&Cli::command()).into_iter().map(|name| (name, empty.to_owned()));
        let all: Vec<_> = all.collect();
        assert_eq!(shown(&all, &[]).await.expect(0).json(), plain, "{empty:?}");
        let ports = PortBlock::claim();
        let tool = |line: &str| {
            let mut tool = command(line.split(' '));
            tool.envs(all.iter().cloned()).env("WAYBILL_GATEWAY_URL", ports_url(&ports));
            ended(tool)
        };
        tool("job list").await.expect(4);
        tool("open last").await.expect(4);
        for service in &SERVICES[..4] {
            let is_gateway = *service == "gateway";
            let bind: &[&str] = if is_gateway { &["--gateway-bind", "127.0.0.1:0"] } else { &[] };
            let at = format!("nats://127.0.0.1:{}", ports.base());
            let mut service = command([service, "--broker-wait-seconds", "0", "--nats-url", &at]);
            service.envs(all.iter().cloned()).args(bind);
            let ended = ended(service).await.expect(1);
            assert!(ended.stdout.contains("no topology at"), "{ended:?}");
        }
    }
}

fn ports_url(ports: &PortBlock) -> String {
    format!("http://127.0.0.1:{}", ports.base())
}

#[tokio::test]
async fn an_invalid_variable_is_refused_with_its_name_and_the_allowed_values() {
    let cli = Cli::command();
    for part in SERVICES.iter().chain(&["up", "doctor"]) {
        let names = variables_of(cli.find_subcommand(part).unwrap());
        // By the OpenTelemetry specification, invalid values of its variables are ignored, not refused.
        let strict = |name: &&String| {
            !FREE.contains(&name.as_str())
                && (!name.starts_with("OTEL_") || name.ends_with("_ENDPOINT"))
        };
        for name in names.iter().filter(strict) {
            let mut wrong = command([*part]);
            wrong.env(name, "ju=nk [x");
            let wrong = ended(wrong).await.expect(2);
            let said = wrong.stderr.trim();
            assert!(said.contains(name.as_str()), "{part} {name}: {said}");
            assert!(
                said.contains("must")
                    || said.contains("not an exact")
                    || said.contains("a target is"),
                "{part}: {said}"
            );
            let is_secret =
                ["WAYBILL_WEBHOOK_SECRET", "WAYBILL_NATS_HEALTH_URL"].contains(&name.as_str());
            assert_eq!(said.contains("ju=nk"), !is_secret, "{part} {name}: {said}");
        }
    }
}

#[tokio::test]
async fn every_switch_has_the_same_eight_spellings() {
    for name in
        ["WAYBILL_TRUST_TRACEPARENT", "WAYBILL_FAULTS", "WAYBILL_FRESH", "WAYBILL_TELEMETRY"]
    {
        for value in ["1", "0", "TRUE", "false", "Yes", "no", "ON", "off", " on\n"] {
            shown(&[(name.to_owned(), value.to_owned())], &[]).await.expect(0);
        }
        let refused = shown(&[(name.to_owned(), "maybe".to_owned())], &[]).await.expect(2);
        assert!(refused.stderr.contains("must be on or off"), "{name}: {}", refused.stderr);
    }
}

#[test]
fn a_variable_is_parsed_in_the_same_way_by_every_command_that_has_it() {
    const VALUES: [&str; 22] = [
        "1",
        "0",
        "true",
        "OFF",
        "ntp",
        "2s",
        "500ms",
        " 3 ",
        "-1",
        "abc",
        "http://127.0.0.1:80",
        "http://x/?a",
        "nats://n:1",
        "127.0.0.1:80",
        "127.0.0.1",
        OLD_SECRET,
        "info",
        "/demo/*",
        "localhost:80",
        "a=http://x:1/m",
        "86401",
        "65536",
    ];
    let accepts = |command: &Clap, arg: &Arg, value: &str| {
        let flag = format!("--{}={value}", arg.get_long().expect("every variable has a flag"));
        let read = command.clone().try_get_matches_from([command.get_name(), &flag]);
        // A flag without a value has the same parser for its variable.
        !read.is_err_and(|e| matches!(e.kind(), InvalidValue | ValueValidation | TooManyValues))
    };
    let cli = Cli::command();
    let leaves = leaves(&cli);
    for name in variables_of(&cli) {
        for value in VALUES {
            let readers = leaves.iter().filter_map(|command| {
                let arg =
                    command.get_arguments().find(|arg| variable(arg).as_ref() == Some(&name))?;
                Some((command.get_name(), accepts(command, arg, value)))
            });
            let readers: Vec<_> = readers.collect();
            let same = readers.windows(2).all(|pair| pair[0].1 == pair[1].1);
            assert!(same, "{name}={value}: {readers:?}");
        }
    }
}

/// The commands without subcommands.
fn leaves(command: &Clap) -> Vec<&Clap> {
    let below: Vec<&Clap> = command.get_subcommands().flat_map(leaves).collect();
    if below.is_empty() { vec![command] } else { below }
}

#[test]
fn the_documented_table_of_settings_matches_the_command_line() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let (begin, end) = ("<!-- table -->\n", "<!-- end of table -->");
    let table = table(&Cli::command());
    if std::env::vars_os().any(|(name, _)| name == "WAYBILL_TEST_WRITE") {
        let (before, rest) = text.split_once(begin).expect("it has a table");
        let (_, after) = rest.split_once(end).expect("its table has an end");
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    let found = text.split_once(begin).and_then(|(_, rest)| Some(rest.split_once(end)?.0));
    assert_eq!(
        found.unwrap_or_default(),
        table,
        "update it: WAYBILL_TEST_WRITE=1 cargo test -p waybill --test it table_of_settings"
    );
}

/// One row per variable: name, commands, default, help.
fn table(cli: &Clap) -> String {
    let rows = variables_of(cli).into_iter().map(|name| {
        let readers: Vec<(&str, &Arg)> = leaves(cli)
            .into_iter()
            .filter_map(|command| {
                let arg =
                    command.get_arguments().find(|arg| variable(arg).as_ref() == Some(&name))?;
                Some((command.get_name(), arg))
            })
            .collect();
        let defaults = defaults(&readers);
        let mut commands: Vec<&str> = readers.iter().map(|(command, _)| *command).collect();
        let is_lab = commands.contains(&"submit") && commands.contains(&"open");
        if is_lab {
            commands = vec!["every command that connects to a lab"];
            if name == "WAYBILL_PORT_BASE" {
                commands.push("up");
            }
        }
        let help = readers.iter().find_map(|(_, arg)| arg.get_help()).expect("it has a help text");
        let help = split_default(&help.to_string()).0;
        let help = help.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned();
        let help = help.replace('|', "\\|").replace('\n', " ");
        format!("| `{name}` | {} | {defaults} | {help} |\n", commands.join(", "))
    });
    format!(
        "| Variable | Read by | Default | Meaning |\n|---|---|---|---|\n{}",
        rows.collect::<String>()
    )
}

/// The default, after the names of the commands that have it if only one or two of several do.
fn defaults(readers: &[(&str, &Arg)]) -> String {
    let mut commands_of = BTreeMap::<String, Vec<&str>>::new();
    for (command, arg) in readers {
        commands_of.entry(default(arg)).or_default().push(command);
    }
    let is_one = commands_of.len() == 1;
    let defaults = commands_of.into_iter().filter(|(default, _)| !default.is_empty());
    let shown = defaults.map(|(default, commands)| match commands.len() {
        1 | 2 if !is_one => format!("{}: {default}", commands.join(" and ")),
        _ => default,
    });
    shown.collect::<Vec<_>>().join("; ").replace('|', "\\|")
}

/// The default that clap knows, else the one that the help text states.
fn default(arg: &Arg) -> String {
    let values = arg.get_default_values().iter().filter_map(|value| value.to_str());
    let values = values.collect::<Vec<_>>().join(",");
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    match split_default(&help).1 {
        Some(stated) => stated,
        None if values.is_empty() => String::new(),
        None => format!("`{values}`"),
    }
}

/// A help text without `[default: …]`, and what that states.
fn split_default(help: &str) -> (String, Option<String>) {
    let Some((before, rest)) = help.split_once(" [default: ") else {
        return (help.to_owned(), None);
    };
    let (stated, after) = rest.split_once(']').expect("the bracket is closed");
    (format!("{before}{after}"), Some(stated.to_owned()))
}

#[tokio::test]
async fn topology_apply_finds_a_lab_on_other_ports() {
    let ports = PortBlock::claim();
    let mine = format!("nats://127.0.0.1:{}", ports.base() + 22);
    let base = ports.base().to_string();
    let other = "nats://127.0.0.1:9";
    let never = ["topology", "apply", "--broker-wait-seconds", "0"];
    for (flags, variables, expected) in [
        (["--port-base", &base].as_slice(), [].as_slice(), mine.as_str()),
        (&[], &[("WAYBILL_PORT_BASE", base.as_str())], &mine),
        (&["--port-base", &base], &[("WAYBILL_NATS_URL", other)], &mine),
        (&["--nats-url", other], &[("WAYBILL_PORT_BASE", &base)], other),
        (&["--nats-url", other, "--port-base", &base], &[], other),
        (&[], &[("WAYBILL_NATS_URL", other), ("WAYBILL_PORT_BASE", &base)], other),
    ] {
        let mut apply = command(never);
        apply.args(flags).envs(variables.iter().copied());
        let lost = ended(apply).await.expect(1);
        let said = format!("no broker at {expected} within");
        assert!(lost.stderr.contains(&said), "{flags:?} {variables:?}: {}", lost.stderr);
    }
}

#[tokio::test]
async fn ports_in_the_ephemeral_range_cause_a_warning() {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let mut range = text.split_whitespace().map(|number| number.parse::<u16>().unwrap());
    let (first, last) = (range.next().unwrap(), range.next().unwrap());
    let doctor = async |base: u16| {
        let seen = run(&format!("doctor --json --port-base {base}")).await;
        let checks = seen.json()["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["name"] == "port range")
    };
    let base = first.max(1_024) + (last - first) / 2;
    let warned = doctor(base).await.expect("it is within the range");
    assert_eq!(warned["status"], "note", "{warned}");
    assert!(warned["found"].as_str().unwrap().contains(&first.to_string()), "{warned}");
    if first > 20_040 {
        assert_eq!(doctor(20_000).await, None);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut up = command(["up", "--json", "--data-dir"]);
    up.arg(folder.path().join("data")).args(["--port-base", &base.to_string()]);
    // The lab need not start: the warning is printed first.
    up.env("WAYBILL_NATS_SERVER", "/nowhere/nats-server");
    let seen = ended(up).await.expect(1);
    assert!(seen.stdout.contains("\"event\":\"warning\""), "{seen:?}");
}

#[tokio::test]
async fn a_bench_uses_free_ports_whatever_ports_the_variables_set() {
    let mut lab = Lab::start(&[], &[]);
    lab.running.event("ready").await;
    let mut bench =
        command(["bench", "--rounds", "1", "--seconds", "1", "--warm-up", "0", "--json"]);
    bench.args(["--in-flight", "8"]).env("WAYBILL_PORT_BASE", lab.ports.base().to_string());
    let numbers = ended(bench).await.expect(0).json();
    assert!(numbers["ratios"].is_object(), "{numbers}");
    lab.stop().await;
}
