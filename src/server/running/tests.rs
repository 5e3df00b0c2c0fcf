use super::*;
use crate::intake::LogLevel;

/// What is said of a change.
fn check(change: impl FnOnce(&mut Config), expected: &[&str]) {
    let before = Config::new(true);
    let mut after = before.clone();
    change(&mut after);
    assert_eq!(changed_for_next_start(&before, &after), expected);
}

#[test]
fn only_what_a_reload_does_not_apply_is_said_to_wait() {
    check(|_| {}, &[]);
    check(|config| config.domain = "example".to_owned(), &[]);
    check(|config| config.dns.only_passing = true, &[]);
    check(|config| config.log.level = LogLevel::Debug, &[]);
    check(|config| config.http.blocked = vec!["/v1/kv".to_owned()], &[]);
    check(|config| config.limits.http_max_conns_per_client = 1, &[]);
    check(|config| config.http.head_bytes_max = 8_192, &["HTTPMaxHeaderBytes"]);
    check(|config| config.ports.http = Some(1), &["HTTPPort"]);
}
