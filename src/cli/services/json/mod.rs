//! A definition → the body of `/v1/agent/service/register`, in Consul's spelling.

use serde_json::{Map, Value, json};

use crate::model::definition::{CheckDefinition, Probe, ServiceDefinition, Timing, Tls};
use crate::model::name::{NodeName, ServiceId, Tag};
use crate::model::time::GoDuration;

/// A service with its checks.
pub(super) fn service(service: &ServiceDefinition) -> Value {
    let tags: Vec<&str> = service.tags.iter().map(Tag::as_str).collect();
    let tagged: Map<String, Value> = service
        .tagged_addresses
        .iter()
        .map(|(network, tagged)| {
            (network.clone(), json!({ "Address": tagged.address, "Port": tagged.port }))
        })
        .collect();
    let address = service.address.as_ref().map(ToString::to_string).unwrap_or_default();
    json!({
        "ID": service.id.as_str(),
        "Name": service.name.as_str(),
        "Tags": tags,
        "Address": address,
        "TaggedAddresses": tagged,
        "Meta": service.meta,
        "Port": service.port,
        "Weights": { "Passing": service.weights.passing, "Warning": service.weights.warning },
        "EnableTagOverride": service.enable_tag_override,
        "Checks": service.checks.iter().map(check).collect::<Vec<_>>(),
        "Token": service.token,
    })
}

fn check(check: &CheckDefinition) -> Value {
    let mut body = json!({
        "CheckID": check.id.as_str(),
        "Name": check.name,
        "Notes": check.notes,
        "SuccessBeforePassing": check.success_before_passing,
        "FailuresBeforeCritical": check.failures_before_critical,
    });
    // Stated only where they are, since older agents do not know them or refuse empty ones.
    let stated = [
        ("Status", check.initial_status.map(|status| json!(status.as_str()))),
        (
            "FailuresBeforeWarning",
            (0 < check.failures_before_warning).then(|| json!(check.failures_before_warning)),
        ),
        ("OutputMaxSize", check.output_bytes_max.map(|bytes| json!(bytes))),
        (
            "DeregisterCriticalServiceAfter",
            check.deregister_after.map(|after| json!(GoDuration(after).to_string())),
        ),
    ];
    let probe = probe(&check.probe);
    if let (Value::Object(body), Value::Object(probe)) = (&mut body, probe) {
        body.extend(probe);
        for (key, value) in stated {
            if let Some(value) = value {
                body.insert(key.to_owned(), value);
            }
        }
    }
    body
}

fn probe(probe: &Probe) -> Value {
    match probe {
        Probe::Ttl { ttl } => json!({ "TTL": GoDuration(*ttl).to_string() }),
        Probe::Http { url, method, header, body, tls_skip_verify, timing } => timed(
            json!({
                "HTTP": url,
                "Method": method,
                "Header": header,
                "Body": body,
                "TLSSkipVerify": tls_skip_verify,
            }),
            *timing,
        ),
        // Only an agent makes these, and only for itself.
        Probe::Maintenance => json!({}),
        Probe::Tcp { address, timing } => timed(json!({ "TCP": address }), *timing),
        Probe::Udp { address, timing } => timed(json!({ "UDP": address }), *timing),
        Probe::Grpc { address, service, tls, timing } => {
            let slash = if service.is_empty() { "" } else { "/" };
            let target = format!("{address}{slash}{service}");
            let body = json!({ "GRPC": target, "GRPCUseTLS": tls.is_some() });
            timed(encrypted(body, tls.as_ref()), *timing)
        }
        Probe::H2Ping { address, tls, timing } => {
            let body = json!({ "H2PING": address, "H2PingUseTLS": tls.is_some() });
            timed(encrypted(body, tls.as_ref()), *timing)
        }
        Probe::Docker { container, args, timing } => {
            timed(json!({ "DockerContainerID": container, "Args": args }), *timing)
        }
        Probe::OsService { name, timing } => timed(json!({ "OSService": name }), *timing),
        Probe::Script { args, timing } => timed(json!({ "Args": args }), *timing),
        Probe::Alias { node, service } => json!({
            "AliasNode": node.as_ref().map(NodeName::as_str).unwrap_or_default(),
            "AliasService": service.as_ref().map(ServiceId::as_str).unwrap_or_default(),
        }),
    }
}

fn encrypted(mut body: Value, tls: Option<&Tls>) -> Value {
    if let (Value::Object(map), Some(tls)) = (&mut body, tls) {
        map.insert("TLSSkipVerify".to_owned(), json!(tls.skip_verify));
        // Stated only where it is: older agents do not know it.
        if let Some(name) = &tls.server_name {
            map.insert("TLSServerName".to_owned(), json!(name));
        }
    }
    body
}

fn timed(mut body: Value, timing: Timing) -> Value {
    if let Value::Object(map) = &mut body {
        map.insert("Interval".to_owned(), json!(GoDuration(timing.interval).to_string()));
        map.insert("Timeout".to_owned(), json!(GoDuration(timing.timeout).to_string()));
    }
    body
}

#[cfg(test)]
mod tests;
