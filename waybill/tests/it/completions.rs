//! `waybill completions`.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;

use crate::program::run;

#[tokio::test]
async fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&format!("completions {shell}")).await.expect(0).stdout;
        for word in ["waybill", "redrive", "malformed", "port-base"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        assert!(!script.contains('\u{1b}'), "{shell}");
    }
    run("completions tcsh").await.expect(2);
}

#[tokio::test]
async fn bash_can_read_its_script() {
    let script = run("completions bash").await.expect(0).stdout;
    let bash = tokio::process::Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn();
    let mut bash = bash.expect("there is a bash");
    let mut input = bash.stdin.take().unwrap();
    input.write_all(script.as_bytes()).await.unwrap();
    drop(input);
    assert!(bash.wait().await.unwrap().success());
}
