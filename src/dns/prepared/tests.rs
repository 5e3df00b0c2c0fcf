use std::fmt::Write as _;

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::catalog::apply::apply;
use crate::catalog::command::{CoordinateUpdate, Machine, PreparedQueryDelete, Registration};
use crate::catalog::{Catalog, Command};
use crate::dns::tests::{config, known, service, source};
use crate::dns::{
    Incoming, Outgoing, QueryOptions, Setup, Transport, Worker, query, respond, text,
};
use crate::model::address::Address;
use crate::model::coordinate::{Coordinate, CoordinateNumbers};
use crate::model::number::Revision;
use crate::model::time::Now;

/// `SERVICE on NODE ADDRESS`, `place NODE SECONDS`, `query SERVICE [NEAR]` stores or changes the query `q`, and
/// `delete query`.
fn parse(line: &str, has_query: bool) -> Command {
    let id = "11111111-0000-0000-0000-000000000000";
    match *line.split(' ').collect::<Vec<&str>>() {
        ["place", node, seconds] => {
            let vec = [seconds.parse().unwrap(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
            let numbers = CoordinateNumbers { vec, error: 1.5, adjustment: 0.0, height: 0.0 };
            let coordinate = Coordinate::new(&numbers).unwrap();
            let (node, segment) = (NodeName::new(node).unwrap(), String::new());
            Command::UpdateCoordinate(Box::new(CoordinateUpdate { node, segment, coordinate }))
        }
        ["query", service, ref rest @ ..] => {
            let near = rest.first().copied().unwrap_or_default();
            let stored =
                json!({"id": id, "name": "q", "service": {"service": service, "near": near}});
            let stored = Box::new(serde_json::from_value(stored).unwrap());
            if has_query {
                Command::PreparedQueryUpdate(stored)
            } else {
                Command::PreparedQueryCreate(stored)
            }
        }
        ["delete", "query"] => {
            let id = id.to_owned().try_into().unwrap();
            Command::PreparedQueryDelete(PreparedQueryDelete { id })
        }
        [name, "on", node, address] => {
            let (tagged_addresses, meta) = Default::default();
            let address = Address::new(address).unwrap();
            let machine = Some(Machine { id: String::new(), address, tagged_addresses, meta });
            let service = Some(service(name));
            let (node, checks) = (NodeName::new(node).unwrap(), Vec::new());
            Command::Register(Box::new(Registration { node, machine, service, checks }))
        }
        _ => panic!("no command: {line}"),
    }
}

/// Applies line after line, and shows what `q.query.consul` is then; `kept` where a worker that has answered it in
/// another round has not to make it anew, and each time the same as one that remembers nothing.
fn check(lines: &str, expected: &Expect) {
    let (mut catalog, mut shown) = (Catalog::default(), String::new());
    let config = Arc::new(Setup::new(config()));
    let mut worker = Worker::new(fastrand::Rng::with_seed(1));
    let bytes = query("q.query.consul", "A", &QueryOptions::default(), 7).unwrap();
    let incoming = Incoming { bytes: &bytes, transport: Transport::Udp, source: source(5353) };
    for (revision, line) in (1..).zip(lines.lines().map(str::trim)) {
        let command = parse(line, catalog.prepared_queries().next().is_some());
        let _ = apply(&mut catalog, Revision(revision), Now(0), &command);
        let view = View::new(catalog.clone());
        let ask = |worker: &mut Worker| {
            worker.rng = fastrand::Rng::with_seed(1);
            let mut reply = Vec::new();
            let outgoing = respond(&known(&view, &config), &incoming, worker, &mut reply);
            let Outgoing::Reply(said) = outgoing else { panic!("no reply") };
            (text::show(&reply), said.is_cached)
        };
        let (wanted, _) = ask(&mut Worker::without_cache(fastrand::Rng::with_seed(1)));
        let (came, is_cached) = ask(&mut worker);
        assert_eq!(came, wanted, "after {line}");
        let answers = wanted.lines().filter(|line| line.starts_with("answer"));
        let answers: Vec<&str> = answers.filter_map(|line| line.rsplit(' ').next()).collect();
        let kept = if is_cached { ", kept" } else { "" };
        let rcode = wanted.split([' ', ',']).nth(1).unwrap();
        writeln!(shown, "{line}: {rcode} {}{kept}", answers.join(" ")).unwrap();
    }
    expected.assert_eq(&shown);
}

#[test]
fn an_answer_is_kept_until_a_query_or_the_service_changes() {
    check(
        "web on n1 192.0.2.1
        query web
        db on n2 192.0.2.2
        web on n3 192.0.2.3
        place n3 1
        query db
        query web
        delete query
        query web",
        &expect![[r#"
            web on n1 192.0.2.1: NXDOMAIN 
            query web: NOERROR 192.0.2.1
            db on n2 192.0.2.2: NOERROR 192.0.2.1, kept
            web on n3 192.0.2.3: NOERROR 192.0.2.3 192.0.2.1
            place n3 1: NOERROR 192.0.2.3 192.0.2.1, kept
            query db: NOERROR 192.0.2.2
            query web: NOERROR 192.0.2.3 192.0.2.1
            delete query: NXDOMAIN 
            query web: NOERROR 192.0.2.3 192.0.2.1
        "#]],
    );
}

#[test]
fn the_nearest_comes_first_and_is_ranked_anew() {
    check(
        "web on n1 192.0.2.1
        web on n2 192.0.2.2
        web on n3 192.0.2.3
        web on n4 192.0.2.4
        query web n3
        place n3 1
        place n1 5
        place n2 2
        place n4 9
        place n4 1.5
        query web n9
        query web _agent
        web on agent 192.0.2.9
        place agent 6",
        &expect![[r#"
            web on n1 192.0.2.1: NXDOMAIN 
            web on n2 192.0.2.2: NXDOMAIN 
            web on n3 192.0.2.3: NXDOMAIN 
            web on n4 192.0.2.4: NXDOMAIN 
            query web n3: NOERROR 192.0.2.3 192.0.2.4 192.0.2.2 192.0.2.1
            place n3 1: NOERROR 192.0.2.3 192.0.2.4 192.0.2.2 192.0.2.1
            place n1 5: NOERROR 192.0.2.3 192.0.2.1 192.0.2.4 192.0.2.2
            place n2 2: NOERROR 192.0.2.3 192.0.2.2 192.0.2.1 192.0.2.4
            place n4 9: NOERROR 192.0.2.3 192.0.2.2 192.0.2.1 192.0.2.4
            place n4 1.5: NOERROR 192.0.2.3 192.0.2.4 192.0.2.2 192.0.2.1
            query web n9: NOERROR 192.0.2.4 192.0.2.3 192.0.2.2 192.0.2.1
            query web _agent: NOERROR 192.0.2.4 192.0.2.3 192.0.2.2 192.0.2.1
            web on agent 192.0.2.9: NOERROR 192.0.2.9 192.0.2.3 192.0.2.2 192.0.2.1 192.0.2.4
            place agent 6: NOERROR 192.0.2.9 192.0.2.1 192.0.2.2 192.0.2.4 192.0.2.3
        "#]],
    );
}
