use crate::catalog::apply::apply;
use crate::catalog::command::{
    Command, CoordinateUpdate, Deregistration, DeregistrationTarget, Machine, Registration,
};
use crate::catalog::{Catalog, Reply};
use crate::model::address::Address;
use crate::model::coordinate::{Coordinate, CoordinateNumbers};
use crate::model::limits::COORDINATE_SEGMENTS_MAX;
use crate::model::name::NodeName;
use crate::model::number::Revision;
use crate::model::time::Now;

/// `node NAME`, `gone NAME`, `at NAME SECONDS [SEGMENT]`.
fn parse(line: &str) -> Command {
    let words: Vec<&str> = line.split(' ').collect();
    let node = NodeName::new(words[1]).unwrap();
    match words[0] {
        "node" => {
            let (tagged_addresses, meta) = Default::default();
            let address = Address::new("10.0.0.1").unwrap();
            let machine = Some(Machine { id: String::new(), address, tagged_addresses, meta });
            let (service, checks) = (None, Vec::new());
            Command::Register(Box::new(Registration { node, machine, service, checks }))
        }
        "gone" => {
            let target = DeregistrationTarget::Node;
            Command::Deregister(Deregistration { node, target })
        }
        _ => {
            let vec = [words[2].parse().unwrap(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
            let numbers = CoordinateNumbers { vec, error: 1.5, adjustment: 0.0, height: 0.0 };
            let segment = words.get(3).map(|word| (*word).to_owned()).unwrap_or_default();
            let coordinate = Coordinate::new(&numbers).unwrap();
            Command::UpdateCoordinate(Box::new(CoordinateUpdate { node, segment, coordinate }))
        }
    }
}

/// Applies lines, the first at revision 1; for each, whether anybody wakes.
fn apply_all(catalog: &mut Catalog, lines: &[&str]) -> Vec<bool> {
    let mut wakes = Vec::new();
    for (revision, line) in (1..).zip(lines) {
        let (_, changes) = apply(catalog, Revision(revision), Now(0), &parse(line));
        assert_eq!(catalog.audit(), Vec::<String>::new(), "after {line}");
        wakes.push(!changes.topics.is_empty());
    }
    wakes
}

#[test]
fn coordinates_come_and_go_with_their_node() {
    let mut catalog = Catalog::default();
    let lines = ["at n 1", "node n", "at N 1", "at n 1", "at n 2 x", "gone n", "node n"];
    let wakes = apply_all(&mut catalog, &lines);
    assert_eq!(wakes, [false, true, true, false, true, true, true]);
    assert_eq!(catalog.coordinates().count(), 0);
    assert_eq!(catalog.node_coordinates_revision("n"), Revision(6));
    assert_eq!(catalog.tables().coordinates, Revision(6));
}

#[test]
fn a_node_has_coordinates_in_a_bounded_number_of_segments() {
    let mut catalog = Catalog::default();
    apply_all(&mut catalog, &["node n"]);
    let mut update = |segment: usize| {
        apply(&mut catalog, Revision(2), Now(0), &parse(&format!("at n 1 {segment}"))).0
    };
    for segment in 0..COORDINATE_SEGMENTS_MAX {
        assert_eq!(update(segment), Reply::Done(Revision(2)));
    }
    assert!(matches!(update(COORDINATE_SEGMENTS_MAX), Reply::Rejected(_)));
    assert_eq!(update(0), Reply::Done(Revision(2)), "a known one may change");
}

#[test]
fn what_is_near_comes_first_and_what_is_unknown_last() {
    let mut catalog = Catalog::default();
    let lines = [
        "node a", "node b", "node C", "node d", "node e", "at a 5", "at b 2", "at C 4", "at C 9 x",
        "at e 2 x", "at e 3 y",
    ];
    apply_all(&mut catalog, &lines);
    let sorted = |from: &str| {
        let mut nodes: Vec<_> = catalog.nodes().map(|entry| entry.node.name.clone()).collect();
        catalog.near(from)?.sort(&mut nodes, |name| name);
        Some(nodes.iter().map(NodeName::as_str).collect::<String>())
    };
    // `e` is in two segments, so that the one of `b` decides, and there `e` is nowhere.
    assert_eq!(sorted("b").as_deref(), Some("bCade"));
    assert_eq!(sorted("a").as_deref(), Some("aCbde"));
    // Two that are in several segments measure in the one that all are in.
    assert_eq!(sorted("c").as_deref(), Some("Cabde"));
    assert_eq!((sorted("d"), sorted("nowhere")), (None, None));
}

#[test]
fn those_as_far_as_each_other_keep_their_order() {
    let mut catalog = Catalog::default();
    apply_all(&mut catalog, &["node a", "node b", "node c", "at a 1", "at b 1", "at c 0"]);
    let mut nodes = ["b", "x", "a", "c", "b"].map(|name| NodeName::new(name).unwrap());
    catalog.near("c").unwrap().sort(&mut nodes, |name| name);
    assert_eq!(nodes.map(|name| name.as_str().to_owned()), ["c", "b", "a", "b", "x"]);
}
