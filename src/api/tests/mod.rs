#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes its strings so")]

mod fixture;

mod common;

mod coordinates;

mod registrations;

mod keys;

mod agents;

mod authorisation;

mod policies;

mod time;

mod narrow;

mod freshness;
