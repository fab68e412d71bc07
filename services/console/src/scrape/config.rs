//! Scrape targets and interval.

use std::str::FromStr;
use std::time::Duration;

use url::Url;

/// Targets of one console.
const TARGETS_MAX: usize = 64;

/// The targets that the console scrapes itself.
#[derive(Debug, Clone, clap::Args)]
pub struct ScrapeConfig {
    /// Scrape targets, such as `gateway=http://127.0.0.1:9101/metrics`, separated by commas. Empty if a collector sends
    /// the metrics.
    #[arg(long, env = "WAYBILL_SCRAPE_TARGETS", value_name = "NAME=URL,…", default_value = "")]
    pub scrape_targets: ScrapeTargets,

    /// Seconds between two scrapes.
    #[arg(
        long,
        env = "WAYBILL_SCRAPE_SECONDS",
        value_name = "S",
        default_value_t = SECONDS,
        value_parser = settings::seconds(1..=10)
    )]
    pub scrape_seconds: u64,
}

/// Default seconds between two scrapes.
const SECONDS: u64 = 2;

/// A list of targets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScrapeTargets(pub Vec<ScrapeTarget>);

/// A service and the address of its metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeTarget {
    /// `service.name`; several processes of a service have the same name.
    pub name: String,
    /// Address of its OpenMetrics.
    pub url: Url,
}

/// The string is not a list of targets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}`: {1}; a target is written name=http://host:port/metrics")]
pub struct InvalidScrapeTargets(String, &'static str);

impl ScrapeConfig {
    /// The time between two scrapes.
    pub const fn every(&self) -> Duration {
        Duration::from_secs(self.scrape_seconds)
    }
}

impl Default for ScrapeConfig {
    /// Nothing is scraped.
    fn default() -> Self {
        Self { scrape_targets: ScrapeTargets::default(), scrape_seconds: SECONDS }
    }
}

impl FromStr for ScrapeTargets {
    type Err = InvalidScrapeTargets;

    fn from_str(text: &str) -> Result<Self, InvalidScrapeTargets> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let targets = entries.map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if targets.len() > TARGETS_MAX {
            return Err(InvalidScrapeTargets(text.to_owned(), "there are more than 64 targets"));
        }
        Ok(Self(targets))
    }
}

impl FromStr for ScrapeTarget {
    type Err = InvalidScrapeTargets;

    fn from_str(text: &str) -> Result<Self, InvalidScrapeTargets> {
        let fail = |why| InvalidScrapeTargets(text.to_owned(), why);
        let (name, url) = text.split_once('=').ok_or_else(|| fail("the target has no name"))?;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if name.is_empty() || !name.bytes().all(is_part) {
            return Err(fail("the name may have only letters, digits, - and _"));
        }
        let url = Url::parse(url).map_err(|_| fail("the URL is invalid"))?;
        if url.scheme() != "http" || url.host().is_none() {
            return Err(fail("the URL does not begin with http://"));
        }
        Ok(Self { name: name.to_owned(), url })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_errors_name_the_invalid_target() {
        let targets: ScrapeTargets = "a=http://x:1/metrics, b-2=http://y:2/m,".parse().unwrap();
        assert_eq!(targets.0.len(), 2);
        assert_eq!((&*targets.0[1].name, targets.0[1].url.port()), ("b-2", Some(2)));
        assert_eq!("".parse(), Ok(ScrapeTargets::default()));
        for wrong in
            ["http://x:1/metrics", "=http://x:1/", "a=x:1", "a b=http://x:1/", "a=ftp://x/"]
        {
            let error = wrong.parse::<ScrapeTargets>().unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains("name=http://"), "{error}");
        }
    }
}
