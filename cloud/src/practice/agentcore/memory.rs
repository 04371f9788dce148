//! Memories, which take their time. What is in them is not kept.

use crate::port::agentcore::{Condition, Memory, MemoryChange, MemoryStrategy, NewMemory};
use crate::practice::refusal::{Answer, Refusal, demand, demand_tags};
use crate::practice::state::{State, tick};

use super::record::{self, Course};
use super::{CONFLICT, SERVICE, VALIDATION, demand_plain_name, demand_token};

fn no_memory(id: &str) -> Refusal {
    Refusal::new("ResourceNotFoundException", format!("Memory not found: {id}"))
}

fn demand_days(days: u32) -> Answer<()> {
    demand((3..=3650).contains(&days), VALIDATION, || {
        "1 validation error detected: Value at 'eventExpiryDuration' failed to satisfy constraint".to_owned()
    })
}

/// A memory or a strategy that is ready is called active.
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

    pub(super) fn next_memory_id(&mut self, name: &str) -> String {
        let hex = self.next_hex();
        format!("{name}-{}", hex.get(..10).unwrap_or_default())
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
            for course in memory.strategies.values_mut().filter(|course| course.is_under_way()) {
                *course = Course::Ready;
            }
            if let Some(failing) = self.failing_strategy.take() {
                memory.strategies.insert(failing, Course::Failed(String::new()));
            }
        }
        self.memories.get(id)
    }

    pub(super) fn get_memory(&mut self, id: &str) -> Option<Memory> {
        let one = self.look_at_memory(id)?.clone();
        // Why a strategy failed is not said.
        let strategy = |(one, course): (&MemoryStrategy, &Course)| {
            (one.name().to_owned(), Condition { reasons: Vec::new(), ..condition(course) })
        };
        Some(Memory {
            id: id.to_owned(),
            arn: self.memory_arn(id),
            name: one.name,
            strategies: one.strategies.iter().map(strategy).collect(),
            condition: condition(&one.course),
            event_expiry_days: one.event_expiry_days,
            tags: one.tags,
        })
    }

    pub(super) fn list_memories(&mut self) -> Vec<String> {
        let ids: Vec<String> = self.memories.keys().cloned().collect();
        ids.into_iter().filter(|id| self.look_at_memory(id).is_some()).collect()
    }

    pub(super) fn create_memory(&mut self, new: NewMemory) -> Answer<String> {
        demand_plain_name(&new.name, "name")?;
        demand_days(new.event_expiry_days)?;
        demand_token(&new.client_token)?;
        demand_tags(&new.tags, VALIDATION)?;
        if let Some((id, _)) = self.memories.iter().find(|(_, one)| one.token == new.client_token) {
            return Ok(id.clone());
        }
        demand(self.memories.values().all(|one| one.name != new.name), CONFLICT, || {
            format!("Memory with name {} already exists", new.name)
        })?;
        let id = self.next_memory_id(&new.name);
        let memory = record::Memory {
            unseen: self.unseen(),
            settle: self.pace.settle,
            course: Course::Creating,
            name: new.name,
            token: new.client_token,
            event_expiry_days: new.event_expiry_days,
            strategies: MemoryStrategy::ALL.into_iter().map(|one| (one, Course::Creating)).collect(),
            tags: new.tags,
        };
        self.memories.insert(id.clone(), memory);
        Ok(id)
    }

    pub(super) fn update_memory(&mut self, change: &MemoryChange) -> Answer<()> {
        demand_days(change.event_expiry_days)?;
        let settle = self.pace.settle;
        let memory = self.memories.get_mut(&change.id).ok_or_else(|| no_memory(&change.id))?;
        demand(!memory.course.is_under_way(), CONFLICT, || {
            format!("Memory {} is not in a state in which it can be updated", change.id)
        })?;
        let is_new = |one: &MemoryStrategy| !memory.strategies.contains_key(one);
        demand(change.added.iter().all(is_new), VALIDATION, || {
            "Memory strategy names have to be unique within a memory".to_owned()
        })?;
        memory.event_expiry_days = change.event_expiry_days;
        memory.strategies.extend(change.added.iter().map(|one| (*one, Course::Creating)));
        memory.course = Course::Updating;
        memory.settle = settle;
        Ok(())
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
