//! View → the autopilot's first settings, where there are none.

use crate::catalog::command::AutopilotSet;
use crate::catalog::{Command, View};
use crate::model::autopilot::Autopilot;
use crate::model::number::Revision;

/// What to propose so that the catalog has settings: those of the leader's configuration, unless an operator or
/// another leader was first.
#[must_use = "there are no settings until the Command is proposed"]
pub fn found(view: &View, configured: &Autopilot) -> Option<Command> {
    if view.autopilot().is_some() {
        return None;
    }
    let set = AutopilotSet { settings: configured.clone(), cas: Some(Revision(0)) };
    Some(Command::AutopilotSet(set))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::catalog::apply::apply;
    use crate::model::time::Now;

    #[test]
    fn the_first_settings_are_found_once() {
        let configured = Autopilot { min_quorum: 3, ..Autopilot::default() };
        let mut catalog = Catalog::default();
        let command = found(&View::new(catalog.clone()), &configured).unwrap();
        apply(&mut catalog, Revision(1), Now(0), &command);
        assert_eq!(catalog.autopilot().unwrap().settings, configured);
        let other = Autopilot::default();
        assert_eq!(found(&View::new(catalog), &other), None, "files change nothing later");
    }
}
