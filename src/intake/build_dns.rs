//! Canonical Value → the settings of DNS answers.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::intake::build::{note, set};
use crate::intake::config::Config;
use crate::intake::fault::Fault;
use crate::intake::read::{self, Notes};
use crate::intake::value::{Kind, Value};
use crate::model::dns_config::{Access, DnsSettings, STALE_AGE_MIN, ServiceTtls};
use crate::model::limits::{ADDRESSES_MAX, DOMAIN_BYTES_MAX};
use crate::model::number::Ttl;
use crate::model::time::parse_duration;

/// Reads `dns_config`.
pub(crate) fn settings(notes: &mut Notes, root: &Value) -> DnsSettings {
    let mut dns = DnsSettings::default();
    let Some(stated) = root.entry("dns_config") else { return dns };
    set(&mut dns.node_ttl, ttl(notes, stated, "node_ttl", read::text(stated, "node_ttl")));
    dns.service_ttl = service_ttls(notes, stated);
    set(&mut dns.only_passing, read::flag(stated, "only_passing"));
    set(&mut dns.enable_truncate, read::flag(stated, "enable_truncate"));
    set(&mut dns.disable_compression, read::flag(stated, "disable_compression"));
    let meta_txt = read::flag(stated, "enable_additional_node_meta_txt");
    set(&mut dns.additional_node_meta_txt, meta_txt);
    set(&mut dns.enable_identity, read::flag(stated, "enable_identity"));
    set(&mut dns.stale_age_max, read::duration(stated, "max_stale"));
    if read::flag(stated, "allow_stale") == Some(false) {
        dns.stale_age_max = STALE_AGE_MIN;
    }
    if let Some(limit) = read::integer(stated, "udp_answer_limit") {
        if limit < 0 {
            let text = format!(
                "dns_config.udp_answer_limit cannot be {limit}. Must be greater than or equal to zero"
            );
            note(notes, stated, "udp_answer_limit", &text);
        }
        // Consul never sends more than 8; a limit of 0, where it sends none at all, helps nobody.
        dns.udp_answer_limit = match u8::try_from(limit.clamp(0, 8)) {
            Ok(0) | Err(_) => 8,
            Ok(limit) => limit,
        };
    }
    if let Some(limit) = read::integer(stated, "a_record_limit") {
        match u16::try_from(limit) {
            Ok(limit) => dns.a_record_limit = limit,
            Err(_) if limit < 0 => {
                let text = format!(
                    "dns_config.a_record_limit cannot be {limit}. Must be greater than or equal to zero"
                );
                note(notes, stated, "a_record_limit", &text);
            }
            Err(_) => dns.a_record_limit = u16::MAX,
        }
    }
    if let Some(soa) = stated.entry("soa") {
        let mut timer = |key: &str, field: &mut u32| {
            // RFC 2181 §8: the top bit of a time stays zero.
            let number = read::bounded(notes, soa, key, 0..=i64::from(i32::MAX));
            set(field, number.and_then(|number| u32::try_from(number).ok()));
        };
        timer("refresh", &mut dns.soa.refresh);
        timer("retry", &mut dns.soa.retry);
        timer("expire", &mut dns.soa.expire);
        timer("min_ttl", &mut dns.soa.min_ttl);
    }
    dns
}

/// Reads who may ask.
pub(crate) fn access(notes: &mut Notes, root: &Value) -> Access {
    let Some(stated) = root.entry("dns_config") else { return Access::default() };
    Access {
        allowed: networks(notes, stated, "allow_clients"),
        denied: networks(notes, stated, "deny_clients"),
    }
}

fn networks(notes: &mut Notes, stated: &Value, key: &str) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for item in read::items(stated, key) {
        let text = read::own_text(item).unwrap_or_default();
        // One address is the network of itself.
        match text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            Ok(network) if networks.len() < ADDRESSES_MAX => networks.push(network),
            Ok(_) => {
                note(notes, stated, key, &format!("more than {ADDRESSES_MAX} networks"));
                break;
            }
            Err(_) => {
                let fault = format!("`{text}` is no network and no IP address");
                notes.problem(
                    Fault::at(&item.place, fault).hint("write `10.0.0.0/8` or `2001:db8::1`"),
                    "",
                );
            }
        }
    }
    networks
}

/// Reads `domain` and `alt_domain`.
pub(crate) fn domains(notes: &mut Notes, root: &Value, config: &mut Config) {
    set(&mut config.domain, domain(notes, root, "domain"));
    config.alt_domain = domain(notes, root, "alt_domain");
    if config.alt_domain.as_ref() == Some(&config.domain) {
        note(notes, root, "alt_domain", "`alt_domain` is the same as `domain`");
    }
}

fn domain(notes: &mut Notes, root: &Value, key: &str) -> Option<String> {
    let stated = read::text(root, key);
    let bare = stated.trim_matches('.').to_lowercase();
    if stated.is_empty() {
        return None;
    }
    let is_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_byte);
    // RFC 1035 §2.3.4: 255 octets on the wire, two more than as text; some must be left for our names.
    if bare.len() <= DOMAIN_BYTES_MAX && bare.split('.').all(is_label) {
        return Some(bare);
    }
    note(notes, root, key, &format!("`{stated}` is no domain name"));
    None
}

fn service_ttls(notes: &mut Notes, stated: &Value) -> ServiceTtls {
    let mut ttls = ServiceTtls::default();
    let Some(map) = stated.entry("service_ttl") else { return ttls };
    let Kind::Object(entries) = &map.kind else { return ttls };
    for entry in entries {
        let text = read::own_text(&entry.value).unwrap_or_default();
        let Some(ttl) = ttl(notes, map, &entry.key, &text) else { continue };
        let folded = entry.key.to_lowercase();
        match folded.strip_suffix('*') {
            Some(prefix) => ttls.prefix.push((prefix.to_owned(), ttl)),
            None => ttls.exact.push((folded, ttl)),
        }
    }
    // The longest beginning wins, so it stands first.
    ttls.prefix.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
    ttls
}

/// A duration in whole seconds, as DNS has them.
fn ttl(notes: &mut Notes, object: &Value, key: &str, text: &str) -> Option<Ttl> {
    object.entry(key)?;
    match parse_duration(text) {
        // RFC 2181 §8: at most 2^31 - 1.
        Ok(duration) if duration.as_secs() <= u64::from(i32::MAX.unsigned_abs()) => {
            u32::try_from(duration.as_secs()).ok().map(Ttl)
        }
        Ok(_) => {
            note(notes, object, key, &format!("a TTL of `{text}` is too long"));
            None
        }
        Err(fault) => {
            note(notes, object, key, &format!("invalid TTL of `{key}`: {fault}"));
            None
        }
    }
}
