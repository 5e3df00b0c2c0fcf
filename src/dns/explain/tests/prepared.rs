use expect_test::{Expect, expect};

use super::*;
use crate::model::prepared_query::{
    PreparedQuery, PreparedQueryId, QueryTemplate, ServiceQuery, TemplateKind,
};

/// Stores a prepared query: `query NAME SERVICE`, then `template`, `near=`, `tags=`, `ignore=`, `rack=`, `token=`.
pub(super) fn store(catalog: &mut Catalog, words: &[&str]) {
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
    let list = |key: &str| value(key).into_iter().map(str::to_owned).collect();
    let is_template = words.contains(&"template");
    let kind = if is_template { TemplateKind::NamePrefixMatch } else { TemplateKind::None };
    let rack = value("rack=").map(|rack| ("rack".to_owned(), rack.to_owned()));
    let number = (catalog.prepared_queries().count() + 1).to_string().repeat(8);
    let query = PreparedQuery {
        id: PreparedQueryId::new(&format!("{number}-0000-0000-0000-000000000000")).unwrap(),
        name: words[1].to_owned(),
        session: None,
        token: value("token=").unwrap_or_default().to_owned(),
        template: QueryTemplate { kind, ..QueryTemplate::default() },
        service: ServiceQuery {
            service: words[2].to_owned(),
            near: value("near=").unwrap_or_default().to_owned(),
            tags: list("tags="),
            ignore_check_ids: list("ignore="),
            node_meta: rack.into_iter().collect(),
            ..ServiceQuery::default()
        },
        dns_ttl: String::new(),
        create_revision: Revision(0),
        modify_revision: Revision(0),
    };
    let revision = Revision(catalog.tables().applied.0 + 1);
    let _ = apply(catalog, revision, Now(0), &Command::PreparedQueryCreate(Box::new(query)));
}

/// The instances of [`WEB`], and a query about them.
fn check_query(query: &str, ask: &str, expected: &Expect) {
    let lines: Vec<&str> = WEB.iter().copied().chain([query]).collect();
    check(Case { lines: &lines, ask, ..Case::default() }, expected);
}

#[test]
fn a_prepared_query_says_which_of_its_rules_decided() {
    check_query(
        "query q1 web tags=!v1 ignore=service-check",
        "q1.query.consul A",
        &expect![[r#"
            question  q1.query.consul. IN A, udp from 127.0.0.1, flags rd
                      edns udp 1232
            target    prepared query `q1`, in the domain consul.
            outcome   query 11111111-0000-0000-0000-000000000000 for service `web`: 2 of 4 instances may be told, 2 with another tag; revision 5
                      other_tag  n1  web    192.0.2.1:80  its tags are v1
                      other_tag  n2  web    192.0.2.2:80  its tags are v1, v2
                      told       n3  web    192.0.2.3:80  its check passes
                      duplicate  n3  web-b  192.0.2.3:80  `web` on `n3` has the same record, which is told once
            answer    NOERROR, authoritative
                      q1.query.consul. 0 IN A 192.0.2.3
                      kept while prepared queries stay at revision 5 and service `web` at revision 4
            message   60 bytes of 1232 at most; records: 1 answer, 0 authority, 0 additional"#]],
    );
    check_query(
        "query q1 web rack=r1",
        "q1.query.consul A",
        &expect![[r#"
            question  q1.query.consul. IN A, udp from 127.0.0.1, flags rd
                      edns udp 1232
            target    prepared query `q1`, in the domain consul.
            outcome   no such name: 0 of 4 instances fit the prepared query; revision 5
                      other_meta  n1  web    192.0.2.1:80  its node's metadata is {}
                      other_meta  n2  web    192.0.2.2:80  its node's metadata is {}
                      other_meta  n3  web    192.0.2.3:80  its node's metadata is {}
                      other_meta  n3  web-b  192.0.2.3:80  its node's metadata is {}
            answer    NXDOMAIN, authoritative
                      authority consul. 0 IN SOA ns.consul. hostmaster.consul. 5 3600 600 86400 0
                      ede 0: 0 of 4 instances fit the prepared query
                      not kept: made anew for each query
            message   139 bytes of 1232 at most; records: 0 answer, 1 authority, 0 additional"#]],
    );
}

#[test]
fn a_template_says_what_it_means_and_is_not_kept() {
    check_query(
        "query te web template near=n3",
        "test.query.consul SRV",
        &expect![[r#"
            question  test.query.consul. IN SRV, udp from 127.0.0.1, flags rd
                      edns udp 1232
            target    prepared query `test`, in the domain consul.
            outcome   template 11111111-0000-0000-0000-000000000000 for service `web`, near `n3`: 3 of 4 instances may be told, 1 critical; revision 5
                      critical   n1  web    192.0.2.1:80  node check `node-check` is critical
                      told       n2  web    192.0.2.2:80  service check `service-check` is warning, and `OnlyPassing` is not set
                      told       n3  web    192.0.2.3:80  its check passes
                      duplicate  n3  web-b  192.0.2.3:80  `web` on `n3` has the same record, which is told once
            answer    NOERROR, authoritative
                      test.query.consul. 0 IN SRV 1 1 80 n3.node.dc1.consul.
                      test.query.consul. 0 IN SRV 1 1 80 n2.node.dc1.consul.
                      additional n3.node.dc1.consul. 0 IN A 192.0.2.3
                      additional n2.node.dc1.consul. 0 IN A 192.0.2.2
                      not kept: made anew for each query
            message   154 bytes of 1232 at most; records: 2 answer, 0 authority, 2 additional"#]],
    );
}
