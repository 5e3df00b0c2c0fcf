//! Bytes as a filter: whatever is understood reads as the same again, and looks at items without a fault.

use std::sync::LazyLock;

use lictor::api::filter::{Filter, Shape};
use serde_json::{Value, json};

/// Reads bytes as a filter of each shape, and has it look at an item.
pub(crate) fn filter(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for (shape, item) in ITEMS.iter() {
        match Filter::parse(text, *shape) {
            Ok(filter) => {
                let shown = filter.to_string();
                // Escapes make it longer, perhaps too long.
                if shown.len() <= SHOWN_BYTES_MAX {
                    let again = Filter::parse(&shown, *shape).expect("it is a filter");
                    assert_eq!(again.to_string(), shown, "{text:?}");
                    assert_eq!(again.admits(item), filter.admits(item), "{text:?}");
                }
                filter.admits(item).expect("it is of the shape");
            }
            Err(fault) => assert!(!fault.to_string().is_empty()),
        }
    }
}

/// An item of each shape, as it is shown.
static ITEMS: LazyLock<Vec<(Shape, Value)>> = LazyLock::new(|| {
    let node = json!({"ID": "", "Node": "n1", "Address": "10.0.0.1", "Datacenter": "dc1",
        "TaggedAddresses": null, "Meta": {"rack": "r1", "odd-key": "é"}});
    let service = json!({"ID": "web1", "Service": "web", "Tags": ["v1", "primary"], "Address": "",
        "TaggedAddresses": {"lan": {"Address": "10.0.0.2", "Port": 80}}, "Meta": {}, "Port": 80,
        "Weights": {"Passing": 1, "Warning": 1}, "EnableTagOverride": false,
        "Proxy": {"MeshGateway": {}, "Expose": {}}, "Connect": {}});
    let check = json!({"Node": "n1", "CheckID": "c", "Name": "alive", "Status": "passing",
        "Notes": "", "Output": "fine\n", "ServiceID": "", "ServiceName": "", "ServiceTags": [],
        "Type": "ttl"});
    let instance = json!({"Node": node, "Service": service, "Checks": [check]});
    vec![
        (Shape::NODE, node),
        (Shape::SERVICE, service),
        (Shape::CHECK, check),
        (Shape::INSTANCE, instance),
    ]
});

/// Longest filter that is shown and read again, in bytes.
const SHOWN_BYTES_MAX: usize = 16 * 1024;
