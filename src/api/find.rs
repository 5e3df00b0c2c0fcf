//! The service or node that a path names → what the View holds of it, as fresh as the read asks for.

use std::sync::Arc;

use crate::api::Api;
use crate::api::answer::Index;
use crate::api::blocking::read;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::topics::{node_topics, service_topics};
use crate::catalog::state::{NodeEntry, ServiceEntry};

/// The service behind `prefix` in the path; one that the caller may not see is not there.
///
/// # Errors
/// [`Fault`], where none is named, or the read cannot be as fresh as it shall.
pub(in crate::api) async fn find_service(
    api: &Api,
    call: &Call,
    prefix: &str,
) -> Result<(Option<Arc<ServiceEntry>>, Index), Fault> {
    let name = call.named(prefix, "Missing service name")?;
    let options = call.read_options(&api.options)?;
    let (folded, topics) = service_topics(&name);
    let (view, index) = read(api, options, topics, |view| view.service_revision(&folded)).await?;
    let entry = view.service(&folded).filter(|entry| call.shows_service(&entry.name));
    Ok((entry.cloned(), index))
}

/// The node behind `prefix` in the path; one that the caller may not see is not there. `resolve` makes a name
/// of what stands in the path.
///
/// # Errors
/// [`Fault`], where none is named, or the read cannot be as fresh as it shall.
pub(in crate::api) async fn find_node(
    api: &Api,
    call: &Call,
    prefix: &str,
    resolve: impl FnOnce(String) -> String,
) -> Result<(Option<Arc<NodeEntry>>, Index), Fault> {
    let text = call.named(prefix, "Missing node name")?;
    let options = call.read_options(&api.options)?;
    let (folded, topics) = node_topics(&resolve(text));
    let (view, index) = read(api, options, topics, |view| view.node_revision(&folded)).await?;
    let entry = view.node(&folded).filter(|entry| call.shows_node(&entry.node.name));
    Ok((entry.cloned(), index))
}
