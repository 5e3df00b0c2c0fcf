//! The OPT record of an answer: what the client's own one asked for, and nothing else (RFC 6891 §6.1.1).
//!
//! Options that we do not know are not echoed (§6.1.2).

use crate::dns::Transport;
use crate::dns::cookie;
use crate::dns::fit::Envelope;
use crate::dns::question::{OPTION_COOKIE, OPTION_KEEPALIVE, OPTION_SERVER_ID, OPTION_SUBNET};
use crate::dns::sheet::Sheet;
use crate::model::limits::{DNS_TCP_IDLE_TIMEOUT, UDP_ANSWER_BYTES_MAX};

/// Writes it; nothing where the query has none.
pub(super) fn write(envelope: &Envelope<'_>, sheet: &Sheet, out: &mut Vec<u8>) {
    let Some(edns) = envelope.edns else { return };
    // The root as owner, then type, our size, the code's higher bits, version 0; RFC 3225 §3: DO is copied.
    let [size_high, size_low] = UDP_ANSWER_BYTES_MAX.to_be_bytes();
    let rcode_high = u8::try_from(u16::from(sheet.rcode) >> 4).unwrap_or_default();
    let flags = if edns.dnssec_ok { FLAG_DO } else { 0 };
    out.extend_from_slice(&[0, 0, TYPE_OPT, size_high, size_low, rcode_high, 0, flags, 0, 0, 0]);
    let length_at = out.len() - 2;
    for why in [sheet.why, envelope.age_why(sheet.is_from_catalog)].into_iter().flatten() {
        option(out, OPTION_EXTENDED_ERROR, |out| {
            out.extend_from_slice(&why.code().to_be_bytes());
            // Writing into memory does not fail.
            let _ = std::io::Write::write_fmt(out, format_args!("{why}"));
        });
    }
    let (config, options) = (envelope.known.config, &edns.options);
    if options.wants_server_id && config.settings.enable_identity {
        option(out, OPTION_SERVER_ID, |out| {
            let name = config.node.as_str().as_bytes();
            out.extend_from_slice(name.get(..SERVER_ID_BYTES_MAX).unwrap_or(name));
        });
    }
    if let Some(sent) = options.cookie {
        let (known, source) = (envelope.known, envelope.incoming.source.ip());
        let made = cookie::make(sent, source, known.now, known.cookie_secret);
        option(out, OPTION_COOKIE, |out| out.extend_from_slice(&made));
    }
    if options.wants_keepalive && envelope.incoming.transport == Transport::Tcp {
        // RFC 7828 §3.1: in units of 100 ms.
        let units = u16::try_from(DNS_TCP_IDLE_TIMEOUT.as_millis() / 100).unwrap_or(u16::MAX);
        option(out, OPTION_KEEPALIVE, |out| out.extend_from_slice(&units.to_be_bytes()));
    }
    if let Some(subnet) = options.subnet {
        // RFC 7871 §7.2.1: echoed, with a scope of 0 where the answer is the same for everybody.
        option(out, OPTION_SUBNET, |out| {
            let scope_at = out.len() + SUBNET_SCOPE_AT;
            out.extend_from_slice(subnet);
            if let (true, Some(prefix)) = (sheet.is_for_client, subnet.get(SUBNET_SCOPE_AT - 1))
                && let Some(scope) = out.get_mut(scope_at)
            {
                *scope = *prefix;
            }
        });
    }
    let length = u16::try_from(out.len() - length_at - 2).unwrap_or_default();
    fill(out, length_at, length);
}

/// Writes an option.
fn option(out: &mut Vec<u8>, code: u16, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&code.to_be_bytes());
    let length_at = out.len();
    out.extend_from_slice(&[0, 0]);
    write(out);
    let length = u16::try_from(out.len() - length_at - 2).unwrap_or_default();
    fill(out, length_at, length);
}

fn fill(out: &mut [u8], at: usize, number: u16) {
    if let Some(place) = out.get_mut(at..at + 2) {
        place.copy_from_slice(&number.to_be_bytes());
    }
}

/// The type of OPT records (RFC 6891 §6.1.1).
const TYPE_OPT: u8 = 41;

/// The bit that says that DNSSEC records are understood (RFC 3225 §3), in the first byte of the flags.
const FLAG_DO: u8 = 0x80;

/// Where a client subnet tells its scope; its prefix stands before that (RFC 7871 §6).
const SUBNET_SCOPE_AT: usize = 3;

/// Extended errors (RFC 8914 §2).
const OPTION_EXTENDED_ERROR: u16 = 15;

/// Bytes of our name at most: beside all other options it has to fit into 512 bytes.
const SERVER_ID_BYTES_MAX: usize = 64;
