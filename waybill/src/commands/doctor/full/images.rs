//! Which images are on this machine, and how to get the others.

use std::collections::BTreeSet;

use super::{
    docker::{DockerError, run},
    plan::ComposePlan,
};
use crate::commands::doctor::check::DoctorCheck;

/// The format of the image list: tag, and digest if any.
const LIST: &str = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}";

/// Every image of this machine as `name:tag` and as `name@digest`.
pub(super) async fn local() -> Result<BTreeSet<String>, DockerError> {
    let output = run(&["image", "ls", "--digests", "--format", LIST]).await?;
    let names = output.split_whitespace();
    Ok(names.map(|name| name.trim_start_matches("docker.io/").to_owned()).collect())
}

/// Whether `image` is in `local`. A digest takes precedence over the tag.
pub(super) fn contains(local: &BTreeSet<String>, image: &str) -> bool {
    let Some((tagged, digest)) = image.split_once('@') else { return local.contains(image) };
    let name = tagged.rsplit_once(':').map_or(tagged, |(name, _)| name);
    local.contains(&format!("{name}@{digest}"))
}

/// Compares the plan with the images on this machine. A missing image is no failure: a start fetches it.
pub(super) fn check(
    plan: &ComposePlan,
    local: &Result<BTreeSet<String>, DockerError>,
) -> DoctorCheck {
    const NAME: &str = "images";
    let local = match local {
        Ok(local) => local,
        Err(error) => return DoctorCheck::skipped(NAME, error.words()),
    };
    let planned = plan.images();
    let missing = |is_built: bool| -> Vec<&str> {
        let missing =
            planned.iter().filter(|(image, built)| **built == is_built && !contains(local, image));
        missing.map(|(image, _)| *image).collect()
    };
    let (to_pull, to_build) = (missing(false), missing(true));
    let present = planned.len() - to_pull.len() - to_build.len();
    let mut found = format!("{present} of {} are on this machine", planned.len());
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
        return DoctorCheck::ok(NAME, found);
    }
    let advice = format!("{} (or without network: `./start full` of a bundle)", advice.join("; "));
    DoctorCheck::note(NAME, found, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_image_counts_as_present_only_with_its_digest() {
        let local = BTreeSet::from(["nats:2".to_owned(), "nats@sha256:12".to_owned()]);
        assert!(contains(&local, "nats:2") && contains(&local, "nats:2@sha256:12"));
        assert!(!contains(&local, "nats:3") && !contains(&local, "nats:2@sha256:13"));
    }
}
