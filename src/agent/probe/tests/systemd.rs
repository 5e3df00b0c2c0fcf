use std::time::Duration;

use expect_test::{Expect, expect};

use super::super::names::Names;
use super::{LONG, SHORT, check, run_in, timing};
use crate::agent::probe::{Finding, Network};
use crate::model::definition::Probe;

/// Says of a unit what its name says.
const SYSTEMCTL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemctl/systemctl");

async fn ask(systemctl: &str, unit: &str, timeout: Duration) -> Finding {
    let network = Network::with("", systemctl, Names::default());
    let probe = Probe::OsService { name: unit.to_owned(), timing: timing(timeout) };
    run_in(&network, probe, 4096).await
}

#[tokio::test]
async fn the_state_of_a_unit_decides() {
    let cases: [(&str, Expect); 11] = [
        ("active", expect![[r#"passing "Service \"active\" is active""#]]),
        ("active.service", expect![[r#"passing "Service \"active.service\" is active""#]]),
        ("warned.service", expect![[r#"passing "Service \"warned.service\" is active""#]]),
        ("activating", expect![[r#"warning "Service \"activating\" is activating""#]]),
        ("reloading", expect![[r#"warning "Service \"reloading\" is reloading""#]]),
        ("inactive", expect![[r#"critical "Service \"inactive\" is inactive""#]]),
        ("failed", expect![[r#"critical "Service \"failed\" is failed""#]]),
        ("deactivating", expect![[r#"critical "Service \"deactivating\" is deactivating""#]]),
        // What stands behind `--` is no option.
        ("--all", expect![[r#"critical "Service \"--all\" is --all""#]]),
        ("silent.service", expect![[r#"critical "Service \"silent.service\" is silent""#]]),
        (
            "complaint.service",
            expect![[
                r#"critical "Service \"complaint.service\" is System has not been booted with systemd""#
            ]],
        ),
    ];
    for (unit, expected) in cases {
        check(&ask(SYSTEMCTL, unit, LONG).await, None, &expected);
    }
}

#[tokio::test]
async fn a_systemctl_that_hangs_or_is_not_there_is_critical() {
    let finding = ask(SYSTEMCTL, "hang.service", SHORT).await;
    let output = finding.output.replace(SYSTEMCTL, "systemctl");
    check(
        &Finding { output, ..finding },
        None,
        &expect![[
            r#"critical "Service \"hang.service\": `systemctl` did not answer within 300ms""#
        ]],
    );
    check(
        &ask("/bin/nonesuch", "web", LONG).await,
        None,
        &expect![[
            r#"critical "cannot run `/bin/nonesuch`: No such file or directory (os error 2)""#
        ]],
    );
}
