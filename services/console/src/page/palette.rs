//! CSS classes: a colour per service, a pill per verdict.

/// Service colours in the style sheet; the lab's services have the first ones.
const COLOURS: usize = 10;

/// The lab's services, in the order in which a job passes them.
const LAB: [&str; 4] = ["gateway", "ingester", "processor", "notifier"];

/// The CSS class with the colour of this service among `services`. The lab's own services have the same colour on every
/// page, others get the remaining colours.
pub(super) fn class(service: &str, services: &[&str]) -> String {
    let is_lab = |name: &&str| LAB.contains(name);
    let number = LAB.iter().position(|known| *known == service).unwrap_or_else(|| {
        let mut others = services.iter().filter(|name| !is_lab(name));
        let index = others.position(|name| *name == service).unwrap_or_default();
        LAB.len() + index % (COLOURS - LAB.len())
    });
    format!("service-{number}")
}

/// Sorts the lab's services first, in the order in which a job passes them.
pub(super) fn sort(services: &mut [&str]) {
    services
        .sort_by_key(|service| LAB.iter().position(|known| known == service).unwrap_or(LAB.len()));
}

/// The CSS class of a verdict; `plain` for unknown ones.
pub(super) fn verdict_class(verdict: &str) -> &'static str {
    match verdict {
        "done" => "good",
        "retry" => "warn",
        "reject" | "dead" => "bad",
        "lost" => "lost",
        "fenced" => "fenced",
        _ => "plain",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labs_services_have_fixed_colours_and_others_differ() {
        let services = ["client", "processor", "worker"];
        assert_eq!(class("processor", &services), "service-2");
        assert_eq!(class("processor", &[]), "service-2");
        assert_eq!(class("client", &services), "service-4");
        assert_eq!(class("worker", &services), "service-5");
    }
}
