//! Consul's JSON: the only place that knows its field names.
//!
//! What is written borrows from the View and is serialised straight from it; what is read is a tree, whose
//! fields are taken one by one, since Go's decoder folds the case of keys and names what is wrong.
//! Field order is Consul's, so that answers can be compared as text.

pub(in crate::api) mod node;

pub(in crate::api) mod service;

pub(in crate::api) mod check;

pub(in crate::api) mod kv;

pub(in crate::api) mod session;

pub(in crate::api) mod coordinate;

pub(in crate::api) mod event;

pub(in crate::api) mod prepared_query;

pub(in crate::api) mod agent;

pub(in crate::api) mod ui;

pub(in crate::api) mod object;

pub(in crate::api) mod registration;

pub(in crate::api) mod operator;

pub(in crate::api) mod transaction;

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::{Serialize, Serializer};

/// A value that is written as what it displays, without a String in between.
pub(in crate::api) struct Shown<'a, T>(pub &'a T);

impl<T: Display> Serialize for Shown<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// A number as Go writes it: whole ones without a fraction; what is not finite is 0, since JSON has no
/// word for it.
pub(in crate::api) struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_whole = self.0.fract() == 0.0 && self.0.abs() < WHOLE_MAX;
        if is_whole {
            #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(if self.0.is_finite() { self.0 } else { 0.0 })
        }
    }
}

/// What Consul writes as `{}`.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(in crate::api) struct Empty {}

/// A map that Consul writes as `null` when nothing was stated.
pub(in crate::api) fn stated<V>(map: &BTreeMap<String, V>) -> Option<&BTreeMap<String, V>> {
    (!map.is_empty()).then_some(map)
}

/// Whole numbers from here on are not exact any more.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
