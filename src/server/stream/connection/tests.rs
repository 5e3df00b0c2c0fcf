use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use tokio::io::{AsyncReadExt, duplex, split};
use tokio::time::sleep;
use tokio_util::io::InspectWriter;

use super::*;
use crate::model::limits::DNS_TCP_HELD_BYTES_MAX;
use crate::server::stream::places::Places;

/// What a client does, or what befalls its connection.
enum Step {
    /// Sends these messages at once.
    Ask(&'static [&'static str]),
    /// Sends these bytes.
    Raw(Vec<u8>),
    /// Lets seconds pass.
    Pass(u64),
    /// Sends nothing more.
    Finish,
    /// The server stops.
    Stop,
    /// Another connection needs the place.
    Crowd,
}

use Step::{Ask, Crowd, Finish, Pass, Raw, Stop};

/// Answers with the same text; `NtextN` takes N seconds for it, and what begins with `!` is no query.
fn answer(message: &[u8]) -> BoxFuture<'static, Option<Vec<u8>>> {
    let reply = Some(message.to_vec());
    match message.first() {
        None | Some(b'!') => Box::pin(ready(None)),
        Some(digit) if digit.is_ascii_digit() => {
            let time = Duration::from_secs(u64::from(digit - b'0'));
            Box::pin(async move {
                sleep(time).await;
                reply
            })
        }
        Some(_) => Box::pin(ready(reply)),
    }
}

/// A message as it stands on a stream.
fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
}

/// What the client sees of a script: each reply, and the end, with the second in which it came.
async fn transcript(steps: Vec<Step>) -> String {
    let (client, server) = duplex(1 << 20);
    let places = Arc::new(Places::new(8, 1));
    let seat = places.take(LOCALHOST).unwrap();
    let (begun, stop) = (Instant::now(), CancellationToken::new());
    let (mut reader, mut writer) = split(client);
    let stopped = stop.clone();
    let act = async move {
        let mut others = Vec::new();
        for step in steps {
            match step {
                // Who was hung up on may still write.
                Ask(messages) => {
                    let bytes: Vec<u8> =
                        messages.iter().flat_map(|m| framed(m.as_bytes())).collect();
                    let _ = writer.write_all(&bytes).await;
                }
                Raw(bytes) => drop(writer.write_all(&bytes).await),
                Pass(seconds) => sleep(Duration::from_secs(seconds)).await,
                Finish => writer.shutdown().await.unwrap(),
                Stop => stop.cancel(),
                Crowd => others.push(places.take(LOCALHOST).unwrap()),
            }
        }
        // The client's side stays open as long as there is somebody to see.
        (writer, others)
    };
    let see = async move {
        let mut seen = String::new();
        while let Ok(length) = reader.read_u16().await {
            let mut reply = vec![0; usize::from(length)];
            reader.read_exact(&mut reply).await.unwrap();
            let shown = match reply.len() {
                0..30 => String::from_utf8(reply).unwrap(),
                length => format!("{length} bytes"),
            };
            writeln!(seen, "{}s {shown}", begun.elapsed().as_secs()).unwrap();
        }
        seen
    };
    let end = async {
        let end = serve(server, answer, &seat, &stopped).await;
        (begun.elapsed().as_secs(), end)
    };
    let (_kept, mut seen, (second, end)) = tokio::join!(act, see, end);
    write!(seen, "{second}s {end}").unwrap();
    seen
}

async fn check(steps: Vec<Step>, expected: &[&str]) {
    assert_eq!(transcript(steps).await, expected.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn all_that_is_asked_is_answered() {
    let closed = "0s the client closed it";
    check(vec![Finish], &[closed]).await;
    check(vec![Ask(&["a", "b", "c"]), Finish], &["0s a", "0s b", "0s c", closed]).await;
    let pieces = framed(b"piecewise").into_iter().map(|byte| Raw(vec![byte]));
    check(pieces.chain([Finish]).collect(), &["0s piecewise", closed]).await;
    let largest = vec![b'x'; 65_535];
    check(vec![Raw(framed(&largest)), Finish], &["0s 65535 bytes", closed]).await;
    let many = framed(b"x").repeat(20_000);
    let mut expected = vec!["0s x"; 20_000];
    expected.push(closed);
    check(vec![Raw(many), Finish], &expected).await;
}

#[tokio::test(start_paused = true)]
async fn answers_leave_as_soon_as_they_are_made() {
    check(
        vec![Ask(&["2a", "1b", "c"]), Pass(1), Ask(&["d"])],
        &["0s c", "1s 1b", "1s d", "2s 2a", "12s no query came"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_before_the_end_is_answered() {
    let (malformed, stops) = ("2s what came was no query", "2s the server stops");
    check(vec![Ask(&["2a", "b"]), Finish], &["0s b", "2s 2a", "2s the client closed it"]).await;
    check(vec![Ask(&["2a", "!", "b"])], &["2s 2a", malformed]).await;
    check(vec![Ask(&["2a"]), Raw(vec![0]), Finish], &["2s 2a", malformed]).await;
    check(vec![Ask(&["2a"]), Pass(1), Stop, Ask(&["b"])], &["2s 2a", stops]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_query_ends_the_connection() {
    let malformed = "0s what came was no query";
    check(vec![Raw(vec![0, 0])], &[malformed]).await;
    check(vec![Ask(&["a", "!", "b"])], &["0s a", malformed]).await;
    check(vec![Raw(vec![0]), Finish], &[malformed]).await;
    check(vec![Raw(vec![0, 9]), Finish], &[malformed]).await;
    check(vec![Raw(vec![0, 9, 1]), Finish], &[malformed]).await;
    check(vec![Ask(&["a"]), Raw(vec![0, 9, 1]), Finish], &["0s a", malformed]).await;
    // The length of that would be 18,245.
    let http = b"GET / HTTP/1.1\r\n\r\n".to_vec();
    check(vec![Raw(http)], &["5s the rest of a message did not come in time"]).await;
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_not_waited_for() {
    check(vec![], &["10s no query came"]).await;
    check(vec![Pass(9), Ask(&["a"])], &["9s a", "19s no query came"]).await;
    // While it waits for us it is not idle.
    let slow = vec![Ask(&["9a"]), Pass(5), Ask(&["9b"])];
    check(slow, &["9s 9a", "14s 9b", "24s no query came"]).await;
}

#[tokio::test(start_paused = true)]
async fn who_never_ends_a_message_is_not_waited_for() {
    let late = "5s the rest of a message did not come in time";
    let byte = || [Raw(vec![0]), Pass(1)];
    check((0..60).flat_map(|_| byte()).collect(), &["1s what came was no query"]).await;
    let slow = framed(&[b'x'; 100]).into_iter().flat_map(|byte| [Raw(vec![byte]), Pass(1)]);
    check(slow.collect(), &[late]).await;
    check(vec![Ask(&["a"]), Raw(vec![0, 9])], &["0s a", late]).await;
    // Only what is on its way counts.
    let again = vec![Raw(vec![0]), Pass(4), Raw(vec![1, b'a', 0]), Pass(4), Raw(vec![1, b'b'])];
    check(again, &["4s a", "8s b", "18s no query came"]).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_gives_way_and_who_is_answered_does_not() {
    let crowd = |first| vec![Ask(first), Pass(1), Crowd];
    check(crowd(&["a"]), &["0s a", "1s another connection needed its place"]).await;
    let half = vec![Ask(&["a"]), Raw(vec![0]), Pass(1), Crowd];
    check(half, &["0s a", "1s another connection needed its place"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_house_is_less_patient() {
    let (_client, server) = duplex(64);
    let places = Arc::new(Places::new(4, 4));
    let seats: Vec<_> = (0..3).filter_map(|_| places.take(LOCALHOST)).collect();
    let begun = Instant::now();
    let end = serve(server, answer, &seats[0], &CancellationToken::new()).await;
    assert!(matches!(end, End::Late(Late::Query)), "{end}");
    assert_eq!(begun.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_burdens_a_server_that_holds_much_is_hung_up_on() {
    let places = Arc::new(Places::new(8, 8));
    let [other, seat] = [(), ()].map(|()| places.take(LOCALHOST).unwrap());
    assert!(other.hold(DNS_TCP_HELD_BYTES_MAX));
    let (mut client, server) = duplex(1 << 17);
    let act = async {
        let mut reply = vec![0; framed(b"small").len()];
        client.write_all(&framed(b"small")).await.unwrap();
        client.read_exact(&mut reply).await.unwrap();
        assert_eq!(reply, framed(b"small"));
        let _ = client.write_all(&framed(&vec![b'x'; 60_000])[..50_000]).await;
    };
    let stop = CancellationToken::new();
    let (end, ()) = tokio::join!(serve(server, answer, &seat, &stop), act);
    assert!(matches!(end, End::Burden), "{end}");
}

/// A client that sends all of this and reads nothing: how many messages are answered, when, and the end.
async fn unread(bytes: Vec<u8>, buffer_bytes: usize) -> (usize, u64, End) {
    let (mut client, server) = duplex(buffer_bytes);
    let answered = AtomicUsize::new(0);
    let count = |message: &[u8]| {
        answered.fetch_add(1, Ordering::Relaxed);
        answer(message)
    };
    let begun = Instant::now();
    let end = async {
        let seat = Arc::new(Places::new(8, 8)).take(LOCALHOST).unwrap();
        serve(server, count, &seat, &CancellationToken::new()).await
    };
    // It keeps its side open until the other one hangs up.
    let (_, end) = tokio::join!(client.write_all(&bytes), end);
    (answered.load(Ordering::Relaxed), begun.elapsed().as_secs(), end)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_bounded_and_hung_up_on() {
    let (answered, second, end) = unread(framed(&[b'x'; 998]).repeat(10_000), 1_000).await;
    assert!(matches!(end, End::Late(Late::Reader)), "{end}");
    assert_eq!(second, 10);
    // What waits is the queue and one reply; one more is in the pipe.
    assert!(answered <= DNS_TCP_QUEUED_BYTES_MAX / 1_000 + 2, "{answered}");
}

#[tokio::test(start_paused = true)]
async fn no_more_answers_are_under_way_than_may_be() {
    let messages = [framed(b"9").repeat(DNS_TCP_ANSWERS_UNDER_WAY_MAX), framed(b"!")].concat();
    let seen = transcript(vec![Raw(messages)]).await;
    // What ends it is read when there is room again.
    assert!(seen.ends_with("9s what came was no query"), "{seen}");
    assert_eq!(seen.lines().count(), DNS_TCP_ANSWERS_UNDER_WAY_MAX + 1);
}

#[tokio::test(start_paused = true)]
async fn replies_to_what_came_together_leave_in_one_write() {
    let (mut client, server) = duplex(1 << 16);
    let writes = AtomicUsize::new(0);
    let server = InspectWriter::new(server, |_: &[u8]| {
        writes.fetch_add(1, Ordering::Relaxed);
    });
    client.write_all(&framed(b"query").repeat(200)).await.unwrap();
    client.shutdown().await.unwrap();
    let seat = Arc::new(Places::new(8, 8)).take(LOCALHOST).unwrap();
    serve(server, answer, &seat, &CancellationToken::new()).await;
    let mut replies = Vec::new();
    client.read_to_end(&mut replies).await.unwrap();
    assert_eq!(replies, framed(b"query").repeat(200));
    assert_eq!(writes.load(Ordering::Relaxed), 1);
}

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
