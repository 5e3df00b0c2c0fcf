use expect_test::{Expect, expect};

use super::Params;

fn check(query: &str, expect: &Expect) {
    let shown = match Params::parse(query) {
        Ok(params) => params.show(),
        Err(fault) => format!("fault: {fault}"),
    };
    expect.assert_eq(&shown);
}

#[test]
fn bare_names_have_empty_values() {
    check("recurse&keys=", &expect!["keys=&recurse="]);
}

#[test]
fn repeated_names_stay_in_their_order() {
    check("tag=b&tag=a&&dc=x", &expect!["dc=x&tag=b&tag=a"]);
}

#[test]
fn escapes_and_plus_signs_are_decoded() {
    check("a=1%2B1+%C3%A9%26", &expect!["a=1%2B1+%C3%A9%26"]);
}

#[test]
fn a_broken_escape_is_refused() {
    let text = expect![
        "fault: Invalid query string: a `%` is not followed by two hexadecimal digits; write `%25` for a percent sign"
    ];
    check("a=%zz", &text);
    let text = expect![
        "fault: Invalid query string: a `%` is not followed by two hexadecimal digits; write `%25` for a percent sign"
    ];
    check("a=%e", &text);
}

#[test]
fn bytes_that_are_no_utf8_are_refused() {
    check("a=%ff", &expect!["fault: Invalid query string: the decoded bytes are no UTF-8"]);
}
