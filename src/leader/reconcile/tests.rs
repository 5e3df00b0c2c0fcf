use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::reconcile;
use crate::catalog::command::{
    CheckState, Deregistration, DeregistrationTarget, Machine, Registration,
};
use crate::catalog::{Catalog, Command, Reply, View, apply};
use crate::model::address::Address;
use crate::model::health::Status;
use crate::model::member::{Member, MemberStatus};
use crate::model::name::{CheckId, Datacenter, NodeName};
use crate::model::number::Revision;
use crate::model::time::Now;

fn node(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

fn member(name: &str, status: MemberStatus, tags: &[(&str, &str)]) -> Member {
    let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let address = "10.0.0.1".parse().unwrap();
    Member { name: node(name), address, port: 8301, tags: tags.collect(), status }
}

/// A server as Consul 1.8.7 describes itself.
fn server(name: &str, status: MemberStatus) -> Member {
    let tags = [
        ("role", "consul"),
        ("dc", "dc1"),
        ("id", "6678a70d"),
        ("port", "8300"),
        ("build", "1.8.7:"),
        ("raft_vsn", "3"),
        ("vsn", "2"),
    ];
    member(name, status, &tags)
}

fn client(name: &str, status: MemberStatus) -> Member {
    member(name, status, &[("role", "node"), ("dc", "dc1"), ("id", name)])
}

fn register(catalog: &mut Catalog, name: &str, id: &str, checks: &[&str]) {
    let checks = checks.iter().map(|id| CheckState {
        id: CheckId::new(id).unwrap(),
        name: "Serf Health Status".to_owned(),
        status: Status::Passing,
        notes: String::new(),
        output: "Agent alive and reachable".to_owned(),
        service_id: None,
        kind: String::new(),
        definition: None,
    });
    let registration = Registration {
        node: node(name),
        machine: Some(Machine {
            id: id.to_owned(),
            address: Address::new("10.9.9.9").unwrap(),
            tagged_addresses: BTreeMap::new(),
            meta: [("rack".to_owned(), "7".to_owned())].into(),
        }),
        service: None,
        checks: checks.collect(),
    };
    tell(catalog, &[Command::Register(Box::new(registration))]);
}

/// Applies Commands; none may be refused.
fn tell(catalog: &mut Catalog, commands: &[Command]) {
    for command in commands {
        let revision = Revision(catalog.tables().applied.0 + 1);
        let (reply, _) = apply::apply(catalog, revision, Now(0), command);
        assert!(matches!(reply, Reply::Done(_)), "{command:?}: {reply:?}");
    }
    assert_eq!(catalog.audit(), Vec::<String>::new());
}

fn show(command: &Command) -> String {
    match command {
        Command::Register(registration) | Command::Welcome(registration) => {
            let Registration { node, machine, service, checks } = &**registration;
            let machine = machine.as_ref().map(|m| format!(" machine {:?} {}", m.id, m.address));
            let service = service.as_ref().map(|s| format!(" {}:{} {:?}", s.name, s.port, s.meta));
            let checks: Vec<_> = checks.iter().map(|c| format!(" {} {}", c.id, c.status)).collect();
            let (machine, service) = (machine.unwrap_or_default(), service.unwrap_or_default());
            format!("register {node}{machine}{service}{}", checks.concat())
        }
        Command::Deregister(Deregistration { node, target }) => match target {
            DeregistrationTarget::Node => format!("deregister {node}"),
            DeregistrationTarget::Service(id) => format!("deregister {node} service {id}"),
            DeregistrationTarget::Check(id) => format!("deregister {node} check {id}"),
        },
        other => format!("{other:?}"),
    }
}

/// What a catalog is told about members; once that is done, it has to be told nothing more.
fn check(catalog: &mut Catalog, members: &[Member], expected: &Expect) {
    let datacenter = Datacenter::new("DC1").unwrap();
    let commands = reconcile(&View::new(catalog.clone()), members, &datacenter);
    let lines: Vec<String> = commands.iter().map(show).collect();
    tell(catalog, &commands);
    let left = reconcile(&View::new(catalog.clone()), members, &datacenter);
    assert_eq!(left, Vec::new(), "told, but still different");
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn whoever_is_alive_is_registered() {
    check(
        &mut Catalog::default(),
        &[
            server("s", MemberStatus::Alive),
            client("c", MemberStatus::Alive),
            member("far", MemberStatus::Alive, &[("dc", "dc2")]),
        ],
        &expect![[r#"
            register s machine "6678a70d" 10.0.0.1 consul:8300 {"non_voter": "false", "raft_version": "3", "serf_protocol_current": "2", "version": "1.8.7"} serfHealth passing
            register c machine "c" 10.0.0.1 serfHealth passing"#]],
    );
}

#[test]
fn what_an_agent_says_of_its_machine_stays() {
    let mut catalog = Catalog::default();
    register(&mut catalog, "C", "c", &[]);
    check(
        &mut catalog,
        &[client("c", MemberStatus::Alive)],
        &expect!["register c serfHealth passing"],
    );
    let entry = catalog.node("c").unwrap();
    assert_eq!(entry.node.address.to_string(), "10.9.9.9");
    assert_eq!(entry.node.meta["rack"], "7");
}

#[test]
fn failing_and_coming_back_only_turn_serf_health() {
    let mut catalog = Catalog::default();
    let alive = [client("c", MemberStatus::Alive), server("s", MemberStatus::Alive)];
    let failed = [client("c", MemberStatus::Failed), server("s", MemberStatus::Alive)];
    let datacenter = Datacenter::new("dc1").unwrap();
    let commands = reconcile(&View::new(catalog.clone()), &alive, &datacenter);
    tell(&mut catalog, &commands);
    check(&mut catalog, &failed, &expect!["register c serfHealth critical"]);
    let output = &catalog.node("c").unwrap().checks["serfhealth"].output;
    assert_eq!(output, "Agent not live or unreachable");
    check(&mut catalog, &alive, &expect!["register c serfHealth passing"]);
}

#[test]
fn whoever_left_or_was_forgotten_goes_but_not_what_never_had_an_agent() {
    let mut catalog = Catalog::default();
    register(&mut catalog, "left", "l", &["serfHealth"]);
    register(&mut catalog, "forgotten", "f", &["serfHealth"]);
    register(&mut catalog, "leaving", "lg", &["serfHealth"]);
    register(&mut catalog, "external", "", &["ping"]);
    let others = [
        client("left", MemberStatus::Left),
        client("leaving", MemberStatus::Leaving),
        client("never-seen", MemberStatus::Left),
        client("failed-before-it-registered", MemberStatus::Failed),
    ];
    let datacenter = Datacenter::new("dc1").unwrap();
    let view = View::new(catalog.clone());
    assert_eq!(reconcile(&view, &[], &datacenter), Vec::new(), "the gossip has not begun");
    let mut members = others.to_vec();
    members.push(client("alive", MemberStatus::Alive));
    check(
        &mut catalog,
        &members,
        &expect![[r#"
            deregister left
            register alive machine "alive" 10.0.0.1 serfHealth passing
            deregister forgotten"#]],
    );
    assert!(catalog.node("external").is_some() && catalog.node("leaving").is_some());
}

#[test]
fn a_name_that_another_machine_took_over_is_given_to_it() {
    let mut catalog = Catalog::default();
    register(&mut catalog, "c", "old-machine", &["serfHealth"]);
    check(
        &mut catalog,
        &[client("c", MemberStatus::Alive)],
        &expect![[r#"
            register c serfHealth critical
            register c machine "c" 10.0.0.1 serfHealth passing"#]],
    );
}

#[test]
fn the_service_consul_follows_the_role() {
    let mut catalog = Catalog::default();
    let datacenter = Datacenter::new("dc1").unwrap();
    let before = [server("s", MemberStatus::Alive)];
    let commands = reconcile(&View::new(catalog.clone()), &before, &datacenter);
    tell(&mut catalog, &commands);
    let mut moved = server("s", MemberStatus::Alive);
    moved.tags.insert("port".to_owned(), "9300".to_owned());
    moved.tags.insert("nonvoter".to_owned(), "1".to_owned());
    check(
        &mut catalog,
        &[moved],
        &expect![[
            r#"register s consul:9300 {"non_voter": "true", "raft_version": "3", "serf_protocol_current": "2", "version": "1.8.7"}"#
        ]],
    );
    let mut demoted = server("s", MemberStatus::Alive);
    demoted.tags.insert("role".to_owned(), "node".to_owned());
    check(&mut catalog, &[demoted], &expect!["deregister s service consul"]);
}
