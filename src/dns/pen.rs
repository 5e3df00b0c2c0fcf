//! Names and records → bytes, as much of them as possible by pointing (RFC 1035 §4.1.4).

use std::net::IpAddr;

use hickory_proto::ProtoError;
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

use crate::dns::answer::Order;
use crate::dns::qname::QName;
use crate::dns::question::{Asked, CLASS_CHAOS, CLASS_IN};
use crate::dns::record::{Data, Owner, Rr, SRV_PRIORITY};
use crate::dns::wire::WireName;
use crate::model::number::Ttl;

/// Writes records one behind the other.
pub(super) struct Pen<'a> {
    /// What was written.
    pub(super) bytes: Vec<u8>,
    /// The class of all records.
    class: u16,
    /// The question's name, unless there is none or names are written in full.
    question: Option<&'a QName<'a>>,
    /// The question's name, for owners that are written in full.
    asked: Option<&'a QName<'a>>,
    /// Names that stand in the message before, folded, and where. Only where the order is fixed.
    known: Vec<(Vec<u8>, u16)>,
    /// Whether what is written may be pointed at.
    pub(super) is_known_grown: bool,
    /// Where in the message the first byte will stand, if the order is fixed.
    base: usize,
}

impl<'a> Pen<'a> {
    pub(super) fn new(asked: Option<&'a Asked<'a>>, is_compressed: bool, order: Order) -> Self {
        let name = asked.map(|asked| &asked.name);
        Self {
            bytes: Vec::new(),
            class: match asked {
                Some(asked) if asked.class == CLASS_CHAOS => CLASS_CHAOS,
                Some(_) | None => CLASS_IN,
            },
            question: name.filter(|_| is_compressed),
            asked: name,
            known: Vec::new(),
            is_known_grown: is_compressed && order == Order::Fixed,
            base: HEADER_BYTES + name.map_or(0, |name| name.spelled().len() + QUESTION_TAIL_BYTES),
        }
    }

    /// Writes a record; says where in it the name stands that it points at.
    pub(super) fn record(&mut self, record: &Rr) -> Result<u16, ProtoError> {
        let start = self.bytes.len();
        self.owner(&record.owner)?;
        let target_at = self.body(record.ttl, &record.data)?;
        Ok(target_at.map_or(0, |at| u16::try_from(at - start).unwrap_or_default()))
    }

    pub(super) fn owner(&mut self, owner: &Owner) -> Result<(), ProtoError> {
        match owner {
            Owner::Question => {
                let labels = self.asked.map_or(0, QName::label_count);
                self.suffix(labels)
            }
            Owner::Suffix(labels) => self.suffix(*labels),
            Owner::Named(name) => {
                self.wire_name(name);
                Ok(())
            }
        }
    }

    /// Writes the last labels of the question's name.
    fn suffix(&mut self, labels: usize) -> Result<(), ProtoError> {
        let Some(asked) = self.asked else { return Err(ProtoError::Message("no question")) };
        let at = asked.suffix_at(labels);
        if self.question.is_some() && 0 < labels {
            self.pointer(HEADER_BYTES + at);
        } else {
            self.bytes.extend_from_slice(asked.spelled().get(at..).unwrap_or_default());
        }
        Ok(())
    }

    fn pointer(&mut self, at: usize) {
        let at = u16::try_from(at).unwrap_or_default();
        self.bytes.extend_from_slice(&(POINTER | at).to_be_bytes());
    }

    /// Writes type, class, TTL and data; says where the name in the data stands that the record points at.
    pub(super) fn body(&mut self, ttl: Ttl, data: &Data) -> Result<Option<usize>, ProtoError> {
        match data {
            Data::Address(IpAddr::V4(ip)) => self.address(RecordType::A, ttl, &ip.octets()),
            Data::Address(IpAddr::V6(ip)) => self.address(RecordType::AAAA, ttl, &ip.octets()),
            Data::Location { weight, port, target } => {
                return self.framed(RecordType::SRV, ttl, |pen| {
                    Ok(Some(pen.location([SRV_PRIORITY, *weight, *port], target.bytes())))
                });
            }
            Data::Other(data) => {
                return self.framed(data.record_type(), ttl, |pen| pen.data(data));
            }
        }
        Ok(None)
    }

    fn address(&mut self, kind: RecordType, ttl: Ttl, octets: &[u8]) {
        self.head(kind, ttl);
        // Four or sixteen.
        self.u16(u16::try_from(octets.len()).unwrap_or_default());
        self.bytes.extend_from_slice(octets);
    }

    fn head(&mut self, kind: RecordType, ttl: Ttl) {
        self.u16(kind.into());
        self.u16(self.class);
        self.bytes.extend_from_slice(&ttl.0.to_be_bytes());
    }

    /// Writes data with its length before it.
    fn framed(
        &mut self,
        kind: RecordType,
        ttl: Ttl,
        write: impl FnOnce(&mut Self) -> Result<Option<usize>, ProtoError>,
    ) -> Result<Option<usize>, ProtoError> {
        self.head(kind, ttl);
        let length_at = self.bytes.len();
        self.u16(0);
        let target_at = write(self)?;
        let bytes = self.bytes.len() - length_at - 2;
        let length = u16::try_from(bytes).map_err(|_| ProtoError::Message("too long a record"))?;
        if let Some(place) = self.bytes.get_mut(length_at..length_at + 2) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        Ok(target_at)
    }

    /// Writes the data of an SRV record; says where its target stands, which is not compressed (RFC 2782).
    fn location(&mut self, numbers: [u16; 3], target: &[u8]) -> usize {
        for number in numbers {
            self.u16(number);
        }
        let at = self.bytes.len();
        self.bytes.extend_from_slice(target);
        self.bytes.get_mut(at..).unwrap_or_default().make_ascii_lowercase();
        at
    }

    fn data(&mut self, data: &RData) -> Result<Option<usize>, ProtoError> {
        let mut target_at = None;
        match data {
            RData::CNAME(name) => target_at = Some(self.name(&name.0)),
            RData::NS(name) => target_at = Some(self.name(&name.0)),
            RData::PTR(name) => target_at = Some(self.name(&name.0)),
            RData::MX(mx) => {
                self.u16(mx.preference);
                target_at = Some(self.name(&mx.exchange));
            }
            RData::SRV(srv) => {
                let target = WireName::from(&srv.target);
                let numbers = [srv.priority, srv.weight, srv.port];
                target_at = Some(self.location(numbers, target.bytes()));
            }
            RData::SOA(soa) => {
                self.name(&soa.mname);
                self.name(&soa.rname);
                self.bytes.extend_from_slice(&soa.serial.to_be_bytes());
                for seconds in [soa.refresh, soa.retry, soa.expire] {
                    self.bytes.extend_from_slice(&seconds.to_be_bytes());
                }
                self.bytes.extend_from_slice(&soa.minimum.to_be_bytes());
            }
            // RFC 3597 §4: names in data of later types are not compressed.
            other => {
                let mut bytes = Vec::new();
                let mut encoder = BinEncoder::new(&mut bytes);
                encoder.set_name_encoding(NameEncoding::Uncompressed);
                other.emit(&mut encoder)?;
                drop(encoder);
                self.bytes.extend_from_slice(&bytes);
            }
        }
        Ok(target_at)
    }

    fn name(&mut self, name: &Name) -> usize {
        self.wire_name(&WireName::from(name))
    }

    /// Writes a name, as much of it as possible by pointing; says where it stands.
    fn wire_name(&mut self, name: &WireName) -> usize {
        let at = self.bytes.len();
        let folded = name.folded();
        let mut written = 0;
        for label in name.labels() {
            if let Some(pointer) = self.find(folded.get(written..).unwrap_or_default()) {
                self.learn(&folded, written, at);
                self.pointer(pointer);
                return at;
            }
            self.bytes.push(u8::try_from(label.len()).unwrap_or_default());
            self.bytes.extend_from_slice(label);
            written += 1 + label.len();
        }
        self.learn(&folded, written, at);
        self.bytes.push(0);
        at
    }

    /// Where a folded name stands in the message already.
    fn find(&self, folded: &[u8]) -> Option<usize> {
        let question = self.question?;
        if question.ends_with(folded) {
            return Some(HEADER_BYTES + question.folded().len() - folded.len());
        }
        let known = self.known.iter().find(|(known, _)| known == folded);
        known.map(|(_, at)| usize::from(*at))
    }

    /// Remembers the names that begin with each of the labels that were just written in full.
    fn learn(&mut self, folded: &[u8], written: usize, at: usize) {
        let mut skipped = 0;
        while self.is_known_grown && skipped < written && self.known.len() < NAMES_KNOWN_MAX {
            let place = self.base + at + skipped;
            let Some(rest) = folded.get(skipped..).filter(|_| place <= POINTED_MAX) else { return };
            self.known.push((rest.to_vec(), u16::try_from(place).unwrap_or_default()));
            skipped += 1 + rest.first().copied().map_or(0, usize::from);
        }
    }

    fn u16(&mut self, number: u16) {
        self.bytes.extend_from_slice(&number.to_be_bytes());
    }
}

/// The header of a message (RFC 1035 §4.1.1).
pub(super) const HEADER_BYTES: usize = 12;

/// Type and class behind the question's name.
const QUESTION_TAIL_BYTES: usize = 4;

/// The two bits that make a pointer (RFC 1035 §4.1.4).
pub(super) const POINTER: u16 = 0xC000;

/// The farthest place that a pointer reaches.
pub(super) const POINTED_MAX: usize = 0x3FFF;

/// Names that later ones may point at; more would make long answers slow to write.
const NAMES_KNOWN_MAX: usize = 64;
