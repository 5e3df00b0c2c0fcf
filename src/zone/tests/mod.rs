//! Zone files against their listings and faults, and questions against what a zone knows.

#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes every expectation so")]

use std::fmt::Write;

use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};

use crate::zone::lookup::{End, Found, StaticZone};
use crate::zone::set::Sets;
use crate::zone::tree::Branch;
use crate::zone::word::{spell, spell_name};
use crate::zone::{NoFiles, Refused, Set, layout, parse, zone_name};

mod files;

mod lookups;

mod read;

mod size;

/// The zone of a text; its origin is `example.test.`, and its TTL an hour.
fn zone(text: &str) -> StaticZone {
    let text = format!("$TTL 1h\n{text}");
    match parse("zone", text.as_bytes(), zone_name("example.test").as_ref(), &mut NoFiles) {
        Ok(parsed) => parsed.zone,
        Err(refused) => panic!("{}", show_refused(&refused)),
    }
}

fn name(text: &str) -> Name {
    zone_name(text).expect("a name")
}

/// All records in the order of their names, as a listing.
pub(crate) fn listing(zone: &StaticZone) -> String {
    let mut text = format!("zone {}, {} names\n", spell_name(zone.apex()), zone.name_count());
    let mut path: Vec<Vec<u8>> = zone.apex().iter().rev().map(<[u8]>::to_vec).collect();
    list(zone.tree(), &mut path, &mut text);
    text
}

fn list(branch: &Branch<Sets>, path: &mut Vec<Vec<u8>>, text: &mut String) {
    let owner = spell(path.iter().rev().map(Vec::as_slice));
    for set in &branch.value.0 {
        text.push_str(&show_set("", &owner, set));
    }
    let mut below: Vec<_> = branch.below().collect();
    below.sort_by_key(|(label, _)| *label);
    for (label, branch) in below {
        path.push(label.to_vec());
        list(branch, path, text);
        path.pop();
    }
}

/// What is wrong with a zone.
pub(crate) fn show_refused(refused: &Refused) -> String {
    let warnings = refused.warnings.iter().map(|warning| format!("warning: {warning}\n"));
    warnings.chain(refused.faults.iter().map(|fault| format!("{fault}\n"))).collect()
}

fn show_set(before: &str, owner: &str, set: &Set) -> String {
    let word = layout::word_of(set.kind().into());
    let lines = set
        .data()
        .iter()
        .map(|data| format!("{before}{owner} {} {word} {}\n", set.ttl().0, show_data(data)));
    lines.collect()
}

/// Data in words where they are simple, else every byte of it.
fn show_data(data: &RData) -> String {
    match data {
        RData::A(address) => address.to_string(),
        RData::AAAA(address) => address.to_string(),
        RData::CNAME(name) => spell_name(name),
        RData::NS(name) => spell_name(name),
        RData::PTR(name) => spell_name(name),
        RData::MX(mx) => format!("{} {}", mx.preference, spell_name(&mx.exchange)),
        RData::SRV(srv) => {
            format!("{} {} {} {}", srv.priority, srv.weight, srv.port, spell_name(&srv.target))
        }
        RData::SOA(soa) => format!(
            "{} {} {} {} {} {} {}",
            spell_name(&soa.mname),
            spell_name(&soa.rname),
            soa.serial,
            soa.refresh,
            soa.retry,
            soa.expire,
            soa.minimum
        ),
        RData::TXT(txt) => {
            let strings = txt.txt_data.iter().map(|string| {
                let mut text = String::new();
                for byte in string {
                    match byte {
                        b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
                        b' '..=b'~' => text.push(char::from(*byte)),
                        _ => write!(text, "\\{byte:03}").unwrap(),
                    }
                }
                format!("\"{text}\"")
            });
            strings.collect::<Vec<_>>().join(" ")
        }
        other => {
            let mut bytes = Vec::new();
            other.emit(&mut BinEncoder::new(&mut bytes)).expect("data of a zone can be sent");
            let mut digits = String::new();
            for byte in &bytes {
                write!(digits, "{byte:02x}").unwrap();
            }
            // Whether hickory knows the type: what it does not is sent as it is.
            let known = if matches!(other, RData::Unknown { .. }) { "" } else { " known" };
            format!("\\# {} {digits}{known}", bytes.len()).trim_end().to_owned()
        }
    }
}

fn show_found(found: &Found<'_>) -> String {
    let mut text = String::new();
    for step in &found.steps {
        let word = layout::word_of(step.data.record_type().into());
        let data = match &*step.data {
            RData::Unknown { .. } => {
                spell_name(&crate::zone::field::sole_name(&step.data).unwrap())
            }
            data => show_data(data),
        };
        writeln!(text, "step {} {} {word} {data}", spell_name(&step.owner), step.ttl.0).unwrap();
    }
    let name = spell_name(&found.name);
    match &found.end {
        End::Data(set) => text += &show_set("data ", &name, set),
        End::NoData => writeln!(text, "no data at {name}").unwrap(),
        End::NoName => writeln!(text, "no name {name}").unwrap(),
        End::Leaves => writeln!(text, "leaves for {name}").unwrap(),
        End::TooLong => writeln!(text, "too long below {name}").unwrap(),
        End::Steps => writeln!(text, "that is all, at {name}").unwrap(),
        End::Referral(referral) => {
            let cut = spell_name(&referral.cut);
            text += &show_set("refer ", &cut, referral.ns);
            text += &referral.ds.map(|ds| show_set("proof ", &cut, ds)).unwrap_or_default();
            for glue in &referral.glue {
                text += &show_set("glue ", &spell_name(glue.owner), glue.set);
            }
        }
    }
    text
}

/// A question as `NAME TYPE`.
fn ask(zone: &StaticZone, question: &str) -> String {
    let (name_text, kind) = question.split_once(' ').expect("a name and a type");
    let kind = match kind {
        "ANY" => RecordType::ANY,
        kind => RecordType::from(layout::code_of(kind).expect("a type")),
    };
    show_found(&zone.lookup(&name(name_text), kind))
}
