//! What outlives a restart: registrations, words, and how long a word for a TTL check still counts.

use expect_test::{Expect, expect};
use fs_err as fs;

use crate::agent::FileDefinitions;
use crate::agent::clock::Clock;
use crate::agent::fixture::{Bench, Setup, check_id, pass, service, service_id, ttl};
use crate::agent::task::tests::{check, files, seconds, status};
use crate::model::definition::CheckDefinition;
use crate::model::health::Status;
use crate::model::time::Now;

#[tokio::test(start_paused = true)]
async fn a_restart_finds_registrations_and_what_checks_said() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = Some(folder.path());
    let setup = || Setup { data_dir, files: files(&[("file", 1)]), ..Setup::default() };
    let bench = Bench::start(setup());
    bench.agent.register_service(service("a/b", vec![ttl("c", 30)]), false).await.unwrap();
    bench.agent.register_service(service("gone", vec![ttl("g", 30)]), false).await.unwrap();
    bench.agent.deregister_service(&service_id("gone")).await.unwrap();
    bench.agent.register_check(ttl("n", 30)).await.unwrap();
    for id in ["c", "service:file"] {
        bench.agent.update_ttl(&check_id(id), Status::Passing, "up".into()).await.unwrap();
    }
    bench.agent.set_service_maintenance(&service_id("a/b"), Some("why".into())).await.unwrap();
    let before = bench.local();
    bench.end().await;
    let bench = Bench::start(setup());
    assert_eq!(bench.local(), before);
    check(
        &before,
        &expect![[r#"
            service a/b:80 Http
            service file:1 File
            check _service_maintenance:a/b Http critical ""
            check c Http passing "up"
            check n Http critical ""
            check service:file File passing "up""#]],
    );
    // No time passed by the wall's clock, so all of the TTL is left.
    pass(seconds(29)).await;
    assert_eq!(status(&bench, "c"), Some(Status::Passing));
    pass(seconds(2)).await;
    assert_eq!(status(&bench, "c"), Some(Status::Critical));
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_checks_say_is_on_disk_moments_after_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(Setup { data_dir: Some(folder.path()), ..Setup::default() });
    bench.agent.register_check(ttl("c", 99)).await.unwrap();
    bench.agent.update_ttl(&check_id("c"), Status::Warning, "hm".into()).await.unwrap();
    let states = folder.path().join("agent/states.json");
    let took = bench.until("written", |_| states.exists()).await;
    assert!(took < seconds(2), "{took:?}");
    let text = fs::read_to_string(states).unwrap();
    let (known, until) = text.split_once(r#","until":"#).unwrap();
    check(known, &expect![[r#"{"version":1,"kept":{"c":{"status":"warning","output":"hm""#]]);
    let until = Now(until.trim_end_matches('}').parse().unwrap());
    let left = until.since(Clock::wall());
    assert!(seconds(60) < left && left <= seconds(99), "{left:?}");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_changes_nothing_is_on_disk_within_a_part_of_the_ttl() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(Setup { data_dir: Some(folder.path()), ..Setup::default() });
    bench.agent.register_check(ttl("c", 100)).await.unwrap();
    let states = folder.path().join("agent/states.json");
    for _ in 0..2 {
        bench.agent.update_ttl(&check_id("c"), Status::Warning, "hm".into()).await.unwrap();
        let took = bench.until("written", |_| states.exists()).await;
        assert!(took < seconds(27), "{took:?}");
        fs::remove_file(&states).unwrap();
    }
    pass(seconds(50)).await;
    assert!(!states.exists(), "written although nobody spoke");
    bench.end().await;
}

/// Starts an agent that finds a state of the TTL check `c`, of 30 s, that counts for so many seconds from
/// now by the wall's clock; what it says at once, and what 29 s later.
async fn check_kept_state(status: &str, left_s: Option<i64>, at_once: &Expect, later: &Expect) {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = Some(folder.path());
    let bench = Bench::start(Setup { data_dir, ..Setup::default() });
    bench.agent.register_check(ttl("c", 30)).await.unwrap();
    bench.end().await;
    let until = left_s.map(|left_s| Clock::wall().0.saturating_add_signed(left_s * 1_000));
    let state = serde_json::json!({ "status": status, "output": "up", "until": until });
    let kept = serde_json::json!({ "version": 1, "kept": { "c": state } });
    fs::write(folder.path().join("agent/states.json"), kept.to_string()).unwrap();
    let bench = Bench::start(Setup { data_dir, ..Setup::default() });
    check(&bench.local(), at_once);
    pass(seconds(29)).await;
    check(&bench.local(), later);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_word_for_a_ttl_check_counts_no_longer_for_a_restart() {
    let up = expect![[r#"check c Http passing "up""#]];
    let expired = expect![[
        r#"check c Http critical "TTL expired (last output before timeout follows): up""#
    ]];
    check_kept_state("passing", Some(-1), &expired, &expired).await;
    check_kept_state("passing", Some(-1_000_000), &expired, &expired).await;
    check_kept_state("passing", Some(10), &up, &expired).await;
    // A clock that was set back, and a file of an older version: a whole TTL, and no more.
    check_kept_state("passing", Some(1_000_000), &up, &up).await;
    check_kept_state("passing", None, &up, &up).await;
    let down = expect![[r#"check c Http critical "up""#]];
    check_kept_state("critical", None, &down, &down).await;
}

#[tokio::test(start_paused = true)]
async fn a_check_of_a_file_about_a_service_of_the_api_ends_neither_start_nor_reload() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = Some(folder.path());
    let with_check = |services| {
        let of_web = CheckDefinition { service_id: Some(service_id("web")), ..ttl("c", 99) };
        FileDefinitions { checks: vec![of_web], ..files(services) }
    };
    let bench = Bench::start(Setup { data_dir, ..Setup::default() });
    bench.agent.register_service(service("web", Vec::new()), false).await.unwrap();
    bench.agent.reload(with_check(&[])).await.unwrap();
    let before = bench.local();
    bench.end().await;
    let bench = Bench::start(Setup { data_dir, files: with_check(&[]), ..Setup::default() });
    assert_eq!(bench.local(), before);
    check(
        &before,
        &expect![[r#"
            service web:80 Http
            check c File critical """#]],
    );
    bench.agent.deregister_service(&service_id("web")).await.unwrap();
    bench.agent.reload(with_check(&[("other", 1)])).await.unwrap();
    let expected = expect![[r#"
        service other:1 File
        check service:other File critical """#]];
    check(&bench.local(), &expected);
    bench.end().await;
    let files = with_check(&[("other", 1)]);
    let bench = Bench::start(Setup { data_dir, files, ..Setup::default() });
    check(&bench.local(), &expected);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_older_version_kept_under_the_leaders_ids_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = Some(folder.path());
    let bench = Bench::start(Setup { data_dir, ..Setup::default() });
    bench.agent.register_service(service("Consul", Vec::new()), false).await.unwrap();
    bench.agent.register_check(ttl("serfhealth", 30)).await.unwrap();
    bench.agent.register_check(ttl("mine", 30)).await.unwrap();
    bench.end().await;
    let bench = Bench::start(Setup { data_dir, ..Setup::default() });
    check(&bench.local(), &expect![[r#"check mine Http critical """#]]);
    bench.end().await;
}
