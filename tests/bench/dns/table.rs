//! Lines × columns × rounds → medians, printed.

#![expect(clippy::cast_precision_loss, reason = "the figures that are shown have four digits")]

use std::io::{self, Write};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::data::Part;
use crate::lines::{Line, Queries};
use crate::load::{self, Plan, Tally};
use crate::process::{self, Usage};
use crate::servers::{self, Column, Server};
use crate::{Options, data, fault, register, stream};

/// One measurement.
#[derive(Clone, Copy)]
struct Cell {
    /// Server CPU per query, in nanoseconds.
    cpu_ns: f64,
    /// Queries per second.
    rate: f64,
    /// How many times the server was given the core, per thousand answers: near 1000/32 it waited for work.
    turns: f64,
    /// Memory of all idle connections, in KiB.
    idle_kib: Option<u64>,
}

/// A line of one column, over all rounds.
struct Row {
    line: Line,
    /// A column's measurements, one a round.
    cells: Vec<(Column, Vec<Cell>)>,
    /// Bytes of an answer.
    answer_bytes: usize,
}

/// What is measured at once.
#[derive(Clone, Copy)]
struct Trial {
    line: Line,
    column: Column,
    /// What an answer-sized echo sends.
    answer_bytes: usize,
}

/// Measures what the options ask for and prints it.
pub(crate) fn measure(options: &Options) -> io::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    process::pin(options.client_core)?;
    let lines = if options.only.is_empty() { Line::value_variants() } else { &options.only };
    let columns: Vec<_> = match options.columns.as_slice() {
        [] => Column::value_variants().iter().filter(|c| c.is_installed(options)).collect(),
        columns => columns.iter().collect(),
    };
    let parts = [Part::Three, Part::Large, Part::Many];
    let parts: Vec<_> =
        parts.into_iter().filter(|part| lines.iter().any(|line| line.part() == *part)).collect();
    let mut running = Vec::new();
    for column in columns.iter().copied().filter(|column| **column != Column::EchoSized) {
        let begun = Instant::now();
        running.push((*column, servers::start(*column, options, &parts, 0)?));
        note(&format!("{} is ready after {:.1?}", column.title(), begun.elapsed()));
    }
    let mut rows = Vec::new();
    for line in lines {
        let cells = columns.iter().map(|column| (**column, Vec::new())).collect();
        rows.push(Row {
            line: *line,
            cells,
            answer_bytes: answer_bytes(*line, &running, options)?,
        });
    }
    let mut failed = 0;
    for round in 1..=options.rounds {
        for row in &mut rows {
            let (line, answer_bytes) = (row.line, row.answer_bytes);
            for (column, cells) in &mut row.cells {
                let trial = Trial { line, column: *column, answer_bytes };
                match cell(trial, &running, options) {
                    Ok(Some(cell)) => {
                        note(&shown(round, trial, &cell));
                        cells.push(cell);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        failed += 1;
                        note(&format!("{}, {}: {error}", line.title(), column.title()));
                    }
                }
            }
        }
    }
    print(&rows, options)?;
    if 0 < failed { Err(fault(format!("{failed} measurements failed"))) } else { Ok(()) }
}

/// The mean size of an answer, as lictor makes them, or else the first that speaks DNS.
fn answer_bytes(line: Line, running: &[(Column, Server)], options: &Options) -> io::Result<usize> {
    let lictor = running.iter().find(|(column, _)| *column == Column::Lictor);
    let Some((column, server)) = lictor.or(running.iter().find(|(column, _)| column.is_dns()))
    else {
        return Ok(0);
    };
    let trial = Trial { line, column: *column, answer_bytes: 0 };
    let plan = Plan { time: PROBE, ..plan(trial, server, options) };
    let tally = load::run(&line.queries(options.plain), &plan)?;
    if tally.answers == 0 {
        return Err(fault(format!("{} does not answer `{}`", column.title(), line.title())));
    }
    Ok(usize::try_from(tally.bytes / tally.answers).unwrap_or(0))
}

fn plan(trial: Trial, server: &Server, options: &Options) -> Plan {
    // Consul takes so long that a full window would be worked at for minutes after the end.
    let is_slow = trial.column == Column::Consul;
    Plan {
        target: server.dns,
        expected: trial.line.expected(trial.column, trial.answer_bytes),
        sockets: options.sockets,
        window: if is_slow { CONSUL_WINDOW } else { options.window },
        time: Duration::from_secs_f64(options.seconds),
    }
}

/// One measurement; nothing where the column cannot do it.
fn cell(trial: Trial, running: &[(Column, Server)], options: &Options) -> io::Result<Option<Cell>> {
    let Trial { line, column, answer_bytes } = trial;
    let is_stream = matches!(line, Line::Tcp | Line::Idle);
    if is_stream && !column.is_dns() || column == Column::EchoSized && answer_bytes == 0 {
        return Ok(None);
    }
    let own;
    let server = if column == Column::EchoSized {
        own = servers::start(column, options, &[], answer_bytes)?;
        &own
    } else if line == Line::Idle {
        // One that had much to do before has memory left that it would use for them.
        own = servers::start(column, options, &[line.part()], 0)?;
        &own
    } else {
        let found = running.iter().find(|(running, _)| *running == column);
        found.map(|(_, server)| server).ok_or_else(|| fault("a server is missing"))?
    };
    let queries = line.queries(options.plain);
    let plan = plan(trial, server, options);
    match (line, &queries) {
        (Line::Tcp, Queries::AnyOf(all)) => {
            let query = all.first().map_or(&[][..], Vec::as_slice);
            let load = || stream::run(plan.target, query, plan.expected, plan.time);
            observe(server, load).map(Some)
        }
        (Line::Idle, Queries::AnyOf(all)) => {
            let query = all.first().map_or(&[][..], Vec::as_slice);
            idle(server, column, query).map(Some)
        }
        (Line::Miss | Line::MissSrv, _) => misses(server, &queries, &plan).map(Some),
        _ => {
            load::run(&queries, &Plan { time: plan.time.min(WARM_UP), ..plan })?;
            observe(server, || load::run(&queries, &plan)).map(Some)
        }
    }
}

/// Runs a load and relates it to what the server took for it.
fn observe(server: &Server, load: impl FnOnce() -> io::Result<Tally>) -> io::Result<Cell> {
    let (before, begun) = (server.process.usage(), Instant::now());
    let tally = load()?;
    let (after, elapsed) = (server.process.usage(), begun.elapsed());
    relate(before, after, elapsed, &tally)
}

fn relate(before: Usage, after: Usage, elapsed: Duration, tally: &Tally) -> io::Result<Cell> {
    if 0 < tally.wrong {
        return Err(fault(format!("{} of {} answers are wrong", tally.wrong, tally.answers)));
    }
    if 0 < tally.lost {
        note(&format!("{} queries were not answered, {} were", tally.lost, tally.answers));
    }
    let answers = tally.answers.max(1) as f64;
    let cpu = after.cpu.saturating_sub(before.cpu);
    Ok(Cell {
        cpu_ns: cpu.as_secs_f64() * 1e9 / answers,
        rate: answers / elapsed.as_secs_f64(),
        turns: (after.turns.saturating_sub(before.turns)) as f64 * 1_000.0 / answers,
        idle_kib: None,
    })
}

/// Asks for all services once after all have changed, again and again. Changing them is not measured.
fn misses(server: &Server, queries: &Queries, plan: &Plan) -> io::Result<Cell> {
    let (mut usage, mut elapsed, mut sum) = (Usage::default(), Duration::ZERO, Tally::default());
    for turn in 0..MISS_TURNS {
        if let Some(http) = server.http {
            register::put(http, data::changes(turn))?;
        }
        let (before, begun) = (server.process.usage(), Instant::now());
        let tally = load::run(queries, plan)?;
        let after = server.process.usage();
        elapsed += begun.elapsed();
        usage.cpu += after.cpu.saturating_sub(before.cpu);
        usage.turns += after.turns.saturating_sub(before.turns);
        sum.answers += tally.answers;
        sum.lost += tally.lost;
        sum.wrong += tally.wrong;
    }
    relate(Usage::default(), usage, elapsed, &sum)
}

/// What connections cost that say nothing: memory, and time of others.
fn idle(server: &Server, column: Column, query: &[u8]) -> io::Result<Cell> {
    let alone = stream::time_new(server.dns, query)?;
    let before = server.process.resident_kib();
    let connections = stream::open_idle(server.dns, query, IDLE_CONNECTIONS)?;
    let after = server.process.resident_kib();
    let crowded = stream::time_new(server.dns, query)?;
    let open = stream::count_open(&connections);
    let name = column.title();
    note(&format!(
        "{name}: a query on a new connection takes {alone:.0?}, beside {open} idle ones {crowded:.0?}"
    ));
    let idle_kib = Some(after.saturating_sub(before));
    Ok(Cell { cpu_ns: 0.0, rate: 0.0, turns: 0.0, idle_kib })
}

/// Prints the medians: nanoseconds per query of each column, and how lictor stands to the others.
fn print(rows: &[Row], options: &Options) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let columns: Vec<_> =
        rows.iter().flat_map(|row| &row.cells).map(|(column, _)| *column).collect();
    let columns = columns.get(..rows.first().map_or(0, |row| row.cells.len())).unwrap_or(&[]);
    let others: Vec<_> = columns.iter().copied().filter(|c| *c != Column::Lictor).collect();
    let has_lictor = others.len() < columns.len();
    let rounds = options.rounds;
    write!(out, "| server CPU per query, median of {rounds} | bytes |")?;
    for column in columns {
        write!(out, " {} |", column.title())?;
    }
    for other in others.iter().filter(|_| has_lictor) {
        match other {
            Column::Consul => write!(out, " Consul ÷ lictor |")?,
            other => write!(out, " lictor ÷ {} |", other.title())?,
        }
    }
    writeln!(out)?;
    writeln!(
        out,
        "|---|{}",
        "---:|".repeat(1 + columns.len() + usize::from(has_lictor) * others.len())
    )?;
    for row in rows {
        write!(out, "| {} | {} |", row.line.title(), row.answer_bytes)?;
        for column in columns {
            write!(out, " {} |", row.median(*column).map_or("–".to_owned(), Cell::figure))?;
        }
        for other in others.iter().filter(|_| has_lictor) {
            let values = row.median(Column::Lictor).zip(row.median(*other));
            let ratio = values.map(|(own, rival)| match other {
                Column::Consul => format!("{:.0}", rival.value() / own.value()),
                _ => format!("{:.2}", own.value() / rival.value()),
            });
            write!(
                out,
                " {} |",
                ratio.filter(|_| row.line != Line::Idle).unwrap_or("–".to_owned())
            )?;
        }
        writeln!(out)?;
    }
    for row in rows.iter().filter(|row| row.line == Line::Tcp) {
        for (column, cells) in &row.cells {
            if let Some(cell) = middle(cells) {
                writeln!(out, "TCP, {}: {:.0} queries/s", column.title(), cell.rate)?;
            }
        }
    }
    Ok(())
}

impl Row {
    fn median(&self, column: Column) -> Option<Cell> {
        self.cells.iter().find(|(known, _)| *known == column).and_then(|(_, cells)| middle(cells))
    }
}

impl Cell {
    /// What the line is about.
    fn value(self) -> f64 {
        self.idle_kib.map_or(self.cpu_ns, |kib| kib as f64)
    }

    fn figure(self) -> String {
        match self.idle_kib {
            Some(kib) => format!("{:.1} MiB", kib as f64 / 1024.0),
            None => format!("{:.0} ns", self.cpu_ns),
        }
    }
}

fn middle(cells: &[Cell]) -> Option<Cell> {
    let mut cells = cells.to_vec();
    cells.sort_by(|one, other| one.value().total_cmp(&other.value()));
    cells.get(cells.len() / 2).copied()
}

fn shown(round: usize, trial: Trial, cell: &Cell) -> String {
    let (line, column, figure) = (trial.line.title(), trial.column.title(), cell.figure());
    let Cell { rate, turns, .. } = cell;
    format!("{round} {line:32} {column:20} {figure:>10} {rate:>9.0}/s {turns:>6.1} turns/1000")
}

/// Tells whoever waits how far it is.
fn note(words: &str) {
    let _ = writeln!(io::stderr(), "{words}");
}

/// For so long is asked to see how long answers are.
const PROBE: Duration = Duration::from_millis(100);

/// Before a measurement, so long is asked without measuring.
const WARM_UP: Duration = Duration::from_millis(200);

/// Queries that Consul has in flight from each socket.
const CONSUL_WINDOW: usize = 4;

/// How many times all change and are asked for.
const MISS_TURNS: usize = 5;

/// Connections that say nothing.
const IDLE_CONNECTIONS: usize = 5_000;
