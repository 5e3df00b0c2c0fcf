//! Command lines as people write them → what clap reads, or why not.

use std::ffi::OsString;

use expect_test::{Expect, expect};

use crate::cli::arguments::{CommandLine, rewrite};
use crate::cli::command_tree;

#[test]
fn one_dash_is_two() {
    check("members -detailed -status alive", &expect!["members --detailed --status=alive"]);
}

#[test]
fn two_dashes_stay() {
    check("members --detailed --status=alive", &expect!["members --detailed --status=alive"]);
}

#[test]
fn a_value_may_begin_with_a_dash_and_hold_an_equals_sign() {
    check("kv get -separator - -token -a=b x", &expect!["kv get --separator=- --token=-a=b -- x"]);
}

#[test]
fn an_empty_value_is_a_value() {
    check("kv get -separator= -keys", &expect!["kv get --separator= --keys"]);
}

#[test]
fn the_first_other_argument_ends_the_flags() {
    check("kv put -cas key -1", &expect!["kv put --cas -- key -1"]);
}

#[test]
fn a_lone_dash_is_stdin() {
    check("kv import - -stale", &expect!["kv import -- - -stale"]);
}

#[test]
fn two_dashes_alone_end_the_flags() {
    check("kv get -stale -- -key", &expect!["kv get --stale -- -key"]);
}

#[test]
fn a_switch_may_be_said_to_be_off() {
    check("kv get -stale -keys=0 -stale=F x", &expect!["kv get -- x"]);
}

#[test]
fn a_choice_of_the_agent_keeps_its_no() {
    check("agent -dev -ui=false -server=1", &expect!["agent --dev=true --ui=false --server=true"]);
}

#[test]
fn a_switch_takes_no_word_after_it() {
    check("kv get -stale false", &expect!["kv get --stale -- false"]);
}

#[test]
fn dig_takes_flags_anywhere_and_those_of_its_namesake() {
    check(
        "dig @127.0.0.1 -p 8600 web.service.consul SRV +tcp +bufsize=4096 +nodnssec",
        &expect![
            "dig --dns-addr=127.0.0.1 --p=8600 --tcp --bufsize=4096 -- web.service.consul SRV"
        ],
    );
}

#[test]
fn help_is_found_at_every_depth() {
    check("-help", &expect!["Help([])"]);
    check("kv --help", &expect![[r#"Help(["kv"])"#]]);
    check("kv get -stale -h", &expect![[r#"Help(["kv", "get"])"#]]);
}

#[test]
fn help_after_an_argument_is_an_argument() {
    check("kv get x -h", &expect!["kv get -- x -h"]);
}

#[test]
fn the_version_has_three_spellings() {
    check("-v", &expect!["Version"]);
    check("--version", &expect!["Version"]);
    check("version", &expect!["version"]);
}

#[test]
fn nothing_is_no_command() {
    check("", &expect!["127 no command was given"]);
}

#[test]
fn an_unknown_command_is_127_and_an_unknown_verb_is_1() {
    check("membrs", &expect!["127 unknown command: membrs (did you mean `members`?)"]);
    check("kv exprot", &expect!["1 unknown command: exprot (did you mean `export`?)"]);
    check("kv", &expect!["1 no command was given"]);
}

#[test]
fn flags_do_not_come_before_the_command() {
    check(
        "-token x kv get y",
        &expect![[r"
            1 Invalid flags before the subcommand: -token
            If these flags are for the subcommand, please put them after the subcommand."]],
    );
    check("kv -token x get y", &expect!["1 unknown command: -token"]);
}

#[test]
fn an_unknown_flag_is_refused_with_the_nearest() {
    check(
        "kv get -recurs x",
        &expect!["1 flag provided but not defined: -recurs (did you mean `-recurse`?)"],
    );
    check("kv get -zzz", &expect!["1 flag provided but not defined: -zzz"]);
    check("kv get -=x", &expect!["1 flag provided but not defined: -"]);
}

#[test]
fn a_flag_without_its_value_is_refused() {
    check("kv get -token", &expect!["1 flag needs an argument: -token"]);
}

#[test]
fn a_switch_is_on_or_off() {
    check(
        "kv get -stale=maybe",
        &expect![[r#"1 invalid boolean value "maybe" for -stale: expected true or false"#]],
    );
}

#[test]
fn bytes_that_are_no_text_pass_through_values_and_arguments() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let words = ["lictor", "kv", "put"].map(OsString::from);
    let arguments = [words.to_vec(), vec![bytes(b"-token=\xFF"), bytes(b"k"), bytes(b"\xFE")]];
    let Ok(CommandLine::Run(rewritten)) = rewrite(arguments.concat(), &command_tree()) else {
        panic!("it is a command")
    };
    let rest = [bytes(b"--token=\xFF"), bytes(b"--"), bytes(b"k"), bytes(b"\xFE")];
    assert_eq!(rewritten.get(3..), Some(rest.as_slice()));
}

/// Rewrites words; empty arguments cannot be written so, and are not needed.
fn check(words: &str, rewritten: &Expect) {
    let arguments = ["lictor"].into_iter().chain(words.split_whitespace());
    let line = match rewrite(arguments.map(OsString::from).collect(), &command_tree()) {
        Ok(CommandLine::Run(rewritten)) => {
            let words: Vec<_> =
                rewritten.iter().skip(1).map(|word| word.to_string_lossy()).collect();
            words.join(" ")
        }
        Ok(other) => format!("{other:?}"),
        Err(fault) => {
            let hint = fault.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{} {fault}{hint}", fault.code())
        }
    };
    rewritten.assert_eq(&line);
}
