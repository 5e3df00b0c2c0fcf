//! Bytes of a client subnet (RFC 7871) → whether they are one, and whom it names.

use std::net::IpAddr;

/// Whether a client subnet is one (RFC 7871 §6): a known family, no scope, and an address that has just the
/// bytes that its prefix needs, with nothing set behind the prefix.
pub(super) fn is_subnet(value: &[u8]) -> bool {
    let Some((&[family_high, family, prefix, scope], address)) = value.split_first_chunk::<4>()
    else {
        return false;
    };
    let bits_max = match (family_high, family) {
        // RFC 7871 §6 knows these two families.
        (0, 1) => 32,
        (0, 2) => 128,
        _ => return false,
    };
    let spare = (8 - prefix % 8) % 8;
    let is_clear = address.last().is_none_or(|last| u32::from(*last) & ((1 << spare) - 1) == 0);
    prefix <= bits_max && scope == 0 && address.len() == usize::from(prefix.div_ceil(8)) && is_clear
}

/// The address of a client subnet, those of its bits that the client tells.
pub(super) fn subnet_address(subnet: &[u8]) -> Option<IpAddr> {
    let (&[_, family, ..], address) = subnet.split_first_chunk::<4>()?;
    let mut bytes = [0; 16];
    bytes.get_mut(..address.len())?.copy_from_slice(address);
    match family {
        1 => bytes.first_chunk::<4>().map(|bytes| IpAddr::from(*bytes)),
        _ => Some(IpAddr::from(bytes)),
    }
}
