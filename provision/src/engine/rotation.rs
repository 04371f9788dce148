//! Another key for the backends: made here, given to the credential provider in place, and to whoever asked for it.

use cloud::port::agentcore::ApiKeyChange;
use model::plan::StepId;
use model::{Finding, Secret, Severity, tags};

use super::{Engine, look};
use crate::error::{RunError, StepError};
use crate::events::Emitter;
use crate::journal::{Journal, NoteTopic, Ownership, Record, State};
use crate::recorder::Recorder;

const STEP: StepId = StepId::CredentialProvider;

fn refused(code: &str, message: String, hint: &str) -> RunError {
    RunError::Refused(vec![Finding::new(code, Severity::Error, STEP.as_str(), message).hint(hint)])
}

impl Engine<'_> {
    /// The name of the credential provider whose key may be changed: ours by the journal, and by its tags.
    pub async fn rotatable(&self, state: &State) -> Result<String, RunError> {
        let step = state.step(STEP);
        let Some(name) = step.id else {
            let message = "the deployment has no credential provider".to_owned();
            return Err(refused(
                "SRE-AGENT-022",
                message,
                "deploy with a `gateway` section in the configuration",
            ));
        };
        let not_ours = || {
            let message = format!(
                "the credential provider {name} is not this deployment's, and its key may be others' too"
            );
            let hint = "whoever made it changes its key; the backends are restarted afterwards";
            refused("SRE-AGENT-024", message, hint)
        };
        if step.ownership == Some(Ownership::Adopted) {
            return Err(not_ours());
        }
        let emitter = Emitter::new(self.events, self.clock);
        let asked = || self.cloud.agentcore.get_credential_provider(name.clone());
        let Some(provider) = self.patience(&emitter).read(STEP, asked).await.map_err(look)? else {
            let message = format!("the credential provider {name} is gone");
            return Err(refused("SRE-AGENT-022", message, "a deploy with this configuration makes it again"));
        };
        let deployment = &state.header.deployment_id;
        let is_ours =
            tags::belongs_to(&provider.tags, deployment) && !tags::made_by_hand(&provider.tags, deployment);
        if is_ours { Ok(name) } else { Err(not_ours()) }
    }

    /// Has the credential provider give another key from now on; the key. What it is stands in the provider alone.
    pub async fn rotate_key(&self, name: &str, journal: Journal) -> Result<Secret<String>, RunError> {
        let failed = |error| match error {
            StepError::Cancelled => RunError::Cancelled,
            error => RunError::Steps(vec![(STEP, error)]),
        };
        let recorder = Recorder::new(journal, self.clock);
        let note = |text: String| recorder.record(&Record::Note { topic: NoteTopic::Other, text });
        let emitter = Emitter::new(self.events, self.clock);
        let api_key = self.entropy.api_key().map_err(failed)?;
        note(format!("giving the credential provider {name} another key"))?;
        let change = ApiKeyChange { name: name.to_owned(), api_key };
        // The same key twice is the same key.
        let call = || self.cloud.agentcore.update_credential_provider(change.clone());
        self.patience(&emitter).write(STEP, true, call).await.map_err(failed)?;
        note(format!("the credential provider {name} has another key"))?;
        Ok(change.api_key)
    }
}
