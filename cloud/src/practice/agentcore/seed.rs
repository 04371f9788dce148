//! What other people's work left in AgentCore.

use std::collections::BTreeMap;

use model::tags::Tags;

use crate::port::agentcore::{GatewaySettings, MemoryStrategy};
use crate::practice::seed::Seed;
use crate::practice::state::Unseen;

use super::record::{Course, Gateway, Memory, Provider, Runtime};

impl Seed<'_> {
    /// Has the next target of that name fail, for that reason.
    pub fn fail_target(&mut self, name: &str, reason: &str) {
        self.state.failing_targets.insert(name.to_owned(), reason.to_owned());
    }

    /// Has the next memory fail, for that reason.
    pub fn fail_memory(&mut self, reason: &str) {
        self.state.failing_memory = Some(reason.to_owned());
    }

    /// Has the next runtime, or the next change of one, fail for that reason.
    pub fn fail_runtime(&mut self, reason: &str) {
        self.state.failing_runtime = Some(reason.to_owned());
    }

    /// A runtime that somebody else made, ready; its id.
    pub fn runtime(&mut self, name: &str, role_arn: &str, artifact: &str) -> String {
        let hex = self.state.next_hex();
        let id = format!("{name}-{}", hex.get(..10).unwrap_or_default());
        let runtime = Runtime {
            unseen: Unseen::default(),
            settle: 0,
            course: Course::Ready,
            name: name.to_owned(),
            token: format!("of-somebody-else-{id}"),
            version: 1,
            role_arn: role_arn.to_owned(),
            artifact: artifact.to_owned(),
            environment: BTreeMap::new(),
            description: String::new(),
            tags: Tags::new(),
        };
        self.state.runtimes.insert(id.clone(), runtime);
        id
    }

    /// Has a strategy of the next memory fail.
    pub fn fail_strategy(&mut self, strategy: MemoryStrategy) {
        self.state.failing_strategy = Some(strategy);
    }

    /// Takes a strategy out of every memory, as somebody may.
    pub fn remove_strategy(&mut self, strategy: MemoryStrategy) {
        for memory in self.state.memories.values_mut() {
            memory.strategies.remove(&strategy);
        }
    }

    /// A memory that somebody else made, ready; its id.
    pub fn memory(&mut self, name: &str, event_expiry_days: u32) -> String {
        let id = self.state.next_memory_id(name);
        let memory = Memory {
            unseen: Unseen::default(),
            settle: 0,
            course: Course::Ready,
            name: name.to_owned(),
            token: format!("of-somebody-else-{id}"),
            event_expiry_days,
            strategies: MemoryStrategy::ALL.into_iter().map(|one| (one, Course::Ready)).collect(),
            tags: Tags::new(),
        };
        self.state.memories.insert(id.clone(), memory);
        id
    }

    /// A credential provider that somebody else made; its ARN.
    pub fn credential_provider(&mut self, name: &str, api_key: &str) -> String {
        let provider = Provider {
            unseen: Unseen::default(),
            api_key: api_key.to_owned(),
            secret_arn: format!("{}-AbCdEf", self.state.secret_of_provider(name)),
            tags: Tags::new(),
        };
        self.state.providers.insert(name.to_owned(), provider);
        self.state.provider_arn(name)
    }

    /// The key that a credential provider gives now.
    pub fn api_key(&self, name: &str) -> Option<&str> {
        self.state.providers.get(name).map(|one| one.api_key.as_str())
    }

    /// A gateway that somebody else made, ready; its id.
    pub fn gateway(&mut self, name: &str, settings: GatewaySettings) -> String {
        let id = self.state.next_gateway_id(name);
        let gateway = Gateway {
            unseen: Unseen::default(),
            settle: 0,
            course: Course::Ready,
            name: name.to_owned(),
            token: format!("of-somebody-else-{id}"),
            settings,
            targets: BTreeMap::new(),
            tags: Tags::new(),
        };
        self.state.gateways.insert(id.clone(), gateway);
        id
    }
}
