//! A recursor that does what a test tells it, on loopback sockets over UDP and TCP.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, SOA};
use hickory_proto::rr::{Name, RData, Record};
use hickory_proto::serialize::binary::BinEncodable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use crate::forward::forwarder::Forwarder;
use crate::forward::probe;
use crate::forward::question::By;
use crate::model::lock::lock;

/// What is done about one query.
#[derive(Clone, Copy, Debug)]
pub(in crate::forward) enum Act {
    /// `192.0.2.1`, for a minute.
    Answer,
    /// NXDOMAIN with an SOA, for a minute.
    NxDomain,
    /// This code, with an OPT record as the query had.
    Code(ResponseCode),
    /// This code, without an OPT record.
    PlainCode(ResponseCode),
    /// Nothing.
    Silence,
    /// Nothing now; the answer comes when another query does, to where this one came from.
    Late,
    /// The answer, from another port.
    Elsewhere,
    /// An answer with another id.
    WrongId,
    /// An answer to another question.
    WrongQuestion,
    /// The question, as a query.
    Mirror,
    /// The answer, with all letters in lower case.
    OtherCase,
    /// The head and the question, and then no message.
    Garbage,
    /// Three bytes.
    Short,
    /// An empty answer that says it was cut.
    Truncated,
}

/// The recursor.
pub(in crate::forward) struct ScriptedRecursor {
    /// Where it is.
    pub(in crate::forward) address: SocketAddr,
    /// What it was asked, in order.
    pub(in crate::forward) heard: Arc<Mutex<Vec<Heard>>>,
    /// Its sockets.
    _tasks: JoinSet<()>,
}

/// One query.
#[derive(Clone, Debug)]
pub(in crate::forward) struct Heard {
    /// What it came by.
    pub(in crate::forward) by: By,
    /// Where from.
    pub(in crate::forward) port: u16,
    /// The query.
    pub(in crate::forward) query: Message,
}

/// What it does about loop probes.
#[derive(Clone, Default)]
pub(in crate::forward) enum Onward {
    /// It says that there is no such name.
    #[default]
    Authority,
    /// It forwards to this agent.
    Back(Arc<Mutex<Option<Arc<Forwarder>>>>),
}

/// What the sockets share.
struct Script {
    udp: Mutex<VecDeque<&'static [Act]>>,
    tcp: Mutex<VecDeque<&'static [Act]>>,
    heard: Arc<Mutex<Vec<Heard>>>,
    onward: Onward,
}

impl ScriptedRecursor {
    /// Does for each query what stands there; for later ones, what stands last.
    pub(in crate::forward) async fn start(
        udp: &[&'static [Act]],
        tcp: &[&'static [Act]],
        onward: Onward,
    ) -> Self {
        let (udp_socket, listener) = sockets().await;
        let address = udp_socket.local_addr().unwrap();
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let script = Arc::new(Script {
            udp: Mutex::new(udp.iter().copied().collect()),
            tcp: Mutex::new(tcp.iter().copied().collect()),
            heard: Arc::clone(&heard),
            onward,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp_socket, Arc::clone(&script)));
        tasks.spawn(serve_tcp(listener, script));
        Self { address, heard, _tasks: tasks }
    }

    /// What the queries came by, in order.
    pub(in crate::forward) fn log(&self) -> String {
        let words: Vec<_> = lock(&self.heard).iter().map(|heard| by(heard.by)).collect();
        words.join(" ")
    }
}

fn by(by: By) -> &'static str {
    match by {
        By::Udp => "udp",
        By::Tcp => "tcp",
    }
}

/// Sockets of both kinds with one port.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

impl Script {
    /// What is sent for a query; probes are no part of the script.
    fn acts(&self, heard: Heard) -> &'static [Act] {
        let name = heard.query.queries[0].name();
        if probe::nonce(name).is_some() {
            if let Onward::Back(forwarder) = &self.onward
                && let Some(forwarder) = lock(forwarder).as_ref()
            {
                assert!(forwarder.sees(name), "a probe is known as ours");
                return &[Act::Code(ResponseCode::Refused)];
            }
            return &[Act::NxDomain];
        }
        let mut left = lock(if heard.by == By::Udp { &self.udp } else { &self.tcp });
        lock(&self.heard).push(heard);
        if 1 < left.len() { left.pop_front().unwrap() } else { left.front().copied().unwrap() }
    }
}

async fn serve_udp(socket: UdpSocket, script: Arc<Script>) {
    let mut late: Vec<(Vec<u8>, SocketAddr)> = Vec::new();
    let mut buffer = vec![0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
        for (bytes, waits) in late.extract_if(.., |(_, waits)| *waits != client) {
            drop(socket.send_to(&bytes, waits).await);
        }
        let query = Message::from_vec(&buffer[..length]).unwrap();
        let heard = Heard { by: By::Udp, port: client.port(), query: query.clone() };
        for act in script.acts(heard) {
            match (act, reply(*act, &query)) {
                (Act::Late, Some(bytes)) => late.push((bytes, client)),
                (Act::Elsewhere, Some(bytes)) => {
                    let other = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
                    other.send_to(&bytes, client).await.unwrap();
                }
                // A client that gave up is no fault of the recursor's.
                (_, Some(bytes)) => drop(socket.send_to(&bytes, client).await),
                (_, None) => {}
            }
        }
    }
}

async fn serve_tcp(listener: TcpListener, script: Arc<Script>) {
    while let Ok((mut stream, client)) = listener.accept().await {
        let length = stream.read_u16().await.unwrap();
        let mut buffer = vec![0; usize::from(length)];
        stream.read_exact(&mut buffer).await.unwrap();
        let query = Message::from_vec(&buffer).unwrap();
        let heard = Heard { by: By::Tcp, port: client.port(), query: query.clone() };
        for act in script.acts(heard) {
            let Some(bytes) = reply(*act, &query) else { continue };
            stream.write_u16(u16::try_from(bytes.len()).unwrap()).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
        }
    }
}

/// The bytes of an act.
pub(in crate::forward) fn reply(act: Act, query: &Message) -> Option<Vec<u8>> {
    let name = query.queries[0].name().clone();
    let mut message = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.metadata.recursion_available = true;
    message.add_query(query.queries[0].clone());
    message.edns = query.edns.clone();
    let address = |name: &Name| {
        Record::from_rdata(name.clone(), 60, RData::A(A(Ipv4Addr::new(192, 0, 2, 1))))
    };
    match act {
        Act::Silence => return None,
        Act::Short => return Some(vec![1, 2, 3]),
        Act::Answer | Act::Late | Act::Elsewhere => {
            message.add_answer(address(&name));
        }
        Act::NxDomain => {
            message.metadata.response_code = ResponseCode::NXDomain;
            message.add_authority(soa());
        }
        Act::Code(code) => message.metadata.response_code = code,
        Act::PlainCode(code) => {
            message.metadata.response_code = code;
            message.edns = None;
        }
        Act::WrongId => {
            message.metadata.id ^= 1;
            message.add_answer(address(&name));
        }
        Act::WrongQuestion => {
            let other = Name::from_ascii("other.example.").unwrap();
            message.queries = vec![Query::query(other.clone(), query.queries[0].query_type())];
            message.add_answer(address(&other));
        }
        Act::Mirror => message.metadata.message_type = MessageType::Query,
        Act::OtherCase => {
            message.queries[0].set_name(name.to_lowercase());
            message.add_answer(address(&name.to_lowercase()));
        }
        Act::Garbage => {
            message.add_answer(address(&name));
            let mut bytes = message.to_bytes().unwrap();
            bytes.truncate(bytes.len() - 16);
            return Some(bytes);
        }
        Act::Truncated => message.metadata.truncation = true,
    }
    Some(message.to_bytes().unwrap())
}

/// `example.`'s SOA, with a minute for what is not there.
pub(in crate::forward) fn soa() -> Record {
    let name = |text| Name::from_ascii(text).unwrap();
    let soa = SOA::new(name("ns.example."), name("root.example."), 1, 3600, 600, 86_400, 60);
    Record::from_rdata(name("example."), 300, RData::SOA(soa))
}
