mod kept;

use std::sync::atomic::Ordering;
use std::time::Duration;

use expect_test::{Expect, expect};
use fs_err as fs;

use crate::agent::fixture::{
    Bench, Setup, alias, check_id, node, pass, script, service, service_id, timed, ttl,
};
use crate::agent::{AgentFault, FileDefinitions, ScriptPolicy};
use crate::catalog::Command;
use crate::catalog::command::{CheckState, Machine, Registration};
use crate::model::address::Address;
use crate::model::definition::CheckDefinition;
use crate::model::health::Status;

fn check(found: &str, expected: &Expect) {
    expected.assert_eq(found);
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn files(services: &[(&str, u16)]) -> FileDefinitions {
    let services = services.iter().map(|(id, port)| {
        let mut service = service(id, vec![ttl(&format!("service:{id}"), 30)]);
        service.port = *port;
        service
    });
    FileDefinitions { services: services.collect(), checks: Vec::new() }
}

/// The status of a check, in the agent.
fn status(bench: &Bench, id: &str) -> Option<Status> {
    bench.agent.local().checks.get(&check_id(id)).map(|check| check.status)
}

#[tokio::test(start_paused = true)]
async fn what_is_registered_is_in_the_catalog_when_the_call_returns() {
    let bench = Bench::start(Setup::default());
    bench.agent.register_service(service("web", vec![ttl("w", 10)]), false).await.unwrap();
    check(
        &bench.catalog(),
        &expect![[r#"
            service web:80
            check w critical """#]],
    );
    bench.agent.update_ttl(&check_id("w"), Status::Passing, "fine".to_owned()).await.unwrap();
    bench.agent.register_check(ttl("n", 10)).await.unwrap();
    check(
        &bench.catalog(),
        &expect![[r#"
            service web:80
            check n critical ""
            check w passing "fine""#]],
    );
    bench.agent.deregister_check(&check_id("n")).await.unwrap();
    bench.agent.deregister_service(&service_id("web")).await.unwrap();
    check(&bench.catalog(), &expect![""]);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_files_state_is_in_the_catalog_once_the_agent_is_synchronised() {
    let bench = Bench::start(Setup { files: files(&[("web", 1)]), ..Setup::default() });
    check(&bench.catalog(), &expect!["no node"]);
    bench.agent.synchronised().await;
    check(
        &bench.catalog(),
        &expect![[r#"
            service web:1
            check service:web critical """#]],
    );
    let agent = bench.agent.clone();
    bench.end().await;
    agent.synchronised().await;
    let bench = Bench::start(Setup { is_leaderless: true, ..Setup::default() });
    bench.agent.synchronised().await;
    check(&bench.catalog(), &expect!["no node"]);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_leader_a_registration_returns_and_is_told_when_there_is_one() {
    let bench = Bench::start(Setup { is_leaderless: true, ..Setup::default() });
    bench.agent.register_service(service("web", Vec::new()), false).await.unwrap();
    check(&bench.catalog(), &expect!["no node"]);
    pass(seconds(600)).await;
    bench.cluster.has_leader.store(true, Ordering::SeqCst);
    let took = bench.until("told", |bench| bench.catalog() == "service web:80").await;
    assert!(took < seconds(3), "{took:?}");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn refusals_are_consuls() {
    let bench = Bench::start(Setup { scripts: Some(ScriptPolicy::LocalFiles), ..Setup::default() });
    let agent = &bench.agent;
    agent.register_check(timed("t", 10)).await.unwrap();
    let of_nobody = CheckDefinition { service_id: Some(service_id("no")), ..ttl("c", 1) };
    let word =
        async |id: &str| agent.update_ttl(&check_id(id), Status::Passing, String::new()).await;
    let results = [
        agent.deregister_service(&service_id("no")).await,
        agent.deregister_check(&check_id("no")).await,
        word("no").await,
        word("t").await,
        agent.register_check(of_nobody).await,
        agent.register_check(script("s")).await,
        agent.register_service(service("s", vec![script("s")]), false).await,
        agent.set_service_maintenance(&service_id("no"), None).await,
    ];
    let lines =
        results.map(|result| result.map_or_else(|fault| fault.to_string(), |()| "ok".into()));
    check(
        &lines.join("\n"),
        &expect![[r#"
            No service registered with ID "no"
            Unknown check ID "no"
            Unknown check ID "no"
            CheckID "t" does not have associated TTL
            ServiceID "no" does not exist
            Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true
            Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true
            No service registered with ID "no""#]],
    );
    assert_eq!(bench.agent.local().checks.len(), 1, "nothing half-done");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_ttl_check_expires_once_and_says_what_it_last_heard() {
    let bench = Bench::start(Setup::default());
    let quiet = CheckDefinition { initial_status: Some(Status::Passing), ..ttl("quiet", 3) };
    bench.agent.register_check(quiet).await.unwrap();
    bench.agent.register_check(ttl("spoken", 3)).await.unwrap();
    for _ in 0..4 {
        bench.agent.update_ttl(&check_id("spoken"), Status::Passing, "ok".into()).await.unwrap();
        pass(seconds(2)).await;
    }
    check(
        &bench.local(),
        &expect![[r#"
            check quiet Http critical "TTL expired"
            check spoken Http passing "ok""#]],
    );
    pass(seconds(2)).await;
    check(
        &bench.catalog(),
        &expect![[r#"
            check quiet critical "TTL expired"
            check spoken critical "TTL expired (last output before timeout follows): ok""#]],
    );
    pass(seconds(60)).await;
    assert!(!bench.local().contains("follows): TTL"), "expired twice: {}", bench.local());
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_ttl_output_is_cut_as_consul_cuts_it() {
    let bench = Bench::start(Setup::default());
    let small = CheckDefinition { output_bytes_max: Some(10), ..ttl("c", 99) };
    bench.agent.register_check(small).await.unwrap();
    let text = "abcdefghijklmnopqrstuvwxyz".to_owned();
    bench.agent.update_ttl(&check_id("c"), Status::Passing, text).await.unwrap();
    check(
        &bench.local(),
        &expect![[r#"check c Http passing "abcdefghij ... (captured 10 of 26 bytes)""#]],
    );
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_cannot_have_more_output_kept_than_the_agent_allows() {
    let bench = Bench::start(Setup::default());
    let greedy = CheckDefinition { output_bytes_max: Some(usize::MAX), ..ttl("c", 99) };
    bench.agent.register_check(greedy).await.unwrap();
    let text = "x".repeat(5_000);
    bench.agent.update_ttl(&check_id("c"), Status::Passing, text).await.unwrap();
    let kept = bench.local();
    assert!(kept.ends_with("x ... (captured 4096 of 5000 bytes)\""), "{kept}");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn registering_again_keeps_what_checks_say() {
    let bench = Bench::start(Setup::default());
    let agent = &bench.agent;
    agent.register_service(service("web", vec![ttl("a", 99), ttl("b", 99)]), false).await.unwrap();
    agent.update_ttl(&check_id("a"), Status::Passing, "fine".into()).await.unwrap();
    let stated = CheckDefinition { initial_status: Some(Status::Warning), ..ttl("a", 50) };
    agent.register_service(service("web", vec![stated]), false).await.unwrap();
    check(
        &bench.local(),
        &expect![[r#"
            service web:80 Http
            check a Http passing "fine"
            check b Http critical """#]],
    );
    agent.register_service(service("web", vec![ttl("a", 50)]), true).await.unwrap();
    check(
        &bench.catalog(),
        &expect![[r#"
            service web:80
            check a passing "fine""#]],
    );
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_cannot_be_kept_is_refused_and_not_stated() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(Setup { data_dir: Some(folder.path()), ..Setup::default() });
    // A file where a folder must be: no permission that root would ignore.
    fs::remove_dir(folder.path().join("agent/definitions")).unwrap();
    fs::write(folder.path().join("agent/definitions"), "").unwrap();
    let result = bench.agent.register_service(service("web", Vec::new()), false).await;
    assert!(matches!(result, Err(AgentFault::Storage(_))), "{result:?}");
    check(&bench.local(), &expect![""]);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_applies_the_difference_and_files_win() {
    let setup = Setup { files: files(&[("a", 1), ("b", 1)]), ..Setup::default() };
    let bench = Bench::start(setup);
    let agent = &bench.agent;
    agent.update_ttl(&check_id("service:a"), Status::Passing, "up".into()).await.unwrap();
    agent.register_service(service("b", Vec::new()), false).await.unwrap();
    agent.register_service(service("http", Vec::new()), false).await.unwrap();
    agent.set_node_maintenance(Some(String::new())).await.unwrap();
    check(
        &bench.local(),
        &expect![[r#"
            service a:1 File
            service b:80 Http
            service http:80 Http
            check _node_maintenance Http critical ""
            check service:a File passing "up"
            check service:b File critical """#]],
    );
    agent.reload(files(&[("a", 2), ("b", 1), ("c", 1)])).await.unwrap();
    check(
        &bench.catalog(),
        &expect![[r#"
            service a:2
            service b:1
            service c:1
            service http:80
            check _node_maintenance critical ""
            check service:a passing "up"
            check service:b critical ""
            check service:c critical """#]],
    );
    let count = bench.cluster.applied_count();
    agent.reload(files(&[("a", 2), ("b", 1), ("c", 1)])).await.unwrap();
    assert_eq!(bench.cluster.applied_count(), count, "nothing differed");
    agent.reload(files(&[])).await.unwrap();
    check(
        &bench.catalog(),
        &expect![[r#"
            service http:80
            check _node_maintenance critical """#]],
    );
    let mut bad = files(&[("d", 1)]);
    bad.checks.push(script("s"));
    assert_eq!(agent.reload(bad).await, Err(AgentFault::ScriptsDisabled));
    assert!(!bench.local().contains("service d"), "nothing of a refused reload is applied");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn maintenance_is_a_critical_check_with_the_reason_as_its_note() {
    let bench = Bench::start(Setup { files: files(&[("web", 1)]), ..Setup::default() });
    let web = service_id("web");
    bench.agent.set_service_maintenance(&web, Some("upgrade".into())).await.unwrap();
    bench.agent.set_node_maintenance(Some(String::new())).await.unwrap();
    let view = bench.reader.load_full();
    let entry = view.node("n1").unwrap();
    let lines: Vec<String> = entry
        .checks
        .values()
        .map(|check| format!("{} {:?} {:?} {}", check.id, check.name, check.notes, check.kind))
        .collect();
    check(
        &lines.join("\n"),
        &expect![[r#"
            _node_maintenance "Node Maintenance Mode" "Maintenance mode is enabled for this node, but no reason was provided. This is a default message." maintenance
            _service_maintenance:web "Service Maintenance Mode" "upgrade" maintenance
            service:web "service:web" "" ttl"#]],
    );
    bench.agent.set_service_maintenance(&web, None).await.unwrap();
    bench.agent.set_service_maintenance(&web, None).await.unwrap();
    bench.agent.set_node_maintenance(None).await.unwrap();
    check(
        &bench.catalog(),
        &expect![[r#"
            service web:1
            check service:web critical """#]],
    );
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_critical_for_too_long_goes() {
    let bench = Bench::start(Setup::default());
    let reaped = CheckDefinition { deregister_after: Some(seconds(60)), ..ttl("c", 10) };
    bench.agent.register_service(service("web", vec![reaped]), false).await.unwrap();
    bench.agent.register_service(service("stays", vec![ttl("d", 10)]), false).await.unwrap();
    pass(seconds(50)).await;
    bench.agent.update_ttl(&check_id("c"), Status::Passing, String::new()).await.unwrap();
    pass(seconds(65)).await;
    assert!(bench.local().contains("service web"), "critical for 55 s only");
    let took = bench.until("reaped", |bench| !bench.local().contains("web")).await;
    assert!(took <= seconds(40), "{took:?}");
    // It was critical before it expired, so only its output changed, and that is told later.
    check(
        &bench.catalog(),
        &expect![[r#"
            service stays:80
            check d critical """#]],
    );
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_delays_nobody() {
    let bench = Bench::start(Setup::default());
    bench.agent.register_check(timed("hang", 1)).await.unwrap();
    for number in 0..100 {
        bench.agent.register_check(timed(&format!("c{number}"), 10)).await.unwrap();
    }
    pass(seconds(100)).await;
    for number in 0..100 {
        let id = format!("c{number}");
        let count = bench.prober.run_count(&id);
        assert!((9..=10).contains(&count), "{id} ran {count} times in 100 s");
        assert_eq!(status(&bench, &id), Some(Status::Passing));
    }
    assert_eq!(bench.prober.run_count("hang"), 1, "two runs of one check at once");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_check_that_is_gone_or_changed_does_not_speak_any_more() {
    let bench = Bench::start(Setup::default());
    bench.agent.register_check(timed("hang", 1)).await.unwrap();
    bench.until("running", |bench| bench.prober.run_count("hang") == 1).await;
    bench.agent.register_check(timed("hang", 2)).await.unwrap();
    // The old run was ended, so a new one may begin.
    bench.until("running anew", |bench| bench.prober.run_count("hang") == 2).await;
    bench.agent.deregister_check(&check_id("hang")).await.unwrap();
    pass(seconds(10)).await;
    assert_eq!(bench.prober.run_count("hang"), 2);
    check(&bench.local(), &expect![""]);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_output_alone_is_told_late_and_a_status_at_once() {
    let bench = Bench::start(Setup::default());
    bench.prober.find("c", Status::Passing, "one");
    bench.agent.register_check(timed("c", 10)).await.unwrap();
    bench.until("told", |bench| bench.catalog() == r#"check c passing "one""#).await;
    bench.prober.find("c", Status::Passing, "two");
    bench.until("seen here", |bench| bench.local().contains("two")).await;
    let took = bench.until("told", |bench| bench.catalog().contains("two")).await;
    assert!(seconds(150) <= took && took <= seconds(150 + 300 + 130), "{took:?}");
    bench.prober.find("c", Status::Warning, "three");
    let took = bench.until("told", |bench| bench.catalog().contains("three")).await;
    assert!(took <= seconds(11), "{took:?}");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn without_an_update_interval_an_output_is_told_at_once() {
    let bench = Bench::start(Setup { check_update_interval_s: Some(0), ..Setup::default() });
    bench.agent.register_check(timed("c", 10)).await.unwrap();
    bench.until("told", |bench| bench.catalog().contains("passing")).await;
    bench.prober.find("c", Status::Passing, "two");
    let took = bench.until("told", |bench| bench.catalog().contains("two")).await;
    assert!(took <= seconds(11), "{took:?}");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_changed_on_this_node_is_put_right_in_time() {
    let bench = Bench::start(Setup { files: files(&[("web", 1)]), ..Setup::default() });
    bench.until("told", |bench| bench.catalog().contains("web")).await;
    bench.cluster.apply(Command::Register(Box::new(Registration {
        node: node("n1"),
        machine: None,
        service: None,
        checks: vec![CheckState {
            id: check_id("foreign"),
            name: String::new(),
            status: Status::Critical,
            notes: String::new(),
            output: String::new(),
            service_id: None,
            kind: String::new(),
            definition: None,
        }],
    })));
    let took = bench.until("removed", |bench| !bench.catalog().contains("foreign")).await;
    assert!(took <= seconds(121), "{took:?}");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn aliases_follow_here_and_elsewhere() {
    let bench = Bench::start(Setup::default());
    let agent = &bench.agent;
    agent.register_service(service("web", vec![ttl("w", 999)]), false).await.unwrap();
    let aliases = vec![alias("here", None, Some("web")), alias("there", Some("n2"), Some("db"))];
    agent.register_service(service("proxy", aliases), false).await.unwrap();
    check(
        &bench.local(),
        &expect![[r#"
            service proxy:80 Http
            service web:80 Http
            check here Http critical "Aliased check \"w\" failing: "
            check there Http critical "Node n2 could not be found"
            check w Http critical """#]],
    );
    agent.update_ttl(&check_id("w"), Status::Passing, String::new()).await.unwrap();
    assert_eq!(status(&bench, "here"), Some(Status::Passing));
    bench.cluster.apply(Command::Register(Box::new(Registration {
        node: node("n2"),
        machine: Some(Machine {
            id: String::new(),
            address: Address::new("10.0.0.2").unwrap(),
            tagged_addresses: [].into(),
            meta: [].into(),
        }),
        service: None,
        checks: Vec::new(),
    })));
    bench.until("seen", |bench| bench.local().contains("Service db could not be found")).await;
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn leaving_takes_the_node_out_and_nothing_puts_it_back() {
    let bench = Bench::start(Setup { files: files(&[("web", 1)]), ..Setup::default() });
    bench.until("told", |bench| bench.catalog().contains("web")).await;
    bench.agent.leave().await.unwrap();
    check(&bench.catalog(), &expect!["no node"]);
    bench.agent.register_service(service("late", Vec::new()), false).await.unwrap();
    bench.agent.leave().await.unwrap();
    pass(seconds(300)).await;
    check(&bench.catalog(), &expect!["no node"]);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_refused_ends_the_start() {
    let files = FileDefinitions { services: Vec::new(), checks: vec![script("s")] };
    let result = Bench::try_start(Setup { files, ..Setup::default() });
    assert_eq!(result.err(), Some(AgentFault::ScriptsDisabled));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_agent_says_so() {
    let bench = Bench::start(Setup::default());
    let agent = bench.agent.clone();
    bench.end().await;
    let result = agent.register_check(ttl("c", 1)).await;
    assert_eq!(result, Err(AgentFault::Storage("the agent is shutting down".into())));
}
