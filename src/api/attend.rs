//! Request → response, around every endpoint: who may ask, how long it took, a handler's panic, headers of the
//! operator's, compression.

use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::future::{Either, ready};
use ipnet::IpNet;

use crate::api::fault::Fault;
use crate::api::gzip;
use crate::api::leftover;
use crate::api::meter;
use crate::api::translate;
use crate::api::unread;
use crate::api::vigil::Vigil;
use crate::api::{Api, Client};

/// What an operator decided about all endpoints; a reload replaces it.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What the paths of refused endpoints begin with.
    pub blocked: Vec<String>,
    /// Headers of every answer.
    pub headers: HeaderMap,
    /// Who may write; everybody where it is empty.
    pub writers: Vec<IpNet>,
    /// Whether paths may hold control characters.
    pub takes_unprintable: bool,
    /// Whether `?cached` counts.
    pub takes_cached: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            blocked: Vec::new(),
            headers: HeaderMap::new(),
            writers: Vec::new(),
            takes_unprintable: false,
            takes_cached: true,
        }
    }
}

/// Serves a request of a known path, whatever its method.
///
/// What is known at once is found out before there is a future, which would keep it: thousands of them wait.
pub(in crate::api) fn attend(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> impl Future<Output = Response> {
    let rules = api.services.rules.load_full();
    if let Some(vigil) = request.extensions().get::<Arc<Vigil>>() {
        vigil.obey(&rules);
    }
    let takes_gzip = gzip::is_asked_for(request.headers());
    let client = client(&request);
    let (request, leftover) = leftover::lend(request);
    let answering = match refuse(&rules, client, &request) {
        Some(fault) => Either::Left(ready(fault.into_response())),
        None => Either::Right(meter::time_request(request, |request| survive(request, next))),
    };
    async move {
        let mut response = answering.await;
        if let Some(leftover) = leftover {
            leftover::drain(leftover, &mut response).await;
        }
        translate::mark(&api, &mut response);
        for (name, value) in &rules.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        unread::count(client, if takes_gzip { gzip::compress(response).await } else { response })
    }
}

/// The rule that forbids a request.
fn refuse(rules: &Rules, client: IpAddr, request: &Request) -> Option<Fault> {
    let path = request.uri().path();
    if rules.blocked.iter().any(|beginning| path.starts_with(beginning)) {
        return Some(Fault::Forbidden("Endpoint is blocked by agent configuration"));
    }
    let is_read = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if is_read || rules.writers.is_empty() {
        return None;
    }
    let may_write = rules.writers.iter().any(|network| network.contains(&client));
    (!may_write).then_some(Fault::Forbidden("Access is restricted"))
}

/// Who asks.
fn client(request: &Request) -> IpAddr {
    let client = request.extensions().get::<Client>();
    client.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |Client(address)| address.to_canonical())
}

/// Turns a handler's panic into a 500: one bad request must not cost its connection.
fn survive(request: Request, next: Next) -> impl Future<Output = Response> {
    let path: Box<str> = request.uri().path().into();
    AssertUnwindSafe(next.run(request)).catch_unwind().map(move |result| match result {
        Ok(response) => response,
        Err(_) => Fault::Bug(format!("the handler of `{path}` panicked")).into_response(),
    })
}
