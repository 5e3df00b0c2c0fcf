//! Request head → Call: parameters parsed once into types, who calls, and the refusals that all endpoints
//! share.

use std::net::IpAddr;
use std::str::Utf8Chunk;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::Serialize;

use crate::acl::Authorizer;
use crate::api::answer::to_bytes;
use crate::api::cache_control::CacheControl;
use crate::api::fault::Fault;
use crate::api::filter::{Filter, Shape};
use crate::api::params::{Params, decode_percent_bytes};
use crate::api::vigil::Vigil;
use crate::api::{Api, ApiOptions, Client};
use crate::model::number::Revision;
use crate::model::time::{DurationFault, parse_duration};
use crate::publish::Consistency;

/// A request without its body.
pub(in crate::api) struct Call {
    /// Its parameters.
    pub params: Params,
    /// Where it comes from; nothing where it came over no network.
    pub client: Option<IpAddr>,
    /// Where it goes.
    path: Box<str>,
    /// Whether JSON is indented.
    pub pretty: bool,
    /// How old a cached answer may be; nothing where the header says nothing sensible.
    cache_control: Option<CacheControl>,
    /// What the caller may see and do; `guard` asks it.
    pub acl: Authorizer,
    /// Whether something was left out of the answer because the caller may not see it.
    pub(in crate::api) is_filtered: AtomicBool,
    /// Whether its path may hold control characters.
    takes_unprintable: bool,
    /// Whether `?cached` counts.
    takes_cached: bool,
    /// Where it may let another one wait for it.
    vigil: Option<Arc<Vigil>>,
}

/// How a read is to be done.
#[derive(Clone)]
pub(in crate::api) struct ReadOptions {
    /// How fresh.
    pub freshness: Freshness,
    /// What a blocking query has seen already.
    pub block: Option<Block>,
}

/// How fresh a read has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Freshness {
    /// As a consistency says.
    Is(Consistency),
    /// Whatever is here, unless the leader was not heard for so long (`?max_stale`).
    StaleUpTo(Duration),
    /// Whatever is here, as long as it is young enough (`?cached`).
    Cached(CacheControl),
}

/// What a blocking query waits for.
#[derive(Clone)]
pub(in crate::api) struct Block {
    /// A result newer than this.
    pub index: Revision,
    /// At most so long.
    pub wait: Duration,
    /// Where it may let another one wait for it.
    pub vigil: Option<Arc<Vigil>>,
}

impl FromRequestParts<Api> for Call {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Fault> {
        let params = Params::parse(parts.uri.query().unwrap_or_default())?;
        let pretty = api.options.pretty || params.has("pretty");
        let acl = api.services.tokens.authorizer(secret(&params, &parts.headers))?;
        let vigil: Option<Arc<Vigil>> = parts.extensions.remove();
        if let Some(vigil) = &vigil {
            vigil.act_for(&acl);
        }
        let is_filtered = AtomicBool::new(false);
        let client = client_address(parts);
        let cache_control = CacheControl::parse(parts.headers.get(header::CACHE_CONTROL));
        // Copied: a part of the head keeps the whole buffer that it was read into, for as long as a query blocks.
        let path = Box::from(parts.uri.path());
        let rules = api.services.rules.load();
        let (takes_unprintable, takes_cached) = (rules.takes_unprintable, rules.takes_cached);
        Ok(Self {
            params,
            client,
            path,
            pretty,
            cache_control,
            acl,
            is_filtered,
            takes_unprintable,
            takes_cached,
            vigil,
        })
    }
}

/// The secret that a request shows: a parameter, else a header of Consul's, else a bearer's (RFC 6750 §2.1).
fn secret<'a>(params: &'a Params, headers: &'a HeaderMap) -> Option<&'a str> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = || {
        let (scheme, secret) = header(header::AUTHORIZATION.as_str())?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
    };
    let is_stated = |secret: &&str| !secret.is_empty();
    let shown = params.stated("token").or_else(|| header(TOKEN).filter(is_stated));
    shown.or_else(|| bearer().filter(is_stated))
}

/// Where a request comes from: what the first proxy says, else who is connected.
fn client_address(parts: &Parts) -> Option<IpAddr> {
    let said = parts.headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let first = said.and_then(|list| list.split(',').next()?.trim().parse().ok());
    first.or_else(|| parts.extensions.get::<Client>().map(|client| client.0))
}

impl Call {
    /// What stands in the path behind `prefix`, decoded; may be empty and may hold slashes.
    ///
    /// # Errors
    /// [`Fault::Invalid`], where it cannot be decoded or holds control characters, which Consul refuses
    /// in paths too unless `disable_http_unprintable_char_filter` is set.
    pub(in crate::api) fn under(&self, prefix: &str) -> Result<String, Fault> {
        String::from_utf8(self.bytes_under(prefix)?)
            .map_err(|_| Fault::Invalid("Invalid path: the decoded bytes are no UTF-8".to_owned()))
    }

    /// As [`Call::under`], of any bytes.
    ///
    /// # Errors
    /// [`Fault::Invalid`], where it cannot be decoded or holds control characters.
    pub(in crate::api) fn bytes_under(&self, prefix: &str) -> Result<Vec<u8>, Fault> {
        let rest = self.path.strip_prefix(prefix).unwrap_or_default();
        let bytes = decode_percent_bytes(rest, "path")?;
        let has_control = |chunk: Utf8Chunk<'_>| chunk.valid().chars().any(char::is_control);
        if !self.takes_unprintable && bytes.utf8_chunks().any(has_control) {
            return Err(Fault::Invalid("Invalid path: it holds control characters".to_owned()));
        }
        Ok(bytes)
    }

    /// As [`Call::under`], refused with `missing` where nothing stands there.
    pub(in crate::api) fn named(&self, prefix: &str, missing: &str) -> Result<String, Fault> {
        let name = self.under(prefix)?;
        if name.is_empty() { Err(Fault::Invalid(missing.to_owned())) } else { Ok(name) }
    }

    /// Refuses another datacenter than ours.
    pub(in crate::api) fn check_datacenter(&self, options: &ApiOptions) -> Result<(), Fault> {
        match self.params.stated("dc") {
            Some(dc) => check_datacenter(dc, options),
            None => Ok(()),
        }
    }

    /// How a read is to be done.
    pub(in crate::api) fn read_options(&self, options: &ApiOptions) -> Result<ReadOptions, Fault> {
        let freshness = Freshness::Is(self.consistency()?);
        let freshness = self.max_stale()?.unwrap_or(freshness);
        let block = self.block(options)?;
        self.check_datacenter(options)?;
        Ok(ReadOptions { freshness, block })
    }

    /// How a read that may be cached is to be done.
    pub(in crate::api) fn cacheable_options(
        &self,
        options: &ApiOptions,
    ) -> Result<ReadOptions, Fault> {
        let stated = self.read_options(options)?;
        if !self.may_be_cached() {
            return Ok(stated);
        }
        Ok(ReadOptions { freshness: Freshness::Cached(self.cache_control()?), ..stated })
    }

    /// How a read of the catalog is to be done: where the client does not say how fresh, as the operator set
    /// (`discovery_max_stale`); and it may be cached.
    pub(in crate::api) fn discovery_options(
        &self,
        options: &ApiOptions,
    ) -> Result<ReadOptions, Fault> {
        let stated = self.cacheable_options(options)?;
        let names_freshness = ["consistent", "leader", "stale"].iter().any(|p| self.params.has(p));
        let freshness = if let (Freshness::Is(Consistency::Lease), false, Some(age_max)) =
            (stated.freshness, names_freshness, options.discovery_stale_max)
        {
            Freshness::StaleUpTo(age_max)
        } else {
            stated.freshness
        };
        Ok(ReadOptions { freshness, ..stated })
    }

    /// Which items of an answer stay; all, where no filter is stated.
    ///
    /// # Errors
    /// [`Fault::Filter`].
    pub(in crate::api) fn filter(&self, shape: Shape) -> Result<Filter, Fault> {
        let Some(text) = self.params.stated("filter") else { return Ok(Filter::NONE) };
        Ok(Filter::parse(text, shape)?)
    }

    fn may_be_cached(&self) -> bool {
        self.takes_cached && self.params.has("cached")
    }

    /// Whether another cluster's services are asked for (`?peer`), of which we know none.
    pub(in crate::api) fn names_peer(&self) -> bool {
        self.params.stated("peer").is_some()
    }

    /// A value as the body of an answer.
    pub(in crate::api) fn body<T: Serialize>(&self, value: &T) -> Result<Vec<u8>, Fault> {
        to_bytes(self.pretty, value)
    }

    fn consistency(&self) -> Result<Consistency, Fault> {
        let params = &self.params;
        let conflict = |flag: &str| {
            let text = format!("Cannot specify {flag} with ?consistent, conflicting semantics.");
            Err(Fault::Invalid(text))
        };
        self.cache_control()?;
        if !params.has("consistent") {
            let is_stale = params.has("stale");
            return Ok(if is_stale { Consistency::Stale } else { Consistency::Lease });
        }
        if params.has("stale") || self.max_stale()?.is_some() {
            return conflict("?stale");
        }
        if self.may_be_cached() {
            return conflict("?cached");
        }
        Ok(Consistency::Linearizable)
    }

    /// What `max_stale` says; no time at all is as good as nothing said.
    fn max_stale(&self) -> Result<Option<Freshness>, Fault> {
        let Some(text) = self.params.stated("max_stale") else { return Ok(None) };
        match parse_duration(text) {
            Ok(age_max) if age_max.is_zero() => Ok(None),
            Ok(age_max) => Ok(Some(Freshness::StaleUpTo(age_max))),
            Err(DurationFault::Negative) => Ok(None),
            Err(_) => Err(Fault::Invalid(format!("Invalid max_stale value {text:?}"))),
        }
    }

    fn cache_control(&self) -> Result<CacheControl, Fault> {
        let invalid = || Fault::Invalid("Invalid Cache-Control header.".to_owned());
        self.cache_control.ok_or_else(invalid)
    }

    /// What a query that waits for another content has seen, and how long it waits at most: `hash` and `wait`.
    pub(in crate::api) fn hash_block(
        &self,
        options: &ApiOptions,
    ) -> Result<Option<(&str, Duration)>, Fault> {
        // An index is not waited for, but has to be one.
        self.block(options)?;
        let wait = self.wait(options)?.unwrap_or(HASH_WAIT_DEFAULT.min(options.wait_max));
        Ok(self.params.stated("hash").map(|hash| (hash, wait)))
    }

    fn block(&self, options: &ApiOptions) -> Result<Option<Block>, Fault> {
        let wait = self.wait(options)?.unwrap_or(options.wait_default);
        let Some(index) = self.params.stated("index") else { return Ok(None) };
        // Rust's parser takes a plus sign, Go's does not.
        let index = if index.starts_with('+') { None } else { index.parse().ok() };
        let index = index.ok_or_else(|| Fault::Invalid("Invalid index".to_owned()))?;
        let wait = wait.min(options.wait_max);
        Ok((0 < index).then(|| Block { index: Revision(index), wait, vigil: self.vigil() }))
    }

    /// Where it may let another one wait for it: not where who asks, or when, makes another answer.
    fn vigil(&self) -> Option<Arc<Vigil>> {
        let is_own = self.params.has("near") || self.may_be_cached();
        self.vigil.clone().filter(|_| !is_own)
    }

    /// How long a blocking query waits at most, if it says so.
    fn wait(&self, options: &ApiOptions) -> Result<Option<Duration>, Fault> {
        match self.params.stated("wait").map(parse_duration) {
            Some(Ok(wait)) if !wait.is_zero() => Ok(Some(wait.min(options.wait_max))),
            // Go knows negative durations, and Consul takes the default for them.
            None | Some(Ok(_) | Err(DurationFault::Negative)) => Ok(None),
            Some(Err(_)) => Err(Fault::Invalid("Invalid wait time".to_owned())),
        }
    }

    /// A switch that is on when it is named, unless its value says otherwise.
    pub(in crate::api) fn switch(&self, name: &str) -> Result<bool, Fault> {
        match self.params.first(name) {
            None => Ok(false),
            Some("") => Ok(true),
            Some(value) => parse_bool(value)
                .ok_or_else(|| Fault::Invalid(format!("Invalid value for ?{name}"))),
        }
    }
}

/// Refuses another datacenter than ours; none stated is ours.
pub(in crate::api) fn check_datacenter(stated: &str, options: &ApiOptions) -> Result<(), Fault> {
    if stated.is_empty() || stated == options.datacenter.folded() {
        Ok(())
    } else {
        Err(Fault::Datacenter)
    }
}

/// The words that Go's `strconv.ParseBool` knows.
pub(in crate::api) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Where clients of Consul put a secret.
const TOKEN: &str = "x-consul-token";

/// How long a query waits for another content at most, where it does not say (Consul's).
const HASH_WAIT_DEFAULT: Duration = Duration::from_secs(600);
