//! text of a `.dns` file → steps: nothing is carried out here.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, Record, RecordType};
use lictor::dns::outside::Ask;
use lictor::dns::{QueryOptions, Transport, query};
use lictor::zone::{End, NoFiles, Set, parse, zone_name};

/// A conformance file.
pub(super) struct File {
    /// What is to be done, each with its line, from 1.
    pub(super) steps: Vec<(usize, Step)>,
    /// What each question expects, normalised text.
    pub(super) expected: Vec<String>,
}

/// One line.
#[derive(Debug)]
pub(super) enum Step {
    /// A setting.
    Config { key: String, value: String },
    /// A zone file.
    Zone { apex: String, text: String },
    /// What a recursor says to a question.
    Recursor(Script),
    /// How long ago the catalog was last current, in seconds.
    Age(u64),
    /// A machine.
    Node { name: String, address: String, meta: Pairs, tagged: Pairs },
    /// A service instance.
    Service(Box<ServiceLine>),
    /// A check's word.
    Check { id: String, node: String, service: Option<String>, status: String },
    /// A prepared query.
    Query(Box<QueryLine>),
    /// A question.
    Ask(Question),
}

/// Keys and values, in their order.
pub(super) type Pairs = Vec<(String, String)>;

/// What a recursor says to a question.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// The name that is asked for.
    pub(super) name: Name,
    /// The type.
    pub(super) kind: RecordType,
    /// Whether it says so only to who wants DNSSEC records.
    pub(super) dnssec_ok: bool,
    /// Its code; nothing where it never answers.
    pub(super) rcode: Option<ResponseCode>,
    /// Its sections: answers, authorities and additionals.
    pub(super) sections: [Vec<Record>; 3],
}

impl Script {
    /// What is said to a question: nothing that is known of it is SERVFAIL, as `None` says here.
    pub(super) fn of<'s>(scripts: &'s [Self], ask: &Ask) -> Option<&'s Self> {
        let is_asked = |script: &&Self| script.name == ask.name && script.kind == ask.kind;
        let mut asked = scripts.iter().filter(is_asked);
        let exact = asked.clone().find(|script| script.dnssec_ok == ask.dnssec_ok);
        exact.or_else(|| asked.find(|script| !script.dnssec_ok))
    }
}

/// A service instance.
#[derive(Debug, Default)]
pub(super) struct ServiceLine {
    /// What clients ask for.
    pub(super) name: String,
    /// Where it runs.
    pub(super) node: String,
    /// Its id, unless that is its name.
    pub(super) id: Option<String>,
    /// Its port, 0 for none.
    pub(super) port: u16,
    /// Its own address.
    pub(super) address: Option<String>,
    /// Its tags.
    pub(super) tags: Vec<String>,
    /// Its addresses by tag.
    pub(super) tagged: Pairs,
    /// Passing and warning.
    pub(super) weights: Option<(u16, u16)>,
}

/// A prepared query.
#[derive(Debug, Default)]
pub(super) struct QueryLine {
    /// What it is asked by.
    pub(super) name: String,
    /// The service that it means.
    pub(super) service: String,
    /// Whether it is a template.
    pub(super) is_template: bool,
    /// The template's regular expression.
    pub(super) regexp: String,
    /// How long its answers may be kept.
    pub(super) ttl: String,
    /// Tags.
    pub(super) tags: Vec<String>,
    /// Whom instances shall be near to.
    pub(super) near: String,
    /// Metadata of nodes.
    pub(super) node_meta: Pairs,
    /// A check that does not count.
    pub(super) ignored: Vec<String>,
    /// Whether warning instances are left out.
    pub(super) is_only_passing: bool,
    /// Whether proxies are meant.
    pub(super) is_mesh: bool,
}

/// A message to send.
#[derive(Debug)]
pub(super) struct Question {
    /// The message.
    pub(super) bytes: Vec<u8>,
    /// How it is sent.
    pub(super) transport: Transport,
    /// Whether chance decides which records are told.
    pub(super) is_some: bool,
}

impl File {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut file = Self { steps: Vec::new(), expected: Vec::new() };
        let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end()));
        let mut lines = lines.peekable();
        while let Some((at, line)) = lines.next() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut step = parse_step(line).map_err(|fault| format!("{at}: {fault}"))?;
            let is_first = file.steps.iter().all(|(_, step)| is_setting(step));
            if is_setting(&step) && !is_first {
                let word = line.split(' ').next().unwrap_or_default();
                return Err(format!("{at}: `{word}` stands before everything else"));
            }
            while let Some((at, line)) = lines.next_if(|(_, line)| line.starts_with(INDENT)) {
                let line = line.strip_prefix(INDENT).unwrap_or(line);
                step.add(line).map_err(|fault| format!("{at}: {fault}"))?;
            }
            if matches!(step, Step::Ask(_)) {
                let block =
                    lines.by_ref().map(|(_, line)| line).take_while(|line| !line.is_empty());
                file.expected.push(block.fold(String::new(), |text, line| text + line + "\n"));
            }
            file.steps.push((at, step));
        }
        if file.expected.is_empty() {
            return Err("0: no question is asked".to_owned());
        }
        Ok(file)
    }
}

/// Whether it is what a running agent has to know at its start.
fn is_setting(step: &Step) -> bool {
    matches!(step, Step::Config { .. } | Step::Zone { .. } | Step::Recursor(_))
}

impl Step {
    /// Takes a line that is indented below it.
    fn add(&mut self, line: &str) -> Result<(), String> {
        match self {
            Self::Zone { text, .. } => {
                text.extend([line, "\n"]);
                Ok(())
            }
            Self::Recursor(script) => {
                let (word, record) = line.split_once(' ').unwrap_or((line, ""));
                let known = SECTIONS.iter().position(|section| *section == word);
                let section = known.ok_or(format!("`{word}` is no section"))?;
                script.sections[section].push(parse_record(record)?);
                Ok(())
            }
            _ => Err("nothing is indented but zones and recursors' records".to_owned()),
        }
    }
}

/// `OWNER TTL IN TYPE DATA…`, all names in full.
fn parse_record(line: &str) -> Result<Record, String> {
    let mut words = line.split(' ');
    let (owner, ttl) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let name = zone_name(owner).ok_or(format!("`{owner}` is no name"))?;
    let ttl: u32 = number("TTL", ttl)?;
    // It is read as a record of a zone in which it can stand.
    let kind = words.nth(1);
    let text = match kind {
        Some("SOA") => format!("{line}\n{owner} {ttl} IN NS ns.invalid.\n"),
        Some("NS") if owner == "." => format!(". 1 IN SOA . . 1 1 1 1 1\n{line}\n"),
        _ => format!(". 1 IN SOA . . 1 1 1 1 1\n. 1 IN NS ns.invalid.\n{line}\n"),
    };
    let parsed = parse("record", text.as_bytes(), None, &mut NoFiles);
    let zone = parsed.map_err(|refused| format!("`{line}` is no record: {}", refused.faults[0]))?;
    let data = |set: &Set| set.data().first().cloned();
    let data = match zone.zone.lookup(&name, RecordType::ANY).end {
        _ if kind == Some("SOA") => data(zone.zone.soa()),
        End::Data(set) => data(set),
        End::Referral(referral) => data(referral.ns),
        _ => None,
    };
    let data = data.ok_or(format!("`{line}` is no record"))?;
    Ok(Record::from_rdata(name, ttl, data))
}

fn parse_step(line: &str) -> Result<Step, String> {
    let words = split(line)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["config", key @ .., "=", value] => {
            Ok(Step::Config { key: key.join(" "), value: (*value).to_owned() })
        }
        ["config", ..] => Err("a setting needs `KEY = VALUE`".to_owned()),
        ["zone", apex] => Ok(Step::Zone { apex: (*apex).to_owned(), text: String::new() }),
        ["zone", ..] => Err("a zone needs its name, and its records below".to_owned()),
        ["recursor", name, kind, rest @ ..] => parse_recursor(name, kind, rest),
        ["recursor", ..] => Err("a recursor needs the name and type that it is asked".to_owned()),
        ["age", seconds] => Ok(Step::Age(number("age", seconds)?)),
        ["node", name, address, pairs @ ..] => Ok(Step::Node {
            name: (*name).to_owned(),
            address: (*address).to_owned(),
            meta: parse_pairs("meta", pairs)?,
            tagged: parse_pairs("tagged", pairs)?,
        }),
        ["node", ..] => Err("a node needs a name and an address".to_owned()),
        ["service", name, "on", node, rest @ ..] => parse_service(name, node, rest),
        ["service", ..] => Err("a service needs `NAME on NODE`".to_owned()),
        ["check", id, "on", node, rest @ .., status] => parse_check(id, node, rest, status),
        ["check", ..] => Err("a check needs `ID on NODE [service=ID] STATUS`".to_owned()),
        ["query", name, "for", service, rest @ ..] => parse_query(name, service, rest),
        ["query", ..] => Err("a query needs `NAME for SERVICE`".to_owned()),
        ["?", "raw", rest @ ..] => parse_raw(rest),
        ["?", name, kind, options @ ..] => parse_question(name, kind, options),
        ["?", ..] => Err("a question needs a name and a type".to_owned()),
        [first, ..] => Err(format!("`{first}` begins no line; known are `{LINES}`")),
        [] => Err("an empty line".to_owned()),
    }
}

/// Splits at blanks that are not between double quotes.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut is_quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    if is_quoted {
        return Err("a quote is not closed".to_owned());
    }
    words.retain(|word| !word.is_empty());
    Ok(words)
}

/// The pairs behind one of the two words.
fn parse_pairs(wanted: &str, words: &[&str]) -> Result<Pairs, String> {
    let mut pairs = Vec::new();
    for pair in words.chunks(2) {
        let [word @ ("meta" | "tagged"), entry] = pair else {
            return Err("a node's address is followed by `meta KEY=VALUE` or `tagged KEY=ADDRESS`"
                .to_owned());
        };
        let (key, value) = entry.split_once('=').ok_or(format!("`{entry}` is no `KEY=VALUE`"))?;
        if *word == wanted {
            pairs.push((key.to_owned(), value.to_owned()));
        }
    }
    Ok(pairs)
}

fn parse_recursor(name: &str, kind: &str, words: &[&str]) -> Result<Step, String> {
    let asked = query(name, kind, &QueryOptions::default(), ID);
    let asked = asked.map_err(|fault| fault.to_string())?;
    let asked = hickory_proto::op::Message::from_vec(&asked).map_err(|fault| fault.to_string())?;
    let question = asked.queries.first().ok_or("no question")?;
    let (name, kind) = (question.name().clone(), question.query_type());
    let sections = [const { Vec::new() }; 3];
    let rcode = Some(ResponseCode::NoError);
    let mut script = Script { name, kind, dnssec_ok: false, rcode, sections };
    for word in words {
        match *word {
            "+do" => script.dnssec_ok = true,
            "silent" => script.rcode = None,
            "NXDOMAIN" => script.rcode = Some(ResponseCode::NXDomain),
            "SERVFAIL" => script.rcode = Some(ResponseCode::ServFail),
            "REFUSED" => script.rcode = Some(ResponseCode::Refused),
            _ => return Err(format!("a recursor does not say `{word}`")),
        }
    }
    Ok(Step::Recursor(script))
}

fn parse_service(name: &str, node: &str, rest: &[&str]) -> Result<Step, String> {
    let mut service =
        ServiceLine { name: name.to_owned(), node: node.to_owned(), ..ServiceLine::default() };
    for word in rest {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "id" => service.id = Some(value.to_owned()),
            "port" => service.port = number(key, value)?,
            "addr" => service.address = Some(value.to_owned()),
            "tags" => service.tags = value.split(',').map(str::to_owned).collect(),
            "tagged" => {
                let (tag, address) =
                    value.split_once('=').ok_or(format!("`{value}` is no `KEY=ADDRESS`"))?;
                service.tagged.push((tag.to_owned(), address.to_owned()));
            }
            "weight" => {
                let (passing, warning) = value.split_once('/').unwrap_or((value, "1"));
                service.weights = Some((number(key, passing)?, number(key, warning)?));
            }
            _ => return Err(format!("a service has no `{key}`")),
        }
    }
    Ok(Step::Service(Box::new(service)))
}

fn parse_check(id: &str, node: &str, rest: &[&str], status: &str) -> Result<Step, String> {
    let service = match rest {
        [] => None,
        [word] => Some(word.strip_prefix("service=").ok_or(format!("a check has no `{word}`"))?),
        _ => return Err("a check needs `ID on NODE [service=ID] STATUS`".to_owned()),
    };
    if lictor::model::health::Status::from_word(status).is_none() {
        return Err(format!("`{status}` is no status"));
    }
    Ok(Step::Check {
        id: id.to_owned(),
        node: node.to_owned(),
        service: service.map(str::to_owned),
        status: status.to_owned(),
    })
}

fn parse_query(name: &str, service: &str, rest: &[&str]) -> Result<Step, String> {
    let name = if name == "-" { "" } else { name };
    let (name, service) = (name.to_owned(), service.to_owned());
    let mut query = QueryLine { name, service, ..QueryLine::default() };
    for word in rest {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "template" => query.is_template = true,
            "regexp" => value.clone_into(&mut query.regexp),
            "ttl" => value.clone_into(&mut query.ttl),
            "tags" => query.tags = value.split(',').map(str::to_owned).collect(),
            "near" => value.clone_into(&mut query.near),
            "nodemeta" => {
                let (key, value) =
                    value.split_once('=').ok_or(format!("`{value}` is no `KEY=VALUE`"))?;
                query.node_meta.push((key.to_owned(), value.to_owned()));
            }
            "ignore" => query.ignored.push(value.to_owned()),
            "passing" => query.is_only_passing = true,
            "connect" => query.is_mesh = true,
            _ => return Err(format!("a query has no `{key}`")),
        }
    }
    Ok(Step::Query(Box::new(query)))
}

fn parse_raw(words: &[&str]) -> Result<Step, String> {
    let mut transport = Transport::Udp;
    let mut bytes = Vec::new();
    for word in words {
        match *word {
            "+tcp" => transport = Transport::Tcp,
            hex => bytes.extend(parse_hex(hex)?),
        }
    }
    Ok(Step::Ask(Question { bytes, transport, is_some: false }))
}

fn parse_hex(hex: &str) -> Result<Vec<u8>, String> {
    let fault = || format!("`{hex}` is no even number of hexadecimal digits");
    let pairs = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
        u8::from_str_radix(text, 16).ok()
    };
    pairs.map(|pair| byte(pair).ok_or_else(fault)).collect()
}

fn parse_question(name: &str, kind: &str, words: &[&str]) -> Result<Step, String> {
    let mut options = QueryOptions::default();
    let mut transport = Transport::Udp;
    let mut is_some = false;
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let edns = options.edns.clone().unwrap_or_default();
        match key {
            "+tcp" => transport = Transport::Tcp,
            "+some" => is_some = true,
            "+norec" => options.recursion_desired = false,
            "+cd" => options.checking_disabled = true,
            "+ad" => options.authentic_data = true,
            "+zflag" => options.reserved = true,
            "+opcode" => options.opcode = number(key, value)?,
            "+class" => options.class = number(key, value)?,
            "+noedns" => options.edns = None,
            "+do" | "+edns" | "+ednsversion" | "+ednsflags" | "+ednsopt" => {
                let edns = options.edns.insert(edns);
                match key {
                    "+do" => edns.dnssec_ok = true,
                    "+edns" => edns.udp_size = number(key, value)?,
                    "+ednsversion" => edns.version = number(key, value)?,
                    "+ednsflags" => edns.flags = flags(value)?,
                    _ => {
                        let (code, hex) = value.split_once(':').unwrap_or((value, ""));
                        edns.options.push((number(key, code)?, parse_hex(hex)?));
                    }
                }
            }
            _ => return Err(format!("there is no option `{key}`")),
        }
    }
    let bytes = query(name, kind, &options, ID).map_err(|fault| fault.to_string())?;
    Ok(Step::Ask(Question { bytes, transport, is_some }))
}

fn number<N: std::str::FromStr>(key: &str, value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("`{value}` is no number for `{key}`"))
}

fn flags(value: &str) -> Result<u16, String> {
    let digits = value.strip_prefix("0x").unwrap_or(value);
    u16::from_str_radix(digits, 16).map_err(|_| format!("`{value}` is no hexadecimal number"))
}

/// What stands before the lines of a zone, and of what a recursor says.
const INDENT: &str = "  ";

/// What a recursor's records begin with.
const SECTIONS: [&str; 3] = ["answer", "authority", "additional"];

/// The words that a line begins with.
const LINES: &str = "config zone recursor age node service check query ?";

/// Every question's id.
const ID: u16 = 0x1c70;
