//! Which images are on this machine, and how to get the others.

use std::collections::BTreeSet;

use super::{
    docker::{Trouble, ask},
    plan::Plan,
};
use crate::commands::doctor::check::Check;

/// The format of the image list: tag, and digest if any.
const LIST: &str = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}";

/// Every image of this machine as `name:tag` and as `name@digest`.
pub(super) async fn here() -> Result<BTreeSet<String>, Trouble> {
    let said = ask(&["image", "ls", "--digests", "--format", LIST]).await?;
    let names = said.split_whitespace();
    Ok(names.map(|name| name.trim_start_matches("docker.io/").to_owned()).collect())
}

/// Whether `image` is in `here`. A digest takes precedence over the tag.
pub(super) fn has(here: &BTreeSet<String>, image: &str) -> bool {
    let Some((tagged, digest)) = image.split_once('@') else { return here.contains(image) };
    let name = tagged.rsplit_once(':').map_or(tagged, |(name, _)| name);
    here.contains(&format!("{name}@{digest}"))
}

/// Compares the plan with the images on this machine. A missing image is no failure: a start fetches it.
pub(super) fn check(plan: &Plan, here: &Result<BTreeSet<String>, Trouble>) -> Check {
    const NAME: &str = "images";
    let here = match here {
        Ok(here) => here,
        Err(trouble) => return Check::skipped(NAME, trouble.words()),
    };
    let wanted = plan.images();
    let missing = |made: bool| -> Vec<&str> {
        let missing = wanted.iter().filter(|(image, built)| **built == made && !has(here, image));
        missing.map(|(image, _)| *image).collect()
    };
    let (to_pull, to_build) = (missing(false), missing(true));
    let there = wanted.len() - to_pull.len() - to_build.len();
    let mut found = format!("{there} of {} are on this machine", wanted.len());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_image_is_here_only_with_its_digest() {
        let here = BTreeSet::from(["nats:2".to_owned(), "nats@sha256:12".to_owned()]);
        assert!(has(&here, "nats:2") && has(&here, "nats:2@sha256:12"));
        assert!(!has(&here, "nats:3") && !has(&here, "nats:2@sha256:13"));
    }
}
