#![no_main]
#![allow(dead_code, reason = "a program runs one target of several")]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::template::template(bytes));
