//! OS service: what systemd says of a unit. Active passes, on its way there warns, anything else is critical.

use std::time::Duration;

use crate::agent::probe::Finding;
use crate::agent::probe::script::{self, Ended};
use crate::model::health::Status;
use crate::model::time::GoDuration;

/// Asks once. `systemctl` is the program to ask with.
pub(super) async fn run(systemctl: &str, unit: &str, limit: Duration) -> Finding {
    let args = [systemctl, "is-active", "--", unit].map(str::to_owned);
    let said = match script::execute(&args, limit, OUTPUT_BYTES_MAX).await {
        Ok(Ended { tail, .. }) => tail.text(),
        Err(script::Fault::TimedOut(_)) => {
            let limit = GoDuration(limit);
            let output = format!("Service \"{unit}\": `{systemctl}` did not answer within {limit}");
            return Finding::critical(output);
        }
        Err(script::Fault::Failed(fault)) => return Finding::critical(fault),
    };
    // The state is the last line; what systemctl has to complain of stands before it.
    let state = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("silent");
    let output = format!("Service \"{unit}\" is {state}");
    Finding { status: status_of(state), output }
}

fn status_of(state: &str) -> Status {
    match state {
        "active" => Status::Passing,
        "activating" | "reloading" | "refreshing" => Status::Warning,
        // Inactive, deactivating, failed, or a complaint.
        _ => Status::Critical,
    }
}

/// How much of what systemctl prints is kept: a word, or a sentence of what is wrong.
const OUTPUT_BYTES_MAX: usize = 4 * 1024;
