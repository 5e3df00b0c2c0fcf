//! Client cookie × secret → cookie: proof that a client receives what is sent to its address (RFC 7873, in the
//! interoperable form of RFC 9018).
//!
//! Cookies are given to whoever sends one, and never demanded: what a reply of ours could be abused for is
//! bounded by its size. A server part that is wrong, forged or old is therefore replaced without a word, as
//! RFC 7873 §5.2.4 asks of servers that answer all the same.

use std::hash::Hasher;
use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use crate::model::time::Now;

/// What cookies are made with. All servers behind one address need the same.
#[derive(Clone, Copy)]
pub struct CookieSecret(pub [u8; 16]);

impl std::fmt::Debug for CookieSecret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("CookieSecret")
    }
}

/// Whether an option's value is a cookie: 8 bytes of the client's, and none or 8 to 32 of a server's
/// (RFC 7873 §4).
pub(super) fn is_wellformed(value: &[u8]) -> bool {
    matches!(value.len(), CLIENT_BYTES | 16..=40)
}

/// The cookie for a client that sent `value`, made `now`.
pub(super) fn make(
    value: &[u8],
    source: IpAddr,
    now: Now,
    secret: CookieSecret,
) -> [u8; COOKIE_BYTES] {
    let mut cookie = [0; COOKIE_BYTES];
    // RFC 9018 §4.2: version 1, three reserved bytes, and seconds that wrap as serials do.
    let seconds = u32::try_from((now.0 / 1_000) & 0xFFFF_FFFF).unwrap_or_default();
    let parts = [value.get(..CLIENT_BYTES).unwrap_or_default(), &[1, 0, 0, 0]];
    for (to, from) in cookie.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    let (before, rest) = cookie.split_at_mut(CLIENT_BYTES + 4);
    let (stamp, proof) = rest.split_at_mut(4);
    stamp.copy_from_slice(&seconds.to_be_bytes());
    // RFC 9018 §4.4: SipHash-2-4 over all of that and the client's address.
    let mut hasher = SipHasher24::new_with_key(&secret.0);
    hasher.write(before);
    hasher.write(stamp);
    match source.to_canonical() {
        IpAddr::V4(ip) => hasher.write(&ip.octets()),
        IpAddr::V6(ip) => hasher.write(&ip.octets()),
    }
    proof.copy_from_slice(&hasher.finish().to_le_bytes());
    cookie
}

/// Bytes of the client's part.
const CLIENT_BYTES: usize = 8;

/// Bytes of a cookie as we make them.
pub(super) const COOKIE_BYTES: usize = 24;

#[cfg(test)]
mod tests;
