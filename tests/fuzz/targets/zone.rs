//! Bytes as a zone file: faults stand inside the file, a zone that is taken can be written out and read again, and
//! it answers as a slow implementation does that was written from the RFCs alone.

use std::collections::BTreeSet;
use std::fmt::Write;

use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};
use lictor::model::fault::Fault;
use lictor::model::limits::ZONE_CHAIN_MAX;
use lictor::zone::{End, Found, NoFiles, Set, StaticZone, parse, spell_name, zone_name};

/// Reads bytes as a zone, and asks what is in it and what is not.
pub(crate) fn zone(bytes: &[u8]) {
    if makes_many_records(bytes) {
        return;
    }
    let origin = zone_name("example.test");
    match parse("zone", bytes, origin.as_ref(), &mut NoFiles) {
        Ok(parsed) => {
            check_places(bytes, &parsed.warnings);
            check_copy(&parsed.zone);
            check_lookups(bytes, &parsed.zone);
        }
        Err(refused) => {
            assert!(!refused.faults.is_empty());
            check_places(bytes, &refused.faults);
            check_places(bytes, &refused.warnings);
        }
    }
}

/// Whether a `$GENERATE` may rightly make so many records of a few bytes that an input takes seconds.
fn makes_many_records(bytes: &[u8]) -> bool {
    let directives = bytes.windows(9).filter(|word| word.eq_ignore_ascii_case(b"$GENERATE"));
    let count = directives.count();
    let has_large_number = bytes.windows(4).any(|digits| digits.iter().all(u8::is_ascii_digit));
    8 < count || 0 < count && has_large_number
}

/// Every fault has a place, and that is in the file or right behind its end.
fn check_places(bytes: &[u8], faults: &[Fault]) {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<usize> = text.split('\n').map(|line| line.chars().count()).collect();
    for fault in faults {
        let Some(place) = &fault.place else { panic!("nowhere: {fault}") };
        assert_eq!(&*place.source, "zone", "{fault}");
        let letters = (place.line as usize).checked_sub(1).and_then(|line| lines.get(line));
        let Some(letters) = letters else { panic!("not in {} lines: {fault}", lines.len()) };
        let column = place.column as usize;
        assert!(0 < column && column <= letters + 1, "not in {letters} letters: {fault}");
    }
}

/// A zone written out with every record in bytes (RFC 3597 §5) is the same zone.
fn check_copy(zone: &StaticZone) {
    let lines = written(zone);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    match parse("copy", text.as_bytes(), None, &mut NoFiles) {
        Ok(copy) => assert_eq!(written(&copy.zone), lines),
        Err(refused) => panic!("{text}\nis not taken: {:?}", refused.faults),
    }
    let owners: BTreeSet<Labels> = zone.sets().iter().map(|(owner, _)| folded(owner)).collect();
    assert_eq!(owners.len(), zone.name_count());
}

/// A line for each record.
fn written(zone: &StaticZone) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for (owner, set) in zone.sets() {
        for data in set.data() {
            let mut bytes = Vec::new();
            let mut encoder = BinEncoder::new(&mut bytes);
            encoder.set_name_encoding(NameEncoding::Uncompressed);
            data.emit(&mut encoder).expect("data of a zone can be sent");
            let mut line = spell_name(&owner);
            let (ttl, code) = (set.ttl().0, u16::from(set.kind()));
            let _ = write!(line, " {ttl} TYPE{code} \\# {} ", bytes.len());
            for byte in &bytes {
                let _ = write!(line, "{byte:02x}");
            }
            lines.insert(line);
        }
    }
    lines
}

/// Asks for names that are there and for their neighbours.
fn check_lookups(bytes: &[u8], zone: &StaticZone) {
    let sets = zone.sets();
    let reference = Reference::new(zone.apex(), &sets);
    let seed = bytes.iter().fold(0, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(*byte));
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..OWNERS_ASKED_MAX.min(2 * sets.len()) {
        let Some((owner, set)) = rng.choice(&sets) else { return };
        let kinds = [set.kind(), rng.choice(KINDS).copied().unwrap_or(RecordType::A)];
        for name in neighbours(owner, set, &mut rng) {
            for kind in kinds.iter().chain(&[RecordType::A, RecordType::ANY]) {
                let found = show(&zone.lookup(&name, *kind));
                let expected = reference.lookup(&name, *kind);
                assert_eq!(found, expected, "{} {kind}", spell_name(&name));
            }
        }
    }
}

/// A name, names above and below it, beside it, and those that it points at; none that is too long to be one.
fn neighbours(owner: &Name, set: &Set, rng: &mut fastrand::Rng) -> Vec<Name> {
    let labels: Labels = owner.iter().map(<[u8]>::to_vec).collect();
    let below = |label: &[u8], labels: &[Vec<u8>]| [&[label.to_vec()], labels].concat();
    let above = labels.get(rng.usize(..=labels.len())..).unwrap_or_default().to_vec();
    let mut letters = labels.clone();
    for byte in letters.iter_mut().flatten() {
        *byte = if rng.bool() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
    }
    let random = [b'*', b'a', b'x', b'0', b'_', 0, 255].map(|byte| vec![byte; rng.usize(1..3)]);
    let random = |rng: &mut fastrand::Rng| rng.choice(&random).cloned().unwrap_or_default();
    let (first, second) = (random(rng), random(rng));
    let beside = below(&first, labels.get(1..).unwrap_or_default());
    let beside_above = below(&second, &above);
    let deep = below(&first, &below(&second, &labels));
    let wild = below(b"*", &labels);
    let target = set.data().first().and_then(target).unwrap_or_default();
    let below_target = below(&first, &target);
    let all = [labels, letters, above, beside, beside_above, deep, wild, target, below_target];
    all.iter()
        .filter_map(|labels| Name::from_labels(labels.iter().map(Vec::as_slice)).ok())
        .collect()
}

/// A name as its labels, the lowest first.
type Labels = Vec<Vec<u8>>;

fn folded(name: &Name) -> Labels {
    name.iter().map(<[u8]>::to_ascii_lowercase).collect()
}

fn fold(labels: &[Vec<u8>]) -> Labels {
    labels.iter().map(|label| label.to_ascii_lowercase()).collect()
}

/// The name that data consists of.
fn target(data: &RData) -> Option<Labels> {
    match data {
        RData::CNAME(name) => Some(name.0.iter().map(<[u8]>::to_vec).collect()),
        RData::NS(name) => Some(name.0.iter().map(<[u8]>::to_vec).collect()),
        RData::Unknown { code: RecordType::DNAME, rdata } => {
            let mut labels = Vec::new();
            let mut rest = rdata.anything.as_slice();
            while let Some((length, after)) = rest.split_first().filter(|(length, _)| **length != 0)
            {
                let (label, after) = after.split_at(usize::from(*length));
                labels.push(label.to_vec());
                rest = after;
            }
            Some(labels)
        }
        _ => None,
    }
}

/// A zone as a list, which is read from its beginning to its end for everything that there is to know.
struct Reference<'z> {
    apex: Labels,
    sets: Vec<(Labels, &'z Set)>,
}

/// What a name is a part of.
enum Part<'z> {
    /// Another zone's, whose servers are these.
    Cut(Labels, &'z Set),
    /// What a DNAME of this owner makes.
    Made(Labels, &'z Set),
    /// This zone's, where it is found under this name.
    Here(Labels),
    /// Nothing's.
    Nowhere,
}

impl<'z> Reference<'z> {
    fn new(apex: &Name, sets: &[(Name, &'z Set)]) -> Self {
        let sets = sets.iter().map(|(owner, set)| (folded(owner), *set)).collect();
        Self { apex: folded(apex), sets }
    }

    /// What [`show`] shows of the right answer: RFC 1034 §4.3.2 with 4592 §3.3 and 6672 §3.2.
    fn lookup(&self, name: &Name, kind: RecordType) -> String {
        let mut text = String::new();
        let mut name: Labels = name.iter().map(<[u8]>::to_vec).collect();
        let mut followed: Vec<Labels> = Vec::new();
        let mut told: BTreeSet<Labels> = BTreeSet::new();
        loop {
            if !fold(&name).ends_with(&self.apex) {
                return text + &format!("leaves at {}", spell(&name));
            }
            let made = match self.part(&fold(&name)) {
                Part::Nowhere => return text + &format!("no name at {}", spell(&name)),
                Part::Cut(cut, ns) => return text + &self.refer(&name, kind, &cut, ns),
                Part::Here(node) => {
                    if let Some(set) = self.answer(&node, kind) {
                        return text + &format!("data at {}{}", spell(&name), show_set(set));
                    }
                    let Some(set) = self.of(&node, RecordType::CNAME) else {
                        return text + &format!("no data at {}", spell(&name));
                    };
                    let _ = writeln!(text, "step {}{}", spell(&name), show_set(set));
                    followed.push(fold(&name));
                    set.data().first().and_then(target).unwrap()
                }
                Part::Made(owner, set) => {
                    let kept = name.len() - owner.len();
                    if told.insert(owner) {
                        let _ = writeln!(text, "step {}{}", spell(&name[kept..]), show_set(set));
                    }
                    let to = set.data().first().and_then(target).unwrap();
                    let made = [&name[..kept], &to].concat();
                    if 255 < made.iter().map(|label| 1 + label.len()).sum::<usize>() + 1 {
                        return text + &format!("too long at {}", spell(&name));
                    }
                    let _ = writeln!(text, "step {} {} made", spell(&name), set.ttl().0);
                    followed.push(fold(&name));
                    if matches!(kind, RecordType::CNAME | RecordType::ANY) {
                        return text + &format!("that is all at {}", spell(&made));
                    }
                    made
                }
            };
            if followed.len() == ZONE_CHAIN_MAX || followed.contains(&fold(&made)) {
                return text + &format!("that is all at {}", spell(&made));
            }
            name = made;
        }
    }

    fn part(&self, name: &[Vec<u8>]) -> Part<'z> {
        let above = self.sets.iter().filter(|(owner, set)| {
            let is_cut = set.kind() == RecordType::NS && *owner != self.apex;
            let is_alias = is_dname(set) && owner.as_slice() != name;
            name.ends_with(owner) && (is_cut || is_alias)
        });
        if let Some((owner, set)) = above.min_by_key(|(owner, _)| owner.len()) {
            let owner = owner.clone();
            return if is_dname(set) { Part::Made(owner, set) } else { Part::Cut(owner, set) };
        }
        let mut encloser = name;
        while !self.exists(encloser) {
            encloser = &encloser[1..];
        }
        if encloser == name {
            return Part::Here(name.to_vec());
        }
        let wild = [&[b"*".to_vec()], encloser].concat();
        if self.exists(&wild) { Part::Here(wild) } else { Part::Nowhere }
    }

    /// Whether there are records at a name or below it.
    fn exists(&self, name: &[Vec<u8>]) -> bool {
        self.sets.iter().any(|(owner, _)| owner.ends_with(name))
    }

    fn of(&self, name: &[Vec<u8>], kind: RecordType) -> Option<&'z Set> {
        let mut sets = self.sets.iter().filter(|(owner, set)| owner == name && set.kind() == kind);
        sets.next().map(|(_, set)| *set)
    }

    /// What answers a type; to ANY, the lowest (RFC 8482 §4.1).
    fn answer(&self, name: &[Vec<u8>], kind: RecordType) -> Option<&'z Set> {
        if kind != RecordType::ANY {
            return self.of(name, kind);
        }
        let sets = self.sets.iter().filter(|(owner, _)| owner == name).map(|(_, set)| *set);
        sets.min_by_key(|set| u16::from(set.kind()))
    }

    /// What is said at a cut and below it.
    fn refer(&self, name: &[Vec<u8>], kind: RecordType, cut: &[Vec<u8>], ns: &Set) -> String {
        let ds = self.of(cut, RecordType::DS);
        // RFC 4035 §3.1.4.1: DS belongs to the zone above.
        if kind == RecordType::DS && cut.len() == name.len() {
            let data = ds.map(|set| format!("data at {}{}", spell(name), show_set(set)));
            return data.unwrap_or_else(|| format!("no data at {}", spell(name)));
        }
        let spelled = spell(&name[name.len() - cut.len()..]);
        let mut text = format!("refer {spelled}{}\n", show_set(ns));
        text += &ds.map(show_set).unwrap_or_default();
        for server in ns.data().iter().filter_map(target) {
            for kind in [RecordType::A, RecordType::AAAA] {
                if let Some(set) = self.of(&fold(&server), kind) {
                    let _ = write!(text, "\nglue {}{}", spell(&server), show_set(set));
                }
            }
        }
        text
    }
}

fn is_dname(set: &Set) -> bool {
    set.kind() == RecordType::DNAME
}

/// What a zone says, in words.
fn show(found: &Found<'_>) -> String {
    let mut text = String::new();
    for step in &found.steps {
        let (owner, ttl) = (spell_name(&step.owner), step.ttl.0);
        // What a DNAME made is told by the name that comes next.
        let _ = match &step.data {
            std::borrow::Cow::Borrowed(data) => writeln!(text, "step {owner} {ttl} {data:?}"),
            std::borrow::Cow::Owned(_) => writeln!(text, "step {owner} {ttl} made"),
        };
    }
    let name = spell_name(&found.name);
    let end = match &found.end {
        End::Data(set) => format!("data at {name}{}", show_set(set)),
        End::NoData => format!("no data at {name}"),
        End::NoName => format!("no name at {name}"),
        End::Leaves => format!("leaves at {name}"),
        End::TooLong => format!("too long at {name}"),
        End::Steps => format!("that is all at {name}"),
        End::Referral(referral) => {
            let glue = referral.glue.iter();
            let glue: String = glue
                .map(|glue| format!("\nglue {}{}", spell_name(glue.owner), show_set(glue.set)))
                .collect();
            let (cut, ds) = (spell_name(&referral.cut), referral.ds.map(show_set));
            format!("refer {cut}{}\n{}{glue}", show_set(referral.ns), ds.unwrap_or_default())
        }
    };
    text + &end
}

fn show_set(set: &Set) -> String {
    set.data().iter().map(|data| format!(" {} {data:?}", set.ttl().0)).collect()
}

fn spell(labels: &[Vec<u8>]) -> String {
    spell_name(&Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap())
}

/// How many of a zone's names are asked for at most, with their neighbours.
const OWNERS_ASKED_MAX: usize = 12;

/// Types that a lookup treats in a way of their own, and one that nobody has.
const KINDS: &[RecordType] = &[
    RecordType::CNAME,
    RecordType::NS,
    RecordType::DS,
    RecordType::SOA,
    RecordType::DNAME,
    RecordType::Unknown(65_000),
];
