//! The grammar, and what is refused. What filters keep is held to Consul in `tests/http/filter_*.http`.

mod shapes;

use expect_test::{Expect, expect};

use super::{Filter, Shape};
use crate::model::limits::{FILTER_BYTES_MAX, FILTER_COMPARISONS_MAX, FILTER_DEPTH_MAX};

/// Shows how filters of instances are understood, a line each, or why they are none.
#[track_caller]
fn check(filters: &[&str], expect: &Expect) {
    let show = |text: &&str| match Filter::parse(text, Shape::INSTANCE) {
        Ok(filter) => {
            // What is shown is read as the same.
            let again = Filter::parse(&filter.to_string(), Shape::INSTANCE);
            assert_eq!(again.map(|again| again.to_string()).as_ref(), Ok(&filter.to_string()));
            filter.to_string()
        }
        Err(fault) => format!("fault: {fault}"),
    };
    expect.assert_eq(&filters.iter().map(show).collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_operator_is_read() {
    check(
        &[
            "Service.Port == 80",
            "Service.Port!=80",
            "Service.Tags is empty",
            "Service.Tags  is\tnot\nempty",
            "v1 in Service.Tags",
            "v1 not in Service.Tags",
            "Service.Tags contains v1",
            "Service.Tags not contains v1",
            "Node.Node matches `^n[0-9]`",
            "Node.Node not matches n",
        ],
        &expect![[r#"
            Service.Port == "80"
            Service.Port != "80"
            Service.Tags is empty
            Service.Tags is not empty
            "v1" in Service.Tags
            "v1" not in Service.Tags
            "v1" in Service.Tags
            "v1" not in Service.Tags
            Node.Node matches "^n[0-9]"
            Node.Node not matches "n""#]],
    );
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    check(
        &[
            "Node.ID == a or Node.ID == b and Node.ID == c or Node.ID == d",
            "(Node.ID == a or Node.ID == b) and Node.ID == c",
            "not Node.ID == a and Node.ID == b",
            "not not Node.ID == a",
            "not not not Node.ID == a",
            "not (Node.ID == a and ( Node.ID == b ))",
            "((Node.ID == a))",
        ],
        &expect![[r#"
            Node.ID == "a" or (Node.ID == "b" and Node.ID == "c") or Node.ID == "d"
            (Node.ID == "a" or Node.ID == "b") and Node.ID == "c"
            (not (Node.ID == "a")) and Node.ID == "b"
            Node.ID == "a"
            not (Node.ID == "a")
            not (Node.ID == "a" and Node.ID == "b")
            Node.ID == "a""#]],
    );
}

#[test]
fn selectors_have_names_and_quoted_keys() {
    check(
        &[
            "Node.Meta.rack == r1",
            r#"Node.Meta["odd-key"] == r1"#,
            "Node[`Meta`][ `rack` ] == r1",
            "Service.TaggedAddresses.lan.Port == 1",
            "Checks.Status == passing",
            "Node.Meta.in in Node.Meta",
        ],
        &expect![[r#"
            Node.Meta.rack == "r1"
            Node.Meta["odd-key"] == "r1"
            Node.Meta.rack == "r1"
            Service.TaggedAddresses.lan.Port == "1"
            Checks.Status == "passing"
            "Node.Meta.in" in Node.Meta"#]],
    );
}

#[test]
fn values_are_words_numbers_and_quoted_texts() {
    check(
        &[
            "Node.ID == a.b.c",
            r#"Node.ID == a["b"]"#,
            "Node.ID == -3",
            "Node.ID == 1.50",
            "Node.ID == not",
            r#"Node.ID == "\x65\t\101\u00e9 é\\""#,
            "Node.ID == `a\\b\r\n`",
            r#"Node.ID == """#,
            "5 in Node.Meta",
        ],
        &expect![[r#"
            Node.ID == "a.b.c"
            Node.ID == "a.b"
            Node.ID == "-3"
            Node.ID == "1.50"
            Node.ID == "not"
            Node.ID == "e\U00000009A\U000000e9 \U000000e9\\"
            Node.ID == "a\\b\U0000000a"
            Node.ID == ""
            "5" in Node.Meta"#]],
    );
}

#[test]
fn what_is_no_filter_is_refused_with_its_place() {
    check(
        &[
            "   ",
            "Node.ID",
            "Node.ID ==",
            "Node.ID = a",
            "Node.ID == a and",
            "Node.ID == a AND Node.ID == b",
            "Node.ID == \"a\"or Node.ID == b",
            "Node.ID == a\nand Node.ID =",
            "(Node.ID == a",
            "Node.ID == a)",
            "not(Node.ID == a)",
            "Node.ID == \"a",
            "Node.ID == `a",
            r#"Node.ID == "a\"b""#,
            r#"Node.ID == "\q""#,
            r#"Node.ID == "\xff""#,
            r#"Node.ID == "\ud800""#,
            "Node.ID == \"a\nb\"",
            "Node.ID == 01",
            "Node.ID == 1a",
            "Node.ID == 10.0.0.1",
            "Node.ID == -",
            "Node.Meta[rack] == a",
            "Node.Meta[\"rack\" == a",
            "Node.Meta.1 == a",
            "a in 5",
            "\"a\" == Node.ID",
            "é == a",
            "Node.ID == é",
        ],
        &expect![[r#"
            fault: 1:4 (3): no match found, expected: a comparison
            fault: 1:8 (7): no match found, expected: an operator
            fault: 1:11 (10): no match found, expected: a value
            fault: 1:9 (8): no match found, expected: an operator
            fault: 1:17 (16): no match found, expected: white space
            fault: 1:14 (13): no match found, expected: `and`, `or` or the end
            fault: 1:15 (14): no match found, expected: `and`, `or` or the end
            fault: 2:13 (25): no match found, expected: an operator
            fault: 1:14 (13): rule "grouping": Unmatched parentheses
            fault: 1:13 (12): no match found, expected: `and`, `or` or the end
            fault: 1:4 (3): no match found, expected: an operator
            fault: 1:14 (13): rule "string": Unterminated string literal
            fault: 1:14 (13): rule "string": Unterminated string literal
            fault: 1:12 (11): rule "string": invalid syntax
            fault: 1:12 (11): rule "string": invalid syntax
            fault: 1:12 (11): rule "string": invalid syntax
            fault: 1:12 (11): rule "string": invalid syntax
            fault: 1:12 (11): rule "string": invalid syntax
            fault: 1:13 (12): rule "number": Invalid number literal
            fault: 1:13 (12): rule "number": Invalid number literal
            fault: 1:16 (15): rule "number": Invalid number literal
            fault: 1:13 (12): no match found, expected: a digit
            fault: 1:11 (10): rule "index": Invalid index
            fault: 1:18 (17): rule "index": Unclosed index expression
            fault: 1:11 (10): no match found, expected: a name
            fault: 1:6 (5): rule "match": Invalid selector
            fault: 1:5 (4): no match found, expected: an operator
            fault: 1:1 (0): no match found, expected: a comparison
            fault: 1:12 (11): no match found, expected: a value"#]],
    );
}

#[test]
fn selectors_operators_and_values_have_to_fit() {
    check(
        &[
            "Bogus.a.b == c",
            "Node.Bogus == c",
            "Node.Meta.rack.x == c",
            "node.ID == c",
            "Node == c",
            "Node.Meta == c",
            "Node.Meta matches c",
            "Node.ID is empty",
            "Service.Port contains 8",
            "Checks == c",
            "c in Checks",
            "Service.Port == zz",
            "Service.Port == 80.0",
            "Service.Port == \"\"",
            "Service.Port == \"0x\"",
            "Service.Port == \"8__0\"",
            "Service.Port == \"08\"",
            "Service.Port == 99999999999999999999",
            "Service.Port == \"0x50\" or Service.Port == \"0_12\" or Service.Port == \"+0b1\" or Service.Port == \"-0o7\"",
            "Service.EnableTagOverride == yes",
            "Service.EnableTagOverride == T",
            "Node.ID matches `(`",
            "Node.ID matches `(?=x)`",
        ],
        &expect![[r#"
            fault: Selector "Bogus" is not valid
            fault: Selector "Node.Bogus" is not valid
            fault: Selector "Node.Meta.rack.x" is not valid
            fault: Selector "node" is not valid
            fault: Invalid match operator "Equal" for selector "Node"
            fault: Invalid match operator "Equal" for selector "Node.Meta"
            fault: Invalid match operator "Matches" for selector "Node.Meta"
            fault: Invalid match operator "Is Empty" for selector "Node.ID"
            fault: Invalid match operator "In" for selector "Service.Port"
            fault: Invalid match operator "Equal" for selector "Checks"
            fault: Invalid match operator "In" for selector "Checks"
            fault: Failed to coerce value "zz" for selector "Service.Port": strconv.ParseInt: parsing "zz": invalid syntax
            fault: Failed to coerce value "80.0" for selector "Service.Port": strconv.ParseInt: parsing "80.0": invalid syntax
            fault: Failed to coerce value "" for selector "Service.Port": strconv.ParseInt: parsing "": invalid syntax
            fault: Failed to coerce value "0x" for selector "Service.Port": strconv.ParseInt: parsing "0x": invalid syntax
            fault: Failed to coerce value "8__0" for selector "Service.Port": strconv.ParseInt: parsing "8__0": invalid syntax
            fault: Failed to coerce value "08" for selector "Service.Port": strconv.ParseInt: parsing "08": invalid syntax
            fault: Failed to coerce value "99999999999999999999" for selector "Service.Port": strconv.ParseInt: parsing "99999999999999999999": value out of range
            Service.Port == "0x50" or Service.Port == "0_12" or Service.Port == "+0b1" or Service.Port == "-0o7"
            fault: Failed to coerce value "yes" for selector "Service.EnableTagOverride": strconv.ParseBool: parsing "yes": invalid syntax
            Service.EnableTagOverride == "T"
            fault: Failed to compile regular expression "(": error parsing regexp: unclosed group
            fault: Failed to compile regular expression "(?=x)": error parsing regexp: look-around, including look-ahead and look-behind, is not supported"#]],
    );
}

#[test]
fn what_is_not_there_is_unlike_everything() {
    let item = serde_json::json!({"Meta": {"a": "x"}, "Proxy": {}, "TaggedAddresses": null});
    let is_kept =
        |text: &&&str| Filter::parse(text, Shape::SERVICE).unwrap().admits(&item).unwrap();
    let filters = [
        "Meta.a == x",
        "Meta.b == x",
        "Meta.b != x",
        "x in Meta.b",
        "x not in Meta.b",
        "Meta.b matches `.*`",
        "Meta.b not matches `.*`",
        "TaggedAddresses is empty",
        "TaggedAddresses.lan.Port == 0",
        "TaggedAddresses.lan.Port != 0",
        // Fields that are left out are empty, and a list without objects has none of any kind.
        "Port == 0 and Address == `` and EnableTagOverride == false",
        "Tags is empty and `` not in Tags",
        "Proxy.LocalServicePort == 0 and Proxy.MeshGateway.Mode == ``",
        "Proxy.Upstreams.LocalBindPort != 1",
    ];
    let kept: Vec<&str> = filters.iter().filter(is_kept).copied().collect();
    expect![[r#"
        Meta.a == x
        Meta.b != x
        x not in Meta.b
        Meta.b not matches `.*`
        TaggedAddresses is empty
        TaggedAddresses.lan.Port != 0
        Port == 0 and Address == `` and EnableTagOverride == false
        Tags is empty and `` not in Tags
        Proxy.LocalServicePort == 0 and Proxy.MeshGateway.Mode == ``"#]]
    .assert_eq(&kept.join("\n"));
}

#[test]
fn limits_hold_and_are_reached_quickly() {
    let nested = |depth: usize| format!("{}Node.ID == a{}", "(".repeat(depth), ")".repeat(depth));
    let negated = |depth: usize| format!("{}Node.ID == a", "not ".repeat(depth));
    let joined = |count: usize| vec!["Node.ID == a"; count].join(" or ");
    let matched = |count: usize| vec!["Node.ID matches a"; count].join(" or ");
    let is_read = |text: &str| Filter::parse(text, Shape::INSTANCE).is_ok();
    for text in
        [&nested(FILTER_DEPTH_MAX), &negated(FILTER_DEPTH_MAX), &joined(FILTER_COMPARISONS_MAX)]
    {
        assert!(is_read(text));
    }
    let long = format!("Node.ID == {}", "a".repeat(FILTER_BYTES_MAX));
    check(
        &[
            &nested(FILTER_DEPTH_MAX + 1),
            &negated(FILTER_DEPTH_MAX + 1),
            &nested(8_000),
            &"(".repeat(10_000),
            &"not ".repeat(4_000),
            &joined(FILTER_COMPARISONS_MAX + 1),
            &matched(17),
            &long,
            // Repetitions of repetitions need memory without end.
            "Node.ID matches `(((a{99}){99}){99}){99}`",
            &format!("Node.ID matches `{}a{}`", "(".repeat(100), ")".repeat(100)),
        ],
        &expect![[r#"
            fault: 1:66 (65): the filter is nested deeper than 64 levels
            fault: 1:261 (260): the filter is nested deeper than 64 levels
            fault: 1:66 (65): the filter is nested deeper than 64 levels
            fault: 1:66 (65): the filter is nested deeper than 64 levels
            fault: 1:261 (260): the filter is nested deeper than 64 levels
            fault: 1:8193 (8192): the filter has more than 512 comparisons
            fault: the filter has more than 16 regular expressions
            fault: the filter has 16395 bytes, 16384 are allowed
            fault: Failed to compile regular expression "(((a{99}){99}){99}){99}": error parsing regexp: Compiled regex exceeds size limit of 262144 bytes.
            fault: Failed to compile regular expression "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))": error parsing regexp: exceed the maximum number of nested parentheses/brackets (64)"#]],
    );
}
