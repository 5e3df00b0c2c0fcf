//! Zone files and recursors that fail while the program runs: what is good of them goes on.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, SOA};
use hickory_proto::rr::{LowerName, Name, RData, Record};
use hickory_server::Server;
use hickory_server::net::runtime::TokioRuntimeProvider;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};

use lictor::dns::{QueryOptions, query, text};
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::runtime::Runtime;

use super::live::ask_udp_patiently;
use super::recursor::{Recursor, reply};
use super::robust::{HANG, is_good, question};
use crate::harness::Agent;
use crate::ports::free_address;

fn ask(agent: &Agent, name: &str) -> String {
    let query = query(name, "A", &QueryOptions::default(), 9).unwrap();
    text::show(&ask_udp_patiently(agent.dns, &query))
}

/// Asks until the answer holds a text.
fn ask_until(agent: &Agent, name: &str, wanted: &str) {
    for _ in 0..ASKS_MAX {
        if ask(agent, name).contains(wanted) {
            return;
        }
        std::thread::yield_now();
    }
    panic!("{name}: {}", ask(agent, name));
}

/// Questions after which only a test that fails is still asking.
const ASKS_MAX: usize = 100_000;

fn write_zone(folder: &Path, records: &str) {
    let head = "$TTL 60\n@ SOA ns host 1 1h 10m 1w 1m\n@ NS ns\nns A 192.0.2.53\n";
    fs_err::write(folder.join("example.test.zone"), [head, records].concat()).unwrap();
}

#[test]
fn a_zone_file_that_breaks_keeps_its_last_good_version() {
    let folder = tempfile::tempdir().unwrap();
    write_zone(folder.path(), "www A 192.0.2.1\n");
    let agent = Agent::dev().args(["-zones-dir"]).args([folder.path()]).start();
    ask_until(&agent, "www.example.test", "192.0.2.1");
    write_zone(folder.path(), "www A 192.0.2.2\nnew A 192.0.2.999\n");
    agent.signal(Signal::SIGHUP);
    let said = agent.wait_for_line("192.0.2.999");
    assert!(said.contains("example.test.zone:6:7: `192.0.2.999` is no IPv4 address"), "{said}");
    agent.wait_for_line("example.test.zone is not taken");
    assert!(ask(&agent, "www.example.test").contains("192.0.2.1"));
    write_zone(folder.path(), "www A 192.0.2.3\n");
    agent.signal(Signal::SIGHUP);
    ask_until(&agent, "www.example.test", "192.0.2.3");
}

#[test]
fn recursors_that_fail_delay_no_name_of_our_own() {
    let silent = Recursor::start(|_| None);
    let garbage = Recursor::start_raw(|heard| {
        Some([&heard.query.metadata.id.to_be_bytes()[..], &[0x84, 0, 0, 1, 0, 9, 7]].concat())
    });
    // Nobody listens there, and no socket of another test comes to.
    let dead = SocketAddr::from(([127, 0, 0, 1], 1));
    for recursor in [silent.address, garbage.address, dead] {
        let config = json!({ "recursors": [recursor.to_string()] });
        let agent = Agent::dev().args(["-hcl", &config.to_string()]).start();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(agent.dns).unwrap();
        socket.set_read_timeout(Some(HANG)).unwrap();
        let mut answer = [0; 2_048];
        let foreign = query("www.example.org", "A", &QueryOptions::default(), 9).unwrap();
        socket.send(&foreign).unwrap();
        socket.send(&question()).unwrap();
        let mut shown = Vec::new();
        for _ in 0..2 {
            let length = socket.recv(&mut answer).expect("both are answered");
            shown.push(answer[..length].to_vec());
        }
        // A dead one may be found out at once; a silent one is waited for, and our own name is not.
        let own = shown.iter().position(|answer| is_good(answer)).expect("our own name is told");
        assert!(own == 0 || recursor != silent.address, "it was told behind the other");
        let other = text::show(&shown[1 - own]);
        assert!(other.starts_with("status SERVFAIL") && other.contains("\nede 2"), "{other}");
    }
}

/// A server of somebody else's making, with one zone.
fn independent_server(runtime: &Runtime) -> (Server<Catalog>, SocketAddr) {
    let origin = Name::from_ascii("example.org.").unwrap();
    let record =
        |name: &str, ttl, data| Record::from_rdata(Name::from_ascii(name).unwrap(), ttl, data);
    let host = |name: &str| Name::from_ascii(name).unwrap();
    let soa = SOA::new(host("ns.example.org."), host("host.example.org."), 1, 1, 1, 1, 1);
    let mut zone = InMemoryZoneHandler::<TokioRuntimeProvider>::empty(
        origin.clone(),
        ZoneType::Primary,
        AxfrPolicy::Deny,
    );
    zone.upsert_mut(record("example.org.", 60, RData::SOA(soa)), 1);
    zone.upsert_mut(record("www.example.org.", 1, RData::A(A::new(192, 0, 2, 7))), 1);
    let mut catalog = Catalog::new();
    catalog.upsert(LowerName::from(origin), vec![Arc::new(zone)]);
    let mut server = Server::new(catalog);
    let socket = runtime.block_on(tokio::net::UdpSocket::bind("127.0.0.1:0")).unwrap();
    let address = socket.local_addr().unwrap();
    let _runtime = runtime.enter();
    server.register_socket(socket);
    (server, address)
}

#[test]
fn an_answer_of_another_server_outlives_it_and_says_so() {
    let runtime = Runtime::new().unwrap();
    let (mut server, address) = independent_server(&runtime);
    let config = json!({
        "recursors": [address.to_string()], "dns_config": { "recursor_timeout": "100ms" },
    });
    let agent = Agent::dev().args(["-hcl", &config.to_string()]).start();
    let told = ask(&agent, "www.example.org");
    assert!(told.starts_with("status NOERROR, flags qr rd ra, "), "{told}");
    assert!(told.contains("\nanswer www.example.org. 1 IN A 192.0.2.7\n"), "{told}");
    assert!(ask(&agent, "nobody.example.org").starts_with("status NXDOMAIN, flags qr rd ra, "));
    // RFC 8767 §5: once its TTL is over and nobody answers any more, it is told for 30 seconds at a time.
    runtime.block_on(server.shutdown_gracefully()).unwrap();
    ask_until(&agent, "www.example.org", "\nede 3 Stale Answer: this was true ");
    assert!(
        ask(&agent, "www.example.org").contains("\nanswer www.example.org. 30 IN A 192.0.2.7\n")
    );
}

#[test]
fn recursors_are_asked_in_their_order_or_by_chance() {
    let counts = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let recursors = counts.each_ref().map(|count| {
        let count = Arc::clone(count);
        Recursor::start(move |heard| {
            count.fetch_add(1, Ordering::SeqCst);
            Some(reply(&heard.query, ResponseCode::NXDomain))
        })
    });
    let addresses = recursors.each_ref().map(|recursor| recursor.address.to_string());
    let asked = |strategy: &str| {
        let config =
            json!({ "recursors": addresses, "dns_config": { "recursor_strategy": strategy } });
        let agent = Agent::dev().args(["-hcl", &config.to_string()]).start();
        for number in 0..40 {
            let told = ask(&agent, &format!("{strategy}{number}.example.org"));
            assert!(told.starts_with("status NXDOMAIN"), "{told}");
        }
        counts.each_ref().map(|count| count.swap(0, Ordering::SeqCst))
    };
    let [first, second] = asked("sequential");
    assert!(40 <= first && second == 0, "{first} {second}");
    let [first, second] = asked("random");
    assert!(0 < first && 0 < second, "{first} {second}");
}

#[test]
fn agents_that_forward_to_each_other_find_it_out() {
    let port = free_address().port();
    let forward_to = |port: u16| json!({ "recursors": [format!("127.0.0.1:{port}")] }).to_string();
    let one = Agent::dev().args(["-hcl", &forward_to(port)]).start();
    let second = ["-hcl".to_owned(), forward_to(one.dns.port())];
    let other = Agent::dev().args(second).args(["-dns-port", &port.to_string()]).start();
    ask_until(
        &other,
        "www.example.org",
        "\nede 22 No Reachable Authority: the recursors forward to this agent",
    );
    assert!(is_good(&ask_udp_patiently(other.dns, &question())));
    assert!(is_good(&ask_udp_patiently(one.dns, &question())));
}
