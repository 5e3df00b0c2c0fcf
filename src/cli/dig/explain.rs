//! A name → why the agent's DNS answers as it does, from its HTTP API.

use serde_json::Value;

use crate::cli::client::{Client, Request, decode};
use crate::cli::dig::Flags;
use crate::cli::fault::Fault;
use crate::cli::output::Output;
use crate::cli::table::Layout;
use crate::dns::explain::show;
use crate::model::explanation::Explanation;
use crate::model::transport::Transport;

/// Does it.
pub(super) fn run(
    flags: &Flags,
    name: &str,
    rtype: &str,
    output: &mut Output,
) -> Result<(), Fault> {
    if flags.dns_addr.is_some() || flags.p.is_some() {
        return Err(Fault::Advised {
            text: "-explain asks no DNS server".to_owned(),
            hint: "say which agent explains itself with `-http-addr` or CONSUL_HTTP_ADDR"
                .to_owned(),
        });
    }
    let client = Client::open(&flags.http, output)?;
    let transport = if flags.tcp { Transport::Tcp } else { Transport::Udp };
    let size = if flags.noedns { 0 } else { flags.bufsize };
    let mut request = Request::get(DOING, "/v1/dns/explain")
        .with("name", Some(name.to_owned()))
        .with("type", Some(rtype.to_owned()))
        .with("transport", Some(transport.as_str().to_owned()))
        .with("size", Some(size.to_string()));
    if let Some(client) = flags.client {
        request = request.with("client", Some(client.to_string()));
    }
    if flags.dnssec {
        request = request.with("dnssec", None);
    }
    let body = client.ask(&request)?;
    match flags.format.unwrap_or_default() {
        Layout::Json => output.json(&decode::<Value>(DOING, &body)?),
        Layout::Pretty => output.text(&show(&decode::<Explanation>(DOING, &body)?)),
    }
}

/// What an error begins with.
const DOING: &str = "Error explaining the answer";
