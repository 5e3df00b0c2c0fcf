//! `/v1/operator/usage`: how much there is.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;

use crate::api::Api;
use crate::api::blocking::read;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::api::json::operator::{CountsJson, UsageJson};
use crate::catalog::View;
use crate::catalog::reply::Topic;

/// Counts nodes, services and instances.
pub(in crate::api) async fn usage(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    permit(call.acl.operator_read())?;
    let options = call.read_options(&api.options)?;
    let topics = vec![Topic::Nodes, Topic::Services];
    let revision = |view: &View| view.tables().nodes.max(view.tables().services);
    let (view, index) = read(&api, options, topics, revision).await?;
    let datacenter = api.options.datacenter.folded().to_owned();
    let usage = BTreeMap::from([(datacenter, CountsJson::new(&view))]);
    index.answer(&call, &UsageJson::new(usage, &index))
}
