//! Lines × columns × rounds → medians beside their limits, printed.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use clap::ValueEnum;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;

use crate::fill::{self, Way};
use crate::lines::{Figure, Line};
use crate::servers::{self, Column, Server, State};
use crate::wire::{Connection, request};
use crate::{Options, fault, load, process, watch};

/// A figure of one round.
type Found = (Figure, f64);

/// Measures what the options ask for and prints it. Returns whether all limits are kept.
pub(crate) fn measure(options: &Options) -> io::Result<bool> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    process::pin(options.client_core)?;
    let lines = if options.only.is_empty() { Line::value_variants() } else { &options.only };
    let mut columns = vec![Column::Lictor];
    columns.extend(options.consul.is_some().then_some(Column::Consul));
    let mut are_kept = true;
    say(
        "| line | figure | lictor | Consul | ratio | limit | kept |\n|---|---|---|---|---|---|---|",
    );
    for line in lines {
        let mut found: Vec<(Column, Found)> = Vec::new();
        for round in 1..=options.rounds {
            for column in &columns {
                for figure in measure_line(*line, *column, options)? {
                    let (name, value) = (figure.0.title(), figure.1);
                    note(&format!(
                        "{round}: {}, {}, {name}: {value:.1}",
                        line.title(),
                        column.title()
                    ));
                    found.push((*column, figure));
                }
            }
        }
        are_kept &= print(*line, &found);
    }
    Ok(are_kept)
}

/// One measurement of a line, in a server of its own: what one leaves behind must not weigh on the next.
fn measure_line(line: Line, column: Column, options: &Options) -> io::Result<Vec<Found>> {
    // What waits for others' work, as watchers and registrations do, may have all cores.
    let one = options.server_core.to_string();
    let both = format!("{one},{}", options.client_core);
    let cores = match line {
        Line::Get16 | Line::Get128 | Line::Health => &one,
        Line::Put | Line::Watch150 | Line::Watch150Disk | Line::Watch10k | Line::Fill => &both,
    };
    let server = servers::start(column, line.state(), cores, options)?;
    match line {
        Line::Get16 | Line::Get128 => {
            let connections = if line == Line::Get16 { 16 } else { 128 };
            must(&server, "/v1/kv/bench/key", "a value of some thirty-two bytes..")?;
            let bytes = request("GET", "/v1/kv/bench/key", "");
            throughput(&server, connections, options, |_| bytes.clone())
        }
        Line::Put => {
            let put = |number| {
                request("PUT", &format!("/v1/kv/bench/{}", number % 1_000), "a value of some bytes")
            };
            throughput(&server, 64, options, put)
        }
        Line::Health => {
            for number in 0..10 {
                let instance = json!({
                    "Node": format!("web-{number}"), "Address": format!("10.0.0.{number}"),
                    "Service": {"ID": "web", "Service": "web", "Tags": ["v1"], "Port": 8080},
                    "Check": {"CheckID": "web", "Name": "web", "Status": "passing", "ServiceID": "web"},
                });
                must(&server, "/v1/catalog/register", &instance.to_string())?;
            }
            let bytes = request("GET", "/v1/health/service/web", "");
            throughput(&server, 16, options, |_| bytes.clone())
        }
        Line::Watch150 | Line::Watch150Disk => {
            let watched = watch::run(&server, 150, 20)?;
            Ok(vec![(Figure::Wake, watched.wake_ms)])
        }
        Line::Watch10k => {
            let watched = watch::run(&server, 10_000, 5)?;
            Ok(vec![(Figure::Wake, watched.wake_ms), (Figure::WatcherMemory, watched.memory_mib)])
        }
        Line::Fill => {
            let way = if options.one_by_one { Way::OneByOne } else { fill_way(options)? };
            let filled = fill::run(&server, options.instances, way)?;
            Ok(vec![
                (Figure::FillTime, filled.time_secs),
                (Figure::InstanceMemory, filled.bytes_each),
            ])
        }
    }
}

/// Both are filled in the same way.
fn fill_way(options: &Options) -> io::Result<Way> {
    let core = options.server_core.to_string();
    fill::way(&servers::start(Column::Lictor, State::Memory, &core, options)?)
}

fn throughput(
    server: &Server,
    connections: usize,
    options: &Options,
    request: impl FnMut(u64) -> Vec<u8>,
) -> io::Result<Vec<Found>> {
    let before = server.process.usage().cpu;
    let time = Duration::from_secs_f64(options.seconds);
    let tally = load::run(server.http, connections, time, request)?;
    let cpu = server.process.usage().cpu.saturating_sub(before);
    let answers = tally.answers.max(1) as f64;
    let rate = answers / tally.time.as_secs_f64();
    Ok(vec![(Figure::Rate, rate), (Figure::Cpu, cpu.as_secs_f64() * 1e6 / answers)])
}

/// A write that has to succeed.
fn must(server: &Server, path: &str, body: &str) -> io::Result<()> {
    let mut connection = Connection::open(server.http, Ipv4Addr::LOCALHOST)?;
    match connection.exchange("PUT", path, body)?.status {
        200 => Ok(()),
        status => Err(fault(format!("PUT {path}: {status}"))),
    }
}

/// Prints a line's figures. Returns whether their limits are kept.
fn print(line: Line, found: &[(Column, Found)]) -> bool {
    let mut are_kept = true;
    for (figure, limit) in line.figures() {
        let of = |column| median(found, column, *figure);
        let Some(lictor) = of(Column::Lictor) else { continue };
        let consul = of(Column::Consul);
        let is_kept = limit.is_kept(lictor, consul);
        are_kept &= is_kept != Some(false);
        let shown =
            |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.1}"));
        let ratio = consul.map_or("–".to_owned(), |consul| format!("{:.2}", lictor / consul));
        let kept = is_kept.map_or("–", |is_kept| if is_kept { "yes" } else { "NO" });
        say(&format!(
            "| {} | {} | {} | {} | {ratio} | {} | {kept} |",
            line.title(),
            figure.title(),
            shown(Some(lictor)),
            shown(consul),
            limit.title()
        ));
    }
    are_kept
}

fn median(found: &[(Column, Found)], column: Column, figure: Figure) -> Option<f64> {
    let of = found.iter().filter(|(at, (kind, _))| *at == column && *kind == figure);
    let mut values: Vec<f64> = of.map(|(_, (_, value))| *value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Tells the result.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Tells what goes on.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
