//! A name → a query to the agent's DNS → the whole answer as text, or why it is so.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use clap::Args;

use crate::cli::client::ClientFlags;
use crate::cli::fault::Fault;
use crate::cli::output::Output;
use crate::cli::table::Layout;
use crate::dns::query::{self, EdnsOptions, QueryOptions};
use crate::dns::text;

mod explain;

/// `lictor dig`
#[derive(Args)]
pub(super) struct Flags {
    /// DNS server to ask: `host`, `host:port`, also written `@host` [env: LICTOR_DNS_ADDR]
    #[arg(long, value_name = "ADDRESS")]
    dns_addr: Option<String>,
    /// Its port
    #[arg(long, value_name = "PORT")]
    p: Option<u16>,
    /// Asks over TCP, also written `+tcp`
    #[arg(long)]
    tcp: bool,
    /// Asks without EDNS, also written `+noedns`
    #[arg(long)]
    noedns: bool,
    /// UDP size to offer, also written `+bufsize=N`
    #[arg(long, value_name = "BYTES", default_value_t = crate::model::limits::UDP_ANSWER_BYTES_MAX)]
    bufsize: u16,
    /// Asks for signatures, also written `+dnssec`
    #[arg(long)]
    dnssec: bool,
    /// Takes a truncated answer as it is
    #[arg(long)]
    ignore: bool,
    /// Says why the agent answers so, station by station and instance by instance, instead of asking its DNS
    #[arg(long)]
    explain: bool,
    /// With `-explain`: the address of the client that would ask, 127.0.0.1 unless stated
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,
    /// With `-explain`: `pretty` or `json`
    #[arg(long, value_name = "FORMAT")]
    format: Option<Layout>,
    /// Whom `-explain` asks.
    #[command(flatten)]
    http: ClientFlags,
    /// NAME and TYPE, A unless stated
    #[arg(value_name = "NAME [TYPE]")]
    question: Vec<String>,
}

/// Does it.
pub(super) fn run(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    let (name, rtype) = match flags.question.as_slice() {
        [name] => (name.as_str(), "A"),
        [name, rtype] => (name.as_str(), rtype.as_str()),
        [] => return Err(Fault::Refused("Error! Missing NAME argument".to_owned())),
        more => {
            let count = more.len();
            return Err(Fault::Refused(format!(
                "Too many arguments (expected 1 or 2, got {count})"
            )));
        }
    };
    if flags.explain {
        return explain::run(flags, name, rtype, output);
    }
    if flags.client.is_some() || flags.format.is_some() {
        let text = "-client and -format are for -explain: DNS has no such thing".to_owned();
        return Err(Fault::Refused(text));
    }
    let server = server(flags)?;
    let edns =
        EdnsOptions { udp_size: flags.bufsize, dnssec_ok: flags.dnssec, ..EdnsOptions::default() };
    let edns = (!flags.noedns).then_some(edns);
    let options = QueryOptions { edns, ..QueryOptions::default() };
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge of a process of its own: nothing replays it"
    )]
    let id = fastrand::u16(..);
    let query = query::query(name, rtype, &options, id)
        .map_err(|error| Fault::Refused(error.to_string()))?;
    let mut over_tcp = flags.tcp;
    let mut answer = Vec::new();
    if !over_tcp {
        answer = ask_udp(server, &query).map_err(|error| unreachable(server, "UDP", &error))?;
        if is_truncated(&answer) && !flags.ignore {
            output.note(&format!("truncated over UDP ({} bytes): asking over TCP", answer.len()));
            over_tcp = true;
        }
    }
    if over_tcp {
        answer = ask_tcp(server, &query).map_err(|error| unreachable(server, "TCP", &error))?;
    }
    output.text(text::show(&answer).trim_end())
}

/// Whom to ask.
fn server(flags: &Flags) -> Result<SocketAddr, Fault> {
    let stated = flags.dns_addr.clone().or_else(|| std::env::var("LICTOR_DNS_ADDR").ok());
    let stated = stated.filter(|text| !text.is_empty());
    let text = stated.unwrap_or_else(|| Ipv4Addr::LOCALHOST.to_string());
    let port = flags.p.unwrap_or(DNS_PORT);
    let found = match text.parse::<IpAddr>() {
        Ok(ip) => Some(SocketAddr::new(ip, port)),
        Err(_) if text.rsplit_once(':').is_some() => first(text.as_str()),
        Err(_) => first((text.as_str(), port)),
    };
    found.ok_or_else(|| Fault::Advised {
        text: format!("`{text}` is no address of a DNS server"),
        hint: "it looks like 127.0.0.1:8600, [::1]:8600 or dns.example.com".to_owned(),
    })
}

fn first(address: impl ToSocketAddrs) -> Option<SocketAddr> {
    address.to_socket_addrs().ok()?.next()
}

/// Asks over UDP, again when nothing comes. Answers to other questions are passed over.
fn ask_udp(server: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let local: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((local, 0))?;
    // Connected, so that only this server's answers come in, and a closed port is heard of.
    socket.connect(server)?;
    socket.set_read_timeout(Some(UDP_TIMEOUT))?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    for _ in 0..UDP_TRIES {
        socket.send(query)?;
        for _ in 0..STRAY_ANSWERS_MAX {
            match socket.recv(&mut buffer) {
                Ok(count) => {
                    let answer = buffer.get(..count).unwrap_or_default();
                    if is_reply(answer, query) {
                        return Ok(answer.to_vec());
                    }
                }
                Err(error) if is_timeout(&error) => break,
                Err(error) => return Err(error),
            }
        }
    }
    Err(ErrorKind::TimedOut.into())
}

/// Asks over TCP: RFC 1035 §4.2.2, two bytes of length before the message.
fn ask_tcp(server: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, TCP_TIMEOUT)?;
    stream.set_read_timeout(Some(TCP_TIMEOUT))?;
    stream.set_write_timeout(Some(TCP_TIMEOUT))?;
    let length = u16::try_from(query.len()).map_err(|_| ErrorKind::InvalidInput)?;
    // In one write: some servers take the length only together with the message.
    stream.write_all(&[&length.to_be_bytes(), query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer)?;
    if is_reply(&answer, query) { Ok(answer) } else { Err(ErrorKind::InvalidData.into()) }
}

/// RFC 1035 §4.1.1: the id is the query's, and QR is set.
fn is_reply(answer: &[u8], query: &[u8]) -> bool {
    answer.get(..2) == query.get(..2) && answer.get(2).is_some_and(|byte| byte & 0x80 != 0)
}

/// RFC 1035 §4.1.1: TC is the second lowest bit of the third byte.
fn is_truncated(answer: &[u8]) -> bool {
    answer.get(2).is_some_and(|byte| byte & 0x02 != 0)
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn unreachable(server: SocketAddr, transport: &str, error: &std::io::Error) -> Fault {
    let reason = match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "no answer in time".to_owned(),
        ErrorKind::InvalidData => "it answered another question".to_owned(),
        ErrorKind::UnexpectedEof => "it closed the connection without an answer".to_owned(),
        _ => error.to_string(),
    };
    Fault::Unreachable {
        doing: format!("Error asking over {transport}"),
        address: server.to_string(),
        reason,
        hint: "is the agent running? start one with `lictor agent -dev`, or say where its DNS is with `-dns-addr` or LICTOR_DNS_ADDR",
    }
}

/// Where an agent's DNS is, unless told otherwise.
const DNS_PORT: u16 = 8600;

/// How long to wait for a datagram, each time.
const UDP_TIMEOUT: Duration = Duration::from_secs(2);

/// How often to send one.
const UDP_TRIES: u32 = 3;

/// Datagrams with another id that are passed over before the query is sent again.
const STRAY_ANSWERS_MAX: u32 = 64;

/// How long each step over TCP may take.
const TCP_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
