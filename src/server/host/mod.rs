//! Files of `/proc` → what `/v1/agent/host` says of this machine, under Consul's names.
//!
//! What this system does not have is left out, or 0; what could not be read is listed under `Errors`.

use fs_err as fs;
use nix::sys::statvfs::statvfs;
use serde_json::{Map, Value, json};

use crate::model::time::Now;

/// Reads what there is to know.
pub(in crate::server) fn read(now: Now) -> Value {
    let mut errors = Vec::new();
    let mut file = |path: &str| match fs::read_to_string(path) {
        Ok(text) => text,
        Err(fault) => {
            errors.push(fault.to_string());
            String::new()
        }
    };
    let memory = memory(&file("/proc/meminfo"));
    let cpus = cpus(&file("/proc/cpuinfo"));
    let uptime = file("/proc/uptime");
    let uptime_s: u64 = uptime.split('.').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let kernel = file("/proc/sys/kernel/osrelease");
    let boot_id = file("/proc/sys/kernel/random/boot_id");
    let release = file("/etc/os-release");
    let mounts = file("/proc/mounts");
    let hostname = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let host = json!({
        "hostname": hostname.unwrap_or_default(),
        "uptime": uptime_s,
        "bootTime": (now.0 / 1_000).saturating_sub(uptime_s),
        "os": std::env::consts::OS,
        "platform": release_word(&release, "ID"),
        "platformVersion": release_word(&release, "VERSION_ID"),
        "kernelVersion": kernel.trim(),
        "kernelArch": std::env::consts::ARCH,
        "hostid": boot_id.trim(),
    });
    let disk = match disk(&mounts) {
        Ok(disk) => disk,
        Err(fault) => {
            errors.push(format!("the file system of / cannot be asked: {fault}"));
            Value::Null
        }
    };
    json!({
        "Memory": memory,
        "CPU": cpus,
        "Host": host,
        "Disk": disk,
        "CollectionTime": now.0.saturating_mul(1_000_000),
        "Errors": if errors.is_empty() { Value::Null } else { json!(errors) },
    })
}

/// `MemTotal:  16384 kB` and its kin → bytes by name.
fn memory(text: &str) -> Map<String, Value> {
    let mut found = Map::new();
    for line in text.lines() {
        let Some((name, rest)) = line.split_once(':') else { continue };
        let mut words = rest.split_whitespace();
        let number: u64 = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let unit = if words.next() == Some("kB") { 1_024 } else { 1 };
        let name = match name {
            "MemTotal" => "total".to_owned(),
            "MemFree" => "free".to_owned(),
            "MemAvailable" => "available".to_owned(),
            "Shmem" => "shared".to_owned(),
            "HugePages_Total" => "hugepagestotal".to_owned(),
            "HugePages_Free" => "hugepagesfree".to_owned(),
            // `Active(anon)` and `HugePages_Rsvd` have no place in Consul's answer.
            other if other.contains(['(', '_']) => continue,
            other => other.to_ascii_lowercase(),
        };
        found.insert(name, json!(number.saturating_mul(unit)));
    }
    let bytes = |name: &str| found.get(name).and_then(Value::as_u64).unwrap_or(0);
    let total = bytes("total");
    let kept = bytes("free") + bytes("buffers") + bytes("cached") + bytes("sreclaimable");
    let used = total.saturating_sub(kept);
    found.insert("used".to_owned(), json!(used));
    found.insert("usedPercent".to_owned(), json!(percent(used, total)));
    found
}

/// Blocks of `name : value` → processors.
fn cpus(text: &str) -> Vec<Value> {
    let blocks = text.split("\n\n").filter(|block| block.contains("processor"));
    let describe = |block: &str| {
        let find = |name: &str| {
            let pairs = block.lines().filter_map(|line| line.split_once(':'));
            pairs
                .into_iter()
                .find(|(key, _)| key.trim() == name)
                .map_or("", |(_, value)| value.trim())
        };
        let number = |name: &str| find(name).parse::<u64>().unwrap_or(0);
        let cache_kib = find("cache size").split(' ').next().and_then(|text| text.parse().ok());
        json!({
            "cpu": number("processor"),
            "vendorId": find("vendor_id"),
            "family": find("cpu family"),
            "model": find("model"),
            "stepping": number("stepping"),
            "physicalId": find("physical id"),
            "coreId": find("core id"),
            "cores": 1,
            "modelName": find("model name"),
            "mhz": find("cpu MHz").parse::<f64>().unwrap_or(0.0),
            "cacheSize": cache_kib.unwrap_or(0_u64),
            "flags": find("flags").split_whitespace().collect::<Vec<_>>(),
            "microcode": find("microcode"),
        })
    };
    blocks.map(describe).collect()
}

/// The value of a name in `os-release`.
fn release_word<'a>(text: &'a str, name: &str) -> &'a str {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    values.next().unwrap_or_default().trim_matches('"')
}

/// The file system of `/`.
fn disk(mounts: &str) -> nix::Result<Value> {
    let found = statvfs("/")?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.fragment_size());
    let (total, free) = (bytes(found.blocks()), bytes(found.blocks_available()));
    let used = total.saturating_sub(bytes(found.blocks_free()));
    let (inodes, inodes_free) = (found.files(), found.files_free());
    let inodes_used = inodes.saturating_sub(inodes_free);
    Ok(json!({
        "path": "/",
        "fstype": root_kind(mounts),
        "total": total,
        "free": free,
        "used": used,
        "usedPercent": percent(used, used + free),
        "inodesTotal": inodes,
        "inodesUsed": inodes_used,
        "inodesFree": inodes_free,
        "inodesUsedPercent": percent(inodes_used, inodes),
    }))
}

/// The kind of file system that is mounted at `/`; the last one, which hides the others.
fn root_kind(mounts: &str) -> &str {
    let words = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mut kinds = words.filter_map(|words| match words.as_slice() {
        [_, "/", kind, ..] => Some(*kind),
        _ => None,
    });
    kinds.next_back().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a share is for people")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

#[cfg(test)]
mod tests;
