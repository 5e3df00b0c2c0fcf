use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::{Expect, expect};
use futures_util::FutureExt;
use futures_util::future::join_all;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::{Forwarder, Terms};
use crate::dns::outside::{Ask, Failure, Fetched};
use crate::forward::clock::Clock;
use crate::forward::flight::join;
use crate::forward::scripted::Act::{
    self, Answer, Code, Elsewhere, Garbage, Late, Mirror, NxDomain, OtherCase, PlainCode, Short,
    Silence, Truncated, WrongId, WrongQuestion,
};
use crate::forward::scripted::{Onward, ScriptedRecursor};
use crate::forward::{Fault, Standing, patrol};
use crate::model::forward_config::{ForwardConfig, Recursor, Strategy};
use crate::model::limits::WRONG_REPLIES_MAX;
use crate::model::lock::lock;

/// What one recursor does: for each query over UDP, and for each over TCP.
type Does = (&'static [&'static [Act]], &'static [&'static [Act]]);

/// Longer than any answer on the loopback takes, however busy the machine.
const PATIENT: Duration = Duration::from_secs(10);

/// Short, for recursors that are silent.
const IMPATIENT: Duration = Duration::from_millis(400);

/// Where nobody answers, and no socket of another test can come to be: the system hands out no such port.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

fn ask(name: &str) -> Ask {
    let name = Name::from_ascii(name).unwrap();
    Ask { name, kind: RecordType::A, dnssec_ok: false, checking_disabled: false }
}

fn terms() -> Terms {
    Terms { resolv_conf: "/nonexistent".into(), ..Terms::default() }
}

fn config(recursors: &[ScriptedRecursor], timeout: Duration) -> ForwardConfig {
    let recursors = recursors.iter().map(|recursor| Recursor::At(recursor.address)).collect();
    ForwardConfig { recursors, timeout, strategy: Strategy::Sequential }
}

async fn start(does: &[Does]) -> Vec<ScriptedRecursor> {
    let start = |(udp, tcp): &Does| ScriptedRecursor::start(udp, tcp, Onward::Authority);
    join_all(does.iter().map(start)).await
}

fn forwarder(config: &ForwardConfig, terms: Terms) -> Forwarder {
    Forwarder::with_terms(config, Vec::new(), 1, (terms, Clock::Turned(0.into()))).unwrap()
}

/// Turns the clock of what is kept.
fn advance(forwarder: &Forwarder, by: Duration) {
    let ms = u64::try_from(by.as_millis()).unwrap();
    let Clock::Turned(clock) = &forwarder.shared.clock else { unreachable!("tests turn it") };
    clock.fetch_add(ms, Ordering::Relaxed);
}

/// Waits for a fetch that nobody else waits for.
async fn landed(forwarder: &Forwarder, ask: &Ask) {
    let circle = forwarder.shared.circle.load_full();
    join(&forwarder.shared, &circle, ask).ok().unwrap().landing().await;
}

fn show(fetched: &Fetched) -> String {
    let told = match fetched {
        Fetched::Failed(failure) => return failure.to_string(),
        Fetched::Told(told) => told,
    };
    let mut text = format!("{:?}", told.rcode);
    for record in told.answers.iter().chain(&told.authorities).chain(&told.additionals) {
        write!(text, ", {} {} {}", record.name, record.ttl, record.record_type()).unwrap();
    }
    if told.stale.is_some() {
        text.push_str(", stale");
    }
    text
}

/// Asks the same question twice, the second time after what is kept is over, and shows what each time came, and
/// what each recursor was asked.
async fn check(timeout: Duration, does: &[Does], expected: &Expect) {
    let recursors = start(does).await;
    let forwarder = forwarder(&config(&recursors, timeout), terms());
    let mut text = String::new();
    for _ in 0..2 {
        let fetched = forwarder.fetch(ask("www.Example.")).await;
        writeln!(text, "{}", show(&fetched)).unwrap();
        advance(&forwarder, Duration::from_secs(120));
    }
    for recursor in &recursors {
        writeln!(text, "asked: {}", recursor.log()).unwrap();
    }
    expected.assert_eq(&text);
}

#[tokio::test]
async fn an_answer_is_told_whatever_came_before_it() {
    let expected = || {
        expect![[r#"
            NoError, www.example. 60 A
            NoError, www.example. 60 A
            asked: udp udp
        "#]]
    };
    let before: [&[Act]; 8] = [
        &[Answer],
        &[WrongId, Answer],
        &[WrongQuestion, Answer],
        &[Short, Answer],
        &[Mirror, Answer],
        &[Elsewhere, Answer],
        &[WrongId, WrongQuestion, Short, Mirror, Elsewhere, Answer],
        &[Answer, Garbage, Answer, WrongId],
    ];
    for acts in before {
        let recursors =
            vec![ScriptedRecursor::start(&[acts], &[&[Silence]], Onward::Authority).await];
        let forwarder = forwarder(&config(&recursors, PATIENT), terms());
        let mut text = String::new();
        for _ in 0..2 {
            writeln!(text, "{}", show(&forwarder.fetch(ask("www.example.")).await)).unwrap();
            advance(&forwarder, Duration::from_secs(120));
        }
        writeln!(text, "asked: {}", recursors[0].log()).unwrap();
        expected().assert_eq(&text);
    }
}

#[tokio::test]
async fn nxdomain_is_an_answer() {
    check(
        PATIENT,
        &[(&[&[NxDomain]], &[&[Silence]]), (&[&[Answer]], &[&[Answer]])],
        &expect![[r#"
            NXDomain, example. 60 SOA
            NXDomain, example. 60 SOA
            asked: udp udp
            asked: 
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_does_not_fit_comes_over_tcp() {
    check(
        PATIENT,
        &[(&[&[Truncated]], &[&[Answer]])],
        &expect![[r#"
            NoError, www.example. 60 A
            NoError, www.example. 60 A
            asked: udp tcp udp tcp
        "#]],
    )
    .await;
}

#[tokio::test]
async fn letters_that_are_not_repeated_are_checked_over_tcp_and_then_left_alone() {
    check(
        PATIENT,
        &[(&[&[OtherCase]], &[&[OtherCase]])],
        &expect![[r#"
            NoError, www.example. 60 A
            NoError, www.example. 60 A
            asked: udp tcp udp
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_forger_who_misses_the_letters_changes_nothing() {
    check(
        PATIENT,
        &[(&[&[OtherCase, Answer]], &[&[Answer]])],
        &expect![[r#"
            NoError, www.example. 60 A
            NoError, www.example. 60 A
            asked: udp tcp udp tcp
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_flood_of_wrong_replies_leads_to_tcp() {
    static FLOODS: [&[Act]; 1] = [&[WrongId; WRONG_REPLIES_MAX]];
    check(
        PATIENT,
        &[(&FLOODS, &[&[Answer]])],
        &expect![[r#"
            NoError, www.example. 60 A
            NoError, www.example. 60 A
            asked: udp tcp udp tcp
        "#]],
    )
    .await;
}

#[tokio::test]
async fn who_stumbles_over_edns_is_asked_without() {
    check(
        PATIENT,
        &[(&[&[PlainCode(ResponseCode::FormErr)], &[Answer]], &[&[Silence]])],
        &expect![[r#"
            NoError, www.example. 60 A
            NoError, www.example. 60 A
            asked: udp udp udp
        "#]],
    )
    .await;
}

#[tokio::test]
async fn an_error_leads_to_the_next_one() {
    // SERVFAIL is about the name, so the first is asked first again; the others are about everything.
    check(
        PATIENT,
        &[(&[&[Code(ResponseCode::ServFail)]], &[&[Silence]]), (&[&[Answer]], &[&[Silence]])],
        &expect![[r#"
            NoError, www.example. 60 A
            NoError, www.example. 60 A
            asked: udp udp
            asked: udp udp
        "#]],
    )
    .await;
    check(
        PATIENT,
        &[
            (&[&[Code(ResponseCode::Refused)]], &[&[Silence]]),
            (&[&[Garbage]], &[&[Silence]]),
            (&[&[Truncated]], &[&[Truncated]]),
            (&[&[Answer]], &[&[Silence]]),
        ],
        &expect![[r#"
            NoError, www.example. 60 A
            NoError, www.example. 60 A
            asked: udp udp
            asked: udp udp
            asked: udp tcp udp tcp
            asked: udp udp
        "#]],
    )
    .await;
}

#[tokio::test]
async fn who_is_silent_or_late_loses_to_the_next_one() {
    // The query is sent again at half time, so each is heard twice. Its late answer meets a closed port.
    check(
        IMPATIENT,
        &[
            (&[&[Silence]], &[&[Silence]]),
            (&[&[Late]], &[&[Silence]]),
            (&[&[Answer]], &[&[Silence]]),
        ],
        &expect![[r#"
            NoError, www.example. 60 A
            NoError, www.example. 60 A
            asked: udp udp udp udp
            asked: udp udp udp udp
            asked: udp udp
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again() {
    check(
        PATIENT / 5,
        &[(&[&[Silence], &[Answer]], &[&[Silence]])],
        &expect![[r#"
            NoError, www.example. 60 A
            NoError, www.example. 60 A
            asked: udp udp udp
        "#]],
    )
    .await;
}

#[tokio::test]
async fn every_query_has_a_port_an_id_and_letters_of_its_own() {
    let recursors = start(&[(&[&[Answer]], &[&[Silence]])]).await;
    let forwarder = forwarder(&config(&recursors, PATIENT), terms());
    let name = "a-name-with-enough-letters-to-tell.example.";
    for _ in 0..20 {
        let fetched = forwarder.fetch(ask(name)).await;
        assert_eq!(show(&fetched), format!("NoError, {name} 60 A"));
        advance(&forwarder, Duration::from_secs(120));
    }
    let heard = lock(&recursors[0].heard).clone();
    let count = |mut values: Vec<String>| {
        values.sort();
        values.dedup();
        values.len()
    };
    assert_eq!(heard.len(), 20);
    // Of 16 bits and 20 draws, more than two pairs are as good as impossible.
    assert!(18 <= count(heard.iter().map(|heard| heard.query.metadata.id.to_string()).collect()));
    assert!(15 <= count(heard.iter().map(|heard| heard.port.to_string()).collect()));
    let spelt = |heard: &crate::forward::scripted::Heard| heard.query.queries[0].name().to_ascii();
    assert_eq!(count(heard.iter().map(spelt).collect()), 20);
}

#[tokio::test]
async fn what_is_known_is_told_until_it_is_too_old() {
    let does: Does = (&[&[Answer], &[Code(ResponseCode::ServFail)]], &[&[Silence]]);
    let recursors = start(&[does]).await;
    let forwarder = forwarder(&config(&recursors, PATIENT), terms());
    assert!(forwarder.cached(&ask("www.example.")).is_none());
    let mut text = String::new();
    for seconds in [0, 20, 39, 1, 1, 30, 86_000, 400, 5] {
        advance(&forwarder, Duration::from_secs(seconds));
        let cached = forwarder.cached(&ask("WWW.example."));
        let cached = cached.as_ref().map_or("asks".to_owned(), show);
        let fetched = show(&forwarder.fetch(ask("www.example.")).await);
        writeln!(text, "{seconds}: {cached}; {fetched}; {}", recursors[0].log().len()).unwrap();
    }
    expect![[r#"
        0: asks; NoError, www.example. 60 A; 3
        20: NoError, www.example. 40 A; NoError, www.example. 40 A; 3
        39: NoError, www.example. 1 A; NoError, www.example. 1 A; 3
        1: asks; NoError, www.example. 30 A, stale; 7
        1: NoError, www.example. 30 A, stale; NoError, www.example. 30 A, stale; 7
        30: asks; NoError, www.example. 30 A, stale; 11
        86000: asks; NoError, www.example. 30 A, stale; 15
        400: asks; no recursor gave an answer; 19
        5: asks; no recursor gave an answer; 23
    "#]]
    .assert_eq(&text);
}

#[tokio::test]
async fn stale_is_told_before_a_client_gives_up() {
    let does: Does = (&[&[Answer], &[Silence], &[Silence], &[Answer]], &[&[Silence]]);
    let recursors = start(&[does]).await;
    let terms = Terms { stale_after: Duration::from_millis(50), ..terms() };
    let forwarder = forwarder(&config(&recursors, IMPATIENT), terms);
    forwarder.fetch(ask("www.example.")).await;
    advance(&forwarder, Duration::from_secs(61));
    let first = forwarder.fetch(ask("www.example.")).await;
    assert_eq!(show(&first), "NoError, www.example. 30 A, stale");
    assert_eq!(forwarder.stats().under_way, 1, "the fetch goes on");
    landed(&forwarder, &ask("www.example.")).await;
    let second = forwarder.cached(&ask("www.example.")).unwrap();
    assert_eq!(show(&second), "NoError, www.example. 30 A, stale");
    advance(&forwarder, Duration::from_secs(31));
    landed(&forwarder, &ask("www.example.")).await;
    let third = forwarder.fetch(ask("www.example.")).await;
    assert_eq!(show(&third), "NoError, www.example. 60 A");
}

#[tokio::test]
async fn nobody_there_is_said_at_once_and_then_believed() {
    let recursors = vec![Recursor::At(NOBODY)];
    let config = ForwardConfig { recursors, timeout: PATIENT, strategy: Strategy::Sequential };
    let forwarder = forwarder(&config, terms());
    assert_eq!(show(&forwarder.fetch(ask("a.")).await), "no recursor could be reached");
    let cached = forwarder.cached(&ask("a.")).unwrap();
    assert_eq!(show(&cached), "no recursor could be reached");
    advance(&forwarder, Duration::from_secs(2));
    assert!(forwarder.cached(&ask("a.")).is_none());
    assert_eq!(forwarder.stats().recursors[0].1, Standing::Lame);
}

#[tokio::test]
async fn equal_questions_are_asked_once() {
    let recursors = start(&[(&[&[Answer]], &[&[Silence]])]).await;
    let forwarder = forwarder(&config(&recursors, PATIENT), terms());
    let names = ["www.example.", "WWW.EXAMPLE.", "wWw.eXaMpLe."];
    let asks = (0..200).map(|number| forwarder.fetch(ask(names[number % 3])));
    for fetched in join_all(asks).await {
        assert_eq!(show(&fetched), "NoError, www.example. 60 A");
    }
    assert_eq!(recursors[0].log(), "udp");
    let other = Ask { dnssec_ok: true, ..ask("www.example.") };
    let third = Ask { checking_disabled: true, ..ask("www.example.") };
    let _ = (forwarder.fetch(other).await, forwarder.fetch(third).await);
    assert_eq!(recursors[0].log(), "udp udp udp");
}

#[tokio::test]
async fn who_goes_away_ends_no_fetch() {
    let recursors = start(&[(&[&[Answer]], &[&[Silence]])]).await;
    let forwarder = forwarder(&config(&recursors, PATIENT), terms());
    let gone = forwarder.fetch(ask("www.example.")).now_or_never();
    assert!(gone.is_none(), "nothing can have come yet");
    landed(&forwarder, &ask("www.example.")).await;
    let cached = forwarder.cached(&ask("www.example.")).unwrap();
    assert_eq!(show(&cached), "NoError, www.example. 60 A");
}

#[tokio::test]
async fn beyond_the_limit_nothing_waits() {
    let recursors = start(&[(&[&[Answer], &[Silence]], &[&[Silence]])]).await;
    let terms = Terms { flights_max: 2, ..terms() };
    let forwarder = forwarder(&config(&recursors, PATIENT), terms);
    forwarder.fetch(ask("known.example.")).await;
    advance(&forwarder, Duration::from_secs(61));
    let (a, b, c) = (ask("a.example."), ask("b.example."), ask("c.example."));
    let waits = async { join_all([forwarder.fetch(a.clone()), forwarder.fetch(b)]).await };
    let others = async {
        while forwarder.stats().under_way < 2 {
            tokio::task::yield_now().await;
        }
        let refused = forwarder.fetch(c.clone()).await;
        assert!(matches!(refused, Fetched::Failed(Failure::Overloaded)));
        assert!(forwarder.cached(&c).is_none(), "another moment, another answer");
        let known = forwarder.fetch(ask("known.example.")).await;
        assert_eq!(show(&known), "NoError, known.example. 30 A, stale");
        assert_eq!(forwarder.stats().under_way, 2);
    };
    tokio::select! {
        biased;
        _ = waits => unreachable!("the recursor is silent"),
        () = others => {}
    }
}

#[tokio::test]
async fn a_recursor_that_forwards_to_us_is_left_out_for_as_long_as_it_does() {
    let back = Arc::new(Mutex::new(None));
    let loops = Onward::Back(Arc::clone(&back));
    let recursors = [ScriptedRecursor::start(&[&[Answer]], &[&[Silence]], loops).await];
    let forwarder = Arc::new(forwarder(&config(&recursors, PATIENT), terms()));
    let probe = async || patrol::round(Arc::clone(&forwarder.shared)).await;
    let standing = || forwarder.stats().recursors[0].1;
    probe().await;
    assert_eq!(standing(), Standing::Good);
    *lock(&back) = Some(Arc::clone(&forwarder));
    probe().await;
    assert_eq!(standing(), Standing::Loops);
    let fetched = forwarder.fetch(ask("www.example.")).await;
    assert_eq!(show(&fetched), "the recursors forward to this agent");
    assert_eq!(recursors[0].log(), "", "it is not asked");
    *lock(&back) = None;
    probe().await;
    assert_eq!(standing(), Standing::Good);
    advance(&forwarder, Duration::from_secs(2));
    let fetched = forwarder.fetch(ask("www.example.")).await;
    assert_eq!(show(&fetched), "NoError, www.example. 60 A");
}

#[tokio::test]
async fn a_question_that_comes_back_waits_for_itself() {
    // A loop that no probe found: whatever the recursor is asked, it asks us.
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let recursors = vec![Recursor::At(socket.local_addr().unwrap())];
    let config = ForwardConfig { recursors, timeout: IMPATIENT, ..Default::default() };
    let forwarder = Arc::new(forwarder(&config, terms()));
    let heard = Arc::new(AtomicUsize::new(0));
    let (back, count) = (Arc::clone(&forwarder), Arc::clone(&heard));
    let mut recursor = JoinSet::new();
    recursor.spawn(async move {
        let (mut buffer, mut asks) = (vec![0; 4096], JoinSet::new());
        while let Ok(length) = socket.recv(&mut buffer).await {
            let query = Message::from_vec(&buffer[..length]).unwrap();
            let name = query.queries[0].name().clone();
            if query.queries[0].query_type() == RecordType::A {
                count.fetch_add(1, Ordering::Relaxed);
                let back = Arc::clone(&back);
                asks.spawn(async move { back.fetch(Ask { name, ..ask(".") }).await });
            }
        }
    });
    let fetched = forwarder.fetch(ask("www.example.")).await;
    assert_eq!(show(&fetched), "no recursor could be reached");
    assert_eq!(heard.load(Ordering::Relaxed), 2, "sent, and sent again at half time");
    recursor.abort_all();
}

#[tokio::test]
async fn a_recursor_that_asks_what_it_is_asked_is_suspected() {
    let does: Does = (&[&[Silence]], &[&[Silence]]);
    let recursors = start(&[does]).await;
    let forwarder = forwarder(&config(&recursors, PATIENT), terms());
    let is_suspected = || forwarder.shared.suspicion.notified().now_or_never().is_some();
    let asked_by = |asker: Ipv4Addr, name: &str| {
        forwarder.asked_by(asker.into(), &ask(name));
        is_suspected()
    };
    assert!(!asked_by(Ipv4Addr::LOCALHOST, "www.example."), "it is asked nothing");
    let mut fetch = std::pin::pin!(forwarder.fetch(ask("www.example.")));
    assert!(futures_util::poll!(&mut fetch).is_pending());
    assert!(!asked_by(Ipv4Addr::new(127, 0, 0, 2), "www.example."), "somebody else asks");
    assert!(!asked_by(Ipv4Addr::LOCALHOST, "other.example."), "it asks something else");
    assert!(asked_by(Ipv4Addr::LOCALHOST, "www.example."));
}

#[tokio::test]
async fn only_our_own_probes_are_seen() {
    let forwarder = forwarder(&ForwardConfig::default(), terms());
    for name in ["www.example.", "0123456789abcdef.lictor-loop-probe.example.com."] {
        assert!(!forwarder.sees(&Name::from_ascii(name).unwrap()), "{name}");
    }
}

#[tokio::test]
async fn another_configuration_asks_others_and_forgets_what_these_said() {
    let does: Does = (&[&[Answer]], &[&[Silence]]);
    let recursors = start(&[does, does]).await;
    let (first, second) = (config(&recursors[..1], PATIENT), config(&recursors[1..], PATIENT));
    let forwarder = forwarder(&first, terms());
    forwarder.fetch(ask("www.example.")).await;
    forwarder.configure(&ForwardConfig { strategy: Strategy::Random, ..first }).unwrap();
    assert!(forwarder.cached(&ask("www.example.")).is_some(), "the same said it");
    forwarder.configure(&second).unwrap();
    assert!(forwarder.cached(&ask("www.example.")).is_none());
    forwarder.fetch(ask("www.example.")).await;
    assert_eq!((recursors[0].log().as_str(), recursors[1].log().as_str()), ("udp", "udp"));
    forwarder.configure(&ForwardConfig::default()).unwrap();
    assert!(!forwarder.has_recursors());
    forwarder.stop().await;
}

#[tokio::test]
async fn the_systems_name_servers_are_read_at_each_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let resolv_conf = dir.path().join("resolv.conf");
    let config = ForwardConfig { recursors: vec![Recursor::System], ..Default::default() };
    let terms = Terms { resolv_conf: resolv_conf.clone(), ..terms() };
    let listeners = vec!["127.0.0.1:53".parse().unwrap()];
    let forwarder = Forwarder::with_terms(&config, listeners, 1, (terms, Clock::start())).unwrap();
    assert!(!forwarder.has_recursors(), "there is no file yet");
    fs_err::write(&resolv_conf, "nameserver 127.0.0.1\nnameserver 127.0.0.53\n").unwrap();
    forwarder.configure(&config).unwrap();
    let shown: Vec<_> =
        forwarder.stats().recursors.iter().map(|(address, _)| address.to_string()).collect();
    assert_eq!(shown, ["127.0.0.53:53"]);
}

#[tokio::test]
async fn we_ourselves_are_no_recursor() {
    let address = "127.0.0.1:8600".parse().unwrap();
    let config =
        ForwardConfig { recursors: vec![Recursor::At(address)], ..ForwardConfig::default() };
    let refused = Forwarder::new(&config, vec!["0.0.0.0:8600".parse().unwrap()], 1);
    assert_eq!(refused.err(), Some(Fault::Own(address)));
}
