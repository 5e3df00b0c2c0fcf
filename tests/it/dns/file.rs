//! text of a `.dns` file → steps: nothing is carried out here.

use lictor::dns::{QueryOptions, Transport, query};

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
    /// A machine.
    Node { name: String, address: String, meta: Vec<(String, String)> },
    /// A service instance.
    Service(Box<ServiceLine>),
    /// A check's word.
    Check { id: String, node: String, service: Option<String>, status: String },
    /// A question.
    Ask(Question),
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
    /// Passing and warning.
    pub(super) weights: Option<(u16, u16)>,
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
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end()));
        while let Some((at, line)) = lines.next() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let step = parse_step(line).map_err(|fault| format!("{at}: {fault}"))?;
            let is_first = file.steps.iter().all(|(_, step)| matches!(step, Step::Config { .. }));
            if matches!(step, Step::Config { .. }) && !is_first {
                return Err(format!("{at}: `config` stands before everything else"));
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

fn parse_step(line: &str) -> Result<Step, String> {
    let words = split(line)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["config", key @ .., "=", value] => {
            Ok(Step::Config { key: key.join(" "), value: (*value).to_owned() })
        }
        ["config", ..] => Err("a setting needs `KEY = VALUE`".to_owned()),
        ["node", name, address, meta @ ..] => Ok(Step::Node {
            name: (*name).to_owned(),
            address: (*address).to_owned(),
            meta: parse_meta(meta)?,
        }),
        ["node", ..] => Err("a node needs a name and an address".to_owned()),
        ["service", name, "on", node, rest @ ..] => parse_service(name, node, rest),
        ["service", ..] => Err("a service needs `NAME on NODE`".to_owned()),
        ["check", id, "on", node, rest @ .., status] => parse_check(id, node, rest, status),
        ["check", ..] => Err("a check needs `ID on NODE [service=ID] STATUS`".to_owned()),
        ["?", "raw", rest @ ..] => parse_raw(rest),
        ["?", name, kind, options @ ..] => parse_question(name, kind, options),
        ["?", ..] => Err("a question needs a name and a type".to_owned()),
        [first, ..] => {
            Err(format!("`{first}` begins no line; known are `config node service check ?`"))
        }
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

fn parse_meta(words: &[&str]) -> Result<Vec<(String, String)>, String> {
    words
        .chunks(2)
        .map(|pair| match pair {
            ["meta", entry] => {
                let (key, value) =
                    entry.split_once('=').ok_or(format!("`{entry}` is no `KEY=VALUE`"))?;
                Ok((key.to_owned(), value.to_owned()))
            }
            _ => Err("a node's address is followed by `meta KEY=VALUE`".to_owned()),
        })
        .collect()
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

/// Every question's id.
const ID: u16 = 0x1c70;
