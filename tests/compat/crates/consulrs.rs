//! What a program does that uses the crate `consulrs`, and what came of each call on a line of its own.

use consulrs::api::check::common::AgentServiceCheckBuilder;
use consulrs::api::features::{Blocking, FeaturesBuilder};
use consulrs::api::kv::requests::{DeleteKeyRequest, ReadKeyRequest, SetKeyRequest};
use consulrs::api::service::requests::RegisterServiceRequest;
use consulrs::api::session::requests::CreateSessionRequest;
use consulrs::client::{ConsulClient, ConsulClientSettingsBuilder};
use consulrs::{catalog, check, kv, service, session};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let address = std::env::var("CONSUL_HTTP_ADDR").expect("where the agent is");
    let mut settings = ConsulClientSettingsBuilder::default();
    let settings =
        settings.address(format!("http://{address}")).build().expect("settings are whole");
    let client = ConsulClient::new(settings).expect("a client");
    services(&client).await;
    keys(&client).await;
}

async fn services(client: &ConsulClient) {
    let alive =
        AgentServiceCheckBuilder::default().name("alive").ttl("1h").status("passing").build();
    let mut request = RegisterServiceRequest::builder();
    let request = request.port(8080_u64).tags(vec!["v1".to_owned()]).check(alive.expect("a check"));
    println!(
        "service::register: {:?}",
        service::register(client, "shop", Some(request)).await.is_ok()
    );
    let found = service::read(client, "shop", None).await.map(|found| found.response);
    println!("service::read: {:?}", found.map(|found| (found.port, found.tags)).ok());
    let health = service::health(client, "shop", None).await.map(|health| health.response);
    println!(
        "service::health: {:?}",
        health.map(|health| health[0].aggregated_status.clone()).ok()
    );
    println!("check::warn: {:?}", check::warn(client, "service:shop", None).await.is_ok());
    let checks = check::list(client, None).await.map(|checks| checks.response);
    println!("check::list: {:?}", checks.map(|checks| checks["service:shop"].status.clone()).ok());
    println!(
        "service::maintenance: {:?}",
        service::maintenance(client, "shop", true, None).await.is_ok()
    );
    let nodes = catalog::nodes_with_service(client, "shop", None).await.map(|nodes| nodes.response);
    println!("catalog::nodes_with_service: {:?}", nodes.map(|nodes| nodes.len()).ok());
    let names = catalog::services(client, None).await.map(|names| names.response);
    println!("catalog::services: {:?}", names.map(|names| names.contains_key("shop")).ok());
    let centers = catalog::datacenters(client, None).await.map(|centers| centers.response);
    println!("catalog::datacenters: {:?}", centers.ok());
    println!("service::deregister: {:?}", service::deregister(client, "shop", None).await.is_ok());
}

async fn keys(client: &ConsulClient) {
    let stored = kv::set(client, "app/a", b"one", None).await.map(|stored| stored.response);
    println!("kv::set: {:?}", stored.ok());
    let raw = kv::raw(client, "app/a", None).await.map(|raw| raw.response);
    println!("kv::raw: {:?}", raw.map(String::from_utf8).ok());
    let read = kv::read(client, "app/a", None).await.expect("the key is there");
    let pair = &read.response[0];
    println!("kv::read: {} {}", pair.key, pair.flags);
    for index in [pair.modify_index, pair.modify_index] {
        let stored =
            kv::set(client, "app/a", b"two", Some(SetKeyRequest::builder().cas(index))).await;
        println!("kv::set: {:?}", stored.map(|stored| stored.response).ok());
    }
    let index =
        kv::read(client, "app/a", None).await.expect("the key is there").response[0].modify_index;
    let blocking = Blocking { index, wait: Some("5m".to_owned()) };
    let features = FeaturesBuilder::default().blocking(blocking).build().expect("features");
    let mut waiting = ReadKeyRequest::builder();
    let waiting = kv::read(client, "app/a", Some(waiting.features(features)));
    let (changed, _) = tokio::join!(waiting, kv::set(client, "app/a", b"three", None));
    println!(
        "kv::read, woken: {:?}",
        changed.map(|read| index < read.response[0].modify_index).ok()
    );
    let mut holder = CreateSessionRequest::builder();
    let id = session::create(client, Some(holder.ttl("10m"))).await.expect("a session").response.id;
    for _ in 0..2 {
        let locked =
            kv::set(client, "lock", b"mine", Some(SetKeyRequest::builder().acquire(&id))).await;
        println!("kv::set: {:?}", locked.map(|locked| locked.response).ok());
    }
    let sessions = session::list(client, None).await.map(|sessions| sessions.response.len());
    println!("session::list: {:?}", sessions.ok());
    println!("session::renew: {:?}", session::renew(client, &id, None).await.is_ok());
    println!("session::delete: {:?}", session::delete(client, &id, None).await.is_ok());
    let keys = kv::keys(client, "", None).await.map(|keys| keys.response);
    println!("kv::keys: {:?}", keys.ok());
    let gone = kv::delete(client, "app/", Some(DeleteKeyRequest::builder().recurse(true))).await;
    println!("kv::delete: {:?}", gone.map(|gone| gone.response).ok());
}
