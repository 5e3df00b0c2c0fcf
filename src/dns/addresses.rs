//! Addresses of one place, by family, and the label of `addr` names that spells them.
//!
//! Consul's labels spell one address: 8 hexadecimal digits for IPv4, 32 for IPv6. A place that has one of each
//! family is spelled by both with a hyphen between, so that one SRV record leads to all that A and AAAA tell.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smallvec::SmallVec;

/// An address of each family, where there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Addresses {
    /// At IPv4.
    pub(super) v4: Option<Ipv4Addr>,
    /// At IPv6.
    pub(super) v6: Option<Ipv6Addr>,
}

impl Addresses {
    /// What a folded label spells.
    pub(super) fn read(label: &str) -> Option<Self> {
        if let Some((v4, v6)) = label.split_once('-') {
            return Some(Self { v4: Some(read_v4(v4)?), v6: Some(read_v6(v6)?) });
        }
        let found = Self { v4: read_v4(label), v6: read_v6(label) };
        (!found.is_empty()).then_some(found)
    }

    /// The label that spells them; without any it is empty.
    pub(super) fn spell(self) -> SmallVec<[u8; LABEL_BYTES_MAX]> {
        let mut label = SmallVec::new();
        let mut spell = |octet: u8| label.extend([octet >> 4, octet & 0xF].map(digit));
        self.v4.iter().flat_map(Ipv4Addr::octets).for_each(&mut spell);
        self.v6.iter().flat_map(Ipv6Addr::octets).for_each(&mut spell);
        if self.v4.is_some() && self.v6.is_some() {
            label.insert(2 * size_of::<Ipv4Addr>(), b'-');
        }
        label
    }

    /// These, and of families that have none the others.
    pub(super) fn or(self, others: Self) -> Self {
        Self { v4: self.v4.or(others.v4), v6: self.v6.or(others.v6) }
    }

    pub(super) fn is_empty(self) -> bool {
        self.v4.is_none() && self.v6.is_none()
    }

    /// All of them, IPv4 first.
    pub(super) fn iter(self) -> impl Iterator<Item = IpAddr> {
        [self.v4.map(IpAddr::V4), self.v6.map(IpAddr::V6)].into_iter().flatten()
    }
}

impl From<IpAddr> for Addresses {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self { v4: Some(ip), v6: None },
            IpAddr::V6(ip) => Self { v4: None, v6: Some(ip) },
        }
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, ip) in self.iter().enumerate() {
            let between = if number == 0 { "" } else { " and " };
            write!(out, "{between}{ip}")?;
        }
        Ok(())
    }
}

fn read_v4(digits: &str) -> Option<Ipv4Addr> {
    is_hex(digits, 8).then(|| u32::from_str_radix(digits, 16).ok().map(Ipv4Addr::from)).flatten()
}

fn read_v6(digits: &str) -> Option<Ipv6Addr> {
    is_hex(digits, 32).then(|| u128::from_str_radix(digits, 16).ok().map(Ipv6Addr::from)).flatten()
}

fn is_hex(text: &str, digits: usize) -> bool {
    // A sign would be read as part of a number.
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ => b'a' + value - 10,
    }
}

/// The longest label: both families and the hyphen.
const LABEL_BYTES_MAX: usize = 8 + 1 + 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_spell_one_address_or_one_of_each_family() {
        for (label, shown) in [
            ("7f000001", "127.0.0.1"),
            ("20010db8000000000000000000000010", "2001:db8::10"),
            ("c0000214-20010db8000000000000000000000020", "192.0.2.20 and 2001:db8::20"),
        ] {
            let found = Addresses::read(label).unwrap();
            assert_eq!(found.to_string(), shown);
            assert_eq!(&found.spell()[..], label.as_bytes());
        }
        let long = "20010db8000000000000000000000010";
        for wrong in [
            "",
            "-",
            "7f00000",
            "+f000001",
            "7f000001-",
            "7f000001-7f000001",
            &format!("-{long}"),
            &format!("{long}-7f000001"),
            &format!("7f000001-{long}-{long}"),
        ] {
            assert_eq!(Addresses::read(wrong), None, "{wrong}");
        }
    }
}
