use super::*;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn check(client: &str, source: &str, seconds: u64, secret: &str, expected: &str) {
    let secret = CookieSecret(hex(secret).try_into().unwrap());
    let made = make(&hex(client), source.parse().unwrap(), Now(seconds * 1_000), secret);
    assert_eq!(made.to_vec(), hex(&format!("{}{expected}", &client[..16])));
}

#[test]
fn cookies_are_those_of_rfc_9018() {
    // Appendix A.1 to A.4.
    let secret = "e5e973e5a6b2a43f48e7dc849e37bfcf";
    check(
        "2464c4abcf10c957",
        "198.51.100.100",
        1_559_731_985,
        secret,
        "010000005cf79f111f8130c3eee29480",
    );
    check(
        "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
        "203.0.113.203",
        1_559_734_700,
        secret,
        "010000005cf7a9acf73a7810aca2381e",
    );
    check(
        "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
        "2001:db8:220:1:59de:d0f4:8769:82b8",
        1_559_741_961,
        "445536bcd2513298075a5d379663c962",
        "010000005cf7c609a6bb79d16625507a",
    );
}

#[test]
fn other_lengths_are_no_cookies() {
    let lengths: Vec<usize> = (0..=64).filter(|length| is_wellformed(&vec![0; *length])).collect();
    assert_eq!(lengths, [8].into_iter().chain(16..=40).collect::<Vec<_>>());
}
