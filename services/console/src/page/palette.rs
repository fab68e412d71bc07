//! Which look a word gets: one colour for each service, one pill for each verdict.

/// Colours in the style sheet, the lab's services first.
const COLOURS: usize = 10;

/// The lab's services, in the order of a job's way.
const LAB: [&str; 4] = ["gateway", "ingester", "processor", "notifier"];

/// The style class with the colour of this service among `services`: the lab's own keep theirs on every page,
/// others get what is left.
pub(super) fn class(service: &str, services: &[&str]) -> String {
    let own = |name: &&str| LAB.contains(name);
    let number = LAB.iter().position(|known| *known == service).unwrap_or_else(|| {
        let mut others = services.iter().filter(|name| !own(name));
        let place = others.position(|name| *name == service).unwrap_or_default();
        LAB.len() + place % (COLOURS - LAB.len())
    });
    format!("service-{number}")
}

/// Puts the lab's services first, in the order of a job's way, whatever clock or batch came first.
pub(super) fn sort(services: &mut [&str]) {
    services
        .sort_by_key(|service| LAB.iter().position(|known| known == service).unwrap_or(LAB.len()));
}

/// The look of a verdict; one this console has not heard of looks like nothing special.
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
    fn the_labs_services_keep_their_colour_and_others_differ() {
        let services = ["client", "processor", "worker"];
        assert_eq!(class("processor", &services), "service-2");
        assert_eq!(class("processor", &[]), "service-2");
        assert_eq!(class("client", &services), "service-4");
        assert_eq!(class("worker", &services), "service-5");
    }
}
