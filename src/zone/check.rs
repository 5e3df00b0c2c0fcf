//! A draft → a zone, or what the records must not say of each other.

use std::collections::HashSet;

use hickory_proto::rr::{Name, RData, RecordType};

use crate::zone::draft::{Draft, DraftSet, SOA};
use crate::zone::layout;
use crate::zone::set::{Set, Sets};
use crate::zone::source::{Mark, Note, Notes};
use crate::zone::tree::{Branch, downward};
use crate::zone::word::{spell, spell_name};
use crate::zone::{End, StaticZone};

/// What was found, beside what reading found.
pub(super) struct Findings {
    /// What makes the zone unfit.
    pub(super) faults: Notes,
    /// What is odd.
    pub(super) warnings: Notes,
}

/// Checks a draft and makes the zone of it; none where something is wrong with it. Nothing is missed in a
/// draft of which a part could not be read.
pub(super) fn finish(draft: Draft, mut findings: Findings) -> (Option<StaticZone>, Findings) {
    let is_complete = findings.faults.is_empty();
    let Draft { mut root, apex, .. } = draft;
    let Some((apex, soa)) = apex else {
        if is_complete {
            let note = Note::new(Mark { text: 0, at: 0 }, "the zone has no SOA");
            findings.faults.add(note.hint("begin it with the SOA record of its apex"));
        }
        return (None, findings);
    };
    let mut branch = root.detach(downward(&apex));
    let mut path: Vec<Vec<u8>> = Vec::new();
    outside(&root, &mut path, &apex, &mut findings.faults);
    let has_ns = branch.value.iter().any(|set| set.code == NS);
    if is_complete && !has_ns {
        let note = Note::new(soa, format!("`{}` has an SOA but no NS", spell_name(&apex)));
        findings.faults.add(note.hint("name the zone's servers at its apex: `@ NS ns1`"));
    }
    path.extend(downward(&apex).map(<[u8]>::to_vec));
    let apex_labels = path.len();
    inside(&mut branch, &mut path, Above::Nothing, apex_labels, &mut findings);
    if !findings.faults.is_empty() {
        return (None, findings);
    }
    let pointers = pointers(&branch);
    let mut names = 0;
    let tree = branch.map(&mut |sets: Vec<DraftSet>| {
        names += usize::from(!sets.is_empty());
        let mut sets: Vec<Set> = sets.into_iter().filter_map(Set::new).collect();
        sets.sort_by_key(|set| u16::from(set.kind()));
        Sets(sets.into_boxed_slice())
    });
    let Some(zone) = StaticZone::new(apex, tree, names) else { return (None, findings) };
    for pointer in &pointers {
        point(&zone, pointer, &mut findings.warnings);
    }
    (Some(zone), findings)
}

/// Every record that is not below the apex.
fn outside(
    branch: &Branch<Vec<DraftSet>>,
    path: &mut Vec<Vec<u8>>,
    apex: &Name,
    faults: &mut Notes,
) {
    for (_, mark) in branch.value.iter().flat_map(|set| &set.data) {
        let text = format!("`{}` is not in the zone `{}`", shown(path), spell_name(apex));
        faults.add(
            Note::new(*mark, text).hint("a dot at the end makes a name absolute; look at $ORIGIN"),
        );
    }
    for (label, below) in branch.below() {
        path.push(label.to_vec());
        outside(below, path, apex, faults);
        path.pop();
    }
}

/// What hides names from the zone.
#[derive(Clone, Copy)]
enum Above {
    /// Nothing does.
    Nothing,
    /// A cut: names below belong to another zone.
    Cut(Mark),
    /// A DNAME: names below are made from it.
    Alias(Mark),
}

/// Checks a name and all below it. It recurses as deep as a name has labels.
fn inside(
    branch: &mut Branch<Vec<DraftSet>>,
    path: &mut Vec<Vec<u8>>,
    above: Above,
    apex_labels: usize,
    findings: &mut Findings,
) {
    let is_apex = path.len() == apex_labels;
    let is_wild = !is_apex && path.last().is_some_and(|label| label == b"*");
    for set in &mut branch.value {
        drop_duplicates(set, path, &mut findings.warnings);
        if matches!(set.code, CNAME | DNAME | SOA) && 1 < set.data.len() {
            let word = layout::word_of(set.code);
            let first = set.mark();
            for (_, mark) in set.data.iter().skip(1) {
                let text = format!("`{}` has a second {word}, the first is at", shown(path));
                findings.faults.add(Note::new(*mark, text).other(first).hint("keep one of them"));
            }
        }
    }
    let sets = &branch.value;
    let mark_of = |code| sets.iter().find(|set| set.code == code).map(DraftSet::mark);
    let (alias, cut) = (mark_of(DNAME), mark_of(NS).filter(|_| !is_apex));
    for set in sets {
        if let Some((text, other, hint)) =
            conflict(set.code, path, above, &mark_of, is_apex, is_wild)
        {
            let note = Note::new(set.mark(), text).hint(hint);
            findings.faults.add(Note { other, ..note });
        }
    }
    let next = match (above, cut, alias) {
        (Above::Nothing, Some(cut), _) => Above::Cut(cut),
        (Above::Nothing, None, Some(alias)) => Above::Alias(alias),
        _ => above,
    };
    for (label, below) in branch.below_mut() {
        path.push(label.to_vec());
        inside(below, path, next, apex_labels, findings);
        path.pop();
    }
}

/// Why a set may not stand where it does: a text, the place that it speaks of, and advice.
fn conflict(
    code: u16,
    path: &[Vec<u8>],
    above: Above,
    mark_of: &impl Fn(u16) -> Option<Mark>,
    is_apex: bool,
    is_wild: bool,
) -> Option<(String, Option<Mark>, &'static str)> {
    let word = layout::word_of(code);
    let is_address = matches!(code, A | AAAA);
    match above {
        Above::Cut(cut) if !is_address => {
            let text = format!("{word} of `{}` stands below the delegation at", shown(path));
            return Some((
                text,
                Some(cut),
                "only addresses of its servers may; move it to that zone",
            ));
        }
        Above::Alias(alias) => {
            let text = format!("{word} of `{}` stands below the DNAME at", shown(path));
            return Some((text, Some(alias), "names below a DNAME are made from it"));
        }
        Above::Cut(_) | Above::Nothing => {}
    }
    // RFC 1034 §3.6.2; RFC 4035 §2.5 excepts what proves the CNAME.
    if let Some(cname) = mark_of(CNAME).filter(|_| !matches!(code, CNAME | RRSIG | NSEC)) {
        let text = format!("`{}` has {word} and also the CNAME at", shown(path));
        return Some((text, Some(cname), "a name with a CNAME has nothing else"));
    }
    // RFC 4592 §4.2 and §4.4 leave open what these would mean.
    if is_wild && matches!(code, NS | DNAME) {
        let text = format!("{word} at the wildcard `{}`", shown(path));
        return Some((text, None, "write it at each name"));
    }
    let cut = mark_of(NS).filter(|_| !is_apex)?;
    // RFC 6672 §2.3 names DNAME among what a cut must not have.
    if is_address || matches!(code, NS | DS | RRSIG | NSEC) {
        return None;
    }
    let text = format!("{word} of `{}` stands at the delegation at", shown(path));
    Some((text, Some(cut), "only NS, DS and addresses may; move it to that zone"))
}

/// Drops what was said before. The time is linear in the set.
fn drop_duplicates(set: &mut DraftSet, path: &[Vec<u8>], warnings: &mut Notes) {
    if set.data.len() < 2 {
        return;
    }
    let mut seen: HashSet<&RData> = HashSet::new();
    let is_new: Vec<bool> = set.data.iter().map(|(data, _)| seen.insert(data)).collect();
    if is_new.iter().all(|is_new| *is_new) {
        return;
    }
    let mut at = is_new.iter();
    let code = set.code;
    set.data.retain(|(_, mark)| {
        let is_new = at.next().copied().unwrap_or(true);
        if !is_new {
            let word = layout::word_of(code);
            let text =
                format!("{word} of `{}` is stated twice; the second is dropped", shown(path));
            warnings.add(Note::new(*mark, text));
        }
        is_new
    });
}

/// A record that points at a name which should have an address.
struct Pointer {
    /// The record's type.
    code: u16,
    /// Whom it points at.
    target: Name,
    /// Where it stands.
    mark: Mark,
}

fn pointers(branch: &Branch<Vec<DraftSet>>) -> Vec<Pointer> {
    let mut found = Vec::new();
    collect(branch, &mut found);
    found
}

fn collect(branch: &Branch<Vec<DraftSet>>, found: &mut Vec<Pointer>) {
    for set in &branch.value {
        for (data, mark) in &set.data {
            let target = match data {
                RData::NS(name) => &name.0,
                RData::MX(mx) => &mx.exchange,
                RData::SRV(srv) => &srv.target,
                _ => continue,
            };
            found.push(Pointer { code: set.code, target: target.clone(), mark: *mark });
        }
    }
    for (_, below) in branch.below() {
        collect(below, found);
    }
}

/// Warns of a pointer that leads to an alias, or of a server without an address.
fn point(zone: &StaticZone, pointer: &Pointer, warnings: &mut Notes) {
    // `.` says that there is no such service (RFC 7505, RFC 2782).
    if pointer.target.is_root() || !zone.covers(&pointer.target) {
        return;
    }
    let (word, target) = (layout::word_of(pointer.code), spell_name(&pointer.target));
    let found = zone.lookup(&pointer.target, RecordType::A);
    // RFC 2181 §10.3, RFC 2782.
    if !found.steps.is_empty() {
        let note = Note::new(pointer.mark, format!("{word} points at the alias `{target}`"));
        warnings.add(note.hint("name the host itself"));
    } else if pointer.code == NS {
        let is_there = match found.end {
            End::Referral(_) => zone.addresses(&pointer.target).next().is_some(),
            End::Data(_) => true,
            _ => matches!(zone.lookup(&pointer.target, RecordType::AAAA).end, End::Data(_)),
        };
        if !is_there {
            let note =
                Note::new(pointer.mark, format!("the server `{target}` has no address here"));
            warnings.add(note.hint("add its A or AAAA record"));
        }
    }
}

/// The name that labels from the top down make.
fn shown(path: &[Vec<u8>]) -> String {
    spell(path.iter().rev().map(Vec::as_slice))
}

const A: u16 = 1;

const NS: u16 = 2;

const CNAME: u16 = 5;

const AAAA: u16 = 28;

const DNAME: u16 = 39;

const DS: u16 = 43;

const RRSIG: u16 = 46;

const NSEC: u16 = 47;
