//! Views over time → the restore that nobody goes on with, to be forgotten: who restored went away in the middle.

use crate::catalog::command::DropStaged;
use crate::catalog::{Command, View};
use crate::model::limits::STAGED_IDLE_MAX;
use crate::model::time::Now;

/// Remembers since when a restore has been where it is.
#[derive(Debug, Default)]
pub struct StagingClock {
    /// Which restore, how many parts it had, and since when.
    seen: Option<(String, u32, Now)>,
}

impl StagingClock {
    /// Looks; what to propose, if a restore got no further part for [`STAGED_IDLE_MAX`].
    #[must_use = "nothing is forgotten until the Command is proposed"]
    pub fn sample(&mut self, now: Now, view: &View) -> Option<Command> {
        let Some(staged) = view.staged() else {
            self.seen = None;
            return None;
        };
        let parts = staged.part_count();
        let since = match &self.seen {
            Some((restore, seen, since)) if *restore == staged.restore && *seen == parts => *since,
            Some(_) | None => now,
        };
        self.seen = Some((staged.restore.clone(), parts, since));
        let restore = staged.restore.clone();
        (STAGED_IDLE_MAX <= now.since(since)).then_some(Command::DropStaged(DropStaged { restore }))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::catalog::Catalog;
    use crate::catalog::apply::apply;
    use crate::catalog::command::StagePart;
    use crate::model::number::Revision;

    #[test]
    fn a_restore_is_forgotten_once_it_stands_still() {
        let mut catalog = Catalog::default();
        let mut clock = StagingClock::default();
        let mut look = |catalog: &Catalog, seconds: u64| {
            clock.sample(Now(seconds * 1_000), &View::new(catalog.clone())).is_some()
        };
        let stage = |catalog: &mut Catalog, number| {
            let part = StagePart { restore: "r".to_owned(), number, bytes: Bytes::from("x") };
            apply(catalog, Revision(1), Now(0), &Command::StagePart(part));
        };
        assert!(!look(&catalog, 0));
        stage(&mut catalog, 0);
        assert!(!look(&catalog, 30));
        assert!(!look(&catalog, 149));
        stage(&mut catalog, 1);
        assert!(!look(&catalog, 150), "it went on");
        assert!(!look(&catalog, 269));
        assert!(look(&catalog, 270));
        catalog = catalog.without_staged();
        assert!(!look(&catalog, 300));
    }
}
