use tracing::subscriber::with_default;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::api::LogLines;
use crate::intake::LogLevel;
use crate::model::limits::{MONITOR_LINES_MAX, MONITORS_MAX};
use crate::server::monitor::Monitors;

/// What came, without the time that each line begins with.
fn drain(watched: &mut LogLines) -> Vec<String> {
    let mut lines = Vec::new();
    while let Ok(line) = watched.lines.try_recv() {
        let line = String::from_utf8(line.to_vec()).unwrap();
        let line = line.strip_suffix('\n').unwrap();
        lines.push(
            line.split_once(' ')
                .filter(|_| !line.starts_with('{'))
                .map_or(line, |l| l.1)
                .to_owned(),
        );
    }
    lines
}

/// Does something whose log nobody but the monitors sees.
fn watched(monitors: &Monitors, work: impl FnOnce()) {
    let layer = monitors.clone().with_filter(monitors.clone());
    with_default(tracing_subscriber::registry().with(layer), work);
}

#[test]
fn everybody_sees_lines_at_a_level_of_their_own() {
    let monitors = Monitors::default();
    watched(&monitors, || {
        let mut debug = monitors.watch(LogLevel::Debug, false).unwrap();
        let mut info = monitors.watch(LogLevel::Info, false).unwrap();
        let mut json = monitors.watch(LogLevel::Warn, true).unwrap();
        tracing::debug!(service = "web", "in sync");
        tracing::info!("ready");
        tracing::warn!(count = 3, "it {}", "failed");
        let target = "server.monitor.tests";
        let shown = [
            format!("[DEBUG] {target}: in sync: service=\"web\""),
            format!("[INFO]  {target}: ready"),
            format!("[WARN]  {target}: it failed: count=3"),
        ];
        assert_eq!(drain(&mut debug), shown);
        assert_eq!(drain(&mut info), shown[1..]);
        let json = drain(&mut json);
        let object: serde_json::Value = serde_json::from_str(&json[0]).unwrap();
        assert_eq!((&object["@level"], &object["@message"]), (&"warn".into(), &"it failed".into()));
        assert_eq!((&object["count"], json.len()), (&3.into(), 1));
    });
}

#[test]
fn who_does_not_read_delays_nobody_and_is_told_what_is_missing() {
    let monitors = Monitors::default();
    watched(&monitors, || {
        let mut slow = monitors.watch(LogLevel::Info, false).unwrap();
        for _ in 0..MONITOR_LINES_MAX + 7 {
            tracing::info!("busy");
        }
        assert_eq!(drain(&mut slow).len(), MONITOR_LINES_MAX);
        tracing::info!("later");
        let lines = drain(&mut slow);
        assert!(lines[0].starts_with("[WARN]  monitor: lines are missing"), "{lines:?}");
        assert!(lines[0].ends_with("count=7") && lines[1].ends_with("later"), "{lines:?}");
        tracing::info!("again");
        assert_eq!(drain(&mut slow).len(), 1, "said once");
    });
}

#[test]
fn who_goes_makes_room() {
    let monitors = Monitors::default();
    // Under a subscriber, as in the program: without one, who comes and goes here would have events of other threads
    // held for what nobody is interested in.
    watched(&monitors, || {
        let watch = || monitors.watch(LogLevel::Info, false);
        let mut all: Vec<_> = (0..MONITORS_MAX).map(|_| watch().unwrap()).collect();
        assert!(watch().is_err());
        all.pop();
        assert!(watch().is_ok());
    });
}
