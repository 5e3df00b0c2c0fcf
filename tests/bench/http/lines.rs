//! The lines of the table: what each measures, and the limit that it has to keep.

use clap::ValueEnum;

use crate::servers::State;

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Line {
    /// One key is read over 16 connections.
    Get16,
    /// The same over 128.
    Get128,
    /// Keys are written over 64 connections, each write durable.
    Put,
    /// The health of a service with ten instances is read over 16 connections.
    Health,
    /// 150 connections wait for one key, written in memory.
    Watch150,
    /// 150 connections wait for one key, written to a disk.
    Watch150Disk,
    /// 10,000 connections of several addresses wait for one key.
    Watch10k,
    /// Many instances are registered.
    Fill,
}

/// A number of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Answers a second.
    Rate,
    /// Server CPU an answer, in microseconds.
    Cpu,
    /// Milliseconds from the write until the last watcher has its answer.
    Wake,
    /// Memory that the watchers cost, in MiB.
    WatcherMemory,
    /// Seconds until all instances were there.
    FillTime,
    /// Memory that an instance costs, in bytes.
    InstanceMemory,
}

/// What a figure has to keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    /// At least so many times Consul's.
    TimesConsul(f64),
    /// At most such a part of Consul's.
    PartOfConsul(f64),
    /// At most so much, whatever Consul says.
    AtMost(f64),
    /// None: it is told for whoever wants to know.
    None,
}

impl Line {
    /// Where its servers keep their state.
    pub(crate) fn state(self) -> State {
        match self {
            // What is left of a wake-up without the disk's part in it.
            Self::Watch150 => State::Memory,
            Self::Get16
            | Self::Get128
            | Self::Put
            | Self::Health
            | Self::Watch150Disk
            | Self::Watch10k
            | Self::Fill => State::Disk,
        }
    }

    /// What the line is called.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Get16 => "KV GET, 16 connections",
            Self::Get128 => "KV GET, 128 connections",
            Self::Put => "KV PUT, 64 connections, on disk",
            Self::Health => "health of a service with 10 instances",
            Self::Watch150 => "150 watchers of a key, in memory",
            Self::Watch150Disk => "150 watchers of a key, on disk",
            Self::Watch10k => "10,000 watchers of a key",
            Self::Fill => "instances registered",
        }
    }

    /// Its figures, and what each has to keep.
    pub(crate) fn figures(self) -> &'static [(Figure, Limit)] {
        match self {
            Self::Get16 | Self::Get128 | Self::Put => {
                &[(Figure::Rate, Limit::TimesConsul(3.0)), (Figure::Cpu, Limit::None)]
            }
            Self::Health => &[(Figure::Rate, Limit::TimesConsul(4.0)), (Figure::Cpu, Limit::None)],
            Self::Watch150 | Self::Watch150Disk => {
                &[(Figure::Wake, Limit::PartOfConsul(1.0 / 3.0))]
            }
            Self::Watch10k => &[
                (Figure::Wake, Limit::AtMost(250.0)),
                (Figure::WatcherMemory, Limit::AtMost(100.0)),
            ],
            Self::Fill => &[
                (Figure::FillTime, Limit::PartOfConsul(1.0)),
                (Figure::InstanceMemory, Limit::PartOfConsul(0.2)),
            ],
        }
    }
}

impl Figure {
    /// What it is, with its unit.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Rate => "answers/s",
            Self::Cpu => "server CPU, µs/answer",
            Self::Wake => "last one woken, ms",
            Self::WatcherMemory => "memory, MiB",
            Self::FillTime => "time, s",
            Self::InstanceMemory => "memory, bytes/instance",
        }
    }
}

impl Limit {
    /// What it says, for people.
    pub(crate) fn title(self) -> String {
        match self {
            Self::TimesConsul(times) => format!("≥ {times:.0} × Consul"),
            Self::PartOfConsul(part) => format!("≤ {part:.2} × Consul"),
            Self::AtMost(most) => format!("≤ {most:.0}"),
            Self::None => "–".to_owned(),
        }
    }

    /// Whether it is kept; nothing where nobody can say.
    pub(crate) fn is_kept(self, lictor: f64, consul: Option<f64>) -> Option<bool> {
        match self {
            Self::TimesConsul(times) => consul.map(|consul| times * consul <= lictor),
            Self::PartOfConsul(part) => consul.map(|consul| lictor <= part * consul),
            Self::AtMost(most) => Some(lictor <= most),
            Self::None => None,
        }
    }
}
