//! The resource: attributes of every span and log record of a process.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use percent_encoding::percent_decode_str;

use crate::otel::OtelVariables;

const SERVICE_NAME: &str = "service.name";

/// The name of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The service, such as `ingester`; becomes `service.name`.
    pub name: String,
    /// This process of it; becomes `service.instance.id`.
    pub instance: String,
}

/// The resource by the specification: `OTEL_SERVICE_NAME`, then `OTEL_RESOURCE_ATTRIBUTES`, then `identity`.
/// The SDK has the first two the wrong way round and does not decode percent signs.
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

/// The service's name as the resource has it, for log lines.
pub(crate) fn service_name(resource: &Resource) -> String {
    let name = resource.get(&opentelemetry::Key::from_static_str(SERVICE_NAME));
    name.map(|name| name.to_string()).unwrap_or_default()
}

/// Reads `key=value,key=value`, with percent signs; what is no pair is passed over.
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
    fn attributes_are_read_with_percent_signs_and_without_what_is_no_pair() {
        let read = attributes(" a = b%2Cc ,x,=y,d=e=f,");
        let expected = [KeyValue::new("a", "b,c"), KeyValue::new("d", "e=f")];
        assert_eq!(read, expected);
    }
}
