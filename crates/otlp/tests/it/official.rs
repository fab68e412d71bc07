//! Compares the decoder with the official protobuf library and OpenTelemetry's descriptors, both in Python.
//!
//! The packages are installed in the build directory, pinned by the hashes in `requirements.txt`. Without Python or network the
//! test prints a note and passes.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use otlp::{FieldKind, Message, Signal, canonical, descriptor, json};

const MESSAGES: &str = "250";

const BYTES_MAX: usize = 16 * 1024 * 1024;

#[test]
fn the_decoder_agrees_with_the_official_protobuf_library() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return println!("NOT CHECKED against the official library: {why}"),
    };
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/official");
    let table = Path::new(env!("CARGO_TARGET_TMPDIR")).join("table.txt");
    fs::write(&table, described()).unwrap();
    let seed = fs::metadata(&table).unwrap().modified().unwrap();
    let seed = seed.duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos().to_string();
    println!("seed {seed}");
    let mut asking = Command::new(python)
        .arg(here.join("against.py"))
        .args([&seed, MESSAGES])
        .arg(&table)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = asking.stdin.take().unwrap();
    let (mut asked, questions) = (0, BufReader::new(asking.stdout.take().unwrap()));
    for question in questions.lines() {
        writeln!(answers, "{}", answer(&question.unwrap())).unwrap();
        asked += 1;
    }
    assert!(asking.wait().unwrap().success(), "after {asked} questions, with seed {seed}");
    assert!(asked > 1_000, "{asked} questions");
}

/// The path of a Python with the packages.
fn python() -> Result<PathBuf, String> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("official-protobuf");
    let (python, installed) = (venv.join("bin/python"), venv.join("installed.txt"));
    let wanted = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/official/requirements.txt");
    if fs::read(&installed).ok() != fs::read(&wanted).ok() {
        let run = |program: &Path, args: &[&str]| {
            let done =
                Command::new(program).args(args).output().map_err(|error| error.to_string())?;
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            if done.status.success() { Ok(()) } else { Err(said) }
        };
        run(Path::new("python3"), &["-m", "venv", "--clear", venv.to_str().unwrap()])?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        let packages = ["--require-hashes", "-r", wanted.to_str().unwrap()];
        run(&python, &[&pip[..], &packages[..]].concat())?;
        fs::copy(wanted, installed).map_err(|error| error.to_string())?;
    }
    Ok(python)
}

fn answer(question: &str) -> String {
    let [signal, form, body] = question.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let message = match signal {
        "traces" => Signal::Traces,
        "logs" => Signal::Logs,
        _ => Signal::Metrics,
    }
    .export();
    let body = hex::decode(body.trim_matches('-')).unwrap();
    match read(message, form, &body) {
        Ok(canonical) => {
            let mut written = Vec::new();
            json::write(message, &canonical, &mut written);
            format!("ok -{} {}", hex::encode(canonical), hex::encode(written))
        }
        Err(flaw) => format!("flaw {flaw}"),
    }
}

fn read(message: &'static Message, form: &str, body: &[u8]) -> Result<Vec<u8>, String> {
    if form == "pb" {
        return canonical(message, body).map_err(|flaw| flaw.to_string());
    }
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let read = json::read(message, text, BYTES_MAX).map_err(|error| error.to_string())?;
    match read.flaw {
        Some(flaw) => Err(flaw),
        None => canonical(message, &read.wire).map_err(|flaw| flaw.to_string()),
    }
}

/// Every field of the table, one per line.
fn described() -> String {
    let mut lines = String::new();
    for message in descriptor::ALL {
        for field in message.fields {
            let kind = match field.kind {
                FieldKind::Message(inner) => inner.name.to_owned(),
                FieldKind::Enum(names) => {
                    let values = names.values.iter().map(|name| format!("{}{name}", names.prefix));
                    format!("Enum {}", values.collect::<Vec<_>>().join(","))
                }
                kind => format!("{kind:?}"),
            };
            let json_name: String = field.json_name().collect();
            let (number, name, cardinality) = (field.number, field.name, field.cardinality);
            let message = message.name;
            writeln!(lines, "{message} {number} {name} {json_name} {cardinality:?} {kind}")
                .unwrap();
        }
    }
    lines
}
