//! Questions against zones.

use std::fmt::Write;
use std::sync::Arc;

use expect_test::{Expect, expect};

use super::{ask, name, zone};
use crate::zone::word::spell_name;
use crate::zone::{NoFiles, Zones, parse};

/// Asks questions, one a line, of a zone that has an SOA and an NS.
fn check(records: &str, questions: &str, expect: &Expect) {
    let zone =
        zone(&format!("@ SOA ns1 host 1 1h 10m 1w 5m\n@ NS ns1\nns1 A 192.0.2.53\n{records}"));
    let mut text = String::new();
    for question in questions.lines().map(str::trim) {
        writeln!(text, "? {question}").unwrap();
        text += &ask(&zone, question);
    }
    expect.assert_eq(&text);
}

#[test]
fn plain_names_have_data_no_data_or_no_name() {
    check(
        "a A 192.0.2.1\na A 192.0.2.2\nx.ent A 192.0.2.3",
        "a.example.test A
         a.example.test TXT
         A.eXample.TEST A
         b.example.test A
         x.a.example.test A
         ent.example.test A
         x.ent.example.test A
         y.ent.example.test A
         example.test SOA
         example.test A
         test A
         example.org A",
        &expect![[r#"
            ? a.example.test A
            data a.example.test. 3600 A 192.0.2.1
            data a.example.test. 3600 A 192.0.2.2
            ? a.example.test TXT
            no data at a.example.test.
            ? A.eXample.TEST A
            data A.eXample.TEST. 3600 A 192.0.2.1
            data A.eXample.TEST. 3600 A 192.0.2.2
            ? b.example.test A
            no name b.example.test.
            ? x.a.example.test A
            no name x.a.example.test.
            ? ent.example.test A
            no data at ent.example.test.
            ? x.ent.example.test A
            data x.ent.example.test. 3600 A 192.0.2.3
            ? y.ent.example.test A
            no name y.ent.example.test.
            ? example.test SOA
            data example.test. 3600 SOA ns1.example.test. host.example.test. 1 3600 600 604800 300
            ? example.test A
            no data at example.test.
            ? test A
            leaves for test.
            ? example.org A
            leaves for example.org.
        "#]],
    );
}

#[test]
fn wildcards_stand_for_names_that_are_not_there() {
    check(
        "*.w A 192.0.2.1\nhost.w TXT x\nx.ent.w A 192.0.2.2\n*.c CNAME a.w\nx.*.s A 192.0.2.3\n\
         sub.*.t A 192.0.2.4\n*.t TXT t",
        "a.w.example.test A
         A.B.w.example.test A
         a.w.example.test TXT
         host.w.example.test A
         x.host.w.example.test A
         ent.w.example.test A
         y.ent.w.example.test A
         w.example.test A
         *.w.example.test A
         x.c.example.test A
         x.c.example.test CNAME
         a.s.example.test A
         x.*.s.example.test A
         y.*.s.example.test A
         sub.x.t.example.test A
         sub.x.t.example.test TXT
         sub.*.t.example.test A",
        &expect![[r#"
            ? a.w.example.test A
            data a.w.example.test. 3600 A 192.0.2.1
            ? A.B.w.example.test A
            data A.B.w.example.test. 3600 A 192.0.2.1
            ? a.w.example.test TXT
            no data at a.w.example.test.
            ? host.w.example.test A
            no data at host.w.example.test.
            ? x.host.w.example.test A
            no name x.host.w.example.test.
            ? ent.w.example.test A
            no data at ent.w.example.test.
            ? y.ent.w.example.test A
            no name y.ent.w.example.test.
            ? w.example.test A
            no data at w.example.test.
            ? *.w.example.test A
            data *.w.example.test. 3600 A 192.0.2.1
            ? x.c.example.test A
            step x.c.example.test. 3600 CNAME a.w.example.test.
            data a.w.example.test. 3600 A 192.0.2.1
            ? x.c.example.test CNAME
            data x.c.example.test. 3600 CNAME a.w.example.test.
            ? a.s.example.test A
            no data at a.s.example.test.
            ? x.*.s.example.test A
            data x.*.s.example.test. 3600 A 192.0.2.3
            ? y.*.s.example.test A
            no name y.*.s.example.test.
            ? sub.x.t.example.test A
            no data at sub.x.t.example.test.
            ? sub.x.t.example.test TXT
            data sub.x.t.example.test. 3600 TXT "t"
            ? sub.*.t.example.test A
            data sub.*.t.example.test. 3600 A 192.0.2.4
        "#]],
    );
}

#[test]
fn aliases_are_followed_inside_the_zone() {
    check(
        "a CNAME B\nb 60 CNAME c\nc A 192.0.2.1\nout CNAME web.service.consul.\nnowhere CNAME none\n\
         self CNAME self\nx CNAME y\ny CNAME x\nin CNAME x\ntosub CNAME h.sub\nsub NS ns1",
        "A.example.test A
         a.example.test CNAME
         a.example.test ANY
         a.example.test TXT
         out.example.test A
         nowhere.example.test A
         self.example.test A
         self.example.test CNAME
         x.example.test A
         in.example.test A
         tosub.example.test A",
        &expect![[r#"
            ? A.example.test A
            step A.example.test. 3600 CNAME B.example.test.
            step B.example.test. 60 CNAME c.example.test.
            data c.example.test. 3600 A 192.0.2.1
            ? a.example.test CNAME
            data a.example.test. 3600 CNAME B.example.test.
            ? a.example.test ANY
            data a.example.test. 3600 CNAME B.example.test.
            ? a.example.test TXT
            step a.example.test. 3600 CNAME B.example.test.
            step B.example.test. 60 CNAME c.example.test.
            no data at c.example.test.
            ? out.example.test A
            step out.example.test. 3600 CNAME web.service.consul.
            leaves for web.service.consul.
            ? nowhere.example.test A
            step nowhere.example.test. 3600 CNAME none.example.test.
            no name none.example.test.
            ? self.example.test A
            step self.example.test. 3600 CNAME self.example.test.
            that is all, at self.example.test.
            ? self.example.test CNAME
            data self.example.test. 3600 CNAME self.example.test.
            ? x.example.test A
            step x.example.test. 3600 CNAME y.example.test.
            step y.example.test. 3600 CNAME x.example.test.
            that is all, at x.example.test.
            ? in.example.test A
            step in.example.test. 3600 CNAME x.example.test.
            step x.example.test. 3600 CNAME y.example.test.
            step y.example.test. 3600 CNAME x.example.test.
            that is all, at x.example.test.
            ? tosub.example.test A
            step tosub.example.test. 3600 CNAME h.sub.example.test.
            refer sub.example.test. 3600 NS ns1.example.test.
            glue ns1.example.test. 3600 A 192.0.2.53
        "#]],
    );
}

#[test]
fn a_chain_of_too_many_aliases_ends() {
    check(
        "$GENERATE 1-16 a$ CNAME a${1}\na17 A 192.0.2.1\n$GENERATE 1-15 b$ CNAME b${1}\nb16 A 192.0.2.1",
        "a1.example.test A\nb1.example.test A",
        &expect![[r#"
            ? a1.example.test A
            step a1.example.test. 3600 CNAME a2.example.test.
            step a2.example.test. 3600 CNAME a3.example.test.
            step a3.example.test. 3600 CNAME a4.example.test.
            step a4.example.test. 3600 CNAME a5.example.test.
            step a5.example.test. 3600 CNAME a6.example.test.
            step a6.example.test. 3600 CNAME a7.example.test.
            step a7.example.test. 3600 CNAME a8.example.test.
            step a8.example.test. 3600 CNAME a9.example.test.
            step a9.example.test. 3600 CNAME a10.example.test.
            step a10.example.test. 3600 CNAME a11.example.test.
            step a11.example.test. 3600 CNAME a12.example.test.
            step a12.example.test. 3600 CNAME a13.example.test.
            step a13.example.test. 3600 CNAME a14.example.test.
            step a14.example.test. 3600 CNAME a15.example.test.
            step a15.example.test. 3600 CNAME a16.example.test.
            step a16.example.test. 3600 CNAME a17.example.test.
            that is all, at a17.example.test.
            ? b1.example.test A
            step b1.example.test. 3600 CNAME b2.example.test.
            step b2.example.test. 3600 CNAME b3.example.test.
            step b3.example.test. 3600 CNAME b4.example.test.
            step b4.example.test. 3600 CNAME b5.example.test.
            step b5.example.test. 3600 CNAME b6.example.test.
            step b6.example.test. 3600 CNAME b7.example.test.
            step b7.example.test. 3600 CNAME b8.example.test.
            step b8.example.test. 3600 CNAME b9.example.test.
            step b9.example.test. 3600 CNAME b10.example.test.
            step b10.example.test. 3600 CNAME b11.example.test.
            step b11.example.test. 3600 CNAME b12.example.test.
            step b12.example.test. 3600 CNAME b13.example.test.
            step b13.example.test. 3600 CNAME b14.example.test.
            step b14.example.test. 3600 CNAME b15.example.test.
            step b15.example.test. 3600 CNAME b16.example.test.
            data b16.example.test. 3600 A 192.0.2.1
        "#]],
    );
}

#[test]
fn names_below_a_dname_are_made_from_it() {
    let label = "x".repeat(63);
    check(
        &format!(
            "d DNAME target\nx.target A 192.0.2.1\n*.target TXT t\nout DNAME Example.net.\n\
             long DNAME {label}.{label}.{label}\nd2 DNAME d\nround DNAME s.round2\nround2 DNAME round\n\
             root DNAME ."
        ),
        &format!(
            "X.d.example.test A
         d.example.test A
         d.example.test DNAME
         d.example.test ANY
         y.d.example.test TXT
         y.d.example.test CNAME
         y.d.example.test ANY
         a.b.out.example.test A
         short.long.example.test A
         {label}.long.example.test A
         x.d2.example.test A
         x.round.example.test A
         a.root.example.test A"
        ),
        &expect![[r#"
            ? X.d.example.test A
            step d.example.test. 3600 DNAME target.example.test.
            step X.d.example.test. 3600 CNAME X.target.example.test.
            data X.target.example.test. 3600 A 192.0.2.1
            ? d.example.test A
            no data at d.example.test.
            ? d.example.test DNAME
            data d.example.test. 3600 DNAME \# 21 06746172676574076578616d706c65047465737400
            ? d.example.test ANY
            data d.example.test. 3600 DNAME \# 21 06746172676574076578616d706c65047465737400
            ? y.d.example.test TXT
            step d.example.test. 3600 DNAME target.example.test.
            step y.d.example.test. 3600 CNAME y.target.example.test.
            data y.target.example.test. 3600 TXT "t"
            ? y.d.example.test CNAME
            step d.example.test. 3600 DNAME target.example.test.
            step y.d.example.test. 3600 CNAME y.target.example.test.
            that is all, at y.target.example.test.
            ? y.d.example.test ANY
            step d.example.test. 3600 DNAME target.example.test.
            step y.d.example.test. 3600 CNAME y.target.example.test.
            that is all, at y.target.example.test.
            ? a.b.out.example.test A
            step out.example.test. 3600 DNAME Example.net.
            step a.b.out.example.test. 3600 CNAME a.b.Example.net.
            leaves for a.b.Example.net.
            ? short.long.example.test A
            step long.example.test. 3600 DNAME xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.example.test.
            step short.long.example.test. 3600 CNAME short.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.example.test.
            no name short.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.example.test.
            ? xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.long.example.test A
            step long.example.test. 3600 DNAME xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.example.test.
            too long below xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.long.example.test.
            ? x.d2.example.test A
            step d2.example.test. 3600 DNAME d.example.test.
            step x.d2.example.test. 3600 CNAME x.d.example.test.
            step d.example.test. 3600 DNAME target.example.test.
            step x.d.example.test. 3600 CNAME x.target.example.test.
            data x.target.example.test. 3600 A 192.0.2.1
            ? x.round.example.test A
            step round.example.test. 3600 DNAME s.round2.example.test.
            step x.round.example.test. 3600 CNAME x.s.round2.example.test.
            step round2.example.test. 3600 DNAME round.example.test.
            step x.s.round2.example.test. 3600 CNAME x.s.round.example.test.
            step x.s.round.example.test. 3600 CNAME x.s.s.round2.example.test.
            step x.s.s.round2.example.test. 3600 CNAME x.s.s.round.example.test.
            step x.s.s.round.example.test. 3600 CNAME x.s.s.s.round2.example.test.
            step x.s.s.s.round2.example.test. 3600 CNAME x.s.s.s.round.example.test.
            step x.s.s.s.round.example.test. 3600 CNAME x.s.s.s.s.round2.example.test.
            step x.s.s.s.s.round2.example.test. 3600 CNAME x.s.s.s.s.round.example.test.
            step x.s.s.s.s.round.example.test. 3600 CNAME x.s.s.s.s.s.round2.example.test.
            step x.s.s.s.s.s.round2.example.test. 3600 CNAME x.s.s.s.s.s.round.example.test.
            step x.s.s.s.s.s.round.example.test. 3600 CNAME x.s.s.s.s.s.s.round2.example.test.
            step x.s.s.s.s.s.s.round2.example.test. 3600 CNAME x.s.s.s.s.s.s.round.example.test.
            step x.s.s.s.s.s.s.round.example.test. 3600 CNAME x.s.s.s.s.s.s.s.round2.example.test.
            step x.s.s.s.s.s.s.s.round2.example.test. 3600 CNAME x.s.s.s.s.s.s.s.round.example.test.
            step x.s.s.s.s.s.s.s.round.example.test. 3600 CNAME x.s.s.s.s.s.s.s.s.round2.example.test.
            step x.s.s.s.s.s.s.s.s.round2.example.test. 3600 CNAME x.s.s.s.s.s.s.s.s.round.example.test.
            that is all, at x.s.s.s.s.s.s.s.s.round.example.test.
            ? a.root.example.test A
            step root.example.test. 3600 DNAME .
            step a.root.example.test. 3600 CNAME a.
            leaves for a.
        "#]],
    );
}

#[test]
fn names_below_a_cut_are_referred() {
    check(
        "sub NS ns.sub\nsub NS ns.other\nsub NS ns.example.net.\nns.sub A 192.0.2.1\nns.sub AAAA ::1\n\
         ns.other A 192.0.2.2\nsub DS 1 8 2 00ff\nbare NS ns.example.net.\n*.w A 192.0.2.9\nc.w NS ns1",
        "Sub.example.test A
         a.b.Sub.example.test A
         ns.sub.example.test A
         sub.example.test NS
         sub.example.test ANY
         sub.example.test DS
         a.sub.example.test DS
         bare.example.test A
         bare.example.test DS
         x.c.w.example.test A
         x.w.example.test A",
        &expect![[r#"
            ? Sub.example.test A
            refer Sub.example.test. 3600 NS ns.sub.example.test.
            refer Sub.example.test. 3600 NS ns.other.example.test.
            refer Sub.example.test. 3600 NS ns.example.net.
            proof Sub.example.test. 3600 DS \# 6 0001080200ff
            glue ns.sub.example.test. 3600 A 192.0.2.1
            glue ns.sub.example.test. 3600 AAAA ::1
            glue ns.other.example.test. 3600 A 192.0.2.2
            ? a.b.Sub.example.test A
            refer Sub.example.test. 3600 NS ns.sub.example.test.
            refer Sub.example.test. 3600 NS ns.other.example.test.
            refer Sub.example.test. 3600 NS ns.example.net.
            proof Sub.example.test. 3600 DS \# 6 0001080200ff
            glue ns.sub.example.test. 3600 A 192.0.2.1
            glue ns.sub.example.test. 3600 AAAA ::1
            glue ns.other.example.test. 3600 A 192.0.2.2
            ? ns.sub.example.test A
            refer sub.example.test. 3600 NS ns.sub.example.test.
            refer sub.example.test. 3600 NS ns.other.example.test.
            refer sub.example.test. 3600 NS ns.example.net.
            proof sub.example.test. 3600 DS \# 6 0001080200ff
            glue ns.sub.example.test. 3600 A 192.0.2.1
            glue ns.sub.example.test. 3600 AAAA ::1
            glue ns.other.example.test. 3600 A 192.0.2.2
            ? sub.example.test NS
            refer sub.example.test. 3600 NS ns.sub.example.test.
            refer sub.example.test. 3600 NS ns.other.example.test.
            refer sub.example.test. 3600 NS ns.example.net.
            proof sub.example.test. 3600 DS \# 6 0001080200ff
            glue ns.sub.example.test. 3600 A 192.0.2.1
            glue ns.sub.example.test. 3600 AAAA ::1
            glue ns.other.example.test. 3600 A 192.0.2.2
            ? sub.example.test ANY
            refer sub.example.test. 3600 NS ns.sub.example.test.
            refer sub.example.test. 3600 NS ns.other.example.test.
            refer sub.example.test. 3600 NS ns.example.net.
            proof sub.example.test. 3600 DS \# 6 0001080200ff
            glue ns.sub.example.test. 3600 A 192.0.2.1
            glue ns.sub.example.test. 3600 AAAA ::1
            glue ns.other.example.test. 3600 A 192.0.2.2
            ? sub.example.test DS
            data sub.example.test. 3600 DS \# 6 0001080200ff
            ? a.sub.example.test DS
            refer sub.example.test. 3600 NS ns.sub.example.test.
            refer sub.example.test. 3600 NS ns.other.example.test.
            refer sub.example.test. 3600 NS ns.example.net.
            proof sub.example.test. 3600 DS \# 6 0001080200ff
            glue ns.sub.example.test. 3600 A 192.0.2.1
            glue ns.sub.example.test. 3600 AAAA ::1
            glue ns.other.example.test. 3600 A 192.0.2.2
            ? bare.example.test A
            refer bare.example.test. 3600 NS ns.example.net.
            ? bare.example.test DS
            no data at bare.example.test.
            ? x.c.w.example.test A
            refer c.w.example.test. 3600 NS ns1.example.test.
            glue ns1.example.test. 3600 A 192.0.2.53
            ? x.w.example.test A
            data x.w.example.test. 3600 A 192.0.2.9
        "#]],
    );
}

#[test]
fn any_is_one_set() {
    check(
        "a TXT x\na AAAA ::1\na MX 1 a\n*.w TXT w\nent.x A 192.0.2.1",
        "a.example.test ANY
         b.w.example.test ANY
         x.example.test ANY
         example.test ANY
         none.example.test ANY",
        &expect![[r#"
            ? a.example.test ANY
            data a.example.test. 3600 MX 1 a.example.test.
            ? b.w.example.test ANY
            data b.w.example.test. 3600 TXT "w"
            ? x.example.test ANY
            no data at x.example.test.
            ? example.test ANY
            data example.test. 3600 NS ns1.example.test.
            ? none.example.test ANY
            no name none.example.test.
        "#]],
    );
}

#[test]
fn negative_answers_live_as_long_as_the_lesser_time() {
    for (soa, negative) in [("60 SOA a b 1 1 1 1 300", 60), ("600 SOA a b 1 1 1 1 300", 300)] {
        let zone = zone(&format!("@ {soa}\n@ NS a\na A 192.0.2.1"));
        assert_eq!(zone.negative_ttl().0, negative);
        assert_eq!(zone.name_count(), 2);
    }
}

#[test]
fn the_longest_apex_that_covers_a_name_is_found() {
    let of = |apex: &str| {
        let text = format!("$ORIGIN {apex}\n$TTL 1\n@ SOA a b 1 1 1 1 1\n@ NS a\na A 192.0.2.1\n");
        Arc::new(parse("zone", text.as_bytes(), None, &mut NoFiles).unwrap().zone)
    };
    let apexes = ["test.", "a.test.", "x.b.a.test.", "service.consul.", "A.Test."];
    let zones = Zones::new(apexes.map(of));
    assert_eq!(zones.iter().count(), 4);
    let within = |name_text: &str, labels| {
        let zone = zones.within(&name(name_text), labels);
        zone.map_or("none".to_owned(), |zone| spell_name(zone.apex()))
    };
    for (asked, expected) in [
        ("test", "test."),
        ("z.test", "test."),
        ("A.TEST", "a.test."),
        ("b.a.test", "a.test."),
        ("y.b.a.test", "a.test."),
        ("q.x.b.a.test", "x.b.a.test."),
        ("web.service.consul", "service.consul."),
        ("consul", "none"),
        ("web.consul", "none"),
        (".", "none"),
    ] {
        assert_eq!(within(asked, usize::MAX), expected, "{asked}");
        assert_eq!(zones.find(&name(asked)).is_none(), expected == "none", "{asked}");
    }
    assert_eq!(within("a.test", 1), "test.");
    assert_eq!(within("test", 0), "none");
    assert_eq!(within("q.a.test", 2), "a.test.");
    for (asked, expected) in
        [("a.test", true), ("B.a.test", true), ("b.test", false), ("consul", true), (".", true)]
    {
        assert_eq!(zones.has_at_or_below(&name(asked)), expected, "{asked}");
    }
    assert!(!Zones::default().has_at_or_below(&name(".")));
    assert!(Zones::default().is_empty() && Zones::default().find(&name("a")).is_none());
    assert_eq!(Zones::new([of(".")]).find(&name("a.b")).unwrap().apex(), &name("."));
}
