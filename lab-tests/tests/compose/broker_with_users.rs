//! A broker with the configuration and users of the full lab, and the services with those users, without Docker.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use async_nats::{Client, ConnectOptions, Event};
use lab_tests::waybill;
use tempfile::TempDir;
use testkit::{PortBlock, eventually, nats_server_binary};
use tokio::{
    process::{Child, Command},
    sync::mpsc,
};

/// Timeout of a start on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Capacity for refusals that were not read yet.
const REFUSALS_MAX: usize = 256;
/// All users of the broker.
pub(crate) const USERS: [&str; 5] = ["topology", "gateway", "ingester", "processor", "notifier"];

/// The broker and the services; killed on drop.
pub(crate) struct Guarded {
    folder: TempDir,
    ports: PortBlock,
    parts: Vec<Child>,
}

impl Guarded {
    /// Starts the broker, applies the topology and starts the four services, each as its own user.
    pub(crate) async fn start() -> Self {
        let (folder, ports) = (tempfile::tempdir().unwrap(), PortBlock::claim());
        let secrets = folder.path().join("secrets");
        fs::create_dir(&secrets).unwrap();
        let mut passwords = String::new();
        for user in USERS {
            let password = format!("{:032x}", rand::random::<u128>());
            let line = format!("{}_PASSWORD: \"p{password}\"\n", user.to_uppercase());
            passwords.push_str(&line);
            fs::write(secrets.join(user), format!("p{password}\n")).unwrap();
        }
        fs::write(secrets.join("passwords.conf"), passwords).unwrap();
        let store = folder.path().join("store");
        for file in ["nats-server.conf", "users.conf"] {
            let text = fs::read_to_string(repository().join("nats").join(file)).unwrap();
            let text = text.replace("\"/data\"", &format!("\"{}\"", store.display()));
            fs::write(folder.path().join(file), text).unwrap();
        }
        let mut lab = Self { folder, ports, parts: Vec::new() };
        lab.start_broker().await;
        let applied = lab.waybill("topology", &["topology", "apply"]).output().await.unwrap();
        assert!(applied.status.success(), "{applied:?}\n{}", lab.broker_log());
        for (n, stage) in (0..).zip(&USERS[1..]) {
            let mut service = lab.waybill(stage, &[stage]);
            service.env("WAYBILL_ADMIN_BIND", format!("127.0.0.1:{}", lab.ports.base() + 3 + n));
            lab.parts.push(service.spawn().unwrap());
        }
        for n in 0..4 {
            let ready = format!("http://127.0.0.1:{}/readyz", lab.ports.base() + 3 + n);
            lab.answers(&ready).await;
        }
        lab
    }

    async fn start_broker(&mut self) {
        let (folder, base) = (self.folder.path(), self.ports.base());
        let mut broker = Command::new(nats_server_binary().await);
        broker.arg("--config").arg(folder.join("nats-server.conf"));
        broker.args(["--addr", "127.0.0.1", "--port", &base.to_string()]);
        broker.args(["--http_port", &(base + 1).to_string()]);
        broker.arg("--log").arg(folder.join("nats.log"));
        self.parts.push(quiet(broker).spawn().unwrap());
        let healthy = format!("http://127.0.0.1:{}/healthz?js-enabled-only=true", base + 1);
        self.answers(&healthy).await;
    }

    async fn answers(&self, url: &str) {
        eventually(START_LIMIT, url, async || match reqwest::get(url).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            other => Err(format!("{other:?}\n{}", self.broker_log())),
        })
        .await;
    }

    fn waybill(&self, user: &str, arguments: &[&str]) -> Command {
        let base = self.ports.base();
        let mut command = Command::new(waybill());
        command.args(arguments);
        command.env("WAYBILL_NATS_URL", format!("nats://127.0.0.1:{base}"));
        command.env("WAYBILL_NATS_USER", user);
        command.env("WAYBILL_NATS_PASSWORD_FILE", self.secret(user));
        command.env("WAYBILL_GATEWAY_BIND", format!("127.0.0.1:{}", base + 2));
        command.env("WAYBILL_TELEMETRY", "off").env("WAYBILL_FAULTS", "on");
        command.env_remove("WAYBILL_NATS_PASSWORD");
        quiet(command)
    }

    fn secret(&self, user: &str) -> PathBuf {
        self.folder.path().join("secrets").join(user)
    }

    /// URL of the gateway.
    pub(crate) fn gateway_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.base() + 2)
    }

    /// What the broker has logged so far.
    pub(crate) fn broker_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("nats.log")).unwrap_or_default()
    }

    /// Lines of the broker's log about refused operations.
    pub(crate) fn violations(&self) -> Vec<String> {
        let log = self.broker_log();
        log.lines().filter(|line| line.contains("Violation")).map(str::to_owned).collect()
    }

    /// A connection as `user`, and the refusals of the broker.
    pub(crate) async fn client(&self, user: &str) -> (Client, mpsc::Receiver<String>) {
        let (refused, refusals) = mpsc::channel(REFUSALS_MAX);
        let password = fs::read_to_string(self.secret(user)).unwrap();
        let client = ConnectOptions::new()
            .custom_inbox_prefix(format!("_INBOX_{user}"))
            .user_and_password(user.to_owned(), password.trim().to_owned())
            .event_callback(move |event| {
                let refused = refused.clone();
                async move {
                    if let Event::ServerError(error) = event {
                        refused.send(error.to_string()).await.ok();
                    }
                }
            })
            .connect(format!("nats://127.0.0.1:{}", self.ports.base()))
            .await;
        (client.unwrap(), refusals)
    }

    /// Whether the broker accepts a connection with this password, or without.
    pub(crate) async fn lets_in(&self, login: Option<(&str, &str)>) -> bool {
        let mut options = ConnectOptions::new();
        if let Some((user, password)) = login {
            options = options.user_and_password(user.to_owned(), password.to_owned());
        }
        options.connect(format!("nats://127.0.0.1:{}", self.ports.base())).await.is_ok()
    }
}

fn quiet(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

/// The root of this repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
