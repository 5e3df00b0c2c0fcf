//! What a program does that uses the crate `rs-consul`, and what came of each call on a line of its own.

use std::collections::HashMap;
use std::time::Duration;

use rs_consul::types::{
    CreateOrUpdateKeyRequest, DeleteKeyRequest, DeregisterEntityPayload, GetNodesRequest,
    GetServiceNodesRequest, LockExpirationBehavior, LockRequest, ReadKeyRequest,
    RegisterEntityCheck, RegisterEntityPayload, RegisterEntityService,
};
use rs_consul::{Config, Consul};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let address = std::env::var("CONSUL_HTTP_ADDR").expect("where the agent is");
    let consul = Consul::new(Config { address: format!("http://{address}"), ..Config::default() });
    services(&consul).await;
    keys(&consul).await;
}

async fn services(consul: &Consul) {
    let payload = RegisterEntityPayload {
        ID: None,
        Node: "machine".to_owned(),
        Address: "10.0.0.41".to_owned(),
        Datacenter: None,
        TaggedAddresses: HashMap::new(),
        NodeMeta: HashMap::new(),
        Service: Some(RegisterEntityService {
            ID: Some("shop-1".to_owned()),
            Service: "shop".to_owned(),
            Tags: vec!["v1".to_owned()],
            TaggedAddresses: HashMap::new(),
            Meta: HashMap::new(),
            Port: Some(8080),
            Namespace: None,
        }),
        Checks: vec![RegisterEntityCheck {
            Node: None,
            CheckID: Some("alive".to_owned()),
            Name: "alive".to_owned(),
            Notes: None,
            Status: Some("passing".to_owned()),
            ServiceID: Some("shop-1".to_owned()),
            Definition: HashMap::new(),
        }],
        SkipNodeUpdate: None,
    };
    println!("register_entity: {:?}", consul.register_entity(&payload).await.is_ok());
    let names = consul.get_all_registered_service_names(None).await.map(|names| names.response);
    println!("get_all_registered_service_names: {:?}", names.map(sorted).ok());
    let request = GetServiceNodesRequest {
        service: "shop",
        passing: true,
        ..GetServiceNodesRequest::default()
    };
    let nodes = consul.get_service_nodes(request, None).await.map(|nodes| nodes.response);
    let shown = |nodes: Vec<rs_consul::types::ServiceNode>| -> Vec<String> {
        nodes.iter().map(|node| format!("{} {}", node.node.node, node.service.port)).collect()
    };
    println!("get_service_nodes: {:?}", nodes.map(shown).ok());
    let addresses = consul.get_service_addresses_and_ports("shop", None).await;
    println!("get_service_addresses_and_ports: {:?}", addresses.ok());
    let nodes =
        consul.get_nodes(GetNodesRequest::default(), None).await.map(|nodes| nodes.response);
    println!("get_nodes: {:?}", nodes.map(|nodes| nodes.len()).ok());
    let gone = DeregisterEntityPayload {
        Node: Some("machine".to_owned()),
        Datacenter: None,
        CheckID: None,
        ServiceID: None,
        Namespace: None,
    };
    println!("deregister_entity: {:?}", consul.deregister_entity(&gone).await.is_ok());
}

async fn keys(consul: &Consul) {
    let put = || CreateOrUpdateKeyRequest {
        key: "app/a",
        flags: 7,
        ..CreateOrUpdateKeyRequest::default()
    };
    let stored = consul.create_or_update_key(put(), b"one".to_vec()).await;
    println!("create_or_update_key: {:?}", stored.map(|(stored, _)| stored).ok());
    let read = || ReadKeyRequest { key: "app/a", ..ReadKeyRequest::default() };
    let pairs = consul.read_key(read()).await.expect("the key is there");
    let pair = &pairs.response[0];
    println!("read_key: {:?} {}", pair.value, pair.flags);
    for index in [pair.modify_index, pair.modify_index] {
        let put = CreateOrUpdateKeyRequest { check_and_set: Some(index), ..put() };
        let stored = consul.create_or_update_key(put, b"two".to_vec()).await;
        println!("create_or_update_key: {:?}", stored.map(|(stored, _)| stored).ok());
    }
    let lock = LockRequest {
        key: "lock",
        timeout: Duration::from_secs(60),
        behavior: LockExpirationBehavior::Release,
        lock_delay: Duration::ZERO,
        ..LockRequest::default()
    };
    let held = consul.get_lock(lock, b"mine").await;
    println!("get_lock: {:?}", held.is_ok());
    println!("get_lock, of another: {:?}", consul.get_lock(lock, b"no, mine").await.is_ok());
    let gone = DeleteKeyRequest { key: "app/", recurse: true, ..DeleteKeyRequest::default() };
    println!("delete_key: {:?}", consul.delete_key(gone).await.ok());
    println!("read_key: {:?}", consul.read_key(read()).await.is_ok());
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}
