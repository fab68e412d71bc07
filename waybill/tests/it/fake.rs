//! A fake gateway that responds as a test specifies.

use std::{sync::Arc, time::Duration};

use testkit::PortBlock;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// A response and its delay.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) media: &'static str,
    pub(crate) body: String,
    pub(crate) after: Duration,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        let (media, body) = ("application/json", body.to_string());
        Self { status, media, body, after: Duration::ZERO }
    }
}

/// The server; it ends with the test's runtime.
pub(crate) struct FakeGateway {
    ports: PortBlock,
}

impl FakeGateway {
    /// Responds to each request, such as `GET /v1/jobs`, with the result of `answer`.
    pub(crate) async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let ports = PortBlock::claim();
        let listener = TcpListener::bind(("127.0.0.1", ports.base())).await.expect("it is claimed");
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move { serve(client, &*answer).await });
            }
        });
        Self { ports }
    }

    /// The flags for this gateway.
    pub(crate) fn at(&self) -> String {
        format!("--port-base {}", self.ports.base())
    }
}

/// Serves one request per connection.
async fn serve(client: TcpStream, answer: &(dyn Fn(&str) -> Answer + Send + Sync)) -> Option<()> {
    let mut client = BufReader::new(client);
    let (mut request, mut length) = (String::new(), 0);
    client.read_line(&mut request).await.ok()?;
    loop {
        let mut line = String::new();
        client.read_line(&mut line).await.ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    client.read_exact(&mut vec![0; length]).await.ok()?;
    let request_line = request.rsplit_once(' ')?.0;
    let Answer { status, media, body, after } = answer(request_line);
    sleep(after).await;
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {media}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    client.write_all(format!("{head}{body}").as_bytes()).await.ok()?;
    client.shutdown().await.ok()
}
