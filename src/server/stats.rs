//! What is known of the running agent → `Stats` of `/v1/agent/self`: Consul's sections with Consul's keys, and
//! `catalog`, which is ours.

use std::collections::BTreeMap;

use crate::agent::LocalView;
use crate::catalog::View;
use crate::model::definition::Probe;
use crate::model::member::{Member, MemberStatus};
use crate::model::time::GoDuration;
use crate::publish::Cluster;
use crate::server::program::Handle;

/// Section → key → value.
pub(in crate::server) type Stats = BTreeMap<String, BTreeMap<String, String>>;

/// One section.
type Section = Vec<(&'static str, String)>;

/// What is known at one moment.
pub(in crate::server) struct Seen<'a> {
    /// The program.
    pub(in crate::server) program: &'a Handle,
    /// The cluster.
    pub(in crate::server) cluster: &'a Cluster,
    /// The catalog.
    pub(in crate::server) view: &'a View,
    /// What the agent states.
    pub(in crate::server) local: &'a LocalView,
}

impl Seen<'_> {
    /// All sections.
    pub(in crate::server) fn stats(&self) -> Stats {
        let members = &self.program.members;
        let servers: Vec<&Member> = members.iter().filter(|member| is_server(member)).collect();
        let sections = [
            ("agent", self.agent()),
            ("build", build()),
            ("catalog", self.catalog()),
            ("consul", self.consul()),
            ("raft", self.raft()),
            ("runtime", runtime()),
            (
                "serf_lan",
                gossip(&members.iter().collect::<Vec<_>>(), self.program.agent.event_time()),
            ),
            // Nobody fires events between datacenters.
            ("serf_wan", gossip(&servers, LAMPORT_BEGIN)),
        ];
        let text = |(key, value): (&str, String)| (key.to_owned(), value);
        let section = |(name, pairs): (&str, Section)| {
            (name.to_owned(), pairs.into_iter().map(text).collect())
        };
        sections.into_iter().map(section).collect()
    }

    fn agent(&self) -> Section {
        let checks = &self.local.checks;
        let is_ttl = |probe: &Probe| matches!(probe, Probe::Ttl { .. });
        let ttls = checks.values().filter(|check| is_ttl(&check.definition.probe)).count();
        vec![
            ("check_monitors", (checks.len() - ttls).to_string()),
            ("check_ttls", ttls.to_string()),
            ("checks", checks.len().to_string()),
            ("services", self.local.services.len().to_string()),
        ]
    }

    fn catalog(&self) -> Section {
        vec![
            ("blocking_queries", self.program.reader.waiter_count().to_string()),
            ("index", self.view.revision().to_string()),
            ("nodes", self.view.node_count().to_string()),
            ("services", self.view.services().count().to_string()),
            ("tombstones", self.view.tombstone_count().to_string()),
        ]
    }

    fn consul(&self) -> Section {
        let leader = self.cluster.leader_address();
        vec![
            ("acl", "disabled".to_owned()),
            ("bootstrap", self.program.own.is_bootstrap.to_string()),
            ("known_datacenters", "1".to_owned()),
            ("leader", self.cluster.is_leader.to_string()),
            ("leader_addr", leader.map(|address| address.to_string()).unwrap_or_default()),
            ("server", "true".to_owned()),
        ]
    }

    fn raft(&self) -> Section {
        let cluster = self.cluster;
        let pending = cluster.committed.saturating_sub(cluster.applied);
        let others = cluster.peers.len().saturating_sub(1);
        vec![
            ("applied_index", cluster.applied.to_string()),
            ("commit_index", cluster.committed.to_string()),
            ("fsm_pending", pending.to_string()),
            ("last_contact", self.last_contact()),
            ("last_log_index", cluster.last_log.to_string()),
            ("last_log_term", cluster.last_log_term.to_string()),
            ("last_snapshot_index", cluster.saved.to_string()),
            ("last_snapshot_term", cluster.saved_term.to_string()),
            ("latest_configuration", self.configuration()),
            ("latest_configuration_index", cluster.configured.to_string()),
            ("num_peers", others.to_string()),
            ("protocol_version", RAFT_PROTOCOL.to_owned()),
            ("protocol_version_max", RAFT_PROTOCOL.to_owned()),
            ("protocol_version_min", RAFT_PROTOCOL.to_owned()),
            ("snapshot_version_max", SNAPSHOT_VERSION.to_owned()),
            ("snapshot_version_min", SNAPSHOT_VERSION.to_owned()),
            ("state", self.state().to_owned()),
            ("term", cluster.term.to_string()),
        ]
    }

    fn last_contact(&self) -> String {
        if self.cluster.is_leader {
            return "0".to_owned();
        }
        GoDuration(self.cluster.last_contact).to_string()
    }

    fn state(&self) -> &'static str {
        match (self.cluster.is_sound, self.cluster.leader) {
            (false, _) => "Shutdown",
            (true, Some(_)) if self.cluster.is_leader => "Leader",
            (true, Some(_)) => "Follower",
            (true, None) => "Candidate",
        }
    }

    /// The servers as Go prints a list of structures, which is what Consul's users search.
    fn configuration(&self) -> String {
        let own = (&self.program.own.node, self.program.own.id.as_str());
        let servers = self.cluster.peers.iter().map(|peer| {
            let suffrage = if peer.is_voter { "Voter" } else { "Nonvoter" };
            let (id, address) = (peer.client_id(self.view, own), peer.address);
            format!("{{Suffrage:{suffrage} ID:{id} Address:{address}}}")
        });
        format!("[{}]", servers.collect::<Vec<_>>().join(" "))
    }
}

fn build() -> Section {
    vec![
        ("prerelease", PRERELEASE.to_owned()),
        ("revision", String::new()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ]
}

/// What runs the program. A task stands for what Go calls a goroutine; the version of a compiler is nothing that the
/// program knows.
fn runtime() -> Section {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let tasks = tokio::runtime::Handle::try_current().map(|handle| handle.metrics());
    let (tasks, workers) = tasks.map_or((0, 1), |it| (it.num_alive_tasks(), it.num_workers()));
    // Go's words for them, which is what Consul prints.
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    vec![
        ("arch", arch.to_owned()),
        ("cpu_count", cpus.to_string()),
        ("goroutines", tasks.to_string()),
        ("max_procs", workers.to_string()),
        ("os", std::env::consts::OS.to_owned()),
    ]
}

/// What a gossip says of itself that has these members. This server is its only one, so that nothing waits to be
/// told, and nobody came or asked since its start.
fn gossip(members: &[&Member], event_time: u64) -> Section {
    let count = |status| members.iter().filter(|member| member.status == status).count();
    let nothing = || "0".to_owned();
    vec![
        ("coordinate_resets", nothing()),
        ("encrypted", "false".to_owned()),
        ("event_queue", nothing()),
        ("event_time", event_time.to_string()),
        ("failed", count(MemberStatus::Failed).to_string()),
        ("health_score", nothing()),
        ("intent_queue", nothing()),
        ("left", count(MemberStatus::Left).to_string()),
        ("member_time", LAMPORT_BEGIN.to_string()),
        ("members", members.len().to_string()),
        ("query_queue", nothing()),
        ("query_time", LAMPORT_BEGIN.to_string()),
    ]
}

fn is_server(member: &Member) -> bool {
    member.tags.get("role").is_some_and(|role| role == "consul")
}

/// What is behind the version, if this is no release yet.
const PRERELEASE: &str = env!("CARGO_PKG_VERSION_PRE");

/// Where Lamport's clocks begin.
const LAMPORT_BEGIN: u64 = 1;

/// The version of Consul's protocol among servers whose rules hold here: servers are known by ids.
const RAFT_PROTOCOL: &str = "3";

/// The version of saved states that Consul's servers speak of among each other.
const SNAPSHOT_VERSION: &str = "1";
