//! Events → log lines: Consul's line form or JSON, to standard output and maybe a file, with a level that a
//! reload changes. A thread for each of the two writes, so that nobody else waits for it.

use std::fmt;
use std::io;

use fs_err::OpenOptions;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::ErrorCounter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt as format, reload};

use crate::intake::{LogLevel, LogSettings};
use crate::model::limits::LOG_LINES_QUEUED_MAX;
use crate::server::log_queue::LogQueue;
use crate::server::monitor::Monitors;

/// Changes the level of a running log.
pub(in crate::server) struct LogHandle {
    /// The filter in use.
    handle: reload::Handle<EnvFilter, Registry>,
    /// Where lines wait to be written: until this is dropped.
    queues: Vec<LogQueue>,
    /// Who watches it over HTTP, each at a level of their own.
    pub(in crate::server) monitors: Monitors,
}

/// Starts to log.
///
/// # Errors
/// Where the file cannot be opened; the path is in the text.
pub(in crate::server) fn start(settings: &LogSettings) -> io::Result<LogHandle> {
    let (filter, handle) = reload::Layer::new(filter(settings.level));
    let (writer, queue) = LogQueue::start(io::stdout(), LOG_LINES_QUEUED_MAX);
    let (mut layers, mut queues) = (vec![layer(settings.json, writer)], vec![queue]);
    if let Some(path) = &settings.file {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let (writer, queue) = LogQueue::start(file, LOG_LINES_QUEUED_MAX);
        layers.push(layer(settings.json, writer));
        queues.push(queue);
    }
    // A second log in one process happens only in tests, and then the first one stays.
    let monitors = Monitors::default();
    let watched = monitors.clone().with_filter(monitors.clone());
    let _ =
        tracing_subscriber::registry().with(layers.with_filter(filter)).with(watched).try_init();
    Ok(LogHandle { handle, queues, monitors })
}

impl LogHandle {
    /// How many lines found no place, for each of what is logged to.
    pub(in crate::server) fn dropped(&self) -> Vec<ErrorCounter> {
        self.queues.iter().map(LogQueue::dropped).collect()
    }

    /// Shows this level from now on.
    pub(in crate::server) fn set(&self, level: LogLevel) {
        if let Err(fault) = self.handle.reload(filter(level)) {
            tracing::warn!(%fault, "the log level could not be changed");
        }
    }
}

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

fn layer<W>(is_json: bool, writer: W) -> BoxedLayer
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    if is_json {
        format::layer().json().flatten_event(true).with_writer(writer).boxed()
    } else {
        format::layer().with_ansi(false).event_format(LogLine).with_writer(writer).boxed()
    }
}

/// Our own events at a level; what libraries say only from `warn` on, unless everything is traced.
fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::new(directives(level))
}

/// What is shown at a level, as tracing's filters say it.
pub(in crate::server) fn directives(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Trace => "trace,openraft=info,fjall=info,lsm_tree=info",
        LogLevel::Debug => "warn,lictor=debug",
        LogLevel::Info => "warn,lictor=info,openraft=error",
        LogLevel::Warn => "warn,openraft=error",
        LogLevel::Error => "error",
    }
}

/// `2026-11-23T16:12:50.123456Z [INFO]  server: message: key=value`.
struct LogLine;

impl<S, N> FormatEvent<S, N> for LogLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write_line(&mut out, event)
    }
}

/// Writes a line, with its end.
pub(in crate::server) fn write_line(out: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
    SystemTime.format_time(out)?;
    let metadata = event.metadata();
    // Words of four letters get a second space, so that the texts line up.
    let level = match *metadata.level() {
        Level::ERROR => "[ERROR]",
        Level::WARN => "[WARN] ",
        Level::INFO => "[INFO] ",
        Level::DEBUG => "[DEBUG]",
        Level::TRACE => "[TRACE]",
    };
    let target = metadata.target().trim_start_matches("lictor::").replace("::", ".");
    let mut fields = Fields::default();
    event.record(&mut fields);
    write!(out, " {level} {target}: {}", fields.message)?;
    if !fields.others.is_empty() {
        write!(out, ":{}", fields.others)?;
    }
    writeln!(out)
}

/// An event's fields as text.
#[derive(Default)]
struct Fields {
    /// What happened.
    message: String,
    /// ` key=value` for each of the others.
    others: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.others, " {name}={value:?}"),
        };
    }
}
