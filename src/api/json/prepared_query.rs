//! Prepared queries: what clients state, and what they are shown of it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::json::object::{Object, parse};
use crate::api::json::service::InstanceJson;
use crate::api::json::stated;
use crate::model::number::Revision;
use crate::model::prepared_query::{
    Failover, FailoverTarget, PreparedQuery, PreparedQueryId, QueryTemplate, REDACTED_TOKEN,
    ServiceQuery, TemplateKind,
};
use crate::model::session::SessionId;

/// A query as a client states it.
pub(in crate::api) struct Stated {
    /// The id in the body, which nobody may choose.
    pub id: String,
    /// The type of template, where it is none that there is.
    pub unknown_template: Option<String>,
    /// The rest, under an id that was stamped.
    pub query: PreparedQuery,
}

/// Reads a query; `id` is stamped on it.
///
/// # Errors
/// [`Fault::Decode`], where it is no JSON of the right types.
pub(in crate::api) fn read(body: &[u8], id: PreparedQueryId) -> Result<Stated, Fault> {
    let value = parse(body)?;
    let root = Object::root(&value, "structs.PreparedQuery")?;
    let root = root.named("PreparedQuery").only(QUERY_KEYS)?;
    let dns = root.object("DNS", "structs.QueryDNSOptions")?;
    let dns = dns
        .map(|dns| dns.named("QueryDNSOptions.DNS").only(&["TTL"])?.text("TTL"))
        .transpose()?
        .unwrap_or_default();
    let service = root.object("Service", "structs.ServiceQuery")?;
    let (template, unknown_template) =
        match root.object("Template", "structs.QueryTemplateOptions")? {
            Some(object) => {
                template(&object.named("QueryTemplateOptions.Template").only(TEMPLATE_KEYS)?)?
            }
            None => (QueryTemplate::default(), None),
        };
    let session = root.text("Session")?;
    let session = Some(session).filter(|id| !id.is_empty()).map(SessionId::parse).transpose();
    let session = session
        .map_err(|fault| Fault::Refused(format!("invalid session: index error: {fault}")))?;
    let query = PreparedQuery {
        id,
        name: root.text("Name")?.to_owned(),
        session,
        token: root.text("Token")?.to_owned(),
        template,
        service: match service {
            Some(object) => {
                service_query(&object.named("ServiceQuery.Service").only(SERVICE_KEYS)?)?
            }
            None => ServiceQuery::default(),
        },
        dns_ttl: dns.to_owned(),
        create_revision: Revision(0),
        modify_revision: Revision(0),
    };
    Ok(Stated { id: root.text("ID")?.to_owned(), unknown_template, query })
}

fn template(object: &Object<'_>) -> Result<(QueryTemplate, Option<String>), Fault> {
    let kind = object.text("Type")?;
    let is_known = kind.is_empty() || kind == NAME_PREFIX_MATCH;
    let template = QueryTemplate {
        kind: if kind.is_empty() { TemplateKind::None } else { TemplateKind::NamePrefixMatch },
        regexp: object.text("Regexp")?.to_owned(),
        remove_empty_tags: object.truth("RemoveEmptyTags")?,
    };
    Ok((template, (!is_known).then(|| kind.to_owned())))
}

fn service_query(object: &Object<'_>) -> Result<ServiceQuery, Fault> {
    let failover = match object.object("Failover", "structs.QueryDatacenterOptions")? {
        Some(object) => {
            failover(&object.named("QueryDatacenterOptions.Service.Failover").only(FAILOVER_KEYS)?)?
        }
        None => Failover::default(),
    };
    Ok(ServiceQuery {
        service: object.text("Service")?.to_owned(),
        failover,
        only_passing: object.truth("OnlyPassing")?,
        ignore_check_ids: texts(object, "IgnoreCheckIDs")?,
        near: object.text("Near")?.to_owned(),
        tags: texts(object, "Tags")?,
        node_meta: pairs(object, "NodeMeta")?,
        service_meta: pairs(object, "ServiceMeta")?,
        connect: object.truth("Connect")?,
    })
}

fn failover(object: &Object<'_>) -> Result<Failover, Fault> {
    let target = |object: Object<'_>| {
        let object = object.only(TARGET_KEYS)?;
        let datacenter = object.text("Datacenter")?.to_owned();
        Ok(FailoverTarget { datacenter, peer: object.text("Peer")?.to_owned() })
    };
    let targets = object.objects("Targets", "QueryFailoverTarget")?;
    Ok(Failover {
        nearest_n: object.number("NearestN")?.unwrap_or_default(),
        datacenters: texts(object, "Datacenters")?,
        targets: targets.into_iter().map(target).collect::<Result<_, Fault>>()?,
    })
}

fn texts(object: &Object<'_>, key: &str) -> Result<Vec<String>, Fault> {
    Ok(object.texts(key)?.into_iter().map(str::to_owned).collect())
}

fn pairs(object: &Object<'_>, key: &str) -> Result<BTreeMap<String, String>, Fault> {
    let mut pairs = BTreeMap::new();
    for (name, value) in object.entries(key, "map[string]string")?.into_iter().flatten() {
        let Value::String(text) = value else { return Err(object.wrong(key, value, "string")) };
        pairs.insert(name.clone(), text.clone());
    }
    Ok(pairs)
}

/// The answer to a creation.
#[derive(Serialize)]
pub(in crate::api) struct CreatedJson<'a> {
    /// What was stamped.
    #[serde(rename = "ID")]
    pub id: &'a str,
}

/// A query as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct PreparedQueryJson<'a> {
    /// What it is found by.
    #[serde(rename = "ID")]
    id: &'a str,
    /// What it is asked by.
    name: &'a str,
    /// With what it ends.
    session: String,
    /// What it is executed with.
    token: &'a str,
    /// Whether it is a template.
    template: TemplateJson<'a>,
    /// Which instances.
    service: ServiceQueryJson<'a>,
    /// How it is told.
    #[serde(rename = "DNS")]
    dns: DnsJson<'a>,
    /// When it was created.
    create_index: Revision,
    /// When it last changed.
    modify_index: Revision,
}

/// How one query answers many names.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TemplateJson<'a> {
    /// Whether it does.
    r#type: &'static str,
    /// What takes names apart.
    regexp: &'a str,
    /// Whether empty tags are left out.
    remove_empty_tags: bool,
}

/// Which instances of a service.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceQueryJson<'a> {
    /// The service.
    service: &'a str,
    /// Where else to look.
    failover: FailoverJson<'a>,
    /// Whether warning ones are left out.
    only_passing: bool,
    /// Checks that do not count.
    #[serde(rename = "IgnoreCheckIDs")]
    ignore_check_ids: Option<&'a [String]>,
    /// Nearest to whom.
    near: &'a str,
    /// Tags.
    tags: Option<&'a [String]>,
    /// Metadata of nodes.
    node_meta: Option<&'a BTreeMap<String, String>>,
    /// Metadata of services.
    service_meta: Option<&'a BTreeMap<String, String>>,
    /// Whether the mesh is meant.
    connect: bool,
}

/// Where else to look.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FailoverJson<'a> {
    /// In so many of the nearest.
    nearest_n: i64,
    /// In these.
    datacenters: Option<&'a [String]>,
    /// In these, stated at more length; 1.8 does not know it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    targets: Vec<TargetJson<'a>>,
}

/// A place to look.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TargetJson<'a> {
    /// A cluster.
    #[serde(skip_serializing_if = "str::is_empty")]
    peer: &'a str,
    /// A datacenter.
    #[serde(skip_serializing_if = "str::is_empty")]
    datacenter: &'a str,
}

/// How a query is told over DNS.
#[derive(Serialize)]
struct DnsJson<'a> {
    /// For how long.
    #[serde(rename = "TTL")]
    ttl: &'a str,
}

impl<'a> PreparedQueryJson<'a> {
    /// Shows a query as the caller may see it: a token is as good as what it opens.
    pub(in crate::api) fn new(query: &'a PreparedQuery, call: &Call) -> Self {
        let is_hidden = !query.token.is_empty() && !call.acl.acl_write();
        let (template, service) = (&query.template, &query.service);
        let failover = &service.failover;
        let target = |target: &'a FailoverTarget| TargetJson {
            peer: &target.peer,
            datacenter: &target.datacenter,
        };
        Self {
            id: query.id.as_str(),
            name: &query.name,
            session: query.session.map(String::from).unwrap_or_default(),
            token: if is_hidden { REDACTED_TOKEN } else { &query.token },
            template: TemplateJson {
                r#type: if query.is_template() { NAME_PREFIX_MATCH } else { "" },
                regexp: &template.regexp,
                remove_empty_tags: template.remove_empty_tags,
            },
            service: ServiceQueryJson {
                service: &service.service,
                failover: FailoverJson {
                    nearest_n: failover.nearest_n,
                    datacenters: listed(&failover.datacenters),
                    targets: failover.targets.iter().map(target).collect(),
                },
                only_passing: service.only_passing,
                ignore_check_ids: listed(&service.ignore_check_ids),
                near: &service.near,
                tags: listed(&service.tags),
                node_meta: stated(&service.node_meta),
                service_meta: stated(&service.service_meta),
                connect: service.connect,
            },
            dns: DnsJson { ttl: &query.dns_ttl },
            create_index: query.create_revision,
            modify_index: query.modify_revision,
        }
    }
}

/// A list that Consul writes as `null` when nothing was stated.
fn listed(list: &[String]) -> Option<&[String]> {
    (!list.is_empty()).then_some(list)
}

/// How fresh an answer is: these queries say it in their body too.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct FreshnessJson {
    /// Always 0: nobody waits for one.
    pub index: u64,
    /// Nanoseconds since the leader was heard.
    pub last_contact: u128,
    /// Whether there is a leader.
    pub known_leader: bool,
    /// How fresh it is.
    pub consistency_level: &'static str,
}

/// What came of a query.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct ExecutedJson<'a> {
    /// The service that was meant.
    pub service: &'a str,
    /// Its instances.
    pub nodes: Vec<InstanceJson<'a>>,
    /// How it is told over DNS.
    #[serde(rename = "DNS")]
    dns: DnsJson<'a>,
    /// Where they were found.
    pub datacenter: &'a str,
    /// How many other places were asked.
    pub failovers: usize,
    /// How fresh it is.
    #[serde(flatten)]
    pub freshness: FreshnessJson,
}

impl<'a> ExecutedJson<'a> {
    /// Shows what came of a query, here.
    pub(in crate::api) fn new(
        query: &'a PreparedQuery,
        nodes: Vec<InstanceJson<'a>>,
        datacenter: &'a str,
        freshness: FreshnessJson,
    ) -> Self {
        let dns = DnsJson { ttl: &query.dns_ttl };
        // Consul skips datacenters that it does not know, and there is none but ours.
        Self { service: &query.service.service, nodes, dns, datacenter, failovers: 0, freshness }
    }

    /// The same where the caller may not see the service.
    pub(in crate::api) fn without_service(self) -> Self {
        Self { service: "", ..self }
    }
}

/// A query as a name means it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct ExplainedJson<'a> {
    /// A template rendered.
    pub query: PreparedQueryJson<'a>,
    /// How fresh it is.
    #[serde(flatten)]
    pub freshness: FreshnessJson,
}

/// The one type of template.
const NAME_PREFIX_MATCH: &str = "name_prefix_match";

/// Fields of a query. What it is shown with may be sent back.
const QUERY_KEYS: &[&str] =
    &["ID", "Name", "Session", "Token", "Template", "Service", "DNS", "CreateIndex", "ModifyIndex"];

/// Fields of a template.
const TEMPLATE_KEYS: &[&str] = &["Type", "Regexp", "RemoveEmptyTags"];

/// Fields of a service query.
const SERVICE_KEYS: &[&str] = &[
    "Service",
    "Failover",
    "OnlyPassing",
    "IgnoreCheckIDs",
    "Near",
    "Tags",
    "NodeMeta",
    "ServiceMeta",
    "Connect",
];

/// Fields of what to do where nothing is found.
const FAILOVER_KEYS: &[&str] = &["NearestN", "Datacenters", "Targets"];

/// Fields of a place to look.
const TARGET_KEYS: &[&str] = &["Peer", "Datacenter"];
