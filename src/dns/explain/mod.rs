//! Bytes of a query → Explanation: the five stations with the values at each.
//!
//! The stations are those that [`respond`](crate::dns::respond) calls, in the same order, and each rule is the
//! one that answers are made by; what is added here is words. Nothing is asked of others, and nothing is kept.
//! An answer whose records are drawn by chance is one of those that clients get.

use std::collections::BTreeSet;

use hickory_proto::op::Message;
use hickory_proto::rr::{DNSClass, Name, RData, Record};

mod names;

mod instances;

mod prepared;

mod words;

mod show;

pub use self::show::show;

use crate::acl::Authorizer;
use crate::dns::answer::{Answer, Order};
use crate::dns::cache::Basis;
use crate::dns::explain::names::Names;
use crate::dns::fit::{Budget, Envelope, Scratch};
use crate::dns::outside::Ask;
use crate::dns::question::{Asked, CLASS_CHAOS, Edns, Unanswered};
use crate::dns::record::{Data, Owner, Rr, Set};
use crate::dns::sheet::Sheet;
use crate::dns::{Incoming, Known, Transport, chain, fit, question, sheet, text};
use crate::model::explanation::{
    AnswerReport, EdnsReport, Explanation, ExtendedError, MessageReport, QuestionReport,
};
use crate::zone;

/// Says why a query is answered as it is; nothing of what is not answered at all. Instances that the `viewer` may
/// not see are not spoken of, unless an answer tells them.
#[must_use]
pub fn explain(
    known: &Known<'_>,
    incoming: &Incoming<'_>,
    rng: &mut fastrand::Rng,
    viewer: &Authorizer,
) -> Option<Explanation> {
    let question = match question::read(incoming) {
        Ok(question) => question,
        Err(Unanswered::Ignored) => return None,
        Err(Unanswered::Bad(query)) => {
            let (head, asked, edns) = (query.head, query.asked.as_ref(), query.edns.as_ref());
            let envelope = Envelope { head, asked, edns, incoming, known };
            let found = Found {
                answer: Answer::bare(query.rcode),
                basis: None,
                names: Names::seen_by(viewer),
            };
            return Some(found.explain(&envelope, rng));
        }
    };
    let (asked, edns) = (Some(&question.asked), question.edns.as_ref());
    let envelope = Envelope { head: question.head, asked, edns, incoming, known };
    let mut names = Names::seen_by(viewer);
    if let Some(answer) = super::answer_without_catalog(&question, known, incoming) {
        return Some(Found { answer, basis: None, names }.explain(&envelope, rng));
    }
    let (answer, basis) = chain::follow(&question, known, rng, &mut names);
    Some(Found { answer, basis, names }.explain(&envelope, rng))
}

/// What the stations up to the Answer came to.
struct Found {
    /// The Answer.
    answer: Answer,
    /// What it rests on, if it may be kept.
    basis: Option<Basis>,
    /// Names that were looked up.
    names: Names,
}

impl Found {
    /// Goes on to the message, and tells of all stations.
    fn explain(self, envelope: &Envelope<'_>, rng: &mut fastrand::Rng) -> Explanation {
        let Self { answer, basis, names } = self;
        let question = question_report(envelope);
        if !answer.missing.is_empty() {
            let asks = answer.missing.iter().map(show_ask).collect();
            let names = names.without_message();
            return Explanation { question, names, asks, answer: None, message: None };
        }
        let is_compressed = envelope.known.config.compresses();
        let sheet = sheet::write(&answer, envelope.asked, is_compressed);
        let report = Some(answer_report(&answer, basis.as_ref(), envelope));
        let Ok(sheet) = sheet else {
            let (names, message) = (names.without_message(), Some(unwritable(envelope)));
            return Explanation { question, names, asks: Vec::new(), answer: report, message };
        };
        let mut out = Vec::new();
        let is_truncated = fit::fit(envelope, &sheet, &mut Scratch::default(), rng, &mut out);
        let page = Page { envelope, sheet: &sheet, answer: &answer, out: &out, is_truncated };
        let (message, told) = page.report();
        let limit = page.limit(message.answers);
        let names = names.with_message(&told, &limit);
        Explanation { question, names, asks: Vec::new(), answer: report, message: Some(message) }
    }
}

fn question_report(envelope: &Envelope<'_>) -> QuestionReport {
    let (head, asked) = (envelope.head, envelope.asked);
    let flags = [(head.recursion_desired, "rd"), (head.checking_disabled, "cd")];
    let set = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, word)| word.to_owned());
    QuestionReport {
        name: asked.map(|asked| zone::spell_name(&asked.name.to_name())).unwrap_or_default(),
        kind: asked.map(|asked| text::type_word(asked.kind)).unwrap_or_default(),
        class: asked.map(|asked| DNSClass::from(asked.class).to_string()).unwrap_or_default(),
        transport: envelope.incoming.transport,
        client: envelope.incoming.source.ip(),
        flags: set.collect(),
        edns: envelope.edns.map(edns_report),
    }
}

fn edns_report(edns: &Edns<'_>) -> EdnsReport {
    let options = [
        (edns.options.cookie.is_some(), "cookie"),
        (edns.options.wants_server_id, "nsid"),
        (edns.options.wants_keepalive, "keepalive"),
        (edns.options.subnet.is_some(), "subnet"),
    ];
    let sent = options.into_iter().filter(|(is_sent, _)| *is_sent);
    let options = sent.map(|(_, word)| word.to_owned()).collect();
    EdnsReport { udp_size: edns.udp_size, dnssec_ok: edns.dnssec_ok, options }
}

fn show_ask(ask: &Ask) -> String {
    format!("{} {}", zone::spell_name(&ask.name), text::type_word(ask.kind))
}

fn answer_report(answer: &Answer, basis: Option<&Basis>, envelope: &Envelope<'_>) -> AnswerReport {
    let line = |record: &Rr| show_record(record, envelope.asked);
    let whys = [answer.why, envelope.age_why(answer.is_from_catalog)].into_iter().flatten();
    let set = |set: &Set| -> Vec<String> {
        let record = |(ttl, data): &(_, Data)| {
            line(&Rr { owner: set.owner.clone(), ttl: *ttl, data: data.clone() })
        };
        set.records.iter().map(record).collect()
    };
    AnswerReport {
        rcode: text::rcode_word(answer.rcode.into()),
        is_authoritative: answer.is_authoritative,
        answers: answer.answers.iter().map(|offer| line(&offer.record)).collect(),
        is_shuffled: answer.order == Order::Shuffled,
        answers_max: Some(answer.told_max).filter(|max| *max != usize::MAX),
        authorities: answer.authorities.iter().map(|offer| line(&offer.record)).collect(),
        additionals: answer.sets.iter().flat_map(set).collect(),
        errors: whys.map(|why| ExtendedError { code: why.code(), text: why.to_string() }).collect(),
        cache: words::of_basis(basis),
    }
}

fn show_record(record: &Rr, asked: Option<&Asked<'_>>) -> String {
    let name = || asked.map_or_else(Name::root, |asked| asked.name.to_name());
    let owner = match &record.owner {
        Owner::Question => name(),
        Owner::Suffix(labels) => name().trim_to(*labels),
        Owner::Named(name) => name.to_name(),
    };
    let mut shown = Record::from_rdata(owner, record.ttl.0, record.data.to_rdata());
    if asked.is_some_and(|asked| asked.class == CLASS_CHAOS) {
        shown.dns_class = DNSClass::CH;
    }
    text::show_record(&shown)
}

/// The message where a record cannot be written.
fn unwritable(envelope: &Envelope<'_>) -> MessageReport {
    let mut out = Vec::new();
    fit::header_only(envelope.head, &mut out);
    MessageReport {
        bytes: out.len(),
        bytes_max: Budget::new(envelope).bytes,
        records_max: None,
        is_truncated: false,
        answers: 0,
        authorities: 0,
        additionals: 0,
        left_out: vec!["everything but SERVFAIL: a record has more than 65535 bytes".to_owned()],
    }
}

/// A message with what it was made of.
struct Page<'a> {
    /// Whom it is for.
    envelope: &'a Envelope<'a>,
    /// What from.
    sheet: &'a Sheet,
    /// The same as records.
    answer: &'a Answer,
    /// It.
    out: &'a [u8],
    /// Whether it says that answers are missing.
    is_truncated: bool,
}

impl Page<'_> {
    /// What there is to say of it, and the records in its answer section.
    fn report(&self) -> (MessageReport, BTreeSet<String>) {
        let parsed = Message::from_vec(self.out).unwrap_or_else(|_| Message::query());
        let budget = Budget::new(self.envelope);
        let message = MessageReport {
            bytes: self.out.len(),
            bytes_max: budget.bytes,
            records_max: Some(budget.records).filter(|max| *max != usize::MAX),
            is_truncated: self.is_truncated,
            answers: parsed.answers.len(),
            authorities: parsed.authorities.len(),
            additionals: parsed.additionals.len(),
            left_out: self.left_out(&parsed),
        };
        (message, parsed.answers.iter().map(|record| data_key(&record.data)).collect())
    }

    fn left_out(&self, parsed: &Message) -> Vec<String> {
        let mut left_out = Vec::new();
        let mut add = |what: &str, all: usize, written: usize, why: &str| {
            let missing = all.saturating_sub(written);
            if 0 < missing {
                left_out.push(format!("{missing} of {all} {what}: {why}"));
            }
        };
        let bytes = Budget::new(self.envelope).bytes;
        let (answers, authorities) = (parsed.answers.len(), parsed.authorities.len());
        add("answers", self.sheet.answer_count(), answers, &self.limit(answers));
        let full = format!("{bytes} bytes are the most");
        add("authority records", self.sheet.authorities().len(), authorities, &full);
        let additionals = self.answer.sets.iter().map(|set| set.records.len()).sum();
        let why = format!("what they help with is left out, or {full}");
        add("additional records", additionals, parsed.additionals.len(), &why);
        left_out
    }

    /// Which limit was met, where so many answers were written and there are more.
    fn limit(&self, written: usize) -> String {
        let budget = Budget::new(self.envelope);
        if written == self.sheet.told_max {
            let first = self.answer.answers.first();
            return if first.is_some_and(|offer| offer.record.data.alias().is_some()) {
                "a name has one alias".to_owned()
            } else {
                format!("`a_record_limit` is {written}")
            };
        }
        match self.envelope.incoming.transport {
            Transport::Udp if written == budget.records => {
                format!("`udp_answer_limit` is {written}")
            }
            Transport::Tcp if written == budget.records => format!("{written} are the most"),
            Transport::Udp | Transport::Tcp => format!("{} bytes are the most", budget.bytes),
        }
    }
}

/// A record's data as it is compared: names in messages may be spelled otherwise.
fn data_key(data: &RData) -> String {
    format!("{} {}", data.record_type(), text::show_data(data)).to_lowercase()
}

#[cfg(test)]
mod tests;
