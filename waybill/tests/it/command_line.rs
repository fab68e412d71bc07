//! Errors before a lab is reached: one line of text and the documented exit code.

use testkit::PortBlock;

use crate::program::{command, ended, run};

#[tokio::test]
async fn an_invalid_command_line_is_reported_with_exit_code_2() {
    let wrong = [
        ("fly", "fly"),
        ("job submit --preset gigantic", "possible values: single, multiple, error, long, flaky"),
        ("job submit --operation fly:1", "must be one of add, subtract"),
        ("job submit --operation add:1", "needs 2 to 1000 numbers"),
        ("job submit --preset single --file x", "cannot be used with"),
        ("job submit --width 90", "--trace"),
        ("job submit --gateway-url ftp://x", "must be an address such as"),
        ("job show zz", "is not a job id"),
        ("job list --state done", "possible values: accepted"),
        ("up --port-base 99", "from 1024 to 65496"),
        ("up --trickle 1e9", "must be 0 to 100"),
        ("load --rate 0", "must be above 0"),
        ("load --rate 5 --clients 2", "cannot be used with"),
        ("load --think 1s", "--clients"),
        ("load --burst 9..3", "write the lower bound first"),
        ("load --kinds fly=1", "must be one of add, "),
        ("load --malformed 2", "must be 0 to 1"),
        ("load --malformed 0.6 --foreign 0.6", "add up to at most 1"),
        ("load --notify mail", "must be log, none, or webhook:URL"),
        ("dead redrive", "required"),
        ("dead redrive 1 --all", "cannot be used with"),
        ("dead redrive --stage kitchen", "must be one of gateway"),
        ("dead drop", "required"),
        ("gateway --gateway-bind nowhere", "--gateway-bind"),
    ];
    for (arguments, said) in wrong {
        let refused = run(arguments).await.expect(2);
        assert!(refused.stderr.contains(said), "{arguments}: {}", refused.stderr);
        assert_eq!(refused.stdout, "", "{arguments}");
    }
}

#[tokio::test]
async fn a_job_that_is_not_json_is_not_submitted() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[1]").unwrap();
    let path = file.path().to_str().unwrap();
    let refused = ended(command(["job", "submit", "--file", path])).await.expect(2);
    assert!(refused.stderr.contains("is not a JSON object"), "{}", refused.stderr);
    let absent = run("job submit --file /nowhere/at/all").await.expect(1);
    assert!(absent.stderr.contains("cannot read /nowhere/at/all"), "{}", absent.stderr);
}

#[tokio::test]
async fn without_a_lab_every_command_prints_one_line_and_exits_with_4() {
    let ports = PortBlock::claim();
    let tools = [
        "job submit",
        "job submit --wait --trace --json",
        "job list",
        "job show last",
        "job watch last",
        "job cancel last",
        "job retry last",
        "open last",
        "dead list",
        "dead redrive --all --yes",
        "dead drop 1 --yes",
    ];
    for tool in tools {
        let lost = run(&format!("{tool} --port-base {}", ports.base())).await.expect(4);
        assert_eq!((lost.stdout.as_str(), lost.stderr.lines().count()), ("", 1), "{}", lost.stderr);
        let hint = "is the lab up? Start it with `waybill up`";
        assert!(
            lost.stderr.contains(hint) && lost.stderr.contains("WAYBILL_PORT_BASE"),
            "{}",
            lost.stderr
        );
    }
}

#[tokio::test]
async fn a_load_without_a_lab_prints_its_seed_and_exits_with_4() {
    let ports = PortBlock::claim();
    let lost = run(&format!("load --seed 7 --port-base {}", ports.base())).await.expect(4);
    assert!(lost.stdout.contains("seed") && lost.stdout.contains('7'), "{}", lost.stdout);
    assert!(lost.stderr.contains("is the lab up?"), "{}", lost.stderr);
}

#[tokio::test]
async fn another_program_on_the_port_is_not_taken_for_a_lab() {
    let ports = PortBlock::claim();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", ports.base())).await.unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        while let Ok((mut client, _)) = listener.accept().await {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
            let _ = client.read(&mut [0; 4_096]).await;
            let _ = client.write_all(answer).await;
        }
    });
    let other = run(&format!("job list --port-base {}", ports.base())).await.expect(1);
    assert!(
        other.stderr.contains("is another program listening on that port?"),
        "{}",
        other.stderr
    );
}

#[tokio::test]
async fn topology_apply_names_the_unreachable_broker() {
    let ports = PortBlock::claim();
    let arguments = format!(
        "topology apply --broker-wait-seconds 0 --nats-url nats://127.0.0.1:{}",
        ports.base()
    );
    let lost = run(&arguments).await.expect(1);
    assert!(lost.stderr.contains("is nats-server running there?"), "{}", lost.stderr);
}

#[tokio::test]
async fn a_guard_without_its_parent_runs_nothing() {
    let alone = run("guard --parent 1 -- echo ran").await.expect(1);
    assert!(alone.stdout.is_empty() && alone.stderr.contains("has ended"), "{alone:?}");
}

#[tokio::test]
async fn the_help_lists_commands_exit_codes_and_variables() {
    let help = run("--help").await.expect(0).stdout;
    for text in [
        "up ",
        "job ",
        "doctor ",
        "topology ",
        "gateway ",
        "Exit codes:",
        "4  no lab is reachable",
        "130  interrupted",
    ] {
        assert!(help.contains(text), "{text}: {help}");
    }
    assert!(!help.contains("guard"), "{help}");
    let help = run("job submit --help").await.expect(0).stdout;
    for text in ["WAYBILL_GATEWAY_URL", "render:320x200", "Exit codes:"] {
        assert!(help.contains(text), "{text}: {help}");
    }
}
