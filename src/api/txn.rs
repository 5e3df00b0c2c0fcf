//! `/v1/txn`: operations on keys, nodes, services, checks and sessions that are done together or not at all.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::api::Api;
use crate::api::answer::{Index, filter_headers, json_with};
use crate::api::blocking::read;
use crate::api::body::read_transaction;
use crate::api::call::{Call, ReadOptions};
use crate::api::fault::Fault;
use crate::api::json::transaction::{
    FailureJson, FoundJson, LookJson, Step, TransactionJson, steps,
};
use crate::api::meter::{time_transaction, time_transaction_read};
use crate::api::vet::vet_operations;
use crate::catalog::command::Transaction;
use crate::catalog::operation::{Failure, Found, Operation};
use crate::catalog::{Command, Reply, View};

/// Does the operations of a body.
pub(in crate::api) async fn transact(
    State(api): State<Api>,
    call: Call,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let options = call.read_options(&api.options)?;
    let body = read_transaction(&headers, body, api.options.txn_bytes_max).await?;
    let mut failures = Vec::new();
    let (mut places, mut operations) = (Vec::new(), Vec::new());
    for Step { place: op_index, operation } in steps(&body, &api.options)? {
        match operation {
            Ok(operation) => {
                places.push(op_index);
                operations.push(operation);
            }
            Err(what) => failures.push(FailureJson { op_index, what }),
        }
    }
    for (place, fault) in vet_operations(&call.acl, &api.services.reader.load(), &operations) {
        failures.extend(failure(&places, place, &fault));
    }
    if !failures.is_empty() {
        failures.sort_by_key(|failure| failure.op_index);
        return answer(&api, &call, Err(failures), None);
    }
    if operations.iter().all(Operation::is_read) {
        return look(&api, &call, options, &places, &operations).await;
    }
    let begun = tokio::time::Instant::now();
    let command = Command::Transact(Transaction { operations });
    let reply = api.services.propose.propose(command).await?;
    time_transaction(begun);
    match reply {
        Reply::Transacted(found) => answer(&api, &call, Ok(&found), None),
        Reply::Aborted(failed) => answer(&api, &call, Err(told(&places, &failed)), None),
        Reply::Rejected(reject) => Err(Fault::Reject(reject)),
        Reply::Done(_) | Reply::CasMismatch | Reply::NoLock(_) => {
            Err(Fault::Bug(format!("a transaction was answered with {reply:?}")))
        }
    }
}

/// Operations that change nothing are done on what is published, as any read is; they never wait.
async fn look(
    api: &Api,
    call: &Call,
    options: ReadOptions,
    places: &[usize],
    operations: &[Operation],
) -> Result<Response, Fault> {
    let begun = tokio::time::Instant::now();
    let options = ReadOptions { block: None, ..options };
    let (view, index) = read(api, options, Vec::new(), View::revision).await?;
    let result = view.look(operations);
    time_transaction_read(begun);
    match &result {
        Ok(found) => answer(api, call, Ok(found), Some(&index)),
        Err(failed) => answer(api, call, Err(told(places, failed)), Some(&index)),
    }
}

/// What became of it; of operations that only looked, under an index.
fn answer(
    api: &Api,
    call: &Call,
    result: Result<&[Found], Vec<FailureJson>>,
    index: Option<&Index>,
) -> Result<Response, Fault> {
    let datacenter = api.options.datacenter.folded();
    let (status, results, errors) = match result {
        Ok(found) => {
            let shown = found.iter().filter(|found| shows(call, found));
            let shown = shown.map(|found| FoundJson::new(found, datacenter)).collect();
            (StatusCode::OK, Some(shown), None)
        }
        Err(failures) => (StatusCode::CONFLICT, None, Some(failures)),
    };
    let look = index.map(|index| LookJson {
        index: 0,
        last_contact: index.last_contact_ms,
        known_leader: index.has_leader,
        consistency_level: "",
    });
    let headers = index.map_or_else(|| filter_headers(call), |index| index.contact_headers(call));
    json_with(call.pretty, status, headers, &TransactionJson { results, errors, look })
}

/// Whether the caller may see it.
fn shows(call: &Call, found: &Found) -> bool {
    match found {
        Found::Key(pair) => call.shows_key(&pair.key),
        Found::Node(node) => call.shows_node(&node.name),
        Found::Service(node, service) => call.shows_node(node) && call.shows_service(&service.name),
        Found::Check(check) => call.shows_check(check),
    }
}

/// Failures with their places in the list that the client sent.
fn told(places: &[usize], failures: &[Failure]) -> Vec<FailureJson> {
    failures.iter().filter_map(|f| failure(places, f.place, &f.conflict)).collect()
}

fn failure(places: &[usize], place: usize, why: &impl ToString) -> Option<FailureJson> {
    let op_index = *places.get(place)?;
    Some(FailureJson { op_index, what: why.to_string() })
}
