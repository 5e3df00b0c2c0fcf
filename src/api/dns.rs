//! `/v1/dns/explain`: why DNS answers a question as it does. Consul has no such endpoint.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::State;
use axum::response::Response;

use crate::api::Api;
use crate::api::answer::json;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::model::explanation::Enquiry;
use crate::model::transport::Transport;

/// The five stations of a query for `?name=` and `?type=`, A unless stated. `?transport=` is udp or tcp, `?size=`
/// the UDP size that the client offers, 0 for none and no EDNS, `?dnssec` that it
/// wants DNSSEC records, and `?client=` the address that it asks from.
pub(in crate::api) async fn explain(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    call.check_datacenter(&api.options)?;
    permit(call.acl.agent_read(&api.options.node))?;
    let enquiry = enquiry(&call)?;
    let explanation = api.services.program.explain(&enquiry, &call.acl).map_err(Fault::Invalid)?;
    json(call.pretty, &explanation)
}

fn enquiry(call: &Call) -> Result<Enquiry, Fault> {
    let params = &call.params;
    let name = params.stated("name").ok_or_else(|| {
        Fault::Invalid("Missing name: `?name=web.service.consul&type=A`".to_owned())
    })?;
    let invalid = |key: &str, value: &str, wanted: &str| {
        Fault::Invalid(format!("Invalid {key} {value:?}: {wanted}"))
    };
    let transport = params.stated("transport").map_or(Ok(Transport::Udp), |word| {
        Transport::from_word(word).ok_or_else(|| invalid("transport", word, "it is udp or tcp"))
    })?;
    let udp_size = params.stated("size").map_or(Ok(Enquiry::UDP_SIZE_DEFAULT), |text| {
        text.parse().map_err(|_| invalid("size", text, "it is a number from 0 to 65535"))
    })?;
    let client = params.stated("client").map_or(Ok(IpAddr::from(Ipv4Addr::LOCALHOST)), |text| {
        text.parse().map_err(|_| invalid("client", text, "it is an IP address"))
    })?;
    Ok(Enquiry {
        name: name.to_owned(),
        kind: params.stated("type").unwrap_or("A").to_owned(),
        transport,
        // RFC 6891 §6.2.3 has no such size: it stands for a query without EDNS.
        udp_size: Some(udp_size).filter(|size| 0 < *size),
        dnssec_ok: call.switch("dnssec")?,
        client,
    })
}
