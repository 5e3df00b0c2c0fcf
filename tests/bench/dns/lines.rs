//! What is asked: the table's lines.

use clap::ValueEnum;

use crate::data::{LARGE, MANY, Part, THREE, many};
use crate::query::{self, Expected, TYPE_A, TYPE_SRV};
use crate::servers::Column;

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Line {
    /// Addresses of a service with three instances.
    A3,
    /// Its SRV records, with addresses.
    Srv3,
    /// Names that nobody asked before, and that are not there.
    Nxdomain,
    /// Addresses of one of the 10,000 services.
    A10,
    /// Addresses of 10,000 services with ten instances each, at random.
    Random,
    /// Addresses of a service with 1,300 instances.
    A1300,
    /// Its SRV records.
    Srv1300,
    /// Each of the 10,000 services once, after all of them changed.
    Miss,
    /// The same for their SRV records.
    MissSrv,
    /// Addresses of the service with three instances over TCP, pipelined on 8 connections.
    Tcp,
    /// Memory of 5,000 connections that asked once.
    Idle,
}

/// Queries to send.
pub(crate) enum Queries {
    /// Any of these, at random.
    AnyOf(Vec<Vec<u8>>),
    /// All of these, in turn.
    InTurn(Vec<Vec<u8>>),
    /// This one, with other letters in these places.
    MadeUp(Vec<u8>, std::ops::Range<usize>),
}

impl Line {
    /// What the line is called.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::A3 => "A, 3 instances",
            Self::Srv3 => "SRV + additionals, 3 instances",
            Self::Nxdomain => "NXDOMAIN, random names",
            Self::A10 => "A, 10 instances",
            Self::Random => "A, random of 10,000 services",
            Self::A1300 => "A, 1,300 instances",
            Self::Srv1300 => "SRV, 1,300 instances",
            Self::Miss => "A, first time after a change",
            Self::MissSrv => "SRV, first time after a change",
            Self::Tcp => "TCP, A, 8 connections",
            Self::Idle => "5,000 idle connections",
        }
    }

    /// What has to be in the catalog for it.
    pub(crate) fn part(self) -> Part {
        match self {
            Self::A3 | Self::Srv3 | Self::Nxdomain | Self::Tcp | Self::Idle => Part::Three,
            Self::A10 | Self::Random | Self::Miss | Self::MissSrv => Part::Many,
            Self::A1300 | Self::Srv1300 => Part::Large,
        }
    }

    /// What is sent.
    pub(crate) fn queries(self, is_plain: bool) -> Queries {
        let one = |name: &str, kind| vec![query::encode(name, kind, 0, is_plain)];
        let all = |kind| {
            let numbered = (0..).zip(many());
            numbered.map(|(id, name)| query::encode(&name, kind, id, is_plain)).collect()
        };
        match self {
            Self::A3 | Self::Tcp | Self::Idle => Queries::AnyOf(one(THREE, TYPE_A)),
            Self::Srv3 => Queries::AnyOf(one(THREE, TYPE_SRV)),
            Self::Nxdomain => {
                let query = query::encode("xxxxxxxxxxxx.service.consul", TYPE_A, 0, is_plain);
                Queries::MadeUp(query, query::FIRST_LABEL..query::FIRST_LABEL + 12)
            }
            Self::A10 => {
                Queries::AnyOf(many().take(1).flat_map(|name| one(&name, TYPE_A)).collect())
            }
            Self::Random => Queries::AnyOf(all(TYPE_A)),
            Self::A1300 => Queries::AnyOf(one(LARGE, TYPE_A)),
            Self::Srv1300 => Queries::AnyOf(one(LARGE, TYPE_SRV)),
            Self::Miss => Queries::InTurn(all(TYPE_A)),
            Self::MissSrv => Queries::InTurn(all(TYPE_SRV)),
        }
    }

    /// What has to come back.
    pub(crate) fn expected(self, column: Column, echoed: usize) -> Expected {
        let dns = |rcode, answers_min| Expected::Dns { rcode, answers_min };
        let instances = match self {
            Self::A10 | Self::Random | Self::Miss | Self::MissSrv => MANY.instances_each,
            Self::A3 | Self::Srv3 | Self::Tcp | Self::Idle => 3,
            // What does not fit, some leave out in part and others whole.
            Self::A1300 | Self::Srv1300 => u16::from(matches!(column, Column::Lictor)),
            Self::Nxdomain => 0,
        };
        match (column, self) {
            (Column::Echo, _) => Expected::Same,
            (Column::EchoSized, _) => Expected::Bytes(echoed),
            (_, Self::Nxdomain) => dns(query::NXDOMAIN, instances),
            // Consul tells three at most.
            (Column::Consul, _) => dns(query::NOERROR, instances.min(3)),
            (Column::Lictor | Column::Knot | Column::Nsd, _) => dns(query::NOERROR, instances),
        }
    }
}
