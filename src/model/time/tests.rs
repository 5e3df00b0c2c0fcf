use super::*;

fn check(text: &str, expected: &str) {
    let found = match parse_duration(text) {
        Ok(duration) => GoDuration(duration).to_string(),
        Err(fault) => fault.to_string(),
    };
    assert_eq!(found, expected, "{text}");
}

#[test]
fn durations_are_read_and_shown_as_go_does() {
    check("10s", "10s");
    check("1m30s", "1m30s");
    check("90s", "1m30s");
    check("1.5h", "1h30m0s");
    check("100ms", "100ms");
    check("1500ms", "1.5s");
    check("0", "0s");
    check(".5s", "500ms");
    check("1us", "1µs");
}

#[test]
fn bad_durations_say_what_to_write() {
    check("", "a duration must not be empty; write `10s` or `1m30s`");
    check("10", "missing unit in duration `10`; write `10s` for seconds");
    check("10x", "unknown unit `x` in duration; known are ns, us, ms, s, m, h");
    check("s", "`s` is no duration; write `10s` or `1m30s`");
    check("-1s", "a duration must not be negative");
    check(
        "99999999999999999999s",
        "`99999999999999999999s` is no duration; write `10s` or `1m30s`",
    );
    check("9999999999999h", "the duration is too long");
}
