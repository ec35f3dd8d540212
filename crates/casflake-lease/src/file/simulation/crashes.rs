//! The host loses its power, or a process is killed.

use super::audit::Auditor;
use super::host::Fault;
use super::scenarios;
use super::site::Again;

/// Would catch: a new file that is renamed before it is synced; a grant that is used before its name is durable.
#[test]
fn l1_no_acknowledged_lease_is_lost_if_the_power_fails_at_any_call() {
    let mut runner = testkit::random::runner();
    let mut auditor = Auditor::default();
    for scenario in scenarios::all() {
        // The last power loss is after the last call.
        for number in 1..=scenario.calls() + 1 {
            let site = scenario.site();
            site.host.plan(number, Fault::PowerLoss);
            site.run(scenario.steps, Again::SameStore, || {});
            auditor.faults += 1;
            auditor.audit_after_power_loss(&site, runner.rng());
        }
    }
    auditor.finish("power loss");
}
