//! Instance → Verdict: the rule that keeps or drops it, for answers and for who asks why.

use crate::acl::Authorizer;
use crate::catalog::Instance;
use crate::model::dns_config::DnsConfig;
use crate::model::health::Status;

/// Whether an instance may be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may.
    Kept,
    /// The agent's token may not see it.
    Hidden,
    /// It lacks the tag that was asked for.
    OtherTag,
    /// One of its checks is critical.
    Critical,
    /// One of its checks warns, and `only_passing` is set.
    Warning,
}

/// Judges an instance; the tag is folded.
pub(super) fn judge(
    instance: &Instance,
    tag: Option<&str>,
    config: &DnsConfig,
    acl: &Authorizer,
) -> Verdict {
    if !is_seen(instance, acl) {
        return Verdict::Hidden;
    }
    if tag.is_some_and(|tag| !instance.has_tag(tag)) {
        return Verdict::OtherTag;
    }
    match instance.status() {
        Status::Warning if config.settings.only_passing => Verdict::Warning,
        Status::Passing | Status::Warning => Verdict::Kept,
        Status::Critical => Verdict::Critical,
    }
}

/// Whether an instance may be seen: its node and its service.
pub(super) fn is_seen(instance: &Instance, acl: &Authorizer) -> bool {
    acl.instance_read(&instance.node.name, &instance.service.name)
}
