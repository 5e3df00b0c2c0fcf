//! Events → the log lines of those who watch over HTTP, each at a level and in a form of its own.
//!
//! Nobody waits for a reader: each has room for [`MONITOR_LINES_MAX`] lines, what finds none is dropped, and the next
//! line that does find some is preceded by one that says how many are missing. Without watchers, no event costs more
//! than it does without this layer.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, Filter};

use crate::api::LogLines;
use crate::intake::LogLevel;
use crate::model::limits::{MONITOR_LINES_MAX, MONITORS_MAX};
use crate::model::lock::lock;
use crate::server::logging::{directives, write_line};

/// All who watch the log; clones are the same ones.
#[derive(Clone, Default)]
pub(in crate::server) struct Monitors {
    /// Them, for reading.
    watchers: Arc<ArcSwap<Vec<Arc<Watcher>>>>,
    /// Held while somebody comes or goes.
    changing: Arc<Mutex<()>>,
}

/// Who watches the log.
struct Watcher {
    /// What is to be seen.
    targets: Targets,
    /// Whether a line is a JSON object.
    is_json: bool,
    /// Where lines go.
    lines: mpsc::Sender<Bytes>,
    /// Lines that found no room since one did.
    dropped: AtomicU64,
}

/// Somebody watches as long as this is there.
struct Registration {
    /// All.
    monitors: Monitors,
    /// Who.
    watcher: Arc<Watcher>,
}

impl Monitors {
    /// Begins to watch.
    ///
    /// # Errors
    /// A text for people, where too many watch already.
    pub(in crate::server) fn watch(
        &self,
        level: LogLevel,
        is_json: bool,
    ) -> Result<LogLines, String> {
        let (sender, lines) = mpsc::channel(MONITOR_LINES_MAX);
        let targets = directives(level).parse().unwrap_or_default();
        let watcher =
            Arc::new(Watcher { targets, is_json, lines: sender, dropped: AtomicU64::new(0) });
        let is_room = self.change(|watchers| {
            let is_room = watchers.len() < MONITORS_MAX;
            if is_room {
                watchers.push(Arc::clone(&watcher));
            }
            is_room
        });
        if !is_room {
            return Err(format!("{MONITORS_MAX} clients watch this log already, as many as may"));
        }
        let guard = Box::new(Registration { monitors: self.clone(), watcher });
        Ok(LogLines { lines, guard })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<Arc<Watcher>>) -> T) -> T {
        let done = {
            let _changing = lock(&self.changing);
            let mut watchers = (**self.watchers.load()).clone();
            let done = change(&mut watchers);
            self.watchers.store(Arc::new(watchers));
            done
        };
        // What nobody was interested in is remembered where events arise.
        tracing::callsite::rebuild_interest_cache();
        done
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let watchers = self.watchers.load();
        watchers.iter().any(|watcher| watcher.wants(metadata))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.monitors.change(|watchers| watchers.retain(|w| !Arc::ptr_eq(w, &self.watcher)));
    }
}

impl<S: Subscriber> Layer<S> for Monitors {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let (mut text, mut json) = (None, None);
        for watcher in self.watchers.load().iter().filter(|w| w.wants(event.metadata())) {
            let line = if watcher.is_json {
                json.get_or_insert_with(|| json_line(event))
            } else {
                text.get_or_insert_with(|| text_line(event))
            };
            watcher.send(line);
        }
    }
}

/// Lets events through that somebody wants to see, whatever the agent's own log shows.
impl<S> Filter<S> for Monitors {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::sometimes() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let watchers = self.watchers.load();
        let levels = watchers.iter().flat_map(|watcher| {
            watcher.targets.iter().map(|(_, level)| level).chain(watcher.targets.default_level())
        });
        Some(levels.max().unwrap_or(LevelFilter::OFF))
    }
}

impl Watcher {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        self.targets.would_enable(metadata.target(), metadata.level())
    }

    fn send(&self, line: &Bytes) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        // Two places are taken at once, so that the line that says what is missing does not push another one out.
        let needed = if 0 < dropped { 2 } else { 1 };
        let Ok(mut places) = self.lines.try_reserve_many(needed) else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if 0 < dropped
            && let Some(place) = places.next()
        {
            self.dropped.fetch_sub(dropped, Ordering::Relaxed);
            place.send(missing(dropped, self.is_json));
        }
        if let Some(place) = places.next() {
            place.send(line.clone());
        }
    }
}

/// The line that stands where others are missing.
fn missing(count: u64, is_json: bool) -> Bytes {
    let text = "lines are missing here: this reader was slower than the log";
    if is_json {
        let object = json!({
            "@level": "warn",
            "@message": text,
            "@module": "monitor",
            "@timestamp": timestamp(),
            "count": count,
        });
        return Bytes::from(format!("{object}\n"));
    }
    Bytes::from(format!("{} [WARN]  monitor: {text}: count={count}\n", timestamp()))
}

fn text_line(event: &Event<'_>) -> Bytes {
    let mut line = String::new();
    // Writing to a String cannot fail.
    let _ = write_line(&mut Writer::new(&mut line), event);
    Bytes::from(line)
}

/// A line in the form of Consul's JSON logs.
fn json_line(event: &Event<'_>) -> Bytes {
    let metadata = event.metadata();
    let level = match *metadata.level() {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    };
    let mut fields = JsonFields::default();
    event.record(&mut fields);
    let module = metadata.target().trim_start_matches("lictor::").replace("::", ".");
    let mut object = Map::new();
    object.insert("@level".to_owned(), json!(level));
    object.insert("@message".to_owned(), json!(fields.message));
    object.insert("@module".to_owned(), json!(module));
    object.insert("@timestamp".to_owned(), json!(timestamp()));
    object.extend(fields.others);
    Bytes::from(format!("{}\n", Value::Object(object)))
}

fn timestamp() -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

/// An event's fields as JSON.
#[derive(Default)]
struct JsonFields {
    /// What happened.
    message: String,
    /// The others.
    others: Map<String, Value>,
}

impl JsonFields {
    fn insert(&mut self, field: &Field, value: Value) {
        self.others.insert(field.name().to_owned(), value);
    }
}

impl Visit for JsonFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a String cannot fail.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.insert(field, json!(format!("{value:?}")));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.insert(field, json!(value));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, json!(value));
    }
}

#[cfg(test)]
mod tests;
