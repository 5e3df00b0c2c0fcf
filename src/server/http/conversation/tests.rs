//! Herds, by what clients hear and how often anybody looks.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Extension;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::acl::Authorizer;
use crate::api::Rules;
use crate::api::vigil::{Expected, Vigil};
use crate::catalog::View;
use crate::catalog::reply::Topic;
use crate::model::limits::HTTP_HEAD_BYTES_MAX;
use crate::model::number::Revision;
use crate::publish::{Consistency, Publisher, Reader, publisher};
use crate::server::http::clients::Clients;

/// A hall with a number that clients wait for at `/watch`, as they do for a key.
struct Fold {
    /// What it serves.
    hall: Hall,
    /// Its connections.
    tasks: JoinSet<()>,
    /// What wakes who waits.
    publisher: Publisher,
    /// What handlers see.
    sight: Arc<Sight>,
}

/// What handlers see.
#[derive(Default)]
struct Sight {
    /// The number.
    number: AtomicU64,
    /// How often anybody looked at it.
    looks: AtomicUsize,
    /// How much is answered beside it.
    padding: AtomicUsize,
}

impl Fold {
    fn new() -> Self {
        let (publisher, reader) = publisher();
        let sight = Arc::<Sight>::default();
        let router = Router::new().route("/watch", get(watch)).layer(Extension(reader));
        let router = router.layer(Extension(Arc::clone(&sight)));
        let clients = Arc::new(Clients::new(10_000, 10_000));
        let hall = Hall::new(router, &clients, HTTP_HEAD_BYTES_MAX, &CancellationToken::new());
        Self { hall, tasks: JoinSet::new(), publisher, sight }
    }

    /// A client that asked, and of whose answer so many bytes are on their way at one time.
    async fn ask(&mut self, header: &str, bytes: usize) -> DuplexStream {
        let (mut client, server) = tokio::io::duplex(bytes);
        let admission = self.hall.clients.enter(Whose::Socket).unwrap();
        self.tasks.spawn(converse(server, Whose::Socket, admission, self.hall.clone()));
        send(&mut client, header).await;
        client
    }

    /// Clients that ask the same, until all of them wait.
    async fn ask_all(&mut self, count: usize) -> Vec<DuplexStream> {
        let mut clients = Vec::new();
        for _ in 0..count {
            clients.push(self.ask("", 1_000).await);
        }
        clients
    }

    /// Changes the number. Returns how often anybody looked at it then.
    async fn change(&self) -> usize {
        let before = self.looks();
        self.sight.number.fetch_add(1, Ordering::Relaxed);
        self.publisher.publish(View::default(), [&Topic::Nodes]);
        tokio::time::sleep(MOMENT).await;
        self.looks() - before
    }

    fn looks(&self) -> usize {
        self.sight.looks.load(Ordering::Relaxed)
    }
}

/// Waits for the number to change, as the API does for a key.
async fn watch(
    Extension(vigil): Extension<Arc<Vigil>>,
    Extension(reader): Extension<Reader>,
    Extension(sight): Extension<Arc<Sight>>,
) -> String {
    let mut waiter = reader.waiter(vec![Topic::Nodes]);
    let look = || {
        sight.looks.fetch_add(1, Ordering::Relaxed);
        Revision(sight.number.load(Ordering::Relaxed))
    };
    let before = look();
    let changed = async {
        let expected = Expected { consistency: Consistency::Lease, seen: None };
        let mut now = before;
        while now == before {
            vigil.keep(expected, now, &mut waiter).await;
            now = look();
        }
        vigil.find_in(now);
    };
    let is_late = tokio::time::timeout(WAIT, changed).await.is_err();
    let padding = "x".repeat(sight.padding.load(Ordering::Relaxed));
    format!("{padding} {} {}.", look().0, if is_late { "late" } else { "news" })
}

async fn send(client: &mut DuplexStream, header: &str) {
    let request = format!("GET /watch?index=1 HTTP/1.1\r\nHost: x\r\n{header}\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(MOMENT).await;
}

/// The whole of one answer, and nothing of the next.
async fn hear(client: &mut DuplexStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b".") {
        let count = client.read_buf(&mut answer).await.unwrap();
        assert!(0 < count, "{}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).unwrap()
}

/// Clients of a herd that hear the number: all of them, and in the same words.
async fn all_hear(clients: &mut [DuplexStream], expected: &str) {
    let first = hear(&mut clients[0]).await;
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n") && first.ends_with(expected), "{first}");
    for client in &mut clients[1..] {
        assert_eq!(hear(client).await, first);
    }
}

#[tokio::test(start_paused = true)]
async fn one_looks_for_all_who_ask_the_same() {
    let mut fold = Fold::new();
    // More than are told at once.
    let mut clients = fold.ask_all(600).await;
    assert_eq!(fold.looks(), 600);
    for round in 1..=3 {
        // Once for whether there is news, once for the answer.
        assert_eq!(fold.change().await, 2);
        all_hear(&mut clients, &format!(" {round} news.")).await;
        for client in &mut clients {
            send(client, "").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_alone_hears_the_same_words() {
    let mut fold = Fold::new();
    let mut alone = fold.ask("", 1_000).await;
    fold.change().await;
    let expected = hear(&mut alone).await;
    fold.sight.number.store(0, Ordering::Relaxed);
    let mut clients = fold.ask_all(3).await;
    fold.change().await;
    for client in &mut clients {
        assert_eq!(undated(&hear(client).await), undated(&expected));
    }
}

/// An answer without the time of its making.
fn undated(answer: &str) -> String {
    answer.lines().filter(|line| !line.starts_with("date: ")).collect()
}

#[tokio::test(start_paused = true)]
async fn the_next_one_looks_where_the_first_goes() {
    let mut fold = Fold::new();
    let mut clients = fold.ask_all(10).await;
    for gone in 1..=7 {
        // The first of them is awake; that the last one goes changes nothing.
        drop(clients.remove(0));
        drop(clients.pop());
        tokio::time::sleep(MOMENT).await;
        if gone == 4 {
            break;
        }
    }
    assert_eq!(fold.change().await, 2);
    all_hear(&mut clients, " 1 news.").await;
}

#[tokio::test(start_paused = true)]
async fn a_change_while_the_first_goes_is_not_lost() {
    let mut fold = Fold::new();
    let mut clients = fold.ask_all(5).await;
    drop(clients.remove(0));
    // Its task has not found out yet.
    fold.change().await;
    all_hear(&mut clients, " 1 news.").await;
}

#[tokio::test(start_paused = true)]
async fn each_waits_no_longer_than_its_own_time() {
    let mut fold = Fold::new();
    let mut first = fold.ask("", 1_000).await;
    tokio::time::sleep(WAIT / 2).await;
    let mut later = fold.ask_all(2).await;
    tokio::time::sleep(WAIT / 2).await;
    assert!(hear(&mut first).await.ends_with(" 0 late."));
    assert_eq!(fold.change().await, 2);
    all_hear(&mut later, " 1 news.").await;
}

#[tokio::test(start_paused = true)]
async fn who_sleeps_hears_when_its_time_is_over() {
    let mut fold = Fold::new();
    let mut clients = fold.ask_all(3).await;
    tokio::time::sleep(WAIT).await;
    for client in &mut clients {
        assert!(hear(client).await.ends_with(" 0 late."));
    }
}

#[tokio::test(start_paused = true)]
async fn another_head_is_another_question() {
    let mut fold = Fold::new();
    let mut clients = fold.ask_all(2).await;
    for header in ["X-Consul-Token: a\r\n", "X-Consul-Token: b\r\n", "Accept: */*\r\n"] {
        clients.push(fold.ask(header, 1_000).await);
    }
    // Four herds.
    assert_eq!(fold.change().await, 8);
    for client in &mut clients {
        assert!(hear(client).await.ends_with(" 1 news."));
    }
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_after_its_answer_waits_alone() {
    let mut fold = Fold::new();
    for (header, looks) in [
        ("", 2),
        ("Connection: Keep-Alive\r\n", 2),
        ("Connection: close\r\n", 4),
        ("Connection: keep-alive\r\nConnection: close\r\n", 4),
    ] {
        let mut clients = [fold.ask(header, 1_000).await, fold.ask(header, 1_000).await];
        assert_eq!(fold.change().await, looks, "{header}");
        for client in &mut clients {
            assert!(hear(client).await.ends_with(" news."));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn slow_readers_hear_all_of_it_and_delay_nobody() {
    let mut fold = Fold::new();
    // The first one tells the others.
    let mut slow = [fold.ask("", 1_000).await, fold.ask("", 1_000).await];
    let mut quick = fold.ask_all(3).await;
    fold.sight.padding.store(10_000, Ordering::Relaxed);
    // Nothing is read until all are told.
    fold.change().await;
    all_hear(&mut quick, " 1 news.").await;
    all_hear(&mut slow, " 1 news.").await;
    // As much as is not told, since each has to have room for its own.
    for client in slow.iter_mut().chain(&mut quick) {
        send(client, "").await;
    }
    fold.sight.padding.store(100_000, Ordering::Relaxed);
    assert_eq!(fold.change().await, 10);
    all_hear(&mut quick, " 2 news.").await;
    all_hear(&mut slow, " 2 news.").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_ahead_is_answered_after_what_was_told() {
    let mut fold = Fold::new();
    let mut clients = fold.ask_all(3).await;
    for client in &mut clients {
        // Two more, of which one is a part of a head still.
        send(client, "").await;
        client.write_all(b"GET /watch?index=1 HT").await.unwrap();
    }
    fold.change().await;
    all_hear(&mut clients, " 1 news.").await;
    tokio::time::sleep(MOMENT).await;
    fold.change().await;
    all_hear(&mut clients, " 2 news.").await;
    for client in &mut clients {
        client.write_all(b"TP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    }
    tokio::time::sleep(MOMENT).await;
    fold.change().await;
    all_hear(&mut clients, " 3 news.").await;
}

#[tokio::test(start_paused = true)]
async fn one_is_told_only_what_it_would_find_itself() {
    let herds = Arc::<Herds>::default();
    let (_publisher, reader) = publisher();
    let expected = Expected { consistency: Consistency::Lease, seen: Some(1) };
    let request = Request::get("/watch?index=1").body(()).unwrap();
    let rules = [Arc::new(Rules::default()), Arc::new(Rules::default())];
    let acls = [Authorizer::allow_all(), Authorizer::deny_all()];
    let (mut members, mut vigils) = (Vec::new(), Vec::new());
    // The first one finds something in View 6, by the first rules and for somebody who may see all.
    for (looked_at, rule, acl) in [(5, 0, 0), (6, 0, 0), (7, 0, 0), (6, 1, 0), (6, 0, 1)] {
        let vigil = Arc::<Vigil>::default();
        vigil.obey(&rules[rule]);
        vigil.act_for(&acls[acl]);
        let mut waiter = reader.waiter(vec![Topic::Nodes]);
        let keep = vigil.keep(expected, Revision(looked_at), &mut waiter);
        assert!(futures_util::poll!(std::pin::pin!(keep)).is_pending());
        let (client, server) = tokio::io::duplex(1_000);
        let line = Arc::new(line::Line::new(Patient::new(server, Arc::default())));
        let member = herd::Member { vigil: Arc::clone(&vigil), line: line.clone() };
        let inquiry = herd::Inquiry::of(&request).unwrap();
        members.push((herds.join(inquiry, expected, member), line, client));
        vigils.push(vigil);
    }
    vigils[0].find_in(Revision(6));
    let mut members = members.into_iter();
    let others = members.next().unwrap().0.end_herd();
    drop(others.tell(&"told".into(), &vigils[0].finding().unwrap()).await);
    let told: Vec<bool> = members.map(|(_, line, _)| line.hang_up().unwrap().1.is_some()).collect();
    assert_eq!(told, [true, false, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_has_each_answer_for_itself() {
    let mut fold = Fold::new();
    let mut clients = fold.ask_all(3).await;
    fold.sight.number.fetch_add(1, Ordering::Relaxed);
    fold.publisher.publish(View::default(), [&Topic::Nodes]);
    fold.hall.stop.cancel();
    for client in &mut clients {
        let answer = hear(client).await;
        assert!(answer.ends_with(" 1 news.") && answer.contains("connection: close"), "{answer}");
    }
}

/// How long a handler waits.
const WAIT: Duration = Duration::from_secs(300);

/// Time enough for all that does not wait.
const MOMENT: Duration = Duration::from_millis(10);
