//! Who this machine is: its node's name and UUID, and the address that others reach it at.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;

use fs_err::os::unix::fs::OpenOptionsExt;
use fs_err::{self as fs, OpenOptions};
use uuid::Uuid;

use crate::intake;
use crate::model::name::NodeName;
use crate::server::ServerFault;

/// The configured name, else the host's.
pub(in crate::server) fn node_name(configured: Option<&NodeName>) -> Result<NodeName, ServerFault> {
    if let Some(name) = configured {
        return Ok(name.clone());
    }
    let host =
        nix::unistd::gethostname().map_err(|errno| ServerFault::HostName(errno.to_string()))?;
    let host = host.to_string_lossy();
    NodeName::new(&host).map_err(|fault| ServerFault::HostName(fault.to_string()))
}

/// A node's UUID, and whether it was made up a moment ago.
pub(in crate::server) struct NodeId {
    /// It.
    pub(in crate::server) text: String,
    /// Whether nobody can know it yet.
    pub(in crate::server) is_new: bool,
}

/// The configured UUID, else the one that was kept, else a new one that is kept from now on.
pub(in crate::server) fn node_id(
    configured: Option<&str>,
    data_dir: Option<&Path>,
) -> Result<NodeId, ServerFault> {
    let is_new = configured.is_none();
    let make = || NodeId { text: configured.map_or_else(new_id, str::to_owned), is_new };
    let Some(data_dir) = data_dir else { return Ok(make()) };
    let path = data_dir.join("node-id");
    let kept = match fs::read_to_string(&path) {
        Ok(text) => Some(text.trim().to_owned()),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => None,
        Err(fault) => return Err(ServerFault::File(fault)),
    };
    if let Some(id) = kept.filter(|id| Uuid::parse_str(id).is_ok())
        && configured.is_none_or(|configured| configured == id)
    {
        return Ok(NodeId { text: id, is_new: false });
    }
    let id = make();
    keep_node_id(&id.text, data_dir)?;
    Ok(id)
}

/// Keeps a UUID for later starts: all of it or nothing, since half of one would be another node.
pub(in crate::server) fn keep_node_id(id: &str, data_dir: &Path) -> Result<(), ServerFault> {
    let path = data_dir.join("node-id");
    let beside = data_dir.join("node-id.new");
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&beside)?;
        file.write_all(id.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    };
    write().map_err(ServerFault::File)
}

fn new_id() -> String {
    Uuid::new_v4().to_string()
}

/// The configured address, else the one that is bound, else this machine's first private one.
pub(in crate::server) fn advertised(
    configured: Option<IpAddr>,
    bound: IpAddr,
) -> Result<IpAddr, ServerFault> {
    if let Some(address) = configured {
        return Ok(address);
    }
    if !bound.is_unspecified() {
        return Ok(bound);
    }
    let private: Vec<IpAddr> = intake::private_ips().into_iter().filter(IpAddr::is_ipv4).collect();
    match private.as_slice() {
        [only] => Ok(*only),
        [] => Err(ServerFault::NoPrivateAddress),
        // Taking one of several in silence would be a guess that others pay for.
        several => Err(ServerFault::SeveralPrivateAddresses(
            several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        )),
    }
}
