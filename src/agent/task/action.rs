//! Calls → the next LocalView: on disk first, then here, then for everybody to see.

use std::time::Duration;

use crate::agent::local::{self, WordChange};
use crate::agent::probe::cut_head;
use crate::agent::sync::task::Generation;
use crate::agent::task::word::Audience;
use crate::agent::task::{Action, STATES_DELAY, Task, warn_of};
use crate::agent::{AgentFault, LocalView, Origin, keep, maintenance};
use crate::model::definition::{CheckDefinition, Probe};
use crate::model::health::Status;
use crate::model::name::{CheckId, NameFault, ServiceId};

impl Task {
    /// Does what was asked for; the generation that the catalog has to hear of, if any.
    pub(super) async fn act(&mut self, action: Action) -> Result<Option<Generation>, AgentFault> {
        // Heartbeats are the most frequent call by far, and change no definition.
        if let Action::UpdateTtl { id, status, output } = action {
            return self.update_ttl(&id, status, output);
        }
        if let Action::AdoptTags(adopted) = action {
            // Kept on disk is what was stated here: after a restart others' tags are found anew.
            local::adopt(&mut self.local, &adopted);
            return Ok(self.publish(Audience::Catalog));
        }
        let after = self.change(action)?;
        self.commit(after).await
    }

    /// What would be stated after a change of definitions.
    fn change(&self, action: Action) -> Result<LocalView, AgentFault> {
        let scripts = self.options.scripts;
        let mut after = self.local.clone();
        match action {
            Action::RegisterService(definition, old_checks) => {
                local::put_service(&mut after, *definition, Origin::Http, old_checks, scripts)?;
            }
            Action::DeregisterService(id) => local::remove_service(&mut after, &id)?,
            Action::RegisterCheck(definition) => {
                local::put_check(&mut after, *definition, Origin::Http, scripts)?;
            }
            Action::DeregisterCheck(id) => local::remove_check(&mut after, &id)?,
            Action::UpdateTtl { .. } | Action::AdoptTags(_) => {}
            Action::ServiceMaintenance(id, reason) => {
                self.change_service_maintenance(&mut after, &id, reason)?;
            }
            Action::NodeMaintenance(reason) => {
                let id = maintenance::node_check_id().map_err(|fault| too_long(&fault))?;
                let check = reason.map(|reason| maintenance::of_node(&reason));
                self.change_maintenance(&mut after, &id, check)?;
            }
            Action::Reload(files) => {
                warn_of(&local::take_files(&mut after, *files, scripts)?);
            }
        }
        Ok(after)
    }

    /// Makes a new view the one that counts.
    async fn commit(&mut self, after: LocalView) -> Result<Option<Generation>, AgentFault> {
        if after == self.local {
            // The catalog may still be on its way to what was stated before.
            return Ok(Some(*self.stated.borrow()));
        }
        let undo = self.keep.numbers();
        let writes = self.keep.plan(&self.local, &after)?;
        if let Err(fault) = keep::carry_out(writes).await {
            self.keep.restore_numbers(undo);
            return Err(fault);
        }
        self.local = after;
        self.runs.align(&self.local, self.clock.now());
        self.settle();
        Ok(self.publish(Audience::Catalog))
    }

    fn update_ttl(
        &mut self,
        id: &CheckId,
        status: Status,
        output: String,
    ) -> Result<Option<Generation>, AgentFault> {
        let check = self.local.checks.get(id);
        let check = check.ok_or_else(|| AgentFault::UnknownCheck(id.to_string()))?;
        let ttl = match &check.definition.probe {
            Probe::Ttl { ttl } => *ttl,
            Probe::Http { .. }
            | Probe::Tcp { .. }
            | Probe::Udp { .. }
            | Probe::Grpc { .. }
            | Probe::H2Ping { .. }
            | Probe::Script { .. }
            | Probe::Docker { .. }
            | Probe::OsService { .. }
            | Probe::Alias { .. }
            | Probe::Maintenance => return Err(AgentFault::NotTtl(id.to_string())),
        };
        let output = cut_head(output, self.output_bytes_max(&check.definition));
        self.runs.renew(id, self.clock.now());
        // Even if nothing but the moment changes: after a crash the word has to count for what is left of
        // its time. A write serves all heartbeats of a good part of it.
        self.keep_states_within((ttl / 4).clamp(STATES_DELAY, RENEWALS_DELAY_MAX));
        let change = self.say(id, status, output);
        let generation = self.tell(change);
        // A heartbeat that only changes its text waits for nobody.
        Ok(generation.filter(|_| change == WordChange::Status))
    }

    fn change_service_maintenance(
        &self,
        after: &mut LocalView,
        id: &ServiceId,
        reason: Option<String>,
    ) -> Result<(), AgentFault> {
        if !after.services.contains_key(id) {
            return Err(AgentFault::UnknownService(id.to_string()));
        }
        let check_id = maintenance::service_check_id(id).map_err(|fault| too_long(&fault))?;
        let check = reason.map(|reason| maintenance::of_service(id, &reason));
        self.change_maintenance(after, &check_id, check)
    }

    /// Puts a maintenance check in place, or takes it away where there is none to put.
    fn change_maintenance(
        &self,
        after: &mut LocalView,
        id: &CheckId,
        check: Option<Result<CheckDefinition, NameFault>>,
    ) -> Result<(), AgentFault> {
        match check {
            Some(check) => {
                let check = check.map_err(|fault| too_long(&fault))?;
                local::put_check(after, check, Origin::Http, self.options.scripts)
            }
            None => {
                after.checks.remove(id);
                Ok(())
            }
        }
    }
}

/// The id of a maintenance check is longer than that of its service.
fn too_long(fault: &NameFault) -> AgentFault {
    AgentFault::Storage(format!("no check can stand for the maintenance: {fault}"))
}

/// How long the moment of a heartbeat may wait before it is on disk.
const RENEWALS_DELAY_MAX: Duration = Duration::from_secs(60);
