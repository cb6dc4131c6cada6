use std::pin::pin;

use futures_util::future::{Either, select};

use super::Gate;
use crate::Policies;

/// Where another policy comes from, and who wants it. Both go into the record: no secret may be in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReloadOrigin<'a> {
    /// Where it was read, such as the path of a file.
    pub source: &'a str,
    /// Who or what asks for it, such as `SIGHUP`.
    pub requested_by: &'a str,
}

/// What a reload came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// The digest of the policy that was in force.
    pub old_digest: String,
    /// The digest of the policy that is in force now; the same, if nothing is changed.
    pub new_digest: String,
}

impl Reloaded {
    /// Whether another policy is in force now.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.old_digest != self.new_digest
    }
}

/// Why the policy in force stays in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The change could not be recorded.
    #[error(
        "the new policy could not be recorded, and so doesn't take force: mend the Chronicle's store"
    )]
    NotRecorded,
    /// The file is no policy.
    #[error("the new policy is wrong: {0}")]
    Wrong(String),
    /// There is nothing to read again.
    #[error("no policy file is named: set INTUNE_ACCORD_POLICIES and start again")]
    NoFile,
    /// The master switch is off, and only a new start switches it on.
    #[error("the gate is off: set INTUNE_ENABLED and start again")]
    Off,
}

impl Gate {
    /// Puts another policy, already checked, in place of the one in force, whole.
    ///
    /// The change is recorded first, as `POLICY_RELOADED`: what can't be recorded doesn't take force. A policy that is
    /// the same as the one in force changes nothing and leaves no record. Requests under way are decided by the policy
    /// that they began with.
    ///
    /// # Errors
    ///
    /// The change could not be recorded, within the [deadline](super::GateBuilder::deadline). The policy in force stays.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the policy in force stays, but there may be a record of the change. The next record
    /// of a change shows it, by its old digest.
    pub async fn reload(
        &self,
        policies: Policies,
        origin: ReloadOrigin<'_>,
    ) -> Result<Reloaded, ReloadError> {
        let gate = &*self.inner;
        let _one_at_a_time = gate.reloading.lock().await;
        let reloaded = Reloaded {
            old_digest: gate.policies.policies().digest().to_owned(),
            new_digest: policies.digest().to_owned(),
        };
        if !reloaded.is_changed() {
            return Ok(reloaded);
        }
        if let Some(recorder) = &gate.recorder {
            let appended = recorder.append_reload(&reloaded, origin, gate.clock.now().wall);
            match select(pin!(appended), gate.clock.sleep(gate.deadline)).await {
                Either::Left((true, _)) => {}
                Either::Left((false, _)) | Either::Right(_) => {
                    return Err(ReloadError::NotRecorded);
                }
            }
        }
        gate.policies.replace(policies);
        tracing::info!(
            name: "compliance_gate.policy_reloaded",
            target: "compliance_gate",
            old_digest = reloaded.old_digest,
            digest = reloaded.new_digest,
            "another policy is in force"
        );
        Ok(reloaded)
    }
}
