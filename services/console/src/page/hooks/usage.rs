//! How to send a webhook to this page.

use maud::{Markup, html};
use url::Url;

use crate::hooks::{BODY_BYTES_MAX, KEPT_MAX, NAMES_MAX};
use crate::state::ConsoleState;

/// The gateway's default port.
const GATEWAY_PORT: u16 = 8080;

/// Not in the part that refreshes itself, so that it stays open.
pub(super) fn usage(state: &ConsoleState) -> Markup {
    let address = format!("{}/hooks/demo", state.hooks_base);
    let row = |query: &str, what: &str| html! { tr { th scope="row" { code { (query) } } td { (what) } } };
    html! {
        p.lead {
            "Every JSON body that is posted to " code { (state.hooks_base) "/hooks/" var { "name" } }
            " is kept here, to show the notifications that submitters get."
        }
        details.usage #usage {
            summary { "Send a webhook, and simulate failures" }
            p { "Submit a job that notifies this address:" }
            pre tabindex="0" {
                "waybill job submit --preset multiple" (gateway_flag(state.gateway.base())) " --notify '" (address) "'"
            }
            p { "The webhook receiver responds 200, or as the query of the address requests:" }
            table.attributes {
                (row("?answer=503", "This status, 200 to 299 or 400 to 599. The webhook is kept in any case."))
                (row("?answer=503&times=2", "Only for the first two delivery attempts of a webhook-id, then 200: it fails, is retried, and succeeds."))
                (row("?answer=429&retry_after=2", "With header Retry-After, in seconds."))
            }
            p {
                "Keeps the newest " (KEPT_MAX) " webhooks of each of " (NAMES_MAX) " names, with bodies up to "
                (BODY_BYTES_MAX / 1024) " KiB. A repeated webhook-id is counted, not listed again. "
                @if state.hooks.checks() { "Signatures are checked with the configured secret." }
                @else { "Signatures are not checked: WAYBILL_WEBHOOK_SECRET is not set." }
            }
        }
    }
}

/// The flag with the gateway's address; empty for the default address, and for a host name, which the command line may
/// not resolve.
fn gateway_flag(base: &str) -> String {
    let url = Url::parse(base).ok();
    let is_moved = url.is_some_and(|url| {
        url.host_str() == Some("127.0.0.1") && url.port_or_known_default() != Some(GATEWAY_PORT)
    });
    if is_moved { format!(" --gateway-url {base}") } else { String::new() }
}
