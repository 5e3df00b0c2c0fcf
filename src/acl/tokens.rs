//! Secret → Authorizer: the door to whoever knows tokens.

use crate::acl::Authorizer;

/// Knows what the bearer of a secret may do.
pub trait Tokens: Send + Sync + 'static {
    /// What may be done with a secret; without one, with the agent's default token, as over DNS.
    ///
    /// # Errors
    /// [`TokenFault`], where the secret opens nothing.
    fn authorizer(&self, secret: Option<&str>) -> Result<Authorizer, TokenFault>;
}

/// Why a secret opens nothing; the texts are those that clients search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Nobody has it.
    #[error("ACL not found")]
    Unknown,
    /// It cannot be looked up, and nothing is allowed meanwhile.
    #[error("Permission denied")]
    Denied,
}

/// ACLs are off: whatever secret is shown, everything is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AclsDisabled;

impl Tokens for AclsDisabled {
    fn authorizer(&self, _secret: Option<&str>) -> Result<Authorizer, TokenFault> {
        Ok(Authorizer::allow_all())
    }
}
