//! A headless Chromium, controlled with WebDriver. Without a client library: of the two there are, one has a licence that
//! this project does not accept, and the other depends on a second HTTP client.

use std::{path::Path, process::Stdio, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use testkit::{PortBlock, eventually};
use tokio::process::{Child, Command};

/// How long the browser may take to start.
const START_LIMIT: Duration = Duration::from_mins(2);
/// How long one script may run.
const SCRIPT_LIMIT: Duration = Duration::from_mins(3);
/// How long a page may load: a port that never responds is no page.
const LOAD_LIMIT: Duration = Duration::from_secs(10);
/// Host names that resolve to this machine: a foreign site and a rebound name.
const RULES: &str = "--host-resolver-rules=MAP *.example 127.0.0.1";
/// Names of the browser, the first that is found, and of its WebDriver server.
const CHROMIUM: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
const DRIVER: &str = "chromedriver";

/// Ends with the test.
pub(crate) struct Browser {
    http: reqwest::Client,
    session: String,
    _process: Child,
    _ports: PortBlock,
}

impl Browser {
    /// `None` with a message if there is no browser.
    pub(crate) async fn start() -> Option<Self> {
        let chromium = CHROMIUM.iter().find_map(|name| which::which(name).ok());
        let (Some(chromium), Ok(driver)) = (chromium, which::which(DRIVER)) else {
            eprintln!("NOT TESTED: there is no Chromium with {DRIVER} (Debian: chromium-driver)");
            return None;
        };
        let ports = PortBlock::claim();
        let process = Command::new(driver)
            .arg(format!("--port={}", ports.base()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let server = format!("http://127.0.0.1:{}/session", ports.base());
        let id = eventually(START_LIMIT, "a browser", async || {
            let opened = call(http.post(&server).json(&capabilities(&chromium))).await?;
            opened["sessionId"].as_str().map(ToOwned::to_owned).ok_or(opened)
        })
        .await;
        Some(Self { http, session: format!("{server}/{id}"), _process: process, _ports: ports })
    }

    /// Opens a page, whatever the status of its response. `false` when nothing was loaded.
    pub(crate) async fn open(&self, url: &str) -> bool {
        self.call("url", &json!({"url": url})).await.is_ok()
    }

    /// Runs the body of an async function with `argument` in the page and returns what it returns.
    pub(crate) async fn run<T: DeserializeOwned>(&self, script: &str, argument: Value) -> T {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             (async (argument) => {{ {script} }})(arguments[0])
                 .then(done, (error) => done({{failed: String(error)}}));"
        );
        let body = json!({"script": script, "args": [argument]});
        let returned = self.call("execute/async", &body).await;
        let returned = returned.unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_value(returned.clone())
            .unwrap_or_else(|error| panic!("{error}: {returned}"))
    }

    /// Closes the browser. A test that failed leaves that to its WebDriver server, which ends with the test.
    pub(crate) async fn end(self) {
        let _ = call(self.http.delete(&self.session)).await;
    }

    async fn call(&self, command: &str, body: &Value) -> Result<Value, Value> {
        call(self.http.post(format!("{}/{command}", self.session)).json(body)).await
    }
}

/// The value of a WebDriver response, or its error.
async fn call(request: reqwest::RequestBuilder) -> Result<Value, Value> {
    let response = request.send().await.map_err(|error| json!(error.to_string()))?;
    let is_ok = response.status().is_success();
    let body: Value = response.json().await.map_err(|error| json!(error.to_string()))?;
    if is_ok { Ok(body["value"].clone()) } else { Err(body["value"].clone()) }
}

fn capabilities(chromium: &Path) -> Value {
    // Continuous integration runs as root, in a container with little shared memory.
    let arguments =
        ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", RULES];
    json!({"capabilities": {"alwaysMatch": {
        "browserName": "chrome",
        "goog:chromeOptions": {"binary": chromium, "args": arguments},
        "timeouts": {
            "script": SCRIPT_LIMIT.as_secs() * 1_000,
            "pageLoad": LOAD_LIMIT.as_secs() * 1_000,
        },
    }}})
}
