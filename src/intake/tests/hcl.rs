//! HCL fragments.

use std::fmt::Write as _;
use std::path::Path;

use expect_test::{Expect, expect};

use crate::intake::tests::show;
use crate::intake::{Sources, load};

fn check_hcl(fragment: &str, expected: &Expect) {
    let fragments = vec![fragment.to_owned()];
    let sources = Sources { dev: true, fragments, ..Sources::default() };
    expected.assert_eq(show(&sources, Path::new("/nowhere")).trim_end());
}

/// Many fragments, and what each says.
fn check_fragments(fragments: &[&str], expected: &Expect) {
    let mut out = String::new();
    for fragment in fragments {
        let fragments = vec![(*fragment).to_owned()];
        let sources = Sources { dev: true, fragments, ..Sources::default() };
        let shown = show(&sources, Path::new("/nowhere"));
        writeln!(out, "{fragment:?}\n    {}", shown.trim_end().replace('\n', "\n    ")).unwrap();
    }
    expected.assert_eq(&out);
}

#[test]
fn hcl_is_read_as_its_first_version() {
    check_fragments(
        &[
            r#"server = true data_dir = "/x" log_json = true"#,
            r#"log_json = true, pid_file = "/x","#,
            r#""pid_file" = "/x""#,
            "pid_file = <<EOF\n/x/y\n  z\nEOF\n",
            "pid_file = <<-EOF\n   /x\n     y\n   EOF\n",
            "pid_file = <<-EOF\n /x\n   EOF\n",
            "pid_file = \"/x\" # c\n// d\n/* e */ log_json = true /* f */",
            r#"pid_file = "/\u0041\x41\101\t\U0001f600""#,
            r#"pid_file = "/x${foo("a{}")}y""#,
            "ports { dns = 0x10 http = -1 server = 010 serf_lan = 5.e3 serf_wan = 1e2 }",
            r#"node_meta = { a = "b", c = "d", }"#,
            r#"node_meta { a = "b" } node_meta { c = "d" }"#,
            r#"pid_file = "/x" pid_file = "/y""#,
            r#"recursors = ["1.1.1.1",,"2.2.2.2",]"#,
            r#"{ "pid_file": "/x" }"#,
            r#"dns_config { service_ttl { "*" = "5s" web = "3s" "db*" = "1m" "db-x*" = "2m" } }"#,
            "",
            "# only a comment",
        ],
        &expect![[r##"
            "server = true data_dir = \"/x\" log_json = true"
                Logging = {"LogFilePath":"","LogJSON":true,"LogLevel":"DEBUG"}
            "log_json = true, pid_file = \"/x\","
                Logging = {"LogFilePath":"","LogJSON":true,"LogLevel":"DEBUG"}
                PidFile = "/x"
            "\"pid_file\" = \"/x\""
                PidFile = "/x"
            "pid_file = <<EOF\n/x/y\n  z\nEOF\n"
                PidFile = "/x/y\n  z\n"
            "pid_file = <<-EOF\n   /x\n     y\n   EOF\n"
                PidFile = "/x\n  y\n"
            "pid_file = <<-EOF\n /x\n   EOF\n"
                PidFile = " /x\n"
            "pid_file = \"/x\" # c\n// d\n/* e */ log_json = true /* f */"
                Logging = {"LogFilePath":"","LogJSON":true,"LogLevel":"DEBUG"}
                PidFile = "/x"
            "pid_file = \"/\\u0041\\x41\\101\\t\\U0001f600\""
                PidFile = "/AAA\t😀"
            "pid_file = \"/x${foo(\"a{}\")}y\""
                PidFile = "/x${foo(\"a{}\")}y"
            "ports { dns = 0x10 http = -1 server = 010 serf_lan = 5.e3 serf_wan = 1e2 }"
                warning: -hcl:1:30: `ports.server` is accepted but has no effect yet
                warning: -hcl:1:43: `ports.serf_lan` is accepted but has no effect yet
                warning: -hcl:1:59: `ports.serf_wan` is accepted but has no effect yet
                DNSPort = 16
                HTTPPort = -1
                SerfPortLAN = 5000
                SerfPortWAN = 100
                ServerPort = 8
            "node_meta = { a = \"b\", c = \"d\", }"
                NodeMeta = {"a":"b","c":"d"}
            "node_meta { a = \"b\" } node_meta { c = \"d\" }"
                NodeMeta = {"a":"b","c":"d"}
            "pid_file = \"/x\" pid_file = \"/y\""
                PidFile = "/y"
            "recursors = [\"1.1.1.1\",,\"2.2.2.2\",]"
                DNSRecursors = ["1.1.1.1","2.2.2.2"]
            "{ \"pid_file\": \"/x\" }"
                PidFile = "/x"
            "dns_config { service_ttl { \"*\" = \"5s\" web = \"3s\" \"db*\" = \"1m\" \"db-x*\" = \"2m\" } }"
                DNSServiceTTL = {"*":"5s","db*":"60s","db-x*":"120s","web":"3s"}
            ""
                all as by default
            "# only a comment"
                all as by default
        "##]],
    );
}

#[test]
fn bad_hcl_is_refused_with_its_place() {
    check_fragments(
        &[
            "x = ",
            "server = true; log_json = true",
            r#"service "web" { port = 80 }"#,
            "pid_file = <<EOF\n/x",
            "pid_file = <<\n",
            r#"pid_file = "\q""#,
            "pid_file = \"/x\n\"",
            r#"pid_file = "/x${foo""#,
            r#"pid_file "x" = "/x""#,
            r#"recursors = ["a" "b"]"#,
            "services = [{name=\"a\"}\n{name=\"b\"}]",
            "server = true }",
            "ports {",
            "recursors = [",
            "ports.dns = 1",
            "pid_file = /x",
            "server = yes",
            "server = TRUE",
            "{ data_dir = \"/x\" }",
            "server: true",
            "ports { dns = - 5 }",
            "ports { dns = +5 }",
            "ports { dns = 0x }",
            "ports { dns = 09 }",
            "ports { dns = 1.5 }",
            "\u{feff}server = true",
            "/* unterminated",
            "pid_file = '/x'",
            "= 5",
            "server",
            "server = ]",
            "node_meta { a = 5 }",
        ],
        &expect![[r#"
            "x = "
                -hcl:1:5: the file ends where a value should stand
            "server = true; log_json = true"
                -hcl:1:14: illegal character `;`
            "service \"web\" { port = 80 }"
                -hcl:1:9: invalid config key `service.web`
                  hint: a label is no name; write `service { name = "web" … }`
            "pid_file = <<EOF\n/x"
                -hcl:1:12: heredoc not terminated
                  hint: close it with a line that holds only `EOF`
            "pid_file = <<\n"
                -hcl:1:12: malformed heredoc
                  hint: write `<<EOF`, the text on lines of its own, then `EOF`
            "pid_file = \"\\q\""
                -hcl:1:13: illegal escape in a string
                  hint: write a backslash as `\\`
            "pid_file = \"/x\n\""
                -hcl:1:12: string not terminated at the end of its line
                  hint: close it with `"`, or write a heredoc: `<<EOF`
            "pid_file = \"/x${foo\""
                -hcl:1:12: string not terminated
                  hint: close it with `"`
            "pid_file \"x\" = \"/x\""
                -hcl:1:14: expected `{` after a label, found `=`
            "recursors = [\"a\" \"b\"]"
                -hcl:1:18: expected `,` or `]` in a list, found a string
            "services = [{name=\"a\"}\n{name=\"b\"}]"
                -hcl:2:1: expected `,` or `]` in a list, found `{`
            "server = true }"
                -hcl:1:15: expected a key, found `}`
            "ports {"
                -hcl:1:8: the file ends inside a block
                  hint: a `}` is missing
            "recursors = ["
                -hcl:1:14: the file ends inside a list
                  hint: a `]` is missing
            "ports.dns = 1"
                -hcl:1:1: invalid config key `ports.dns`
            "pid_file = /x"
                -hcl:1:12: illegal character `/`
            "server = yes"
                -hcl:1:10: `yes` is no value
                  hint: strings are written in `"`, booleans as `true` or `false`
            "server = TRUE"
                -hcl:1:10: `TRUE` is no value
                  hint: strings are written in `"`, booleans as `true` or `false`
            "{ data_dir = \"/x\" }"
                -hcl:1:3: invalid JSON: key must be a string
                  hint: keys are written in `"`, and JSON has no comments
            "server: true"
                -hcl:1:7: illegal character `:`
                  hint: HCL sets keys with `=`
            "ports { dns = - 5 }"
                -hcl:1:15: `-` is no number
            "ports { dns = +5 }"
                -hcl:1:15: illegal character `+`
            "ports { dns = 0x }"
                -hcl:1:15: `0x` is no number
            "ports { dns = 09 }"
                -hcl:1:15: `09` is no number
            "ports { dns = 1.5 }"
                -hcl:1:15: `ports.dns` must be a whole number, but is `1.5`
            "\u{feff}server = true"
                -hcl: the file begins with a byte order mark
                  hint: save it as UTF-8 without one
            "/* unterminated"
                -hcl:1:1: comment not terminated
                  hint: close it with `*/`
            "pid_file = '/x'"
                -hcl:1:12: illegal character `'`
                  hint: write strings in `"`
            "= 5"
                -hcl:1:1: expected a key, found `=`
            "server"
                -hcl:1:7: the file ends where `=` or `{` should stand
            "server = ]"
                -hcl:1:10: expected a value, found `]`
            "node_meta { a = 5 }"
                -hcl:1:17: `node_meta.a` must be a string, but is `5`
        "#]],
    );
}

#[test]
fn deep_documents_are_refused() {
    let expected = expect!["-hcl:1:133: nested deeper than 128 levels"];
    check_hcl(&format!("x = {}", "[".repeat(10_000)), &expected);
    check_hcl(&"a {".repeat(10_000), &expect!["-hcl:1:387: nested deeper than 128 levels"]);
    check_hcl(&"a ".repeat(10_000), &expect!["-hcl:1:259: nested deeper than 128 levels"]);
    check_hcl(
        &format!("{{\"a\": {}", "[".repeat(10_000)),
        &expect!["-hcl:1:133: invalid JSON: recursion limit exceeded"],
    );
}

#[test]
fn a_long_line_takes_no_longer_than_many_lines() {
    // Columns counted from the line's start each time would take minutes.
    let items = vec!["{\"name\":\"web\",\"tags\":[\"a\",\"b\"]}"; 60_000].join(",");
    let sources = Sources {
        dev: true,
        fragments: vec![format!("{{\"bogus\":[{items}]}}")],
        ..Sources::default()
    };
    let fault = load(&sources).unwrap_err();
    assert_eq!(fault.to_string(), "-hcl:1:2: invalid config key `bogus`");
}

#[test]
fn endless_lists_of_mistakes_end_soon() {
    // Each unknown key is compared with all known ones, and each block with those before it.
    let unknown = (0..200_000).map(|n| format!("bogus{n} = 1\n")).collect::<Vec<_>>().concat();
    let blocks =
        (0..50_000).map(|n| format!("node_meta {{ k{n} = \"\" }}\n")).collect::<Vec<_>>().concat();
    let entries = (0..50_000).map(|n| format!("k{n} = \"\"\n")).collect::<Vec<_>>().concat();
    let last_line = |fragment: String| {
        let sources = Sources { dev: true, fragments: vec![fragment], ..Sources::default() };
        load(&sources).unwrap_err().to_string().lines().last().unwrap().to_owned()
    };
    expect!["and 900 more"].assert_eq(&last_line(unknown));
    expect!["-hcl:1:11: `node_meta` must be an object, but is several blocks"]
        .assert_eq(&last_line(blocks));
    expect!["-hcl:1:11: `node_meta` has 50000 entries, 4096 are allowed"]
        .assert_eq(&last_line(format!("node_meta {{ {entries} }}")));
}
