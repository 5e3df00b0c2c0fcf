use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;

use expect_test::{Expect, expect};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, CNAME, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::{Cache, Found, bounded};
use crate::dns::outside::{Ask, Failure, Told};
use crate::model::time::Now;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn ask(text: &str) -> Ask {
    let kind = RecordType::A;
    Ask { name: name(text), kind, dnssec_ok: false, checking_disabled: false }
}

fn a(owner: &str, ttl: u32) -> Record {
    Record::from_rdata(name(owner), ttl, RData::A(A(Ipv4Addr::LOCALHOST)))
}

fn cname(owner: &str, ttl: u32) -> Record {
    Record::from_rdata(name(owner), ttl, RData::CNAME(CNAME(name("b."))))
}

fn soa(ttl: u32, minimum: u32) -> Record {
    let soa = SOA::new(name("ns."), name("root."), 1, 1, 1, 1, minimum);
    Record::from_rdata(name("."), ttl, RData::SOA(soa))
}

/// An answer; what a test does not set is empty.
fn told(rcode: ResponseCode, answers: Vec<Record>, authorities: Vec<Record>) -> Told {
    Told { rcode, answers, authorities, additionals: Vec::new(), stale: None }
}

fn show(found: &Found) -> String {
    let records = |told: &Told| {
        let sections = [&told.answers, &told.authorities, &told.additionals];
        let sections = sections.map(|records| {
            records.iter().map(|r| format!("{} {}", r.record_type(), r.ttl)).collect::<Vec<_>>()
        });
        format!("{:?} {}", told.rcode, sections.map(|texts| texts.join(" ")).join(" | "))
    };
    match found {
        Found::Missing => "missing".to_owned(),
        Found::Fresh(told) => format!("fresh {}", records(told)),
        Found::Failed(failure) => format!("failed {failure:?}"),
        Found::Stale(told, recheck) => {
            let since = told.stale.unwrap_or_default().as_secs();
            format!("stale {since}s {recheck:?} {}", records(told))
        }
    }
}

/// Keeps an answer at 0 and shows what is found at each second.
fn check(told: Told, seconds: &[u64], expected: &Expect) {
    let cache = Cache::new(1 << 20);
    cache.put(ask("a."), &Arc::new(bounded(told)), Now(0));
    let mut shown = String::new();
    for second in seconds {
        let found = cache.find(&ask("A."), Now(second * 1_000));
        writeln!(shown, "{second}: {}", show(&found)).unwrap();
    }
    expected.assert_eq(&shown);
}

#[test]
fn an_answer_lives_as_long_as_its_shortest_record() {
    let mut answer =
        told(ResponseCode::NoError, vec![cname("a.", 100), a("b.", 40)], vec![a("ns.", 20)]);
    answer.additionals = vec![a("ns.", 5)];
    check(
        answer,
        &[0, 4, 5, 20, 39, 40, 86_439, 86_440],
        &expect![[r#"
        0: fresh NoError CNAME 100 A 40 | A 20 | A 5
        4: fresh NoError CNAME 96 A 36 | A 16 | A 1
        5: fresh NoError CNAME 95 A 35 | A 15 | 
        20: fresh NoError CNAME 80 A 20 |  | 
        39: fresh NoError CNAME 61 A 1 |  | 
        40: stale 0s Due NoError CNAME 30 A 30 | A 30 | A 30
        86439: stale 86399s Due NoError CNAME 30 A 30 | A 30 | A 30
        86440: missing
    "#]],
    );
}

#[test]
fn times_are_bounded() {
    // RFC 2181 §8: a TTL with the top bit set is zero.
    let answer = |ttl| told(ResponseCode::NoError, vec![a("a.", ttl)], vec![]);
    check(
        answer(i32::MAX.unsigned_abs()),
        &[0, 86_399, 86_400],
        &expect![[r#"
        0: fresh NoError A 86400 |  | 
        86399: fresh NoError A 1 |  | 
        86400: stale 0s Due NoError A 30 |  | 
    "#]],
    );
    check(
        answer(1 << 31),
        &[0],
        &expect![[r#"
        0: missing
    "#]],
    );
    check(
        answer(0),
        &[0],
        &expect![[r#"
        0: missing
    "#]],
    );
}

#[test]
fn a_no_lives_as_long_as_its_soa_says() {
    let nxdomain = |authorities| told(ResponseCode::NXDomain, vec![], authorities);
    check(
        nxdomain(vec![soa(300, 60)]),
        &[0, 59, 60],
        &expect![[r#"
        0: fresh NXDomain  | SOA 60 | 
        59: fresh NXDomain  | SOA 1 | 
        60: stale 0s Due NXDomain  | SOA 30 | 
    "#]],
    );
    check(
        nxdomain(vec![soa(30, 60)]),
        &[0, 30],
        &expect![[r#"
        0: fresh NXDomain  | SOA 30 | 
        30: stale 0s Due NXDomain  | SOA 30 | 
    "#]],
    );
    check(
        nxdomain(vec![soa(86_400, 86_400)]),
        &[0, 10_799, 10_800],
        &expect![[r#"
        0: fresh NXDomain  | SOA 10800 | 
        10799: fresh NXDomain  | SOA 1 | 
        10800: stale 0s Due NXDomain  | SOA 30 | 
    "#]],
    );
    check(
        nxdomain(vec![a("ns.", 60)]),
        &[0],
        &expect![[r#"
        0: missing
    "#]],
    );
    let nodata = told(ResponseCode::NoError, vec![], vec![soa(300, 60)]);
    check(
        nodata,
        &[0, 59, 60],
        &expect![[r#"
        0: fresh NoError  | SOA 60 | 
        59: fresh NoError  | SOA 1 | 
        60: stale 0s Due NoError  | SOA 30 | 
    "#]],
    );
    // An alias to nothing: the sooner of both.
    let alias = |rcode| told(rcode, vec![cname("a.", 10)], vec![soa(300, 60)]);
    check(
        alias(ResponseCode::NXDomain),
        &[9, 10],
        &expect![[r#"
        9: fresh NXDomain CNAME 1 | SOA 51 | 
        10: stale 0s Due NXDomain CNAME 30 | SOA 30 | 
    "#]],
    );
    check(
        alias(ResponseCode::NoError),
        &[9, 10],
        &expect![[r#"
        9: fresh NoError CNAME 1 | SOA 51 | 
        10: stale 0s Due NoError CNAME 30 | SOA 30 | 
    "#]],
    );
    let dangling = told(ResponseCode::NoError, vec![cname("a.", 10)], vec![]);
    check(
        dangling,
        &[0],
        &expect![[r#"
        0: missing
    "#]],
    );
}

#[test]
fn a_failure_is_believed_for_a_moment_and_forgets_no_answer() {
    let cache = Cache::new(1 << 20);
    let answer = || Arc::new(told(ResponseCode::NoError, vec![a("a.", 10)], vec![]));
    let mut shown = String::new();
    let mut look = |seconds: u64, cache: &Cache| {
        let found = show(&cache.find(&ask("a."), Now(seconds * 1_000)));
        writeln!(shown, "{seconds}: {found}").unwrap();
    };
    cache.put_failure(ask("a."), Failure::Useless, Now(0));
    for seconds in 0..3 {
        look(seconds, &cache);
    }
    cache.put(ask("a."), &answer(), Now(3_000));
    cache.put_failure(ask("a."), Failure::Unreachable, Now(13_000));
    for seconds in [12, 13, 42, 43] {
        look(seconds, &cache);
    }
    // Beyond its time as a stale answer it is one no more.
    cache.put_failure(ask("a."), Failure::Unreachable, Now(86_413_000));
    for seconds in [86_413, 86_415] {
        look(seconds, &cache);
    }
    // What must not be kept takes with it what was.
    cache.put(ask("a."), &answer(), Now(86_420_000));
    let nothing = told(ResponseCode::NoError, vec![a("a.", 0)], vec![]);
    cache.put(ask("a."), &Arc::new(nothing), Now(86_421_000));
    look(86_421, &cache);
    expect![[r#"
        0: failed Useless
        1: failed Useless
        2: missing
        12: fresh NoError A 1 |  | 
        13: stale 0s Later NoError A 30 |  | 
        42: stale 29s Later NoError A 30 |  | 
        43: stale 30s Due NoError A 30 |  | 
        86413: failed Unreachable
        86415: missing
        86421: missing
    "#]]
    .assert_eq(&shown);
}

#[test]
fn questions_differ_by_all_but_the_case_of_letters() {
    let cache = Cache::new(1 << 20);
    let answer = Arc::new(told(ResponseCode::NoError, vec![a("a.", 10)], vec![]));
    cache.put(ask("Www.Example."), &answer, Now(0));
    let is_found = |ask: &Ask| matches!(cache.find(ask, Now(0)), Found::Fresh(_));
    assert!(is_found(&ask("wWW.eXAMPLE.")));
    assert!(!is_found(&ask("ww.example.")));
    assert!(!is_found(&Ask { kind: RecordType::AAAA, ..ask("www.example.") }));
    assert!(!is_found(&Ask { dnssec_ok: true, ..ask("www.example.") }));
    assert!(!is_found(&Ask { checking_disabled: true, ..ask("www.example.") }));
}

#[test]
fn random_names_do_not_push_out_what_is_asked_for() {
    const BYTES_MAX: u64 = 1 << 20;
    let cache = Cache::new(BYTES_MAX);
    let answer = Arc::new(told(ResponseCode::NoError, vec![a("a.", 3_600)], vec![]));
    let hot: Vec<Ask> = (0..200).map(|number| ask(&format!("hot-{number}."))).collect();
    let mut misses = 0;
    for round in 0..200_u32 {
        for ask in &hot {
            if !matches!(cache.find(ask, Now(0)), Found::Fresh(_)) {
                misses += 1;
                cache.put(ask.clone(), &answer, Now(0));
            }
        }
        for number in 0..500 {
            let random = ask(&format!("random-{round}-{number}."));
            match number % 2 {
                0 => cache.put(random, &answer, Now(0)),
                _ => cache.put_failure(random, Failure::Useless, Now(0)),
            }
        }
        assert!(cache.size().1 <= BYTES_MAX, "{:?}", cache.size());
    }
    // Each once, and a few while the cache learned.
    assert!(misses <= 240, "{misses} of 40,000 questions for 200 names were not answered");
    assert!(BYTES_MAX / 2 < cache.size().1, "the flood was there: {:?}", cache.size());
}

#[test]
fn an_answer_that_is_larger_than_the_cache_is_not_kept() {
    let cache = Cache::new(64 << 10);
    let records = (0..1_000).map(|_| a("a.", 60)).collect();
    cache.put(ask("a."), &Arc::new(told(ResponseCode::NoError, records, vec![])), Now(0));
    assert_eq!(show(&cache.find(&ask("a."), Now(0))), "missing");
    assert_eq!(cache.size(), (0, 0));
}
