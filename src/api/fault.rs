//! Fault → status and text: the one place that knows what a refused request is answered with.
//!
//! The texts are Consul's wherever clients search for them; they are plain text, without a newline.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::acl::TokenFault;
use crate::agent::AgentFault;
use crate::api::filter::{FilterFault, Unfit};
use crate::catalog::Reject;
use crate::publish::ProposeFault;

/// Why a request is not answered as it wished.
#[derive(Debug, thiserror::Error)]
pub(in crate::api) enum Fault {
    /// The request is not well formed: 400.
    #[error("{0}")]
    Invalid(String),
    /// The body is no JSON, or says something of the wrong type: 400.
    #[error("Request decode failed: {0}")]
    Decode(String),
    /// The caller's token does not allow it: 403.
    #[error("Permission denied")]
    Denied,
    /// The caller's token opens nothing: 403.
    #[error(transparent)]
    Token(#[from] TokenFault),
    /// There are no tokens: 401, by which clients tell that ACLs are off.
    #[error("ACL support disabled")]
    AclsDisabled,
    /// What the path names is not there: 404.
    #[error("{0}")]
    NotFound(String),
    /// The operator does not want it: 403.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The answer is not to be had in the form that was asked for: 415.
    #[error("{0}")]
    Format(&'static str),
    /// The body is larger than is allowed: 413.
    #[error("{0}")]
    TooLarge(String),
    /// Others have taken all that there is of it: 503.
    #[error("{0}")]
    Busy(String),
    /// The body did not arrive in time: 408.
    #[error("{0}")]
    TooSlow(String),
    /// Consul answers most rules with 500, and clients rely on it.
    #[error("{0}")]
    Refused(String),
    /// The filter is none, or none for what it shall filter: 500.
    #[error("Failed to create boolean expression evaluator: {0}")]
    Filter(#[from] FilterFault),
    /// Another datacenter was asked for: 500.
    #[error("No path to datacenter")]
    Datacenter,
    /// The write or the barrier came to nothing: 500.
    #[error(transparent)]
    Propose(#[from] ProposeFault),
    /// A rule of the catalog forbids it: 500.
    #[error("{0}")]
    Reject(Reject),
    /// The agent could not do it.
    #[error(transparent)]
    Agent(#[from] AgentFault),
    /// A bug of ours: 500.
    #[error("internal error: {0}")]
    Bug(String),
}

impl Fault {
    /// A check-and-set or flag number that is none, in the words that clients see from Consul.
    pub(in crate::api) fn number(text: &str) -> Self {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let why = if is_number { "value out of range" } else { "invalid syntax" };
        Self::Refused(format!("strconv.ParseUint: parsing {text:?}: {why}"))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::Decode(_) => StatusCode::BAD_REQUEST,
            Self::AclsDisabled => StatusCode::UNAUTHORIZED,
            Self::Denied | Self::Token(_) | Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Format(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Refused(_)
            | Self::Filter(_)
            | Self::Datacenter
            | Self::Reject(_)
            | Self::Bug(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Propose(fault) => match fault {
                ProposeFault::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                ProposeFault::NoLeader
                | ProposeFault::Storage(_)
                | ProposeFault::Peers(_)
                | ProposeFault::Stopping => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Agent(fault) => match fault {
                AgentFault::UnknownService(_) => StatusCode::NOT_FOUND,
                AgentFault::ScriptsDisabled
                | AgentFault::RemoteScriptsDisabled
                | AgentFault::UnknownCheck(_)
                | AgentFault::NotTtl(_)
                | AgentFault::ServiceMissing(_)
                | AgentFault::Storage(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }
}

impl From<Unfit> for Fault {
    fn from(unfit: Unfit) -> Self {
        Self::Bug(unfit.to_string())
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Self::Bug(text) = &self {
            tracing::error!(fault = text.as_str(), "a request met a bug");
        }
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        (status, [(header::CONTENT_TYPE, plain)], self.to_string()).into_response()
    }
}
