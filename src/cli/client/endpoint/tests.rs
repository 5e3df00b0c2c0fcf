//! Flags and environment → an address, and as whom.

use std::fmt::Write;

use expect_test::{Expect, expect};

use crate::cli::client::ClientFlags;
use crate::cli::client::endpoint::{Endpoint, find};

#[test]
fn without_a_word_it_is_this_machines_agent() {
    check("", "", &expect!["http://127.0.0.1:8500"]);
}

#[test]
fn the_environment_names_another_and_a_flag_wins() {
    check("", "CONSUL_HTTP_ADDR=10.0.0.1:80", &expect!["http://10.0.0.1:80"]);
    check("addr=a:1", "CONSUL_HTTP_ADDR=b:2", &expect!["http://a:1"]);
    check("", "CONSUL_HTTP_ADDR=", &expect!["http://127.0.0.1:8500"]);
}

#[test]
fn ports_have_defaults_where_no_scheme_is_stated() {
    check("addr=consul.example.com", "", &expect!["http://consul.example.com:8500"]);
    check("addr=[::1]", "", &expect!["http://[::1]:8500"]);
    check("addr=:8600", "", &expect!["http://127.0.0.1:8600"]);
    check("addr=http://proxy/consul/", "", &expect!["http://proxy/consul"]);
}

#[test]
fn a_socket_is_an_address() {
    check("addr=unix:///run/l.sock", "", &expect!["http://localhost socket=/run/l.sock"]);
}

#[test]
fn https_comes_from_the_scheme_or_the_environment() {
    check("addr=https://a:1", "", &expect!["https://a:1 tls verify=true"]);
    check("addr=a", "CONSUL_HTTP_SSL=1", &expect!["https://a:8501 tls verify=true"]);
    check(
        "addr=https://a:1",
        "CONSUL_HTTP_SSL_VERIFY=false CONSUL_CACERT=ca.pem",
        &expect!["https://a:1 tls verify=false ca=ca.pem"],
    );
}

#[test]
fn the_expected_name_stands_in_the_url() {
    check(
        "addr=https://10.0.0.1:8501",
        "CONSUL_TLS_SERVER_NAME=server.dc1.consul",
        &expect!["https://server.dc1.consul:8501 tls verify=true at=10.0.0.1:8501"],
    );
}

#[test]
fn a_tokens_flag_wins_over_the_environment() {
    check("", "CONSUL_HTTP_TOKEN=e", &expect!["http://127.0.0.1:8500 token=e"]);
    check("token=f", "CONSUL_HTTP_TOKEN=e", &expect!["http://127.0.0.1:8500 token=f"]);
}

#[test]
fn a_password_may_be_missing() {
    check("", "CONSUL_HTTP_AUTH=u:p:q", &expect!["http://127.0.0.1:8500 auth=u/p:q"]);
    check("", "CONSUL_HTTP_AUTH=u", &expect!["http://127.0.0.1:8500 auth=u/"]);
}

#[test]
fn nonsense_is_refused() {
    check("addr=ftp://a", "", &expect!["unknown scheme ftp:// in the agent's address ftp://a"]);
    check("addr=http:///x", "", &expect!["the agent's address http:///x names no host"]);
    check("", "CONSUL_HTTP_SSL=yes", &expect!["CONSUL_HTTP_SSL is `yes`: expected true or false"]);
}

#[test]
fn a_tokens_file_is_read_without_its_line_end() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs_err::write(file.path(), "secret\n").expect("it is ours");
    let env = format!("CONSUL_HTTP_TOKEN_FILE={}", file.path().display());
    check("", &env, &expect!["http://127.0.0.1:8500 token=secret"]);
}

/// Finds an endpoint; `flags` are `addr=` and `token=`, `env` are variables.
fn check(flags: &str, env: &str, found: &Expect) {
    let value = |text: &str, name: &str| {
        let mut pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let flags = ClientFlags {
        http_addr: value(flags, "addr"),
        token: value(flags, "token"),
        ..ClientFlags::default()
    };
    found.assert_eq(&match find(&flags, &|name| value(env, name)) {
        Ok(endpoint) => shown(&endpoint),
        Err(fault) => fault.to_string(),
    });
}

fn shown(endpoint: &Endpoint) -> String {
    let mut text = endpoint.base.clone();
    let mut add = |word: String| write!(text, " {word}").expect("a String takes all");
    if let Some(socket) = &endpoint.socket {
        add(format!("socket={}", socket.display()));
    }
    if let Some(token) = &endpoint.token {
        add(format!("token={token}"));
    }
    if let Some((user, password)) = &endpoint.auth {
        add(format!("auth={user}/{password}"));
    }
    if let Some(tls) = &endpoint.tls {
        add(format!("tls verify={}", tls.verify));
        if let Some(file) = &tls.ca_file {
            add(format!("ca={file}"));
        }
        if let Some((_, at)) = &tls.stand_in {
            add(format!("at={at}"));
        }
    }
    text
}
