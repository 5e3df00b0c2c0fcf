//! Explanation → text for people: a station a paragraph, its word in front.
//!
//! ```text
//! question  web.service.consul. IN A, udp from 127.0.0.1, flags rd
//!           edns udp 1232
//! target    service `web`, in the domain consul.
//! outcome   1 of 2 instances may be told, 1 critical; revision 17
//!           told      n1  web  192.0.2.1:80  its check passes
//!           critical  n2  web  192.0.2.2:80  node check `serfHealth` is critical
//! answer    NOERROR, authoritative
//!           web.service.consul. 0 IN A 192.0.2.1
//!           kept while service `web` stays at revision 17
//! message   63 bytes of 1232 at most; 1 answer, 0 authority, 0 additional
//! ```

use std::fmt::Write;

use crate::model::explanation::{
    AnswerReport, Explanation, ExtendedError, InstanceReport, MessageReport, NameReport,
    QuestionReport, ZoneKind,
};

/// The text, without a newline at its end.
#[must_use]
pub fn show(explanation: &Explanation) -> String {
    let mut lines = question(&explanation.question);
    for (number, name) in explanation.names.iter().enumerate() {
        if 0 < number {
            lines.push(line("alias", &name.name));
        }
        lines.push(line("target", &target(name)));
        let revision = name.revision.map(|revision| format!("; revision {revision}"));
        lines.push(line("outcome", &format!("{}{}", name.outcome, revision.unwrap_or_default())));
        lines.extend(instances(&name.instances));
    }
    lines.extend(explanation.asks.iter().map(|ask| line("asks", &format!("recursors for {ask}"))));
    lines.extend(explanation.answer.iter().flat_map(answer));
    lines.extend(explanation.message.iter().flat_map(message));
    lines.join("\n")
}

fn question(question: &QuestionReport) -> Vec<String> {
    let QuestionReport { name, kind, class, transport, client, flags, edns } = question;
    let asked = if name.is_empty() { "none".to_owned() } else { format!("{name} {class} {kind}") };
    let flags = if flags.is_empty() { "none".to_owned() } else { flags.join(" ") };
    let transport = transport.as_str();
    let first = format!("{asked}, {transport} from {client}, flags {flags}");
    let second = match edns {
        None => "no edns".to_owned(),
        Some(edns) => {
            let dnssec_ok = if edns.dnssec_ok { ", do" } else { "" };
            let options: Vec<String> =
                edns.options.iter().map(|option| format!(", {option}")).collect();
            format!("edns udp {}{dnssec_ok}{}", edns.udp_size, options.concat())
        }
    };
    vec![line("question", &first), line("", &second)]
}

fn target(name: &NameReport) -> String {
    let apex = &name.zone.apex;
    let place = match name.zone.kind {
        ZoneKind::Domain => format!("in the domain {apex}"),
        ZoneKind::StaticZone => format!("in the zone {apex}"),
        ZoneKind::Reverse => format!("in {apex}"),
        ZoneKind::Outside => "in no domain or zone of ours".to_owned(),
    };
    format!("{}, {place}", name.meaning)
}

/// Aligned columns.
fn instances(instances: &[InstanceReport]) -> Vec<String> {
    let cells = |instance: &InstanceReport| {
        let InstanceReport { node, service_id, address, port, verdict, .. } = instance;
        let place = if address.contains(':') {
            format!("[{address}]:{port}")
        } else {
            format!("{address}:{port}")
        };
        [verdict.as_str().to_owned(), node.clone(), service_id.clone(), place]
    };
    let rows: Vec<_> = instances.iter().map(|i| (cells(i), &i.reason)).collect();
    let mut widths = [0; 4];
    for (cells, _) in &rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.chars().count().max(*width);
        }
    }
    let row = |(cells, reason): &([String; 4], &String)| {
        let mut text = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            // Writing to a String cannot fail.
            let _ = write!(text, "{cell:width$}  ");
        }
        line("", &(text + reason))
    };
    rows.iter().map(row).collect()
}

fn answer(answer: &AnswerReport) -> Vec<String> {
    let authoritative = if answer.is_authoritative { ", authoritative" } else { "" };
    let is_shuffled = answer.is_shuffled && 1 < answer.answers.len();
    let order = if is_shuffled { ", in an order drawn for each message" } else { "" };
    let max = answer.answers_max.map(|max| format!(", {max} told at most")).unwrap_or_default();
    let rcode = &answer.rcode;
    let mut lines = vec![line("answer", &format!("{rcode}{authoritative}{order}{max}"))];
    lines.extend(answer.answers.iter().map(|record| line("", record)));
    let section = |word: &'static str| move |record: &String| line("", &format!("{word} {record}"));
    lines.extend(answer.authorities.iter().map(section("authority")));
    lines.extend(answer.additionals.iter().map(section("additional")));
    let error = |error: &ExtendedError| line("", &format!("ede {}: {}", error.code, error.text));
    lines.extend(answer.errors.iter().map(error));
    lines.push(line("", &answer.cache));
    lines
}

fn message(message: &MessageReport) -> Vec<String> {
    let MessageReport { bytes, bytes_max, is_truncated, answers, authorities, additionals, .. } =
        message;
    let truncated = if *is_truncated { ", truncated (tc)" } else { "" };
    let first = format!(
        "{bytes} bytes of {bytes_max} at most{truncated}; records: {answers} answer, {authorities} authority, \
         {additionals} additional"
    );
    let mut lines = vec![line("message", &first)];
    let left_out = message.left_out.iter();
    lines.extend(left_out.map(|what| line("", &format!("left out: {what}"))));
    lines
}

fn line(word: &str, text: &str) -> String {
    format!("{word:STATION_WIDTH$}{text}").trim_end().to_owned()
}

/// Columns that the stations' words take.
const STATION_WIDTH: usize = 10;
