//! The keys of services and checks, in files and in HTTP bodies.

use crate::intake::keys::{ignored, works};
use crate::intake::schema::{Naming, Table, Type};

/// A service: in files and in HTTP bodies.
pub(crate) static SERVICE: Table = Table {
    naming: Naming::Loose,
    keys: &[
        works("id", Type::Text),
        works("name", Type::Text),
        works("tags", Type::Texts),
        works("address", Type::Text),
        works("tagged_addresses", Type::MapOfObjects(&TAGGED_ADDRESS)),
        works("meta", Type::Map),
        works("port", Type::Integer),
        works("check", Type::Object(&CHECK)),
        works("checks", Type::Objects(&CHECK)),
        works("token", Type::Text),
        works("weights", Type::Object(&WEIGHTS)),
        works("enable_tag_override", Type::Bool),
        ignored("kind"),
        ignored("proxy"),
        ignored("connect"),
        ignored("namespace"),
        ignored("partition"),
        ignored("locality"),
        ignored("peer_name"),
    ],
};

/// An address of a service for one network.
static TAGGED_ADDRESS: Table = Table {
    naming: Naming::Loose,
    keys: &[works("address", Type::Text), works("port", Type::Integer)],
};

/// Weights of a service by its health.
static WEIGHTS: Table = Table {
    naming: Naming::Loose,
    keys: &[works("passing", Type::Integer), works("warning", Type::Integer)],
};

/// A check: in files and in HTTP bodies.
pub(crate) static CHECK: Table = Table {
    naming: Naming::Loose,
    keys: &[
        works("id", Type::Text),
        works("check_id", Type::Text),
        works("name", Type::Text),
        works("notes", Type::Text),
        works("service_id", Type::Text),
        works("token", Type::Text),
        works("status", Type::Text),
        works("args", Type::Texts),
        works("script_args", Type::Texts),
        works("script", Type::Text),
        works("shell", Type::Text),
        works("http", Type::Text),
        works("header", Type::MapOfTexts),
        works("method", Type::Text),
        works("body", Type::Text),
        works("tls_skip_verify", Type::Bool),
        works("tls_server_name", Type::Text),
        works("tcp", Type::Text),
        works("udp", Type::Text),
        works("ttl", Type::Duration),
        works("interval", Type::Duration),
        works("timeout", Type::Duration),
        works("alias_node", Type::Text),
        works("alias_service", Type::Text),
        works("success_before_passing", Type::Integer),
        works("failures_before_warning", Type::Integer),
        works("failures_before_critical", Type::Integer),
        works("output_max_size", Type::Integer),
        works("deregister_critical_service_after", Type::Duration),
        works("docker_container_id", Type::Text),
        works("grpc", Type::Text),
        works("grpc_use_tls", Type::Bool),
        works("h2ping", Type::Text),
        works("h2ping_use_tls", Type::Bool),
        works("os_service", Type::Text),
        ignored("namespace"),
        ignored("partition"),
        ignored("proxy_http"),
        ignored("proxy_grpc"),
        ignored("exposed_port"),
    ],
};
