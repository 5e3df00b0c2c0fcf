use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;
use crate::acl::{Access, DefaultPolicy, Named, Policy, TokenFault, Tokens};
use crate::model::explanation::Explanation;

/// Two nodes that serve `web`, and one that serves `db` at an address of its own.
const LINES: &[&str] =
    &["n1 10.0.0.1", "n2 10.0.0.2 service=critical", "n3 10.0.0.3 id=db name=db own=10.0.9.9"];

/// Knows the secret `master`, which opens everything.
struct OneToken;

impl Tokens for OneToken {
    fn authorizer(&self, secret: Option<&str>) -> Result<Authorizer, TokenFault> {
        match secret {
            Some("master") => Ok(Authorizer::allow_all()),
            _ => Err(TokenFault::Unknown),
        }
    }
}

const QUESTIONS: &[&str] = &[
    "web.service.consul A",
    "db.service.consul A",
    "nope.service.consul A",
    "n1.node.consul A",
    "nope.node.consul A",
    "1.0.0.10.in-addr.arpa PTR",
    "9.9.0.10.in-addr.arpa PTR",
    "0a000001.addr.consul A",
];

/// What the agent's token sees: to each question the code, the answers, the extended error, and what is said of
/// instances to a viewer.
struct World {
    view: View,
    config: Arc<Setup>,
    zones: Arc<Zones>,
    /// One for all policies: what it remembers from one must not be told under the next.
    worker: Worker,
}

impl World {
    fn new() -> Self {
        let mut catalog = Catalog::default();
        for line in LINES {
            register(&mut catalog, line);
        }
        let node = NodeName::new("agent").unwrap();
        let config = DnsConfig::new(Datacenter::new("dc1").unwrap(), node);
        Self {
            view: View::new(catalog),
            config: Arc::new(Setup::new(config)),
            zones: Arc::default(),
            worker: Worker::new(fastrand::Rng::with_seed(1)),
        }
    }

    fn check(&mut self, acl: &Authorizer, viewer: &Authorizer, expected: &Expect) {
        let mut shown = String::new();
        for question in QUESTIONS {
            shown += &self.ask(question, acl, viewer);
        }
        expected.assert_eq(&shown);
    }

    fn ask(&mut self, question: &str, acl: &Authorizer, viewer: &Authorizer) -> String {
        let known = Known {
            view: &self.view,
            acl,
            tokens: &OneToken,
            config: &self.config,
            now: Now(1_000),
            age: Duration::ZERO,
            cookie_secret: CookieSecret([7; 16]),
            zones: &self.zones,
            outside: &Nothing,
        };
        let (name, kind) = question.split_once(' ').unwrap();
        let edns = Some(EdnsOptions::default());
        let bytes =
            query(name, kind, &QueryOptions { edns, ..QueryOptions::default() }, 7).unwrap();
        let source = SocketAddr::new(IpAddr::from(Ipv4Addr::LOCALHOST), 5353);
        let incoming = Incoming { bytes: &bytes, transport: Transport::Udp, source };
        let mut without = Worker::without_cache(fastrand::Rng::with_seed(1));
        let mut wanted = Vec::new();
        let _ = respond(&known, &incoming, &mut without, &mut wanted);
        for _ in 0..2 {
            self.worker.rng = fastrand::Rng::with_seed(1);
            let mut again = Vec::new();
            let _ = respond(&known, &incoming, &mut self.worker, &mut again);
            assert_eq!(again, wanted, "with the cache: {question}");
        }
        let mut rng = fastrand::Rng::with_seed(1);
        summarise(question, &explain(&known, &incoming, &mut rng, viewer).unwrap())
    }
}

fn summarise(question: &str, explanation: &Explanation) -> String {
    let answer = explanation.answer.as_ref().unwrap();
    let answers: Vec<&str> = answer.answers.iter().filter_map(|a| a.rsplit(' ').next()).collect();
    let mut text = format!("{question}: {} {}", answer.rcode, answers.join(" "));
    for error in &answer.errors {
        write!(text, "[{} {}]", error.code, error.text).unwrap();
    }
    for instance in explanation.names.iter().flat_map(|name| &name.instances) {
        write!(text, " {}={}", instance.node, instance.verdict.as_str()).unwrap();
    }
    text + "\n"
}

#[test]
fn what_the_token_may_not_see_is_not_there() {
    let mut world = World::new();
    let all = Authorizer::allow_all();
    world.check(
        &all,
        &all,
        &expect![[r#"
        web.service.consul A: NOERROR 10.0.0.1 n1=told n2=critical
        db.service.consul A: NOERROR 10.0.9.9 n3=told
        nope.service.consul A: NXDOMAIN [0 no such service]
        n1.node.consul A: NOERROR 10.0.0.1
        nope.node.consul A: NXDOMAIN [0 no such node]
        1.0.0.10.in-addr.arpa PTR: NOERROR n1.node.dc1.consul.
        9.9.0.10.in-addr.arpa PTR: NOERROR db.service.dc1.consul.
        0a000001.addr.consul A: NOERROR 10.0.0.1
    "#]],
    );
    let rules = Policy::new(DefaultPolicy::Deny)
        .prefix(Named::Service, "", Access::Read)
        .exact(Named::Node, "n2", Access::Read)
        .exact(Named::Node, "n3", Access::Read);
    world.check(
        &Authorizer::by(rules),
        &all,
        &expect![[r#"
        web.service.consul A: NXDOMAIN [0 0 of 1 instances passing] n1=hidden n2=critical
        db.service.consul A: NOERROR 10.0.9.9 n3=told
        nope.service.consul A: NXDOMAIN [0 no such service]
        n1.node.consul A: NXDOMAIN [17 the token of this agent may not see this]
        nope.node.consul A: NXDOMAIN [17 the token of this agent may not see this]
        1.0.0.10.in-addr.arpa PTR: NXDOMAIN [0 nobody is registered at this address]
        9.9.0.10.in-addr.arpa PTR: NOERROR db.service.dc1.consul.
        0a000001.addr.consul A: NOERROR 10.0.0.1
    "#]],
    );
    let rules = Policy::new(DefaultPolicy::Deny).exact(Named::Service, "web", Access::Read).prefix(
        Named::Node,
        "",
        Access::Read,
    );
    world.check(
        &Authorizer::by(rules),
        &all,
        &expect![[r#"
        web.service.consul A: NOERROR 10.0.0.1 n1=told n2=critical
        db.service.consul A: NXDOMAIN [17 the token of this agent may not see this] n3=hidden
        nope.service.consul A: NXDOMAIN [17 the token of this agent may not see this]
        n1.node.consul A: NOERROR 10.0.0.1
        nope.node.consul A: NXDOMAIN [0 no such node]
        1.0.0.10.in-addr.arpa PTR: NOERROR n1.node.dc1.consul.
        9.9.0.10.in-addr.arpa PTR: NXDOMAIN [0 nobody is registered at this address]
        0a000001.addr.consul A: NOERROR 10.0.0.1
    "#]],
    );
    world.check(&Authorizer::deny_all(), &all, &expect![[r#"
        web.service.consul A: NXDOMAIN [17 the token of this agent may not see this] n1=hidden n2=hidden
        db.service.consul A: NXDOMAIN [17 the token of this agent may not see this] n3=hidden
        nope.service.consul A: NXDOMAIN [17 the token of this agent may not see this]
        n1.node.consul A: NXDOMAIN [17 the token of this agent may not see this]
        nope.node.consul A: NXDOMAIN [17 the token of this agent may not see this]
        1.0.0.10.in-addr.arpa PTR: NXDOMAIN [0 nobody is registered at this address]
        9.9.0.10.in-addr.arpa PTR: NXDOMAIN [0 nobody is registered at this address]
        0a000001.addr.consul A: NOERROR 10.0.0.1
    "#]]);
    // What was kept under the others is not told to this one, and the other way round.
    world.check(
        &all,
        &all,
        &expect![[r#"
        web.service.consul A: NOERROR 10.0.0.1 n1=told n2=critical
        db.service.consul A: NOERROR 10.0.9.9 n3=told
        nope.service.consul A: NXDOMAIN [0 no such service]
        n1.node.consul A: NOERROR 10.0.0.1
        nope.node.consul A: NXDOMAIN [0 no such node]
        1.0.0.10.in-addr.arpa PTR: NOERROR n1.node.dc1.consul.
        9.9.0.10.in-addr.arpa PTR: NOERROR db.service.dc1.consul.
        0a000001.addr.consul A: NOERROR 10.0.0.1
    "#]],
    );
}

#[test]
fn who_asks_why_is_told_of_no_instance_that_he_may_not_see() {
    let mut world = World::new();
    let viewer = Policy::new(DefaultPolicy::Deny).exact(Named::Service, "web", Access::Read).exact(
        Named::Node,
        "n1",
        Access::Read,
    );
    world.check(
        &Authorizer::deny_all(),
        &Authorizer::by(viewer),
        &expect![[r#"
        web.service.consul A: NXDOMAIN [17 the token of this agent may not see this] n1=hidden
        db.service.consul A: NXDOMAIN [17 the token of this agent may not see this]
        nope.service.consul A: NXDOMAIN [17 the token of this agent may not see this]
        n1.node.consul A: NXDOMAIN [17 the token of this agent may not see this]
        nope.node.consul A: NXDOMAIN [17 the token of this agent may not see this]
        1.0.0.10.in-addr.arpa PTR: NXDOMAIN [0 nobody is registered at this address]
        9.9.0.10.in-addr.arpa PTR: NXDOMAIN [0 nobody is registered at this address]
        0a000001.addr.consul A: NOERROR 10.0.0.1
    "#]],
    );
    world.check(
        &Authorizer::allow_all(),
        &Authorizer::deny_all(),
        &expect![[r#"
        web.service.consul A: NOERROR 10.0.0.1
        db.service.consul A: NOERROR 10.0.9.9
        nope.service.consul A: NXDOMAIN [0 no such service]
        n1.node.consul A: NOERROR 10.0.0.1
        nope.node.consul A: NXDOMAIN [0 no such node]
        1.0.0.10.in-addr.arpa PTR: NOERROR n1.node.dc1.consul.
        9.9.0.10.in-addr.arpa PTR: NOERROR db.service.dc1.consul.
        0a000001.addr.consul A: NOERROR 10.0.0.1
    "#]],
    );
}

#[test]
fn name_servers_are_told_as_far_as_the_token_sees_them() {
    let mut world = World::new();
    let mut catalog = Catalog::default();
    register(&mut catalog, "s1 10.0.0.1 id=consul name=consul");
    register(&mut catalog, "agent 10.0.0.9");
    world.view = View::new(catalog);
    let all = Authorizer::allow_all();
    let rules = |node: &str| {
        let rules = Policy::new(DefaultPolicy::Deny).prefix(Named::Service, "", Access::Read);
        Authorizer::by(rules.exact(Named::Node, node, Access::Read))
    };
    let told = [&all, &rules("s1"), &rules("agent"), &Authorizer::deny_all()];
    let told: String = told.into_iter().map(|acl| world.ask("consul NS", acl, &all)).collect();
    expect![[r#"
        consul NS: NOERROR s1.node.dc1.consul.
        consul NS: NOERROR s1.node.dc1.consul.
        consul NS: NOERROR agent.node.dc1.consul.
        consul NS: NOERROR ns.consul.
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_prepared_query_sees_by_its_own_token() {
    let mut world = World::new();
    let mut catalog = Catalog::default();
    for line in LINES.iter().chain(&[
        "query plain web",
        "query own web token=master",
        "query lost web token=gone",
        "query none nope",
    ]) {
        register(&mut catalog, line);
    }
    world.view = View::new(catalog);
    let names = ["plain", "own", "lost", "none", "nobodys"];
    let mut ask = |acl: &Authorizer| -> String {
        let question = |name| format!("{name}.query.consul A");
        names.map(|name| world.ask(&question(name), acl, &Authorizer::allow_all())).concat()
    };
    expect![[r#"
        plain.query.consul A: NOERROR 10.0.0.1 n1=told n2=critical
        own.query.consul A: NOERROR 10.0.0.1 n1=told n2=critical
        lost.query.consul A: SERVFAIL [0 the prepared query's own token opens nothing]
        none.query.consul A: NXDOMAIN [0 no such service]
        nobodys.query.consul A: NXDOMAIN [0 no such prepared query]
    "#]]
    .assert_eq(&ask(&Authorizer::allow_all()));
    expect![[r#"
        plain.query.consul A: NXDOMAIN [17 the token of this agent may not see this] n1=hidden n2=hidden
        own.query.consul A: NOERROR 10.0.0.1 n1=told n2=critical
        lost.query.consul A: SERVFAIL [0 the prepared query's own token opens nothing]
        none.query.consul A: NXDOMAIN [17 the token of this agent may not see this]
        nobodys.query.consul A: NXDOMAIN [0 no such prepared query]
    "#]].assert_eq(&ask(&Authorizer::deny_all()));
}
