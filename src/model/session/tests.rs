use super::{SessionId, SessionIdFault};

fn check(text: &str, expected: Result<&str, &str>) {
    let found = SessionId::parse(text).map(|id| id.to_string());
    let expected = expected.map(str::to_owned).map_err(str::to_owned);
    assert_eq!(found.map_err(|fault: SessionIdFault| fault.to_string()), expected, "{text:?}");
}

#[test]
fn ids_are_uuids_in_either_case() {
    let id = "0b5eb62d-500e-75f8-f5cc-4c0f5682dde6";
    check(id, Ok(id));
    check(&id.to_uppercase(), Ok(id));
    check("----0b5eb62d500e75f8f5cc4c0f5682dde6", Ok(id));
    check("00000000-0000-0000-0000-000000000000", Ok("00000000-0000-0000-0000-000000000000"));
    check("ffffffff-ffff-ffff-ffff-ffffffffffff", Ok("ffffffff-ffff-ffff-ffff-ffffffffffff"));
}

#[test]
fn what_is_no_uuid_is_refused_in_the_words_of_consul() {
    check("", Err("UUID must be 36 characters"));
    check("abc", Err("UUID must be 36 characters"));
    check("111111111111111111111111111111111111", Err("no session has this id"));
    check(
        "1-1111111111111111111111111111111111",
        Err("Input (without hyphens) must be even length"),
    );
    check(
        "1111111111111111111111111111111111zz",
        Err("Invalid UUID: encoding/hex: invalid byte: U+007A 'z'"),
    );
    check(
        "11111111-1111-1111-1111-1-1111111111",
        Err("UUID should have maximum of 4 \"-\"; got 5"),
    );
    check(
        "11111111-1111-1111-1111-1111111111é",
        Err("Invalid UUID: encoding/hex: invalid byte: U+00E9 'é'"),
    );
}
