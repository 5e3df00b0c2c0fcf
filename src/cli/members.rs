//! `/v1/agent/members` → a table of who is in the cluster.

use std::collections::BTreeMap;

use clap::Args;
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::cli::client::Request;
use crate::cli::fault::Fault;
use crate::cli::listing::ListingFlags;
use crate::cli::output::Output;
use crate::cli::table::{row, show_under};

/// `lictor members`
#[derive(Args)]
pub(super) struct Flags {
    /// Shows every tag of a member
    #[arg(long)]
    detailed: bool,
    /// Only members whose status matches this regular expression
    #[arg(long, value_name = "REGEX", default_value = ".*")]
    status: String,
    /// Only members of this network segment
    #[arg(long, hide = true)]
    segment: Option<String>,
    /// The servers of all datacenters
    #[arg(long)]
    wan: bool,
    /// Whom to ask, and for whom.
    #[command(flatten)]
    listing: ListingFlags,
}

/// A member, as the API states it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MemberJson {
    /// Node name.
    name: String,
    /// Address of its gossip.
    addr: String,
    /// Port of its gossip.
    port: u16,
    /// What it says about itself.
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// 1 alive, 2 leaving, 3 left, 4 failed.
    status: u8,
    /// What else is said, for programs.
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// Does it. Consul's scripts know exit code 2 as "nobody matched".
pub(super) fn run(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    let status = Regex::new(&flags.status)
        .map_err(|error| Fault::Refused(format!("Failed to compile status regexp: {error}")))?;
    let client = flags.listing.open(output)?;
    let segment = flags.segment.clone().unwrap_or_else(|| "_all".to_owned());
    let mut request = Request::get("Error retrieving members", "/v1/agent/members")
        .with("segment", Some(segment));
    if flags.wan {
        request = request.with("wan", Some("1".to_owned()));
    }
    let mut members: Vec<MemberJson> = client.ask_json(&request)?;
    members.retain(|member| status.is_match(member.status()));
    members.sort_by(|one, other| one.name.cmp(&other.name));
    if members.is_empty() {
        return Err(Fault::Silent(2));
    }
    let pretty = if flags.detailed { detailed } else { standard };
    flags.listing.print(&members, output, |members| pretty(members))
}

impl MemberJson {
    /// The word for its status.
    fn status(&self) -> &'static str {
        match self.status {
            1 => "alive",
            2 => "leaving",
            3 => "left",
            4 => "failed",
            _ => "none",
        }
    }

    /// Where its gossip is; an IPv6 address in brackets.
    fn address(&self) -> String {
        if self.addr.contains(':') {
            return format!("[{}]:{}", self.addr, self.port);
        }
        format!("{}:{}", self.addr, self.port)
    }

    /// A tag, empty without one.
    fn tag(&self, name: &str) -> &str {
        self.tags.get(name).map(String::as_str).unwrap_or_default()
    }
}

fn standard(members: &[MemberJson]) -> String {
    let heading = ["Node", "Address", "Status", "Type", "Build", "Protocol", "DC", "Segment"];
    let rows = members.iter().map(|member| {
        // A version may carry a revision after a colon.
        let build = member.tag("build").split(':').next().unwrap_or_default();
        let (kind, segment) = match (member.tag("role"), member.tag("segment")) {
            ("consul", _) => ("server", "<all>"),
            ("node", "") => ("client", "<default>"),
            ("node", segment) => ("client", segment),
            _ => ("unknown", ""),
        };
        let address = member.address();
        let (protocol, datacenter) = (member.tag("vsn"), member.tag("dc"));
        row(&[&member.name, &address, member.status(), kind, build, protocol, datacenter, segment])
    });
    show_under(&heading, rows)
}

fn detailed(members: &[MemberJson]) -> String {
    let rows = members.iter().map(|member| {
        let mut tags = member.tags.clone();
        if member.tag("role") == "consul" {
            // Servers are in every segment.
            tags.insert("segment".to_owned(), "<all>".to_owned());
        }
        let tags: Vec<String> = tags.iter().map(|(key, tag)| format!("{key}={tag}")).collect();
        row(&[&member.name, &member.address(), member.status(), &tags.join(",")])
    });
    show_under(&["Node", "Address", "Status", "Tags"], rows)
}
