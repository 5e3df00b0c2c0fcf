//! Somebody whom the gossip sees: an agent, alive or not.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::name::NodeName;

/// What is known of an agent's life; the numbers are the API's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberStatus {
    /// Answers.
    Alive = 1,
    /// Said that it is about to go.
    Leaving = 2,
    /// Went, and said so.
    Left = 3,
    /// Does not answer.
    Failed = 4,
}

impl MemberStatus {
    /// The word that `members` prints.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Leaving => "leaving",
            Self::Left => "left",
            Self::Failed => "failed",
        }
    }
}

/// An agent of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its node's name.
    pub name: NodeName,
    /// Where its gossip is reached.
    pub address: IpAddr,
    /// Gossip port.
    pub port: u16,
    /// Whether it is a server, its datacenter, its version: Consul's keys.
    pub tags: BTreeMap<String, String>,
    /// What is known of its life.
    pub status: MemberStatus,
}
