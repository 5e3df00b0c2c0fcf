//! Services and the machines that they run on, as registrations and as a zone file.

use std::fmt::Write;

use serde_json::{Value, json};

/// A part of the data; a run loads those that its lines need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A service with three instances.
    Three,
    /// 10,000 services with ten instances each, on 1,000 machines.
    Many,
    /// A service with 1,300 instances, each on a machine of its own.
    Large,
}

/// How much there is of [`Part::Many`].
pub(crate) struct Many {
    /// Services.
    pub(crate) services: usize,
    /// Instances of each.
    pub(crate) instances_each: u16,
    /// Machines.
    pub(crate) nodes: usize,
}

/// An instance of a service.
pub(crate) struct Instance {
    /// The machine.
    node: String,
    /// The machine's address.
    address: String,
    /// The service.
    service: String,
}

/// All instances of a part.
pub(crate) fn instances(part: Part) -> Vec<Instance> {
    match part {
        Part::Three => alone("web", 3, 0),
        Part::Large => alone("large", LARGE_INSTANCES, 2),
        Part::Many => {
            let all = 0..MANY.services * usize::from(MANY.instances_each);
            let instance = |number: usize| Instance {
                node: format!("node-{}", number % MANY.nodes),
                address: address(1, number % MANY.nodes),
                service: format!("svc-{}", number / usize::from(MANY.instances_each)),
            };
            all.map(instance).collect()
        }
    }
}

/// A service whose instances have a machine each.
fn alone(service: &str, count: usize, network: usize) -> Vec<Instance> {
    let instance = |number| Instance {
        node: format!("{service}-{number}"),
        address: address(network, number),
        service: service.to_owned(),
    };
    (0..count).map(instance).collect()
}

fn address(network: usize, number: usize) -> String {
    format!("10.{network}.{}.{}", number / 250, 1 + number % 250)
}

/// The names of [`Part::Many`].
pub(crate) fn many() -> impl Iterator<Item = String> {
    (0..MANY.services).map(|number| format!("svc-{number}.service.consul"))
}

/// Registrations that change the address of a machine of each service of [`Part::Many`].
pub(crate) fn changes(turn: usize) -> Vec<Value> {
    let first_instances = (0..MANY.nodes).step_by(usize::from(MANY.instances_each));
    let moved =
        |node| json!({"Node": format!("node-{node}"), "Address": address(3 + turn % 100, node)});
    first_instances.map(moved).collect()
}

impl Instance {
    /// As `PUT /v1/catalog/register` takes it.
    pub(crate) fn registration(&self) -> Value {
        json!({
            "Node": self.node,
            "Address": self.address,
            "Service": {"ID": self.service, "Service": self.service, "Port": PORT},
        })
    }
}

/// The same as a master file.
pub(crate) fn zone(parts: &[Part]) -> String {
    let mut zone = ZONE_HEAD.to_owned();
    let mut nodes = std::collections::BTreeMap::new();
    for instance in parts.iter().flat_map(|part| instances(*part)) {
        let Instance { node, address, service } = &instance;
        let _ = writeln!(zone, "{service}.service A {address}");
        let _ = writeln!(zone, "{service}.service SRV 1 1 {PORT} {node}.node.dc1");
        nodes.insert(instance.node, instance.address);
    }
    for (node, address) in nodes {
        let _ = writeln!(zone, "{node}.node.dc1 A {address}");
    }
    zone
}

/// The name of [`Part::Three`].
pub(crate) const THREE: &str = "web.service.consul";

/// The name of [`Part::Large`].
pub(crate) const LARGE: &str = "large.service.consul";

/// The size of [`Part::Many`].
pub(crate) const MANY: Many = Many { services: 10_000, instances_each: 10, nodes: 1_000 };

/// Instances of [`Part::Large`].
const LARGE_INSTANCES: usize = 1_300;

/// Where all of them listen.
const PORT: u16 = 8_080;

/// What a zone begins with.
const ZONE_HEAD: &str = "\
$ORIGIN consul.
$TTL 0
@ SOA ns hostmaster 1 3600 600 86400 0
@ NS ns
ns A 127.0.0.1
";
