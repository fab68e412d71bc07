//! A port that is in use: Docker names it, and the doctor names the program that uses it and the part that needs it.

use std::{net::TcpListener, process};

use lab_tests::waybill;

use crate::docker::{FullLab, Shape};

#[test]
#[ignore = "needs Docker and the images: make compose-test"]
fn a_port_in_use_is_reported_with_the_part_that_needs_it_and_the_program_that_uses_it() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let lab = FullLab::new(Shape { extras: Some("taken-port.yaml"), port, ..Shape::with(1) });
    let output =
        lab.try_run(&["up", "--detach", "--wait", "--no-build", "--pull", "never", "gateway"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains(&format!(":{port}")), "{text}");
    lab.remove();

    let output = lab.command(waybill()).args(["doctor", "--lab", "full"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success(), "{text}");
    assert!(text.contains(&format!("port {port} (gateway) is in use")), "{text}");
    assert!(text.contains(&format!("(process {})", process::id())), "{text}");

    drop(taken);
    lab.run(&["up", "--detach", "--wait", "--no-build", "--pull", "never", "gateway"]);
}
