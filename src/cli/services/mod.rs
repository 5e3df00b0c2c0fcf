//! Services of the agent: registered from flags or files, deregistered by id or files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::cli::catalog::pair;
use crate::cli::client::{Client, ClientFlags, Request, endpoint};
use crate::cli::fault::Fault;
use crate::cli::output::Output;
use crate::intake::{self, Sources};
use crate::model::definition::ServiceDefinition;

mod json;

/// What to do.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// Registers services with the agent
    Register(RegisterFlags),
    /// Deregisters services from the agent
    Deregister(DeregisterFlags),
}

/// `lictor services register`
#[derive(Args)]
pub(super) struct RegisterFlags {
    /// Name that clients ask for
    #[arg(long)]
    name: Option<String>,
    /// Unique id; the name by default
    #[arg(long)]
    id: Option<String>,
    /// Its own address, if it is not the node's
    #[arg(long)]
    address: Option<String>,
    /// Port
    #[arg(long)]
    port: Option<u16>,
    /// A tag; may be repeated
    #[arg(long)]
    tag: Vec<String>,
    /// Metadata; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    meta: Vec<String>,
    /// An address for one network; may be repeated
    #[arg(long, value_name = "NETWORK=HOST:PORT", value_parser = pair)]
    tagged_address: Vec<String>,
    /// Files and folders of service definitions
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// `lictor services deregister`
#[derive(Args)]
pub(super) struct DeregisterFlags {
    /// Id of the service
    #[arg(long)]
    id: Option<String>,
    /// Files and folders of service definitions
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// Does it.
pub(super) fn run(verb: &Verb, output: &mut Output) -> Result<(), Fault> {
    match verb {
        Verb::Register(flags) => register(flags, output),
        Verb::Deregister(flags) => deregister(flags, output),
    }
}

fn register(flags: &RegisterFlags, output: &mut Output) -> Result<(), Fault> {
    let bodies = match (&flags.name, flags.files.as_slice()) {
        (Some(_), [_, ..]) => {
            return Err(Fault::Refused(
                "Service registration requires arguments or -name, not both.".to_owned(),
            ));
        }
        (Some(name), []) => vec![(name.clone(), from_flags(name, flags)?)],
        (None, []) => {
            return Err(Fault::Advised {
                text: "Service registration requires at least one argument or flags.".to_owned(),
                hint: "name files, or state a service with -name".to_owned(),
            });
        }
        (None, files) => definitions(files)?
            .iter()
            .map(|service| (service.name.as_str().to_owned(), json::service(service)))
            .collect(),
    };
    let client = Client::open(&flags.client, output)?;
    for (name, body) in bodies {
        let doing = format!("Error registering service \"{name}\"");
        let body = body.to_string().into_bytes();
        client.ask(&Request::put(&doing, "/v1/agent/service/register", body))?;
        output.text(&format!("Registered service: {name}"))?;
    }
    Ok(())
}

fn deregister(flags: &DeregisterFlags, output: &mut Output) -> Result<(), Fault> {
    let ids = match (&flags.id, flags.files.as_slice()) {
        (Some(_), [_, ..]) => {
            return Err(Fault::Refused(
                "Service deregistration requires arguments or -id, not both.".to_owned(),
            ));
        }
        (Some(id), []) => vec![id.clone()],
        (None, []) => {
            return Err(Fault::Refused(
                "Service deregistration requires at least one argument or -id.".to_owned(),
            ));
        }
        (None, files) => {
            definitions(files)?.iter().map(|service| service.id.as_str().to_owned()).collect()
        }
    };
    let client = Client::open(&flags.client, output)?;
    for id in ids {
        let doing = format!("Error deregistering service \"{id}\"");
        let path = format!("/v1/agent/service/deregister/{}", endpoint::encode(&id));
        client.ask(&Request::put(&doing, path, Vec::new()))?;
        output.text(&format!("Deregistered service: {id}"))?;
    }
    Ok(())
}

/// The services that files state.
fn definitions(files: &[PathBuf]) -> Result<Vec<ServiceDefinition>, Fault> {
    // As in `validate`: the files are a part of a configuration.
    let sources = Sources { dev: true, paths: files.to_vec(), ..Sources::default() };
    let services = intake::load(&sources)?.config.services;
    if services.is_empty() {
        return Err(Fault::Refused("the files state no service".to_owned()));
    }
    Ok(services)
}

/// The body for what the flags state; the agent judges it.
fn from_flags(name: &str, flags: &RegisterFlags) -> Result<Value, Fault> {
    let mut body = Map::new();
    body.insert("Name".to_owned(), json!(name));
    let stated = [
        ("ID", flags.id.as_ref().map(|id| json!(id))),
        ("Address", flags.address.as_ref().map(|address| json!(address))),
        ("Port", flags.port.map(|port| json!(port))),
        ("Tags", (!flags.tag.is_empty()).then(|| json!(flags.tag))),
        ("Meta", (!flags.meta.is_empty()).then(|| json!(split(&flags.meta)))),
        ("TaggedAddresses", tagged_addresses(&flags.tagged_address)?),
    ];
    for (key, value) in stated {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    }
    Ok(Value::Object(body))
}

fn tagged_addresses(pairs: &[String]) -> Result<Option<Value>, Fault> {
    let mut addresses = Map::new();
    for (network, text) in split(pairs) {
        let parsed = text.rsplit_once(':').and_then(|(host, port)| {
            Some((host.trim_matches(['[', ']']), port.parse::<u16>().ok()?))
        });
        let Some((host, port)) = parsed else {
            return Err(Fault::Refused(format!(
                "Invalid Tagged Address: {text}: expected host:port"
            )));
        };
        addresses.insert(network, json!({ "Address": host, "Port": port }));
    }
    Ok((!addresses.is_empty()).then_some(Value::Object(addresses)))
}

fn split(pairs: &[String]) -> BTreeMap<String, String> {
    let split = pairs.iter().map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    split.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
