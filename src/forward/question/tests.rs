use std::fmt::Write as _;

use expect_test::{Expect, expect};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use hickory_proto::serialize::binary::BinEncodable;

use super::{
    Asked, By, Echo, Extension, Form, Letters, Secret, Verdict, Wrong, again, judge, write,
};
use crate::dns::outside::Ask;
use crate::dns::text;
use crate::forward::choice::FIRST_FORM;
use crate::forward::scripted::{self, Act};

const SECRET: Secret = Secret { id: 0x1234, letters: [0b1011_0110_1101, 0, 0, u64::MAX] };

fn ask(name: &str) -> Ask {
    let name = Name::from_ascii(name).unwrap();
    Ask { name, kind: RecordType::A, dnssec_ok: false, checking_disabled: false }
}

fn written(ask: &Ask, form: Form) -> Asked {
    write(ask, form, SECRET).unwrap()
}

fn check_query(ask: &Ask, form: Form, expected: &Expect) {
    let asked = written(ask, form);
    let id = u16::from_be_bytes([asked.bytes[0], asked.bytes[1]]);
    expected.assert_eq(&format!("id {id:#x}\n{}", text::show(&asked.bytes)));
}

#[test]
fn a_query_says_what_was_asked_and_no_more() {
    check_query(
        &ask("www.Example.com."),
        FIRST_FORM,
        &expect![[r#"
            id 0x1234
            status NOERROR, flags rd, 44 bytes
            edns version 0, udp 1232, flags none
            question WwW.exAMpLE.cOm. IN A
        "#]],
    );
    let secure = Ask { dnssec_ok: true, checking_disabled: true, ..ask("www.Example.com.") };
    let plain = Form { letters: Letters::Plain, ..FIRST_FORM };
    check_query(
        &secure,
        plain,
        &expect![[r#"
        id 0x1234
        status NOERROR, flags rd cd, 44 bytes
        edns version 0, udp 1232, flags do
        question www.example.com. IN A
    "#]],
    );
    let bare = Form { edns: Extension::None, ..plain };
    check_query(
        &secure,
        bare,
        &expect![[r#"
        id 0x1234
        status NOERROR, flags rd cd, 33 bytes
        question www.example.com. IN A
    "#]],
    );
    check_query(
        &ask("."),
        FIRST_FORM,
        &expect![[r#"
        id 0x1234
        status NOERROR, flags rd, 28 bytes
        edns version 0, udp 1232, flags none
        question . IN A
    "#]],
    );
}

#[test]
fn every_letter_of_the_longest_name_can_be_scrambled() {
    let label = "a".repeat(63);
    let long = format!("{label}.{label}.{label}.{}.", "a".repeat(61));
    let secret = Secret { id: 0, letters: [u64::MAX; 4] };
    let asked = write(&ask(&long), FIRST_FORM, secret).unwrap();
    assert_eq!(asked.name.to_ascii(), long.to_uppercase());
    let secret = Secret { id: 0, letters: [0; 4] };
    let asked = write(&ask(&long), FIRST_FORM, secret).unwrap();
    assert_eq!(asked.name.to_ascii(), long);
}

/// What a reply to `www.example.` is.
fn verdict(act: Act, by: By) -> String {
    let asked = written(&ask("www.example."), FIRST_FORM);
    let query = Message::from_vec(&asked.bytes).unwrap();
    let bytes = scripted::reply(act, &query).unwrap_or_default();
    match judge(&asked, by, &bytes) {
        Verdict::Told(told, echo) => {
            let name = told.answers.first().map(|record| record.name.to_ascii());
            format!("told {:?} {name:?} {echo:?}", told.rcode)
        }
        verdict => format!("{verdict:?}"),
    }
}

#[test]
fn replies_are_what_they_are() {
    let acts = [
        Act::Answer,
        Act::NxDomain,
        Act::Code(ResponseCode::ServFail),
        Act::PlainCode(ResponseCode::FormErr),
        Act::Code(ResponseCode::BADVERS),
        Act::Silence,
        Act::WrongId,
        Act::WrongQuestion,
        Act::Mirror,
        Act::OtherCase,
        Act::Garbage,
        Act::Short,
        Act::Truncated,
    ];
    let mut shown = String::new();
    for act in acts {
        let (udp, tcp) = (verdict(act, By::Udp), verdict(act, By::Tcp));
        let tcp = if udp == tcp { String::new() } else { format!("; over TCP {tcp}") };
        writeln!(shown, "{act:?}: {udp}{tcp}").unwrap();
    }
    expect![[r#"
        Answer: told NoError Some("www.example.") Exact
        NxDomain: told NXDomain None Exact
        Code(ServFail): Error(ServFail, Edns)
        PlainCode(FormErr): Error(FormErr, None)
        Code(BADVERS): Error(BADSIG, Edns)
        Silence: Wrong(Short)
        WrongId: Wrong(Id)
        WrongQuestion: Wrong(Question)
        Mirror: Wrong(Kind)
        OtherCase: OtherCase; over TCP told NoError Some("www.example.") Folded
        Garbage: Nonsense
        Short: Wrong(Short)
        Truncated: Truncated
    "#]]
    .assert_eq(&shown);
}

/// The answer to `www.example.` as bytes, and the query.
fn answer() -> (Asked, Vec<u8>) {
    let asked = written(&ask("www.example."), FIRST_FORM);
    let query = Message::from_vec(&asked.bytes).unwrap();
    let bytes = scripted::reply(Act::Answer, &query).unwrap();
    (asked, bytes)
}

#[test]
fn no_part_of_an_answer_is_one() {
    let (asked, bytes) = answer();
    for length in 0..bytes.len() {
        let verdict = judge(&asked, By::Udp, &bytes[..length]);
        assert!(matches!(verdict, Verdict::Wrong(_) | Verdict::Nonsense), "{length}: {verdict:?}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(judge(&asked, By::Udp, &longer), Verdict::Nonsense);
}

#[test]
fn no_bytes_make_a_reader_panic() {
    let (asked, bytes) = answer();
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let mut mangled = bytes.clone();
        for _ in 0..rng.usize(1..8) {
            let place = rng.usize(2..mangled.len());
            mangled[place] = rng.u8(..);
        }
        mangled.truncate(rng.usize(0..=mangled.len()));
        let verdict = judge(&asked, By::Tcp, &mangled);
        let _ = again(FIRST_FORM, &verdict);
    }
}

#[test]
fn a_question_of_another_kind_is_another_question() {
    let (asked, bytes) = answer();
    let mut message = Message::from_vec(&bytes).unwrap();
    let mut changed = |change: &dyn Fn(&mut Message)| {
        let before = message.clone();
        change(&mut message);
        let bytes = message.to_bytes().unwrap();
        message = before;
        judge(&asked, By::Udp, &bytes)
    };
    let wrong = Verdict::Wrong(Wrong::Question);
    assert_eq!(changed(&|m| m.queries[0].query_type = RecordType::AAAA), wrong);
    let chaos = hickory_proto::rr::DNSClass::CH;
    assert_eq!(changed(&|m| m.queries[0].query_class = chaos), wrong);
    assert_eq!(changed(&|m| m.queries.clear()), wrong);
    assert_eq!(changed(&|m| m.queries.push(m.queries[0].clone())), wrong);
    let notify = hickory_proto::op::OpCode::Notify;
    assert_eq!(changed(&|m| m.metadata.op_code = notify), Verdict::Wrong(Wrong::Kind));
}

#[test]
fn an_answer_keeps_its_order_and_loses_what_is_no_data() {
    let asked = written(&ask("www.example."), FIRST_FORM);
    // Header, question, then: CNAME to `a.` below the question's name, A of class CHAOS, A.
    let mut bytes = asked.bytes.clone();
    bytes.truncate(12 + 13 + 4);
    bytes[2..4].copy_from_slice(&[0x81, 0x80]);
    bytes[4..12].copy_from_slice(&[0, 1, 0, 3, 0, 0, 0, 0]);
    bytes.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, b'Z', 0xc0, 12]);
    bytes.extend([0xc0, 12, 0, 1, 0, 3, 0, 0, 0, 9, 0, 4, 1, 1, 1, 1]);
    bytes.extend([0xc0, 41, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 2, 2, 2, 2]);
    let Verdict::Told(told, Echo::Exact) = judge(&asked, By::Udp, &bytes) else {
        panic!("this is an answer");
    };
    let shown: Vec<_> = told.answers.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        ["www.example. 9 IN CNAME Z.www.example.", "Z.www.example. 9 IN A 2.2.2.2"],
        "the question's scrambled letters are in no name"
    );
}

#[test]
fn a_recursor_has_its_turn_at_most_three_times() {
    let verdicts = [
        Verdict::Wrong(Wrong::Id),
        Verdict::OtherCase,
        Verdict::Truncated,
        Verdict::Error(ResponseCode::FormErr, Extension::None),
        Verdict::Error(ResponseCode::NotImp, Extension::None),
        Verdict::Error(ResponseCode::FormErr, Extension::Edns),
        Verdict::Error(ResponseCode::ServFail, Extension::None),
        Verdict::Nonsense,
    ];
    for first in &verdicts {
        let Some(second) = again(FIRST_FORM, first) else { continue };
        for verdict in &verdicts {
            let Some(third) = again(second, verdict) else { continue };
            for verdict in &verdicts {
                assert_eq!(again(third, verdict), None, "{first:?} {verdict:?}");
            }
        }
    }
    let error = &verdicts[6];
    assert_eq!(again(FIRST_FORM, error), None, "the next recursor is asked");
}
