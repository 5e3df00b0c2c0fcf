//! Flags and environment → where the agent is and as whom we come: Consul's rules, flags first.

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::cli::arguments::parse_switch;
use crate::cli::client::ClientFlags;
use crate::cli::fault::Fault;

/// An agent, and who asks it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct Endpoint {
    /// What every URL begins with, without a slash at the end.
    pub(super) base: String,
    /// The address for people.
    pub(super) shown: String,
    /// The UNIX socket, if that is where the agent listens.
    pub(super) socket: Option<PathBuf>,
    /// The ACL token.
    pub(super) token: Option<String>,
    /// User and password for a proxy in between.
    pub(super) auth: Option<(String, String)>,
    /// How to check certificates, where the connection is secured.
    pub(super) tls: Option<Tls>,
}

/// How certificates are checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tls {
    /// Whether they are.
    pub(super) verify: bool,
    /// A file of authorities.
    pub(super) ca_file: Option<String>,
    /// A folder of such files.
    pub(super) ca_path: Option<String>,
    /// Our certificate.
    pub(super) client_cert: Option<String>,
    /// Its key.
    pub(super) client_key: Option<String>,
    /// The name that stands in the URL in place of `host:port`, since the certificate carries it.
    pub(super) stand_in: Option<(String, String)>,
}

/// Finds the agent. `env` reads a variable; an empty one counts as absent, as it does for Consul.
pub(super) fn find(
    flags: &ClientFlags,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Endpoint, Fault> {
    let env = |name: &str| env(name).filter(|value| !value.is_empty());
    let pick = |flag: &Option<String>, name: &str| flag.clone().or_else(|| env(name));
    let address = pick(&flags.http_addr, "CONSUL_HTTP_ADDR");
    let address = address.unwrap_or_else(|| "127.0.0.1:8500".to_owned());
    let secured = truth(&env, "CONSUL_HTTP_SSL", false)?;
    let token = token(flags, &env)?;
    let auth = env("CONSUL_HTTP_AUTH").map(|text| {
        let (user, password) = text.split_once(':').unwrap_or((&text, ""));
        (user.to_owned(), password.to_owned())
    });
    let (scheme, rest) = match address.split_once("://") {
        Some(("unix", path)) => {
            let endpoint = Endpoint {
                base: "http://localhost".to_owned(),
                shown: address.clone(),
                socket: Some(Path::new(path).to_owned()),
                token,
                auth,
                tls: None,
            };
            return Ok(endpoint);
        }
        Some((scheme @ ("http" | "https"), rest)) => (scheme, rest.to_owned()),
        Some((scheme, _)) => {
            let text = format!("unknown scheme {scheme}:// in the agent's address {address}");
            return Err(Fault::Advised { text, hint: FORMS.to_owned() });
        }
        None if secured => ("https", with_port(&address, "8501")),
        None => ("http", with_port(&address, "8500")),
    };
    let rest = rest.trim_end_matches('/');
    // CONSUL_HTTP_SSL makes a plain address secure, and an `http://` one too, as with Consul.
    let scheme = if secured { "https" } else { scheme };
    let shown = format!("{scheme}://{rest}");
    let (host, prefix) =
        rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    if host.is_empty() {
        let text = format!("the agent's address {address} names no host");
        return Err(Fault::Advised { text, hint: FORMS.to_owned() });
    }
    let name = pick(&flags.tls_server_name, "CONSUL_TLS_SERVER_NAME");
    let stand_in = name.filter(|_| scheme == "https").map(|name| (name, with_port(host, "443")));
    let mut base = match &stand_in {
        Some((name, host)) => {
            let port = host.rsplit_once(':').map_or("443", |(_, port)| port);
            format!("{scheme}://{name}:{port}")
        }
        None => format!("{scheme}://{host}"),
    };
    if let Some(prefix) = prefix {
        base = format!("{base}/{prefix}");
    }
    let tls = Tls {
        verify: truth(&env, "CONSUL_HTTP_SSL_VERIFY", true)?,
        ca_file: pick(&flags.ca_file, "CONSUL_CACERT"),
        ca_path: pick(&flags.ca_path, "CONSUL_CAPATH"),
        client_cert: pick(&flags.client_cert, "CONSUL_CLIENT_CERT"),
        client_key: pick(&flags.client_key, "CONSUL_CLIENT_KEY"),
        stand_in,
    };
    Ok(Endpoint { base, shown, socket: None, token, auth, tls: (scheme == "https").then_some(tls) })
}

/// A parameter's value or one step of a path, percent-encoded.
pub(in crate::cli) fn encode(text: &str) -> String {
    utf8_percent_encode(text, STEP).to_string()
}

/// The flag before its file, both before the environment.
fn token(
    flags: &ClientFlags,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, Fault> {
    if flags.token.is_some() {
        return Ok(flags.token.clone());
    }
    let from_env = || env("CONSUL_HTTP_TOKEN");
    let file = match &flags.token_file {
        Some(file) => file.clone(),
        None => match (from_env(), env("CONSUL_HTTP_TOKEN_FILE")) {
            (None, Some(file)) => file,
            (token, _) => return Ok(token),
        },
    };
    let text = fs_err::read_to_string(&file).map_err(|source| {
        Fault::Refused(format!("Error connecting to the agent: Error loading token file: {source}"))
    })?;
    Ok(Some(text.trim().to_owned()).filter(|token| !token.is_empty()))
}

fn truth(env: &dyn Fn(&str) -> Option<String>, name: &str, default: bool) -> Result<bool, Fault> {
    let Some(word) = env(name) else { return Ok(default) };
    parse_switch(&word)
        .ok_or_else(|| Fault::Refused(format!("{name} is `{word}`: expected true or false")))
}

/// `host` with a port, unless it has one. `:8500` is this machine's.
fn with_port(host: &str, port: &str) -> String {
    let host = if host.starts_with(':') { format!("127.0.0.1{host}") } else { host.to_owned() };
    let after_address = host.rsplit_once(']').map_or(host.as_str(), |(_, rest)| rest);
    if after_address.contains(':') { host } else { format!("{host}:{port}") }
}

/// What the address of an agent looks like.
pub(super) const FORMS: &str = "an agent's address is host:port, http://host:port, https://host:port or unix:///path/of/socket";

/// All but RFC 3986's unreserved characters.
const STEP: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests;
