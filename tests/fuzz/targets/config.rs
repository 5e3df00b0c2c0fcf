//! Bytes as configuration, JSON and HCL, and as bodies of definitions: what is wrong has a place inside the file.

use fs_err as fs;
use lictor::intake::{Sources, check_from_json, load, service_from_json};

/// Reads bytes as whatever an operator or a client may hand in.
pub(crate) fn config(bytes: &[u8]) {
    // A fault's text is never empty: somebody has to act on it.
    for fault in [service_from_json(bytes).err(), check_from_json(bytes).err()].iter().flatten() {
        assert!(!fault.0.is_empty());
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["file.json", "file.hcl"] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let sources = Sources { dev: true, paths: vec![path.clone()], ..Sources::default() };
        let Err(refused) = load(&sources) else { continue };
        assert!(!refused.faults.is_empty() && !refused.to_string().is_empty());
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<usize> = text.split('\n').map(|line| line.chars().count()).collect();
        let path = path.display().to_string();
        for place in refused.faults.iter().filter_map(|fault| fault.place.as_ref()) {
            // The whole file, or a flag's default.
            if place.line == 0 {
                continue;
            }
            assert_eq!(*place.source, *path, "{refused}");
            let letters = lines.get(place.line as usize - 1);
            let is_inside = letters.is_some_and(|letters| place.column as usize <= letters + 1);
            assert!(is_inside && 0 < place.column, "not in {} lines: {refused}", lines.len());
        }
    }
}
