//! What the items of each filterable endpoint have: the names that a selector may use, and their types. Consul's, the
//! mesh's included, which are always empty here.

/// What the items of an endpoint have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape(&'static [Field]);

/// Something that an item has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api::filter) struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its type.
    pub kind: FieldKind,
}

/// The type of something that an item has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api::filter) enum FieldKind {
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Truth,
    /// A list of texts.
    Texts,
    /// Texts by key.
    TextMap,
    /// More fields.
    Object(&'static [Field]),
    /// A list of objects, of which any counts.
    Objects(&'static [Field]),
    /// Objects by key.
    ObjectMap(&'static [Field]),
}

impl Shape {
    /// Nodes: `/v1/catalog/nodes`.
    pub const NODE: Self = Self(NODE);
    /// Instances with their node: `/v1/catalog/service/:s` and, before they are counted, `/v1/catalog/services`.
    pub const CATALOG_SERVICE: Self = Self(CATALOG_SERVICE);
    /// Services of a node, and of an agent.
    pub const SERVICE: Self = Self(SERVICE);
    /// Checks, of the catalog and of an agent.
    pub const CHECK: Self = Self(CHECK);
    /// Instances with their node and checks: `/v1/health/service/:s` and, before they are summed up,
    /// `/v1/internal/ui/services`.
    pub const INSTANCE: Self = Self(INSTANCE);
    /// Nodes with their services and checks: `/v1/internal/ui/nodes`.
    pub const NODE_DUMP: Self = Self(NODE_DUMP);
    /// Members: `/v1/agent/members`.
    pub const MEMBER: Self = Self(MEMBER);

    pub(in crate::api::filter) fn fields(self) -> &'static [Field] {
        self.0
    }
}

impl Field {
    /// The field of a name.
    pub(in crate::api::filter) fn find(fields: &'static [Self], name: &str) -> Option<Self> {
        fields.iter().find(|field| field.name == name).copied()
    }
}

const fn text(name: &'static str) -> Field {
    Field { name, kind: FieldKind::Text }
}

const fn number(name: &'static str) -> Field {
    Field { name, kind: FieldKind::Number }
}

const fn truth(name: &'static str) -> Field {
    Field { name, kind: FieldKind::Truth }
}

const fn texts(name: &'static str) -> Field {
    Field { name, kind: FieldKind::Texts }
}

const fn text_map(name: &'static str) -> Field {
    Field { name, kind: FieldKind::TextMap }
}

const fn object(name: &'static str, fields: &'static [Field]) -> Field {
    Field { name, kind: FieldKind::Object(fields) }
}

const fn objects(name: &'static str, fields: &'static [Field]) -> Field {
    Field { name, kind: FieldKind::Objects(fields) }
}

const fn object_map(name: &'static str, fields: &'static [Field]) -> Field {
    Field { name, kind: FieldKind::ObjectMap(fields) }
}

const NODE: &[Field] = &[
    text("ID"),
    text("Node"),
    text("Address"),
    text("Datacenter"),
    text_map("TaggedAddresses"),
    text_map("Meta"),
];

const CHECK: &[Field] = &[
    text("Node"),
    text("CheckID"),
    text("Name"),
    text("Status"),
    text("Notes"),
    text("Output"),
    text("ServiceID"),
    text("ServiceName"),
    texts("ServiceTags"),
    text("Type"),
];

const SERVICE: &[Field] = &[
    text("Kind"),
    text("ID"),
    text("Service"),
    texts("Tags"),
    text("Address"),
    object_map("TaggedAddresses", ADDRESS_AND_PORT),
    text_map("Meta"),
    number("Port"),
    object("Weights", WEIGHTS),
    truth("EnableTagOverride"),
    object("Proxy", PROXY),
    object("Connect", CONNECT),
];

const CATALOG_SERVICE: &[Field] = &[
    text("ID"),
    text("Node"),
    text("Address"),
    text("Datacenter"),
    text_map("TaggedAddresses"),
    text_map("NodeMeta"),
    text("ServiceKind"),
    text("ServiceID"),
    text("ServiceName"),
    texts("ServiceTags"),
    text("ServiceAddress"),
    object_map("ServiceTaggedAddresses", ADDRESS_AND_PORT),
    object("ServiceWeights", WEIGHTS),
    text_map("ServiceMeta"),
    number("ServicePort"),
    truth("ServiceEnableTagOverride"),
    object("ServiceProxy", PROXY),
    object("ServiceConnect", CONNECT),
];

const INSTANCE: &[Field] =
    &[object("Node", NODE), object("Service", SERVICE), objects("Checks", CHECK)];

const NODE_DUMP: &[Field] = &[
    text("ID"),
    text("Node"),
    text("Address"),
    text_map("TaggedAddresses"),
    text_map("Meta"),
    objects("Services", SERVICE),
    objects("Checks", CHECK),
];

const MEMBER: &[Field] = &[
    text("Name"),
    text("Addr"),
    number("Port"),
    text_map("Tags"),
    number("Status"),
    number("ProtocolMin"),
    number("ProtocolMax"),
    number("ProtocolCur"),
    number("DelegateMin"),
    number("DelegateMax"),
    number("DelegateCur"),
];

const ADDRESS_AND_PORT: &[Field] = &[text("Address"), number("Port")];

const WEIGHTS: &[Field] = &[number("Passing"), number("Warning")];

const CONNECT: &[Field] = &[truth("Native")];

const PROXY: &[Field] = &[
    text("DestinationServiceName"),
    text("DestinationServiceID"),
    text("LocalServiceAddress"),
    number("LocalServicePort"),
    objects("Upstreams", UPSTREAM),
    object("MeshGateway", MESH_GATEWAY),
    object("Expose", EXPOSE),
];

const UPSTREAM: &[Field] = &[
    text("DestinationType"),
    text("DestinationNamespace"),
    text("DestinationName"),
    text("Datacenter"),
    text("LocalBindAddress"),
    number("LocalBindPort"),
    object("MeshGateway", MESH_GATEWAY),
];

const MESH_GATEWAY: &[Field] = &[text("Mode")];

const EXPOSE: &[Field] = &[truth("Checks"), objects("Paths", EXPOSED_PATH)];

const EXPOSED_PATH: &[Field] = &[
    text("Path"),
    number("LocalPathPort"),
    number("ListenerPort"),
    text("Protocol"),
    truth("ParsedFromCheck"),
];
