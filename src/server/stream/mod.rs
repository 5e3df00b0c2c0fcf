//! DNS over TCP: listeners and their connections, around the same `respond` as UDP (RFC 7766, RFC 9210).
//!
//! Invariants
//! - A connection costs others nothing: it has a place among a bounded number, no buffer while it waits, and
//!   a bound on every queue and every wait. [`mod@connection`] says which.
//! - All messages that have arrived are answered, many replies in one write, each as soon as it is made and
//!   so in any order (RFC 7766 §6.2.1.1, §7).
//! - Who comes while all places are taken gets that of a connection that waits for its client;
//!   [`mod@places`] says why.
//! - A stop takes no further connection or query, and sends the answers that are under way.
//!
//! hickory's listener is not used: it answers one query of a connection at a time and writes replies anew, has no
//! bound on connections, and tries again at once where no file descriptor is left. Nor is its stream of
//! messages (`hickory_net::tcp::TcpStream`): that takes two reads and one write a message, drops replies that a
//! slow reader leaves queued, and does not tell a half message from silence. Framing is `tokio_util`'s.

mod connection;

mod places;

use std::future::{Ready, ready};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either};
use nix::sys::resource::{Resource, getrlimit};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::connection::End;
use self::places::{Places, Seat};
use crate::dns::{Incoming, Outgoing, Transport, Worker};
use crate::model::limits::{DNS_TCP_CONNECTIONS_MAX, DNS_TCP_CONNECTIONS_PER_CLIENT_MAX};
use crate::model::lock::lock;
use crate::server::accept::{accept_all, drain};
use crate::server::front::Front;
use crate::server::meter::Meter;

/// Starts to answer on listeners. Dropping the result ends it, connections included.
pub(in crate::server) fn start(listeners: Vec<TcpListener>, front: &Arc<Front>) -> StreamServer {
    let (stop, places) = (CancellationToken::new(), places());
    let desk = Desk { worker: front.worker(), meter: Meter::new(Transport::Tcp) };
    let answers = Arc::new(Answers { front: Arc::clone(front), desk: Mutex::new(desk) });
    let mut tasks = JoinSet::new();
    for listener in listeners {
        tasks.spawn(serve(listener, Arc::clone(&answers), Arc::clone(&places), stop.clone()));
    }
    StreamServer { tasks, stop }
}

/// Serves one connection that is no socket, in a server of its own, and says how it ended; for `tests/fuzz`, which
/// makes up what comes.
#[doc(hidden)]
pub async fn serve_alone<S, A>(stream: S, answer: A) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(&[u8]) -> Option<Vec<u8>>,
{
    let places = Arc::new(Places::new(1, 1));
    let Some(seat) = places.take(Ipv4Addr::LOCALHOST.into()) else { return String::new() };
    let answer = |bytes: &[u8]| ready(answer(bytes));
    connection::serve(stream, answer, &seat, &CancellationToken::new()).await.to_string()
}

/// Listeners that answer.
#[must_use = "listeners answer until `stop`"]
pub(in crate::server) struct StreamServer {
    /// One a listener; each owns its connections.
    tasks: JoinSet<()>,
    /// Ends them.
    stop: CancellationToken,
}

impl StreamServer {
    /// Takes no more connections and queries, and waits for the answers that are under way.
    pub(in crate::server) async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Places for as many connections as the files that this process may open leave room for: the catalog's own
/// must never lack any, so that DNS takes at most half, and one client half of that.
fn places() -> Arc<Places> {
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    Arc::new(Places::new(
        DNS_TCP_CONNECTIONS_MAX.min(files / 2),
        DNS_TCP_CONNECTIONS_PER_CLIENT_MAX.min(files / 4),
    ))
}

/// Serves one listener until `stop`, then its connections to their end.
async fn serve(
    listener: TcpListener,
    answers: Arc<Answers>,
    places: Arc<Places>,
    stop: CancellationToken,
) {
    let mut connections = JoinSet::new();
    accept_all(&listener, "DNS", &mut connections, &stop, |connections, stream, client| {
        metrics::counter!("lictor.dns.tcp.accepted").increment(1);
        // Without a place the connection is closed here, and the client may try again.
        if let Some(seat) = places.take(client.ip()) {
            let answers = Arc::clone(&answers);
            connections.spawn(converse(stream, client, answers, seat, stop.clone()));
        }
    })
    .await;
    drop(listener);
    if !drain(&mut connections).await {
        tracing::info!("DNS connections were cut off that did not take their answers");
    }
}

/// A reply that is there, or one that takes time.
type Reply = Either<Ready<Option<Vec<u8>>>, BoxFuture<'static, Option<Vec<u8>>>>;

/// What answers all connections.
struct Answers {
    /// What answers are made of.
    front: Arc<Front>,
    /// What they are made with.
    desk: Mutex<Desk>,
}

/// What is kept between two queries. Held for the few microseconds of one answer: connections share it, so
/// that what one of them asked is remembered for the others.
struct Desk {
    /// Makes answers.
    worker: Worker,
    /// Counts them.
    meter: Meter,
}

impl Answers {
    /// The reply to a message, at once or later; nothing where none is due.
    fn make(&self, bytes: &[u8], source: SocketAddr) -> Reply {
        let incoming = Incoming { bytes, transport: Transport::Tcp, source };
        let moment = self.front.moment();
        let mut reply = Vec::new();
        let mut desk = lock(&self.desk);
        let Desk { worker, meter } = &mut *desk;
        let begun = meter.begin();
        let outgoing = self.front.respond(&moment, &incoming, worker, &mut reply);
        match outgoing {
            Outgoing::Reply(said) => {
                meter.count(&said);
                meter.end(begun);
                Either::Left(ready(Some(reply)))
            }
            Outgoing::Fetch(asks) => {
                let front = Arc::clone(&self.front);
                Either::Right(front.complete(asks, bytes.to_vec(), Transport::Tcp, source).boxed())
            }
            Outgoing::Ignore => {
                meter.count_ignored();
                Either::Left(ready(None))
            }
        }
    }
}

/// Serves one connection.
async fn converse(
    stream: TcpStream,
    client: SocketAddr,
    answers: Arc<Answers>,
    seat: Seat,
    stop: CancellationToken,
) {
    // Replies that are ready leave at once; waiting for more of them is done here.
    let _ = stream.set_nodelay(true);
    let answer = |bytes: &[u8]| answers.make(bytes, client);
    let end = connection::serve(stream, answer, &seat, &stop).await;
    match &end {
        End::Late(late) => {
            metrics::counter!("lictor.dns.tcp.timeouts", "waited_for" => late.word()).increment(1);
        }
        End::Burden => metrics::counter!("lictor.dns.tcp.burdens").increment(1),
        End::Closed | End::Malformed | End::GaveWay | End::Stopped | End::Failed(_) => {}
    }
    tracing::debug!(%client, %end, "a DNS connection ended");
}
