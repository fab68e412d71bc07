//! Which images are here, and how the others get here.

use std::collections::BTreeSet;

use super::{
    docker::{Trouble, ask},
    plan::Plan,
};
use crate::commands::doctor::check::Check;

/// Every image of this machine as `name:tag`.
pub(super) async fn here() -> Result<BTreeSet<String>, Trouble> {
    let said = ask(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]).await?;
    Ok(said.lines().map(|line| line.trim().trim_start_matches("docker.io/").to_owned()).collect())
}

/// Those of the plan against those that are here. A missing one is no failure: a start fetches it.
pub(super) fn check(plan: &Plan, here: &Result<BTreeSet<String>, Trouble>) -> Check {
    const NAME: &str = "images";
    let here = match here {
        Ok(here) => here,
        Err(trouble) => return Check::skipped(NAME, trouble.words()),
    };
    let wanted = plan.images();
    let missing = |made: bool| -> Vec<&str> {
        let missing =
            wanted.iter().filter(|(image, built)| **built == made && !here.contains(**image));
        missing.map(|(image, _)| *image).collect()
    };
    let (to_pull, to_build) = (missing(false), missing(true));
    let there = wanted.len() - to_pull.len() - to_build.len();
    let mut found = format!("{there} of {} are here", wanted.len());
    let mut advice = Vec::new();
    for (images, what, how) in [
        (to_pull, "to be pulled", "docker compose pull --ignore-buildable"),
        (to_build, "to be built", "docker compose build"),
    ] {
        if !images.is_empty() {
            found = format!("{found}\n{what}: {}", images.join(", "));
            advice.push(how);
        }
    }
    if advice.is_empty() {
        return Check::ok(NAME, found);
    }
    let advice = format!("{} (or without network: `./start full` of a bundle)", advice.join("; "));
    Check::note(NAME, found, advice)
}
