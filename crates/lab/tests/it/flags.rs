//! The flags of `waybill up`, as its help shows them.

use clap::{CommandFactory as _, Parser};
use lab::{Ports, embedded::UpArgs, silent};

#[derive(Parser)]
struct Up {
    #[command(flatten)]
    args: UpArgs,
}

#[test]
fn every_flag_has_a_variable_and_a_help_text() {
    for flag in Up::command().get_arguments().filter(|flag| flag.get_id() != "help") {
        let variable = flag.get_env().and_then(|name| name.to_str()).unwrap_or_default();
        assert!(
            variable.starts_with("WAYBILL_") || variable.starts_with("OTEL_"),
            "{}: `{variable}`",
            flag.get_id()
        );
        assert!(flag.get_help().is_some(), "{}", flag.get_id());
    }
}

#[test]
fn a_port_base_moves_every_port_and_must_leave_room_for_all() {
    let parse = |base: &str| Up::try_parse_from(["up", "--port-base", base]);
    let options = parse("20000").unwrap().args.options("waybill".into(), silent());
    assert_eq!(options.ports, Ports::from_base(20_000));
    assert!(parse("65496").is_ok());
    for refused in ["65497", "80", "x"] {
        assert!(parse(refused).is_err(), "{refused}");
    }
}

#[test]
fn a_lab_has_one_to_sixteen_processors() {
    let parse = |n: &str| Up::try_parse_from(["up", "--processors", n]).is_ok();
    assert_eq!(["0", "1", "16", "17"].map(parse), [false, true, true, false]);
}
