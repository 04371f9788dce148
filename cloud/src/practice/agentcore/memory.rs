//! Memories, which take their time. What is in them is not kept.

use crate::port::agentcore::{Condition, Memory, MemoryStrategy, NewMemory};
use crate::practice::refusal::{Answer, Refusal, demand, demand_tags};
use crate::practice::state::{State, tick};

use super::record::{self, Course};
use super::{CONFLICT, SERVICE, VALIDATION, demand_token};

fn no_memory(id: &str) -> Refusal {
    Refusal::new("ResourceNotFoundException", format!("Memory not found: {id}"))
}

/// `[a-zA-Z][a-zA-Z0-9_]{0,47}`.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 48
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A memory that is ready is called active.
fn condition(course: &Course) -> Condition {
    match course {
        Course::Ready => Condition { status: "ACTIVE".to_owned(), reasons: Vec::new() },
        _ => course.condition(),
    }
}

impl State {
    pub(super) fn memory_arn(&self, id: &str) -> String {
        self.arn(SERVICE, &format!("memory/{id}"))
    }

    fn look_at_memory(&mut self, id: &str) -> Option<&record::Memory> {
        let memory = self.memories.get_mut(id)?;
        if !memory.unseen.look() {
            return None;
        }
        if memory.course.is_under_way() && tick(&mut memory.settle) {
            if memory.course == Course::Deleting {
                self.memories.remove(id);
                return None;
            }
            memory.course = self.failing_memory.take().map_or(Course::Ready, Course::Failed);
        }
        self.memories.get(id)
    }

    pub(super) fn get_memory(&mut self, id: &str) -> Option<Memory> {
        let one = self.look_at_memory(id)?.clone();
        let condition = condition(&one.course);
        let strategy = |one: MemoryStrategy| {
            let status = Condition { reasons: Vec::new(), ..condition.clone() };
            (one.name().to_owned(), status)
        };
        Some(Memory {
            id: id.to_owned(),
            arn: self.memory_arn(id),
            name: one.name,
            strategies: MemoryStrategy::ALL.into_iter().map(strategy).collect(),
            condition,
            event_expiry_days: one.event_expiry_days,
            tags: one.tags,
        })
    }

    pub(super) fn list_memories(&mut self) -> Vec<String> {
        let ids: Vec<String> = self.memories.keys().cloned().collect();
        ids.into_iter().filter(|id| self.look_at_memory(id).is_some()).collect()
    }

    pub(super) fn create_memory(&mut self, new: NewMemory) -> Answer<String> {
        demand(is_name(&new.name), VALIDATION, || {
            "1 validation error detected: Value at 'name' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: [a-zA-Z][a-zA-Z0-9_]{0,47}"
                .to_owned()
        })?;
        demand((3..=3650).contains(&new.event_expiry_days), VALIDATION, || {
            "1 validation error detected: Value at 'eventExpiryDuration' failed to satisfy constraint"
                .to_owned()
        })?;
        demand_token(&new.client_token)?;
        demand_tags(&new.tags, VALIDATION)?;
        if let Some((id, _)) = self.memories.iter().find(|(_, one)| one.token == new.client_token) {
            return Ok(id.clone());
        }
        demand(self.memories.values().all(|one| one.name != new.name), CONFLICT, || {
            format!("Memory with name {} already exists", new.name)
        })?;
        let hex = self.next_hex();
        let id = format!("{}-{}", new.name, hex.get(..10).unwrap_or_default());
        let memory = record::Memory {
            unseen: self.unseen(),
            settle: self.pace.settle,
            course: Course::Creating,
            name: new.name,
            token: new.client_token,
            event_expiry_days: new.event_expiry_days,
            tags: new.tags,
        };
        self.memories.insert(id.clone(), memory);
        Ok(id)
    }

    pub(super) fn delete_memory(&mut self, id: &str) -> Answer<()> {
        let settle = self.pace.settle;
        let memory = self.memories.get_mut(id).ok_or_else(|| no_memory(id))?;
        if memory.course != Course::Deleting {
            memory.course = Course::Deleting;
            memory.settle = settle;
        }
        Ok(())
    }
}
