//! The first boot of an instance, as far as the account can see it: what the script in our user data would fetch with
//! the instance's role, and what it would say of it. No machine is started and no script is run.

use model::first_boot::{Phase, Progress, Trouble};
use serde::{Deserialize, Serialize};

use crate::port::ec2::InstanceState;

use super::simulator::allows;
use super::state::{Instance, Parameter, State, tick};

/// What is known of a first boot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Boot {
    bucket: String,
    prefix: String,
    /// SHA-256 of `SHA256SUMS`.
    digest: String,
    pub(super) parameter: String,
    /// Looks until the next phase.
    settle: u32,
    phase: Option<Phase>,
    trouble: Option<(Trouble, String)>,
}

/// A first boot that goes wrong on demand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mishap {
    /// What goes wrong; none for an instance that says nothing at all.
    pub(super) trouble: Option<Trouble>,
    /// What is said about it.
    pub(super) detail: String,
}

impl Boot {
    /// Reads our script's settings, `NAME = 'value'` on lines of their own; none for user data of another kind.
    pub(super) fn read(user_data: &str, settle: u32) -> Option<Self> {
        let setting = |name: &str| {
            let value = user_data.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = '"))?;
            value.strip_suffix('\'').map(str::to_owned)
        };
        Some(Self {
            bucket: setting("BUCKET")?,
            prefix: setting("PREFIX")?,
            digest: setting("DIGEST")?,
            parameter: setting("PARAMETER")?,
            settle,
            phase: None,
            trouble: None,
        })
    }

    /// What the serial console shows of it.
    pub(super) fn console(&self) -> String {
        let said = match (&self.phase, &self.trouble) {
            (Some(Phase::Failed), Some((_, detail))) => format!("sre-agent-deploy: failed: {detail}\n"),
            (Some(phase), _) => format!("sre-agent-deploy: {}\n", phase.as_str()),
            (None, _) => String::new(),
        };
        format!("cloud-init[1200]: Cloud-init v. 22.2.2 running\n{said}")
    }
}

impl State {
    /// One look at the parameter: whoever boots and reports there is one step further.
    pub(super) fn boot_instances(&mut self, parameter: &str) {
        let booting: Vec<String> = self
            .instances
            .iter()
            .filter(|(_, one)| one.boot.as_ref().is_some_and(|boot| boot.parameter == parameter))
            .map(|(id, _)| id.clone())
            .collect();
        for id in booting {
            // A machine starts whether or not anybody looks at it.
            self.settle_instance(&id);
            self.boot_on(&id);
        }
    }

    fn boot_on(&mut self, id: &str) {
        let settle = self.pace.settle;
        let mishap = self.mishap.clone();
        let Some(instance) = self.instances.get(id).filter(|one| one.state == InstanceState::Running) else {
            return;
        };
        let Some(mut boot) = instance.boot.clone() else { return };
        if matches!(boot.phase, Some(Phase::Installed | Phase::Failed)) {
            return;
        }
        if !tick(&mut boot.settle) {
            self.keep_boot(id, boot);
            return;
        }
        boot.settle = settle;
        let (phase, trouble) = match boot.phase {
            None => (Phase::Started, None),
            Some(Phase::Started) => match self.fetch(instance, &boot) {
                None => (Phase::Fetched, None),
                Some(trouble) => (Phase::Failed, Some((trouble, format!("{}SHA256SUMS", boot.prefix)))),
            },
            Some(Phase::Fetched) => (Phase::Verified, None),
            Some(_) => (Phase::Installed, None),
        };
        (boot.phase, boot.trouble) = match mishap {
            Some(Mishap { trouble, detail }) if phase != Phase::Started => {
                (Some(Phase::Failed), Some((trouble.unwrap_or(Trouble::Other), detail)))
            }
            _ => (Some(phase), trouble),
        };
        let is_silent = self.mishap.as_ref().is_some_and(|mishap| mishap.trouble.is_none());
        let arn = self.arn("ssm", &format!("parameter{}", boot.parameter));
        if !is_silent && self.role_of(id).is_some_and(|role| allows(role, "ssm:PutParameter", &arn)) {
            let progress = Progress {
                instance: id.to_owned(),
                bundle: boot.digest.clone(),
                phase: boot.phase.unwrap_or(Phase::Started),
                trouble: boot.trouble.as_ref().map(|(trouble, _)| *trouble),
                detail: boot.trouble.as_ref().map(|(_, detail)| detail.clone()),
            };
            let unseen = self.unseen();
            let fresh = || Parameter { unseen, value: String::new(), tags: <_>::default() };
            // Overwriting makes what is not there, without tags.
            self.own_parameters.entry(boot.parameter.clone()).or_insert_with(fresh).value = progress.text();
        }
        self.keep_boot(id, boot);
    }

    /// Runs the scripts that failed again.
    pub(super) fn boot_again(&mut self) {
        for boot in self.instances.values_mut().filter_map(|one| one.boot.as_mut()) {
            if boot.phase == Some(Phase::Failed) {
                boot.phase = None;
                boot.trouble = None;
            }
        }
    }

    fn keep_boot(&mut self, id: &str, boot: Boot) {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot = Some(boot);
        }
    }

    /// What would go wrong when the instance fetches its bundle.
    fn fetch(&self, instance: &Instance, boot: &Boot) -> Option<Trouble> {
        let key = format!("{}SHA256SUMS", boot.prefix);
        let arn = format!("arn:{}:s3:::{}/{key}", self.region.partition(), boot.bucket);
        let Some(role) = self.role_in(&instance.profile_arn) else { return Some(Trouble::Credentials) };
        if !allows(role, "s3:GetObject", &arn) {
            return Some(Trouble::Denied);
        }
        match self.buckets.get(&boot.bucket).and_then(|bucket| bucket.objects.get(&key)) {
            None => Some(Trouble::Missing),
            Some(object) if object.sha256 != boot.digest => Some(Trouble::Checksum),
            Some(_) => None,
        }
    }

    fn role_of(&self, instance: &str) -> Option<&super::state::Role> {
        self.role_in(&self.instances.get(instance)?.profile_arn)
    }

    fn role_in(&self, profile_arn: &str) -> Option<&super::state::Role> {
        let (_, profile) = profile_arn.rsplit_once('/')?;
        self.roles.get(self.profiles.get(profile)?.role.as_ref()?)
    }
}
