//! What DNS counts, as `/v1/agent/metrics` shows it to Prometheus.

use lictor::dns::{QueryOptions, query};

use super::live::ask_tcp;
use crate::harness::Agent;

/// The value of the metric of this name that has all these labels.
fn metric(agent: &Agent, name: &str, labels: &[&str]) -> usize {
    let text = agent.must("GET", "/v1/agent/metrics?format=prometheus", "");
    let is_it = |line: &&str| {
        let rest = line.strip_prefix(name).unwrap_or("none");
        rest.starts_with(['{', ' ']) && labels.iter().all(|label| rest.contains(label))
    };
    let line = text.lines().find(is_it).unwrap_or_else(|| panic!("no {name} {labels:?}:\n{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn every_answer_is_counted_by_what_it_is() {
    let agent = Agent::dev().start();
    // All connections share one memory, so that the second question finds the first one's answer.
    for (name, kind) in [
        ("n1.node.consul", "A"),
        ("n1.node.consul", "A"),
        ("nobody.node.consul", "A"),
        ("www.example.org", "MX"),
        ("9.9.9.10.in-addr.arpa", "PTR"),
    ] {
        let query = query(name, kind, &QueryOptions::default(), 7).unwrap();
        ask_tcp(agent.dns, &query).expect("an answer");
    }
    ask_tcp(agent.dns, &[0; 12]).expect("an answer");
    ask_tcp(agent.dns, &[0xff; 12]);
    let answers = |kind: &str, rcode: &str| {
        let labels = [kind, rcode].map(|label| format!("\"{label}\""));
        metric(&agent, "lictor_dns_answers", &[&labels[0], &labels[1], "\"tcp\""])
    };
    assert_eq!(answers("A", "NOERROR"), 2);
    assert_eq!(answers("A", "NXDOMAIN"), 1);
    assert_eq!(answers("PTR", "NXDOMAIN"), 1);
    assert_eq!(answers("other", "REFUSED"), 1);
    assert_eq!(answers("none", "FORMERR"), 1);
    assert_eq!(metric(&agent, "lictor_dns_cache", &["\"hit\""]), 1);
    assert_eq!(metric(&agent, "lictor_dns_cache", &["\"miss\""]), 5);
    assert_eq!(metric(&agent, "lictor_dns_ignored", &["\"tcp\""]), 1);
    assert_eq!(metric(&agent, "consul_dns_queries", &["\"tcp\""]), 7);
    assert_eq!(metric(&agent, "consul_dns_domain_query_count", &[]), 5);
    assert_eq!(metric(&agent, "consul_dns_ptr_query_count", &[]), 1);
}
