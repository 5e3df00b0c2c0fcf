//! Canonical Value → how HTTP is served: addresses and sockets of the file system, `http_config`, `unix_sockets`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use nix::unistd::{Group, User};

use crate::intake::build::{note, set};
use crate::intake::config::Config;
use crate::intake::fault::Fault;
use crate::intake::network;
use crate::intake::read::{self, Notes};
use crate::intake::value::Value;
use crate::model::limits::{
    HTTP_BLOCKED_MAX, HTTP_HEAD_BYTES_MAX, HTTP_HEAD_SETTING_MAX, HTTP_HEAD_SETTING_MIN,
    HTTP_WRITERS_MAX, SOCKET_PATH_BYTES_MAX,
};

/// What HTTP is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpAddress {
    /// An address, at `ports.http`.
    Ip(IpAddr),
    /// A socket of the file system.
    Socket(PathBuf),
}

/// `unix_sockets`: where nothing is stated, the process's own user, group and umask decide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnixSockets {
    /// The user who owns them.
    pub user: Option<u32>,
    /// The group that they belong to.
    pub group: Option<u32>,
    /// Permission bits.
    pub mode: Option<u32>,
}

/// `http_config`, and what stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// What the paths of refused endpoints begin with.
    pub blocked: Vec<String>,
    /// Headers of every answer.
    pub headers: BTreeMap<String, String>,
    /// Who may write; everybody where it is empty.
    pub writers: Vec<IpNet>,
    /// Largest head of a request, in bytes.
    pub head_bytes_max: usize,
    /// Whether paths may hold control characters.
    pub takes_unprintable: bool,
    /// Whether `?cached` counts.
    pub takes_cached: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            blocked: Vec::new(),
            headers: BTreeMap::new(),
            writers: Vec::new(),
            head_bytes_max: HTTP_HEAD_BYTES_MAX,
            takes_unprintable: false,
            takes_cached: true,
        }
    }
}

impl fmt::Display for HttpAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(out),
            Self::Socket(path) => write!(out, "{SCHEME}{}", path.display()),
        }
    }
}

/// Reads `addresses.http`: addresses and sockets with spaces between.
pub(crate) fn addresses(notes: &mut Notes, addresses: &Value) -> Vec<HttpAddress> {
    network::words(notes, addresses, "http", "addresses.http", |word| {
        let Some(path) = word.strip_prefix(SCHEME) else {
            return network::parse(word).map(HttpAddress::Ip);
        };
        if path.is_empty() {
            return Err(format!("`{word}` names no socket; write `{SCHEME}/path/of/socket`"));
        }
        if SOCKET_PATH_BYTES_MAX < path.len() {
            return Err(format!(
                "the path of a socket has at most {SOCKET_PATH_BYTES_MAX} bytes, this one {}",
                path.len()
            ));
        }
        Ok(HttpAddress::Socket(PathBuf::from(path)))
    })
}

/// Reads `http_config` and `unix_sockets`.
pub(crate) fn read(notes: &mut Notes, root: &Value, config: &mut Config) {
    let filter_is_off = read::flag(root, "disable_http_unprintable_char_filter");
    set(&mut config.http.takes_unprintable, filter_is_off);
    if let Some(http) = root.entry("http_config") {
        config.http.blocked = blocked(notes, http);
        config.http.headers = headers(notes, http);
        config.http.writers = writers(notes, http);
        set(&mut config.http.takes_cached, read::flag(http, "use_cache"));
        let bounds = HTTP_HEAD_SETTING_MIN..=HTTP_HEAD_SETTING_MAX;
        let bytes = read::bounded(notes, http, "max_header_bytes", bounds);
        set(&mut config.http.head_bytes_max, bytes.and_then(|bytes| usize::try_from(bytes).ok()));
    }
    if let Some(sockets) = root.entry("unix_sockets") {
        config.unix_sockets = UnixSockets {
            user: id(notes, sockets, "user", |name| {
                Some(User::from_name(name).ok()??.uid.as_raw())
            }),
            group: id(notes, sockets, "group", |name| {
                Some(Group::from_name(name).ok()??.gid.as_raw())
            }),
            mode: mode(notes, sockets),
        };
    }
}

fn blocked(notes: &mut Notes, http: &Value) -> Vec<String> {
    let blocked = read::texts(http, "block_endpoints");
    if HTTP_BLOCKED_MAX < blocked.len() {
        let text =
            format!("`block_endpoints` has more than {HTTP_BLOCKED_MAX} beginnings of paths");
        note(notes, http, "block_endpoints", &text);
    }
    for beginning in blocked.iter().filter(|beginning| !beginning.starts_with('/')) {
        let text =
            format!("`block_endpoints`: `{beginning}` begins no path, which starts with `/`");
        note(notes, http, "block_endpoints", &text);
    }
    blocked
}

fn headers(notes: &mut Notes, http: &Value) -> BTreeMap<String, String> {
    let headers = read::map(http, "response_headers");
    for (name, value) in &headers {
        // RFC 9110 §5.1, §5.5: a name is a token, a value has no control characters.
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            let text = format!("`response_headers`: `{name}` is no name of a header");
            note(notes, http, "response_headers", &text);
        }
        if value.chars().any(|letter| letter.is_control() && letter != '\t') {
            let text =
                format!("`response_headers`: the value of `{name}` holds control characters");
            note(notes, http, "response_headers", &text);
        }
        if OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
            let text = format!("`response_headers`: `{name}` says how an answer is framed");
            note(notes, http, "response_headers", &text);
        }
    }
    headers
}

fn writers(notes: &mut Notes, http: &Value) -> Vec<IpNet> {
    let texts = read::texts(http, "allow_write_http_from");
    if HTTP_WRITERS_MAX < texts.len() {
        let text = format!("`allow_write_http_from` has more than {HTTP_WRITERS_MAX} networks");
        note(notes, http, "allow_write_http_from", &text);
    }
    let mut writers = Vec::new();
    for text in texts {
        match text.parse() {
            Ok(network) => writers.push(network),
            Err(_) => {
                let text = format!("`allow_write_http_from`: `{text}` is no network");
                let fault = Fault::at(read::place(http, "allow_write_http_from"), text);
                notes.problem(fault.hint("write 10.0.0.0/8, 192.0.2.1/32 or fd00::/8"), "");
            }
        }
    }
    writers
}

/// A user or group, by number or name.
fn id(
    notes: &mut Notes,
    sockets: &Value,
    key: &str,
    find: impl Fn(&str) -> Option<u32>,
) -> Option<u32> {
    let text = read::text(sockets, key);
    if text.is_empty() {
        return None;
    }
    let found = text.parse().ok().or_else(|| find(text));
    if found.is_none() {
        note(notes, sockets, key, &format!("`unix_sockets.{key}`: this system has no `{text}`"));
    }
    found
}

fn mode(notes: &mut Notes, sockets: &Value) -> Option<u32> {
    let text = read::text(sockets, "mode");
    if text.is_empty() {
        return None;
    }
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    if mode.is_none() {
        let text = format!("`unix_sockets.mode`: `{text}` is no octal number from 0 to 0777");
        note(notes, sockets, "mode", &text);
    }
    mode
}

/// What stands before the path of a socket.
const SCHEME: &str = "unix://";

/// Headers that nobody else may state.
const OURS: [&str; 4] = ["connection", "content-encoding", "content-length", "transfer-encoding"];
