use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::{Expect, expect};
use fastrand::Rng;

use super::*;
use crate::catalog::apply::apply;
use crate::catalog::backup;
use crate::catalog::command::{
    CheckState, Command, Machine, PreparedQueryDelete, Registration, SessionDestroy,
};
use crate::model::address::Address;
use crate::model::health::Status;
use crate::model::name::{CheckId, ServiceId, ServiceName, Tag};
use crate::model::number::{Revision, Weights};
use crate::model::prepared_query::{QueryTemplate, ServiceQuery, TemplateKind};
use crate::model::service::Service;
use crate::model::session::{Behavior, Session};
use crate::model::time::Now;

/// `create ID NAME [template|session=S] [service=S]`, `update …`, `delete ID`, `node NAME`,
/// `session ID NODE`, `end ID`; a name of `-` is none.
fn parse(line: &str) -> Command {
    let words: Vec<&str> = line.split(' ').collect();
    let query = |id: &str, name: &str, rest: &[&str]| {
        let value = |key: &str| rest.iter().find_map(|word| word.strip_prefix(key));
        let kind = if rest.contains(&"template") {
            TemplateKind::NamePrefixMatch
        } else {
            TemplateKind::None
        };
        let service = value("service=").unwrap_or("web").to_owned();
        Box::new(PreparedQuery {
            id: self::id(id),
            name: if name == "-" { String::new() } else { name.to_owned() },
            session: value("session=").map(session_id),
            token: String::new(),
            template: QueryTemplate { kind, ..QueryTemplate::default() },
            service: ServiceQuery { service, ..ServiceQuery::default() },
            dns_ttl: String::new(),
            create_revision: Revision(0),
            modify_revision: Revision(0),
        })
    };
    match words.as_slice() {
        ["create", id, name, rest @ ..] => Command::PreparedQueryCreate(query(id, name, rest)),
        ["update", id, name, rest @ ..] => Command::PreparedQueryUpdate(query(id, name, rest)),
        ["node", name] => {
            let address = Address::new("192.0.2.1").unwrap();
            let (tagged_addresses, meta) = Default::default();
            let machine = Some(Machine { id: String::new(), address, tagged_addresses, meta });
            let (node, checks) = (NodeName::new(name).unwrap(), Vec::new());
            Command::Register(Box::new(Registration { node, machine, service: None, checks }))
        }
        ["session", id, node] => Command::SessionCreate(Box::new(Session {
            id: session_id(id),
            name: String::new(),
            node: NodeName::new(node).unwrap(),
            node_checks: Vec::new(),
            service_checks: Vec::new(),
            checks: Vec::new(),
            lock_delay_ns: 0,
            behavior: Behavior::Release,
            ttl: String::new(),
            create_revision: Revision(0),
            modify_revision: Revision(0),
        })),
        ["end", id] => Command::SessionDestroy(SessionDestroy { id: session_id(id) }),
        ["delete", id] => Command::PreparedQueryDelete(PreparedQueryDelete { id: self::id(id) }),
        _ => panic!("no command: {line}"),
    }
}

fn session_id(digit: &str) -> SessionId {
    SessionId::from_bits(digit.parse().unwrap())
}

fn id(digit: &str) -> PreparedQueryId {
    PreparedQueryId::new(&format!("{}-0000-0000-0000-000000000000", digit.repeat(8))).unwrap()
}

/// A Command over few names, so that they meet.
pub(in crate::catalog) fn random(rng: &mut Rng) -> Command {
    let id = id(["1", "2", "3"][rng.usize(0..3)]);
    let kind = if rng.bool() { TemplateKind::None } else { TemplateKind::NamePrefixMatch };
    let service = ["web", "${match(1)}", "${"][rng.usize(0..3)].to_owned();
    let query = Box::new(PreparedQuery {
        id: id.clone(),
        name: ["", "a", "A", "a.b", "b"][rng.usize(0..5)].to_owned(),
        session: rng.bool().then(|| SessionId::from_bits(rng.u128(1..5))),
        token: String::new(),
        template: QueryTemplate { kind, ..QueryTemplate::default() },
        service: ServiceQuery { service, ..ServiceQuery::default() },
        dns_ttl: String::new(),
        create_revision: Revision(0),
        modify_revision: Revision(0),
    });
    match rng.u8(0..3) {
        0 => Command::PreparedQueryCreate(query),
        1 => Command::PreparedQueryUpdate(query),
        _ => Command::PreparedQueryDelete(PreparedQueryDelete { id }),
    }
}

/// Applies lines, the first at revision 1; the catalog with what is said of each.
fn applied(lines: &str) -> (Catalog, String) {
    let mut catalog = Catalog::default();
    let mut shown = String::new();
    for (revision, line) in (1..).zip(lines.lines().map(str::trim)) {
        let (reply, changes) = apply(&mut catalog, Revision(revision), Now(0), &parse(line));
        let reply = match reply.is_done() {
            Ok(is_done) => if is_done { "done" } else { "mismatch" }.to_owned(),
            Err(reject) => reject.to_string(),
        };
        let wakes = if changes.topics.is_empty() { "" } else { ", wakes" };
        writeln!(shown, "{line}: {reply}{wakes}").unwrap();
        assert_eq!(catalog.audit(), Vec::<String>::new(), "after {line}");
    }
    let again = backup::decode(&backup::encode(&catalog)).unwrap();
    assert!(catalog.rows().eq(again.rows()));
    assert_eq!(again.audit(), Vec::<String>::new());
    (again, shown)
}

fn check(lines: &str, expected: &Expect) {
    expected.assert_eq(&applied(lines).1);
}

/// Which query each name finds.
fn check_found(lines: &str, names: &[&str], expected: &Expect) {
    let (catalog, _) = applied(lines);
    let show = |name: &&str| {
        let found = match catalog.find_prepared(name) {
            Ok(Some(found)) => {
                format!("{} {:?} {}", found.query.name, found.origin, found.query.service.service)
            }
            Ok(None) => "nothing".to_owned(),
            Err(fault) => fault.to_string(),
        };
        format!("{name}: {found}\n")
    };
    expected.assert_eq(&names.iter().map(show).collect::<String>());
}

#[test]
fn names_stand_for_one_query() {
    check(
        "create 1 q1
        create 2 Q1
        create 2 q2
        update 2 q1
        update 2 q3
        create 4 q2
        create 3 11111111-0000-0000-0000-000000000000
        delete 1
        delete 1
        update 1 q1
        create 3 q1",
        &expect![[r"
            create 1 q1: done, wakes
            create 2 Q1: name 'Q1' aliases an existing query name
            create 2 q2: done, wakes
            update 2 q1: name 'q1' aliases an existing query name
            update 2 q3: done, wakes
            create 4 q2: done, wakes
            create 3 11111111-0000-0000-0000-000000000000: name '11111111-0000-0000-0000-000000000000' aliases an existing query ID
            delete 1: done, wakes
            delete 1: Cannot modify non-existent prepared query: '11111111-0000-0000-0000-000000000000'
            update 1 q1: Cannot modify non-existent prepared query: '11111111-0000-0000-0000-000000000000'
            create 3 q1: done, wakes
        "]],
    );
}

#[test]
fn one_template_answers_all_names() {
    check(
        "create 1 - template
        create 2 - template
        update 1 a template
        create 2 - template
        update 1 - template
        create 3 A
        create 3 a template",
        &expect![[r"
            create 1 - template: done, wakes
            create 2 - template: a query template with an empty name already exists
            update 1 a template: done, wakes
            create 2 - template: done, wakes
            update 1 - template: a query template with an empty name already exists
            create 3 A: name 'A' aliases an existing query name
            create 3 a template: name 'a' aliases an existing query name
        "]],
    );
}

#[test]
fn what_changes_nothing_wakes_nobody() {
    check(
        "create 1 q1
        create 1 q1
        update 1 q1
        update 1 q1 service=db",
        &expect![[r"
            create 1 q1: done, wakes
            create 1 q1: done
            update 1 q1: done
            update 1 q1 service=db: done, wakes
        "]],
    );
}

#[test]
fn queries_end_with_their_session() {
    check(
        "create 1 q1 session=7
        node n
        session 7 n
        session 8 n
        create 1 q1 session=7
        create 2 - session=7
        create 3 q3 session=8
        create 4 q4
        end 7
        update 1 q1
        update 3 q3
        end 8
        delete 3
        delete 4",
        &expect![[r#"
            create 1 q1 session=7: invalid session "00000000-0000-0000-0000-000000000007"
            node n: done, wakes
            session 7 n: done, wakes
            session 8 n: done, wakes
            create 1 q1 session=7: done, wakes
            create 2 - session=7: done, wakes
            create 3 q3 session=8: done, wakes
            create 4 q4: done, wakes
            end 7: done, wakes
            update 1 q1: Cannot modify non-existent prepared query: '11111111-0000-0000-0000-000000000000'
            update 3 q3: done, wakes
            end 8: done, wakes
            delete 3: done, wakes
            delete 4: done, wakes
        "#]],
    );
}

#[test]
fn the_longest_template_answers() {
    let lines = "create 1 - template service=all-${name.full}
        create 2 geo- template service=${name.suffix}
        create 3 geo-db template service=fixed
        create 4 geo-dx
        create 5 É template service=é${name.suffix}
        create 6 geo-db-ab template";
    let names = [
        "x",
        "geo",
        "geo-",
        "geo-web",
        "GEO-Web",
        "geo-db",
        "geo-db-a",
        "geo-dbase",
        "geo-dx",
        "geo-dxy",
        "éa",
        "è",
        "zz",
        "",
        "11111111-0000-0000-0000-000000000000",
    ];
    check_found(
        lines,
        &names,
        &expect![[r"
            x:  Bounded all-x
            geo:  Bounded all-geo
            geo-: geo- Bounded 
            geo-web: geo- Bounded web
            GEO-Web: geo- Bounded GEO-Web
            geo-db: geo-db Bounded fixed
            geo-db-a: geo-db Unbounded fixed
            geo-dbase: geo-db Unbounded fixed
            geo-dx: geo-dx Stored web
            geo-dxy: geo- Bounded dxy
            éa: É Bounded ééa
            è:  Bounded all-è
            zz:  Bounded all-zz
            : nothing
            11111111-0000-0000-0000-000000000000: prepared query templates can only be resolved up by name, not by ID
        "]],
    );
}

#[test]
fn ids_find_before_names() {
    check_found(
        "create 1 q1\ncreate 2 q9",
        &["q1", "Q1", "q2", "11111111-0000-0000-0000-000000000000", &"x".repeat(256)],
        &expect![[r#"
            q1: q1 Stored web
            Q1: q1 Stored web
            q2: nothing
            11111111-0000-0000-0000-000000000000: q1 Stored web
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: nothing
        "#]],
    );
}

#[test]
fn dotted_names_stand_below_others() {
    let (catalog, _) = applied("create 1 a.B.c\ncreate 2 ab.c\ncreate 3 d");
    let below = |name: &str| catalog.has_prepared_below(name);
    assert!(below("c") && below("b.c"));
    assert!(!below("a.b.c") && !below("d") && !below("ab.c") && !below(""));
}

/// What a service query keeps of three instances: `n1` passes with tags `a` and `V1`, `n2` warns with `a` and `b`,
/// `n3` is critical with `b`; their metadata is `rack=r1`, `r2`, `r1` and `v=1`, `2`, `1`.
fn check_kept(change: impl FnOnce(&mut ServiceQuery), expected: &Expect) {
    let mut catalog = Catalog::default();
    let instances = [
        ("n1", "passing", vec!["a", "V1"], "r1", "1"),
        ("n2", "warning", vec!["a", "b"], "r2", "2"),
        ("n3", "critical", vec!["b"], "r1", "1"),
    ];
    for (octet, (node, status, tags, rack, version)) in (1..).zip(instances) {
        let meta = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let machine = Machine {
            id: String::new(),
            address: Address::new(&format!("192.0.2.{octet}")).unwrap(),
            tagged_addresses: BTreeMap::new(),
            meta: meta("rack", rack),
        };
        let service = Service {
            id: ServiceId::new("web").unwrap(),
            name: ServiceName::new("web").unwrap(),
            tags: tags.into_iter().map(|tag| Tag::new(tag).unwrap()).collect(),
            address: None,
            tagged_addresses: BTreeMap::new(),
            meta: meta("v", version),
            port: 80,
            weights: Weights::default(),
            enable_tag_override: false,
            create_revision: Revision(0),
            modify_revision: Revision(0),
        };
        let (name, notes, output, kind) = Default::default();
        let check = CheckState {
            id: CheckId::new("alive").unwrap(),
            name,
            status: Status::from_word(status).unwrap(),
            notes,
            output,
            service_id: Some(service.id.clone()),
            kind,
            definition: None,
        };
        let registration = Registration {
            node: NodeName::new(node).unwrap(),
            machine: Some(machine),
            service: Some(service),
            checks: vec![check],
        };
        apply(&mut catalog, Revision(octet), Now(0), &Command::Register(Box::new(registration)));
    }
    let mut service = ServiceQuery { service: "Web".to_owned(), ..ServiceQuery::default() };
    change(&mut service);
    let kept = catalog.instances_of(&Filter::new(&service));
    let names: Vec<&str> = kept.iter().map(|instance| instance.node.name.as_str()).collect();
    expected.assert_eq(&names.join(" "));
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn health_decides_unless_a_check_is_ignored() {
    check_kept(|_| {}, &expect!["n1 n2"]);
    check_kept(|query| query.only_passing = true, &expect!["n1"]);
    check_kept(|query| query.ignore_check_ids = texts(&["Alive"]), &expect!["n1 n2 n3"]);
    check_kept(|query| query.connect = true, &expect![""]);
    check_kept(|query| query.service = "db".to_owned(), &expect![""]);
}

#[test]
fn tags_are_needed_or_forbidden() {
    check_kept(|query| query.tags = texts(&["A"]), &expect!["n1 n2"]);
    check_kept(|query| query.tags = texts(&["a", "!B"]), &expect!["n1"]);
    check_kept(|query| query.tags = texts(&["!a"]), &expect![""]);
    check_kept(|query| query.tags = texts(&["!"]), &expect!["n1 n2"]);
    check_kept(|query| query.tags = texts(&[""]), &expect![""]);
}

#[test]
fn metadata_is_needed() {
    let pair = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    check_kept(|query| query.node_meta = pair("rack", "r1"), &expect!["n1"]);
    check_kept(|query| query.node_meta = pair("rack", ""), &expect![""]);
    check_kept(|query| query.service_meta = pair("v", "2"), &expect!["n2"]);
}
