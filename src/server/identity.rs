//! Who this machine is: its node's name and UUID, and the address that others reach it at.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;

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

/// The configured UUID, else the one that was kept, else a new one that is kept from now on.
pub(in crate::server) fn node_id(
    configured: Option<&str>,
    data_dir: Option<&Path>,
) -> Result<String, ServerFault> {
    let Some(data_dir) = data_dir else {
        return Ok(configured.map_or_else(new_id, str::to_owned));
    };
    let path = data_dir.join("node-id");
    let at_path = |fault: io::Error| ServerFault::File { path: path.clone(), source: fault };
    let kept = match fs::read_to_string(&path) {
        Ok(text) => Some(text.trim().to_owned()),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => None,
        Err(fault) => return Err(at_path(fault)),
    };
    if let Some(id) = kept.filter(|id| Uuid::parse_str(id).is_ok())
        && configured.is_none_or(|configured| configured == id)
    {
        return Ok(id);
    }
    let id = configured.map_or_else(new_id, str::to_owned);
    fs::write(&path, &id).map_err(at_path)?;
    Ok(id)
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
