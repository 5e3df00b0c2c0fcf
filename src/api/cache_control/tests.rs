use std::time::Duration;

use axum::http::HeaderValue;
use expect_test::{Expect, expect};

use super::CacheControl;

/// Shows what a header says, and whether answers that are 0, 5 and 50 seconds old will do.
fn check(header: &str, expect: &Expect) {
    let shown = match CacheControl::parse(Some(&HeaderValue::from_str(header).unwrap())) {
        None => "refused".to_owned(),
        Some(control) => {
            let word = |age| match Duration::from_secs(age) {
                age if control.admits(age) => "hit",
                age if control.admits_after_error(age) => "ask, else hit",
                _ => "ask",
            };
            format!("0 s: {}; 5 s: {}; 50 s: {}", word(0), word(5), word(50))
        }
    };
    expect.assert_eq(&shown);
}

#[test]
fn any_age_will_do_unless_something_is_said() {
    check("", &expect!["0 s: hit; 5 s: hit; 50 s: hit"]);
    check("no-transform, bogus=1", &expect!["0 s: hit; 5 s: hit; 50 s: hit"]);
    check("max-age", &expect!["0 s: hit; 5 s: hit; 50 s: hit"]);
}

#[test]
fn older_than_the_age_asks_the_leader() {
    check("max-age=30", &expect!["0 s: hit; 5 s: hit; 50 s: ask"]);
    check("Max-Age = 4", &expect!["0 s: hit; 5 s: ask; 50 s: ask"]);
    check("max-age=0", &expect!["0 s: ask; 5 s: ask; 50 s: ask"]);
    check("max-age=-1", &expect!["0 s: ask; 5 s: ask; 50 s: ask"]);
    check("must-revalidate", &expect!["0 s: ask; 5 s: ask; 50 s: ask"]);
    check("max-age=30, must-revalidate", &expect!["0 s: ask; 5 s: ask; 50 s: ask"]);
}

#[test]
fn an_error_makes_older_ones_do() {
    let expect = expect!["0 s: hit; 5 s: ask, else hit; 50 s: ask"];
    check("max-age=4,stale-if-error=10", &expect);
    check(
        "stale-if-error=60, max-age=0",
        &expect!["0 s: ask, else hit; 5 s: ask, else hit; 50 s: ask, else hit"],
    );
}

#[test]
fn numbers_that_are_none_are_refused() {
    for header in ["max-age=x", "stale-if-error=zz", "max-age=\"30\"", "max-age=1.5"] {
        check(header, &expect!["refused"]);
    }
    check("max-age=99999999999999999999", &expect!["refused"]);
}
