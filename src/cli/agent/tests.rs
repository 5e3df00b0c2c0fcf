//! Flags of the agent → what the configuration is made from.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};
use expect_test::{Expect, expect};

use crate::cli::agent::Flags;
use crate::cli::agent::flag::FLAGS;
use crate::cli::arguments::{CommandLine, rewrite};
use crate::cli::{Lictor, Noun, command_tree};

#[test]
fn a_flag_is_a_setting_of_its_key() {
    check(
        "-dev -node n1 -dns-port=0 -http-port -1 -ui",
        &expect![[r"
            dev
            -node: node_name = n1
            -dns-port: ports.dns = 0
            -http-port: ports.http = -1
            -ui: ui = true
        "]],
    );
}

#[test]
fn files_and_folders_keep_their_order() {
    check(
        "-config-file a.json -config-dir d -config-file b -config-format hcl",
        &expect![[r"
            path a.json
            path d
            path b
            format hcl
        "]],
    );
}

#[test]
fn settings_keep_the_order_of_the_command_line() {
    check(
        "-recursor 1.1.1.1 -node a -recursor 9.9.9.9 -node b -server=false",
        &expect![[r"
            -recursor: recursors = 1.1.1.1
            -node: node_name = a
            -recursor: recursors = 9.9.9.9
            -node: node_name = b
            -server: server = false
        "]],
    );
}

#[test]
fn node_meta_sets_entries_of_a_map() {
    check(
        "-node-meta rack:a:1 -node-meta bare",
        &expect![[r"
            -node-meta: node_meta.rack = a:1
            -node-meta: node_meta.bare = 
        "]],
    );
}

#[test]
fn hcl_is_taken_as_it_is() {
    check("-hcl ports{dns=1}", &expect!["fragment ports{dns=1}\n"]);
}

#[test]
fn a_dev_that_is_off_is_off() {
    check("-dev -dev=false", &expect![""]);
}

#[test]
fn no_flag_stands_twice_in_the_table() {
    let mut names: Vec<&str> = FLAGS.iter().map(|flag| flag.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    Lictor::command().debug_assert();
}

/// Reads flags and shows what they say.
fn check(words: &str, said: &Expect) {
    let arguments = ["lictor", "agent"].into_iter().chain(words.split_whitespace());
    let mut tree = command_tree();
    let Ok(CommandLine::Run(arguments)) = rewrite(arguments.map(OsString::from).collect(), &tree)
    else {
        panic!("`{words}` is no command")
    };
    let matches = tree.try_get_matches_from_mut(arguments).expect("clap takes it");
    let Noun::Agent(flags) = Lictor::from_arg_matches(&matches).expect("it is whole").noun else {
        panic!("`{words}` is for another command")
    };
    said.assert_eq(&shown(&flags));
}

fn shown(flags: &Flags) -> String {
    let sources = &flags.sources;
    let dev = sources.dev.then(|| "dev".to_owned());
    let paths = sources.paths.iter().map(|path| format!("path {}", path.display()));
    let format = flags.format.iter().map(|format| format!("format {format}"));
    let fragments = sources.fragments.iter().map(|text| format!("fragment {text}"));
    let settings =
        sources.flags.iter().map(|set| format!("{}: {} = {}", set.flag, set.key, set.value));
    let lines = dev.into_iter().chain(paths).chain(format).chain(fragments).chain(settings);
    lines.fold(String::new(), |text, line| text + &line + "\n")
}
