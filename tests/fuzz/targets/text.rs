//! Bytes as a message and as a name: whatever is shown is shown in a form that is read back as the same bytes.

use lictor::dns::{QueryOptions, query, text as form};

/// Shows bytes as a message, and asks for the name that they spell.
pub(crate) fn text(bytes: &[u8]) {
    let shown = form::show(bytes);
    assert!(shown.ends_with('\n') && shown.is_ascii(), "{shown}");
    let _ = form::normalise(&shown);
    let Ok(name) = std::str::from_utf8(bytes) else { return };
    let _ = form::normalise(name);
    let Ok(message) = query(name, "A", &QueryOptions::default(), ID) else { return };
    let shown = form::show(&message);
    let question = shown.lines().find_map(|line| line.strip_prefix("question "));
    let Some(spelled) = question.and_then(|question| question.strip_suffix(" IN A")) else {
        panic!("the question is not shown: {shown}");
    };
    let again = query(spelled, "A", &QueryOptions::default(), ID);
    assert_eq!(again.ok().as_ref(), Some(&message), "{name:?} is shown as {spelled:?}");
}

/// Every query's id.
const ID: u16 = 0x1c70;
