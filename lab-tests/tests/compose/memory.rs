//! Memory of the containers of a lab.

use crate::docker::{FullLab, docker};

/// Memory budget of all containers together, in MiB (1.5 GB).
const ALL_MIB_MAX: f64 = 1_430.0;

/// Prints the memory of each container, and checks that each has a limit and that all keep the budget.
pub(crate) fn print_and_check(lab: &FullLab, when: &str) {
    let ids = lab.containers().join(" ");
    let stats =
        docker(&format!("stats --no-stream --format {{{{.Name}}}}|{{{{.MemUsage}}}} {ids}"));
    let mut all = 0.0;
    for line in stats.lines() {
        let (name, usage) = line.split_once('|').unwrap();
        let (used, limit) = usage.split_once(" / ").unwrap();
        // The project's name goes before it.
        let name = name.splitn(4, '-').last().unwrap();
        println!("MEASURED: memory, {when}: {name:<28} {:>6.1} of {limit}", mib(used));
        all += mib(used);
    }
    println!("MEASURED: memory, {when}: {:<28} {all:>6.1} MiB", "all");
    let limits =
        docker(&format!("inspect --format {{{{.HostConfig.Memory}}}}|{{{{.Name}}}} {ids}"));
    let free: Vec<_> = limits.lines().filter(|line| line.starts_with("0|")).collect();
    assert!(free.is_empty(), "containers without a limit of memory: {free:?}");
    assert!(all > 0.0 && all <= ALL_MIB_MAX, "{all} MiB in all; the budget is {ALL_MIB_MAX}");
}

/// `12.3MiB` as a number of MiB.
fn mib(text: &str) -> f64 {
    let units = [("KiB", 1.0 / 1024.0), ("MiB", 1.0), ("GiB", 1024.0), ("B", 1.0 / 1_048_576.0)];
    let (number, factor) = units
        .iter()
        .find_map(|(unit, factor)| Some((text.trim().strip_suffix(unit)?, factor)))
        .unwrap_or_else(|| panic!("{text} is no amount of memory"));
    number.parse::<f64>().unwrap() * factor
}
