//! A recursor on loopback, over UDP and TCP: a query → what its script says, as hickory writes it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use lictor::dns::Transport;
use lictor::dns::outside::Ask;

use super::file::Script;

/// The recursor; dropping it ends it.
pub(super) struct Recursor {
    /// Where it is.
    pub(super) address: SocketAddr,
    /// Whether it is over.
    is_over: Arc<AtomicBool>,
    /// Its two sockets.
    threads: Vec<JoinHandle<()>>,
}

/// A query, and how it came.
pub(super) struct Heard {
    /// The query.
    pub(super) query: Message,
    /// How it came.
    pub(super) transport: Transport,
}

impl Recursor {
    /// A recursor that says what scripts say.
    pub(super) fn scripted(scripts: Vec<Script>) -> Self {
        Self::start(move |heard| answer(&scripts, &heard.query))
    }

    /// A recursor that sends what a function makes of each query, where it makes something. Loop probes are
    /// answered as by somebody who asks the root: there is no such name.
    pub(super) fn start(make: impl Fn(&Heard) -> Option<Message> + Send + Sync + 'static) -> Self {
        Self::start_raw(move |heard| Some(bytes(&make(heard)?, heard)))
    }

    /// The same, of bytes.
    pub(super) fn start_raw(
        make: impl Fn(&Heard) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let (socket, listener) = sockets();
        let address = socket.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let make = Arc::new(move |heard: &Heard| {
            if is_probe(&heard.query) {
                return Some(bytes(&reply(&heard.query, ResponseCode::NXDomain), heard));
            }
            make(heard)
        });
        let (over, other) = (Arc::clone(&is_over), Arc::clone(&make));
        let udp = std::thread::spawn(move || serve_udp(&socket, &over, &*make));
        let over = Arc::clone(&is_over);
        let tcp = std::thread::spawn(move || serve_tcp(&listener, &over, &*other));
        Self { address, is_over, threads: vec![udp, tcp] }
    }
}

impl Drop for Recursor {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Both wait for something to come.
        let waker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        waker.send_to(&[], self.address).unwrap();
        drop(TcpStream::connect(self.address));
        for thread in self.threads.drain(..) {
            // A thread that failed an assertion said so already.
            let _ = thread.join();
        }
    }
}

/// Sockets of both kinds with one port.
fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
            return (udp, tcp);
        }
    }
}

fn serve_udp(socket: &UdpSocket, is_over: &AtomicBool, make: &dyn Fn(&Heard) -> Option<Vec<u8>>) {
    let mut buffer = vec![0; 65_535];
    while let Ok((length, client)) = socket.recv_from(&mut buffer) {
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        let query = Message::from_vec(&buffer[..length]).expect("the agent sends queries");
        let heard = Heard { query, transport: Transport::Udp };
        if let Some(reply) = make(&heard) {
            // A client that gave up is no fault of the recursor's.
            let _ = socket.send_to(&reply, client);
        }
    }
}

fn serve_tcp(
    listener: &TcpListener,
    is_over: &AtomicBool,
    make: &dyn Fn(&Heard) -> Option<Vec<u8>>,
) {
    while let Ok((mut stream, _)) = listener.accept() {
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("a length");
        let mut buffer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut buffer).expect("a message");
        let query = Message::from_vec(&buffer).expect("the agent sends queries");
        let heard = Heard { query, transport: Transport::Tcp };
        if let Some(reply) = make(&heard) {
            let length = u16::try_from(reply.len()).expect("a message");
            let _ = stream.write_all(&[&length.to_be_bytes()[..], &reply].concat());
        }
    }
}

fn is_probe(query: &Message) -> bool {
    query.queries[0].name().to_lowercase().to_ascii().ends_with(PROBES)
}

/// What scripts say to a query.
fn answer(scripts: &[Script], query: &Message) -> Option<Message> {
    let question = &query.queries[0];
    let ask = Ask {
        name: question.name().clone(),
        kind: question.query_type(),
        dnssec_ok: query.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok),
        checking_disabled: query.metadata.checking_disabled,
    };
    let Some(script) = Script::of(scripts, &ask) else {
        return Some(reply(query, ResponseCode::ServFail));
    };
    let mut message = reply(query, script.rcode?);
    let [answers, authorities, additionals] = script.sections.clone();
    message.insert_answers(answers);
    message.insert_authorities(authorities);
    message.insert_additionals(additionals);
    Some(message)
}

/// A reply with nothing but the question, whose letters are repeated.
pub(super) fn reply(query: &Message, rcode: ResponseCode) -> Message {
    let mut message = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.metadata.recursion_available = true;
    message.metadata.response_code = rcode;
    message.add_query(query.queries[0].clone());
    message.edns.clone_from(&query.edns);
    message
}

/// The bytes of a reply; what does not fit into a datagram is cut.
fn bytes(message: &Message, heard: &Heard) -> Vec<u8> {
    let bytes = message.to_vec().unwrap();
    let size_max = usize::from(heard.query.max_payload());
    if heard.transport == Transport::Tcp || bytes.len() <= size_max {
        return bytes;
    }
    let mut cut = reply(&heard.query, message.metadata.response_code);
    cut.metadata.truncation = true;
    cut.to_vec().unwrap()
}

/// What the names of loop probes end with.
const PROBES: &str = ".lictor-loop-probe.example.com.";
