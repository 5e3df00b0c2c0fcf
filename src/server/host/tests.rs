use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::model::time::Now;
use crate::server::host::{cpus, memory, read, release_word, root_kind};

fn check(found: &Value, expected: &Expect) {
    expected.assert_eq(&format!("{found}\n"));
}

#[test]
fn memory_is_in_bytes() {
    let text = "MemTotal:  100 kB\nMemFree: 20 kB\nMemAvailable: 50 kB\nBuffers: 5 kB\nCached: 10 kB\n\
                Active(anon): 9 kB\nSReclaimable: 5 kB\nHugePages_Total: 3\nHugePages_Rsvd: 1\nbroken\nVmallocUsed: x kB\n";
    check(
        &json!(memory(text)),
        &expect![[r#"
            {"total":102400,"free":20480,"available":51200,"buffers":5120,"cached":10240,"sreclaimable":5120,"hugepagestotal":3,"vmallocused":0,"used":61440,"usedPercent":60.0}
        "#]],
    );
}

#[test]
fn processors_are_told_apart() {
    let text = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 167\nmodel name\t: Xeon\n\
                stepping\t: 1\ncpu MHz\t\t: 2599.5\ncache size\t: 480 KB\nflags\t\t: fpu vme\n\nprocessor\t: 1\n";
    let found = cpus(text);
    check(
        &found[0],
        &expect![[r#"
            {"cpu":0,"vendorId":"GenuineIntel","family":"6","model":"167","stepping":1,"physicalId":"","coreId":"","cores":1,"modelName":"Xeon","mhz":2599.5,"cacheSize":480,"flags":["fpu","vme"],"microcode":""}
        "#]],
    );
    assert_eq!((found.len(), &found[1]["cpu"]), (2, &json!(1)));
}

#[test]
fn words_are_found_and_nothing_is_no_panic() {
    assert_eq!(release_word("NAME=\"Debian\"\nID=debian\nVERSION_ID=\"12\"\n", "VERSION_ID"), "12");
    assert_eq!(release_word("", "ID"), "");
    assert_eq!(root_kind("a / rootfs rw 0 0\nb /x ext4 rw 0 0\nc / ext4 rw 0 0\nbroken\n"), "ext4");
    assert_eq!((cpus("").len(), memory("").len()), (0, 2));
}

#[test]
fn this_machine_has_memory_and_a_disk() {
    let host = read(Now(1_000));
    assert!(0 < host["Memory"]["total"].as_u64().unwrap());
    assert!(0 < host["Disk"]["total"].as_u64().unwrap());
    assert_eq!(host["CollectionTime"], json!(1_000_000_000));
}
