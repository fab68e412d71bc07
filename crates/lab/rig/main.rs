//! A fake `waybill` binary for the tests of this crate: the same command lines without the services' work.
//!
//! Fake services listen on their configured addresses and respond 200 to every request; `supervise` is a supervisor that
//! a test can kill.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Parser};
use lab::{
    Part, Ready, guard,
    supervisor::{PartSpec, Supervisor, SupervisorSettings},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

#[derive(Parser)]
enum Rig {
    Guard {
        #[arg(long)]
        parent: u32,
        #[arg(last = true)]
        argv: Vec<OsString>,
    },
    Watch {
        #[arg(last = true)]
        argv: Vec<OsString>,
    },
    Supervise {
        #[arg(long)]
        logs: PathBuf,
    },
    Topology {
        step: String,
    },
    Gateway(FakeService),
    Ingester(FakeService),
    Processor(FakeService),
    Notifier(FakeService),
    Console(FakeService),
}

#[derive(Args)]
struct FakeService {
    #[arg(long, env = "WAYBILL_ADMIN_BIND")]
    admin: SocketAddr,
    #[arg(long, env = "WAYBILL_GATEWAY_BIND")]
    gateway: Option<SocketAddr>,
    #[arg(long, env = "WAYBILL_CONSOLE_BIND")]
    console: Option<SocketAddr>,
    #[arg(long, env = "WAYBILL_OTLP_GRPC_BIND")]
    grpc: Option<SocketAddr>,
    #[arg(long, env = "WAYBILL_OTLP_HTTP_BIND")]
    http: Option<SocketAddr>,
    /// Exits immediately with this error, like a service with invalid settings.
    #[arg(long, env = "RIG_REFUSES")]
    refuses: Option<String>,
}

fn main() -> ExitCode {
    let done = match Rig::parse() {
        Rig::Guard { parent, argv } => guard::exec(parent, &argv).map(|_| ()),
        rig => run(rig),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(rig: Rig) -> io::Result<()> {
    match rig {
        Rig::Watch { argv } => guard::watch(&argv).await.map(|_| ()),
        Rig::Supervise { logs } => supervise(logs).await,
        Rig::Topology { .. } | Rig::Guard { .. } => Ok(()),
        Rig::Gateway(it)
        | Rig::Ingester(it)
        | Rig::Processor(it)
        | Rig::Notifier(it)
        | Rig::Console(it) => it.serve().await,
    }
}

impl FakeService {
    async fn serve(self) -> io::Result<()> {
        if let Some(last_word) = self.refuses {
            return Err(io::Error::other(last_word));
        }
        let more = [self.gateway, self.console, self.grpc, self.http];
        for address in more.into_iter().flatten() {
            tokio::spawn(answer(TcpListener::bind(address).await?));
        }
        answer(TcpListener::bind(self.admin).await?).await
    }
}

async fn answer(listener: TcpListener) -> io::Result<()> {
    loop {
        let (mut connection, _) = listener.accept().await?;
        let mut request = [0; 4_096];
        // One request per connection; a client that disconnected does not matter.
        if connection.read(&mut request).await.is_ok_and(|n| n > 0) {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _gone = connection.write_all(answer).await;
        }
    }
}

/// Runs two parts under a guard, prints their process ids, and waits to be killed.
async fn supervise(logs: PathBuf) -> io::Result<()> {
    let mut supervisor = Supervisor::new(SupervisorSettings {
        logs,
        grace: Duration::from_secs(1),
        report: lab::silent(),
    });
    let sleeper = |part| {
        let mut argv = guard::prefix(&std::env::current_exe()?);
        argv.extend(["sleep".into(), "600".into()]);
        let (env, ready) = (Vec::new(), Ready::AtOnce);
        io::Result::Ok(PartSpec { part, argv, env, ready })
    };
    let specs = vec![sleeper(Part::Gateway)?, sleeper(Part::Ingester)?];
    supervisor.start_tier(specs).await.map_err(io::Error::other)?;
    for status in supervisor.parts() {
        println!("{}", status.pid.unwrap_or_default());
    }
    io::stdout().flush()?;
    std::future::pending().await
}
