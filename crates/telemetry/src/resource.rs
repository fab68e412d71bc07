//! The resource: attributes of every span and log record of a process.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use percent_encoding::percent_decode_str;

use crate::otel::OtelVariables;

const SERVICE_NAME: &str = "service.name";

/// The name of a service and of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The service, such as `ingester`; becomes `service.name`.
    pub name: String,
    /// This process; becomes `service.instance.id`.
    pub instance: String,
}

/// The resource by the specification: `OTEL_SERVICE_NAME`, then `OTEL_RESOURCE_ATTRIBUTES`, then `identity`.
/// The SDK's own detectors have the wrong precedence and do not decode percent signs.
pub(crate) fn resource(identity: &Identity, variables: &OtelVariables) -> Resource {
    let given = attributes(variables.resource_attributes());
    let own = [
        KeyValue::new(SERVICE_NAME, identity.name.clone()),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", identity.instance.clone()),
        KeyValue::new("deployment.environment.name", "lab"),
    ];
    let named = variables.service_name().map(str::to_owned);
    Resource::builder()
        .with_attributes(own)
        .with_attributes(given)
        .with_attributes(named.map(|name| KeyValue::new(SERVICE_NAME, name)))
        .build()
}

/// The service name of the resource, for log lines.
pub(crate) fn service_name(resource: &Resource) -> String {
    let name = resource.get(&opentelemetry::Key::from_static_str(SERVICE_NAME));
    name.map(|name| name.to_string()).unwrap_or_default()
}

/// Parses `key=value,key=value` with percent-encoding; anything else is skipped.
fn attributes(text: &str) -> Vec<KeyValue> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (decoded(key), decoded(value)))
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| KeyValue::new(key, value))
        .collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text.trim()).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_percent_decoded_and_invalid_pairs_are_skipped() {
        let read = attributes(" a = b%2Cc ,x,=y,d=e=f,");
        let expected = [KeyValue::new("a", "b,c"), KeyValue::new("d", "e=f")];
        assert_eq!(read, expected);
    }
}
