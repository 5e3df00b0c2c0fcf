//! `/v1/agent/monitor`: the agent's log as it grows, at a level of the client's choice.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::api::Api;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::intake::LogLevel;

/// Sends log lines until the client goes or the program ends.
pub(in crate::api) async fn monitor(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    permit(call.acl.agent_read(&api.options.node))?;
    let level = match call.params.stated("loglevel") {
        None => LogLevel::Info,
        Some(word) => LogLevel::from_word(word)
            .ok_or_else(|| Fault::Invalid(format!("Bad request: Unknown log level: {word}")))?,
    };
    let watched = api.services.program.monitor(level, call.params.has("logjson"));
    let watched = watched.map_err(Fault::Busy)?;
    let lines = stream::unfold(watched, async |mut watched| {
        let line = watched.lines.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(line), watched))
    });
    let stop = api.services.stop.clone();
    let lines = lines.take_until(stop.cancelled_owned());
    Ok(Body::from_stream(lines).into_response())
}
