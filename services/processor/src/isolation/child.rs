//! The child's side: reads a request from standard input, runs it, and replies on standard output.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    panic::AssertUnwindSafe,
    process::ExitCode,
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::FutureExt as _;
use operations::run::{OperationContext, OperationError, Storing, TileStore};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::protocol::{LINE_BYTES_MAX, Reply, Request, TileReply};

/// Least time between two reports of progress.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// Serves one request. The process exits when its input ends, because its worker is lost then.
pub fn run() -> ExitCode {
    let (sender, mut lines) = mpsc::channel(1);
    thread::spawn(move || read_lines(&sender));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.context("cannot start the runtime").and_then(|runtime| {
        runtime.block_on(async {
            let line = lines.recv().await.context("no request")?;
            let request = serde_json::from_str(&line).context("not a request")?;
            serve(request, lines).await
        })
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("waybill {}: {error:#}", super::CHILD_COMMAND);
            ExitCode::FAILURE
        }
    }
}

/// Keeps reading while the operation runs, in a thread that no operation can block.
fn read_lines(lines: &mpsc::Sender<String>) {
    let mut input = BufReader::new(io::stdin());
    loop {
        let mut line = String::new();
        let read = (&mut input).take(LINE_BYTES_MAX).read_line(&mut line);
        if !matches!(read, Ok(1..)) || lines.blocking_send(line).is_err() {
            std::process::exit(0);
        }
    }
}

async fn serve(request: Request, lines: mpsc::Receiver<String>) -> anyhow::Result<()> {
    let progress = watch::Sender::new(0.0);
    let parts = progress.subscribe();
    let tiles = WorkersTiles { lines: Mutex::new(lines) };
    let context = OperationContext::new(CancellationToken::new(), progress, Arc::new(tiles));
    let work = AssertUnwindSafe(perform(request, &context)).catch_unwind();
    let done = tokio::select! {
        biased;
        done = work => done,
        error = report(parts) => return Err(error),
    };
    say(&match done {
        Ok(Ok(value)) => Reply::Value(value),
        Ok(Err(OperationError::Failed(error))) => Reply::Failed(error),
        Ok(Err(error)) => Reply::Broken(format!("{error:#}")),
        Err(_) => Reply::Broken("panicked".to_owned()),
    })
}

async fn perform(request: Request, context: &OperationContext) -> Result<Value, OperationError> {
    match request {
        Request::Operation(operation) => operation.run(context).await,
        Request::Fault(fault) => {
            let fault: faults::Fault = fault.parse().map_err(anyhow::Error::new)?;
            fault.act().await.map_err(anyhow::Error::new)?;
            Ok(Value::Null)
        }
    }
}

/// Reports the progress to the worker. Returns only if that fails.
async fn report(mut parts: watch::Receiver<f32>) -> anyhow::Error {
    while parts.changed().await.is_ok() {
        let part = *parts.borrow_and_update();
        if let Err(error) = say(&Reply::Progress(part)) {
            return error;
        }
        tokio::time::sleep(REPORT_EVERY).await;
    }
    std::future::pending().await
}

fn say(reply: &Reply) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    let mut output = io::stdout().lock();
    output.write_all(&line)?;
    Ok(output.flush()?)
}

/// Tiles are stored by the worker: the child has no connection to the broker.
struct WorkersTiles {
    lines: Mutex<mpsc::Receiver<String>>,
}

impl TileStore for WorkersTiles {
    fn put(&self, png: Vec<u8>) -> Storing<'_> {
        Box::pin(async move {
            say(&Reply::Tile(BASE64_STANDARD.encode(png)))?;
            let line =
                self.lines.lock().await.recv().await.context("the worker closed the pipe")?;
            let reply: TileReply = serde_json::from_str(&line)?;
            Ok(reply.name)
        })
    }
}
