//! How webhooks come here, for people who want to try.

use maud::{Markup, html};
use url::Url;

use crate::hooks::{BODY_BYTES_MAX, KEPT_MAX, NAMES_MAX};
use crate::start::Shared;

/// The gateway's port in a lab that was not moved.
const GATEWAY_PORT: u16 = 8080;

/// Outside the part that refreshes itself, so that it stays open.
pub(super) fn usage(shared: &Shared) -> Markup {
    let address = format!("{}/hooks/demo", shared.hooks_base);
    let row = |query: &str, what: &str| html! { tr { th scope="row" { code { (query) } } td { (what) } } };
    html! {
        p.lead {
            "Every JSON body that is posted to " code { (shared.hooks_base) "/hooks/" var { "name" } }
            " is kept here, to show what the owner of a job is told."
        }
        details.usage #usage {
            summary { "Send one, and show retries" }
            p { "Name it as the one to tell, and watch it arrive here:" }
            pre tabindex="0" {
                "waybill job submit --preset multiple" (gateway_flag(shared.gateway.base())) " --notify '" (address) "'"
            }
            p { "The catcher answers 200, or what the address asks for:" }
            table.attributes {
                (row("?answer=503", "This status, 200 to 299 or 400 to 599. The webhook is kept all the same."))
                (row("?answer=503&times=2", "Only for the first two arrivals of a webhook-id, then 200: it fails, is sent again, and arrives."))
                (row("?answer=429&retry_after=2", "With the header Retry-After, in seconds."))
            }
            p {
                "Kept are the newest " (KEPT_MAX) " of each of " (NAMES_MAX) " names, bodies up to "
                (BODY_BYTES_MAX / 1024) " KiB. A repeated webhook-id is counted, not listed again. "
                @if shared.hooks.checks() { "Signatures are checked with the secret that the console was given." }
                @else { "Signatures are not checked: the console was given no WAYBILL_WEBHOOK_SECRET." }
            }
        }
    }
}

/// Where the command line finds a moved lab; empty for one it finds by itself, and for one that it could not
/// reach by the name that the console uses.
fn gateway_flag(base: &str) -> String {
    let url = Url::parse(base).ok();
    let is_moved = url.is_some_and(|url| {
        url.host_str() == Some("127.0.0.1") && url.port_or_known_default() != Some(GATEWAY_PORT)
    });
    if is_moved { format!(" --gateway-url {base}") } else { String::new() }
}
