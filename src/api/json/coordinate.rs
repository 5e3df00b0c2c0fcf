//! Network coordinates: `/v1/coordinate/*` and `Coord` of `/v1/agent/self`.

use serde::Serialize;

use crate::api::fault::Fault;
use crate::api::json::Number;
use crate::api::json::object::{Object, parse};
use crate::catalog::command::CoordinateUpdate;
use crate::model::coordinate::{COORDINATE_DIMENSIONS, Coordinate, CoordinateNumbers};
use crate::model::limits::NAME_BYTES_MAX;
use crate::model::name::NodeName;

/// A coordinate; lengths are in seconds.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct CoordinateJson {
    /// Position.
    vec: [Number; COORDINATE_DIMENSIONS],
    /// How unsure it is.
    error: Number,
    /// Offset.
    adjustment: Number,
    /// Distance to the network.
    height: Number,
}

impl CoordinateJson {
    /// Shows a coordinate.
    pub(in crate::api) fn new(coordinate: &Coordinate) -> Self {
        let CoordinateNumbers { vec, error, adjustment, height } = coordinate.numbers();
        Self {
            vec: vec.map(Number),
            error: Number(error),
            adjustment: Number(adjustment),
            height: Number(height),
        }
    }
}

/// Where a node is in one network segment.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct NodeCoordinateJson<'a> {
    /// Its name.
    node: &'a str,
    /// The segment; empty for the one that all are in.
    segment: &'a str,
    /// Where it is.
    coord: CoordinateJson,
}

impl<'a> NodeCoordinateJson<'a> {
    /// Shows where a node is.
    pub(in crate::api) fn new(node: &'a str, segment: &'a str, at: &Coordinate) -> Self {
        Self { node, segment, coord: CoordinateJson::new(at) }
    }
}

/// Where the servers of a datacenter are.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct AreaJson<'a> {
    /// Which.
    pub datacenter: &'a str,
    /// Which gossip measured it.
    #[serde(rename = "AreaID")]
    pub area_id: &'a str,
    /// Its servers.
    pub coordinates: Vec<NodeCoordinateJson<'a>>,
}

/// Reads `PUT /v1/coordinate/update`: the datacenter that it names, and what is to be noted.
///
/// # Errors
/// [`Fault`], where it is no JSON, says something of the wrong type, or no coordinate that others compare with.
pub(in crate::api) fn update(body: &[u8]) -> Result<(String, CoordinateUpdate), Fault> {
    let value = parse(body)?;
    let root = Object::root(&value, "CoordinateUpdateRequest")?;
    let root = root.only(&["Datacenter", "Node", "Segment", "Coord", "Token"])?;
    let datacenter = root.text("Datacenter")?.to_owned();
    let (node, segment) = (root.text("Node")?, root.text("Segment")?);
    let coordinate = match root.object("Coord", "Coordinate")? {
        Some(stated) => stated.only(&["Vec", "Error", "Adjustment", "Height"])?,
        None => return Err(Fault::Invalid("Must provide coordinate".to_owned())),
    };
    let vec = coordinate.decimals("Vec")?;
    let (error, adjustment) = (coordinate.decimal("Error")?, coordinate.decimal("Adjustment")?);
    let height = coordinate.decimal("Height")?;
    if node.is_empty() {
        return Err(Fault::Invalid("Must provide node".to_owned()));
    }
    let node = NodeName::new(node).map_err(|fault| Fault::Invalid(format!("Node: {fault}")))?;
    if NAME_BYTES_MAX < segment.len() || segment.chars().any(char::is_control) {
        let text = format!(
            "Segment: a name of a segment has at most {NAME_BYTES_MAX} bytes and no control characters"
        );
        return Err(Fault::Invalid(text));
    }
    let vec = vec.try_into().map_err(|_| Fault::Refused("incompatible coordinate".to_owned()))?;
    let numbers = CoordinateNumbers { vec, error, adjustment, height };
    let coordinate =
        Coordinate::new(&numbers).map_err(|fault| Fault::Refused(fault.to_string()))?;
    Ok((datacenter, CoordinateUpdate { node, segment: segment.to_owned(), coordinate }))
}
