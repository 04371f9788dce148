//! Where the prompt cache may be cut.

use model::bedrock::Caching;

use super::notes::Notes;
use crate::{
    ApiError,
    mapping::converse::{CachePoint, ContentBlock, SystemBlock, Tool},
    openai::CacheControl,
};

/// Bedrock user guide, "Prompt caching": more are refused.
const MAX_POINTS: usize = 4;

/// Puts cache points where the client wants them and the model takes them.
#[derive(Debug)]
pub(super) struct CachePoints {
    caching: Caching,
    set: usize,
    asked: bool,
    left_out: bool,
}

impl CachePoints {
    pub(super) fn new(caching: Caching) -> Self {
        Self { caching, set: 0, asked: false, left_out: false }
    }

    /// Whether the client has asked for any.
    pub(super) fn any_asked(&self) -> bool {
        self.asked
    }

    /// After the last block of a system prompt.
    pub(super) fn system(&mut self, control: Option<&CacheControl<'_>>, blocks: &mut Vec<SystemBlock<'_>>) {
        if let Some(point) = self.point(control, self.caching != Caching::None) {
            blocks.push(SystemBlock::CachePoint(point));
        }
    }

    /// After the last block of a turn. Nova refuses one after a document.
    pub(super) fn content(&mut self, control: Option<&CacheControl<'_>>, blocks: &mut Vec<ContentBlock<'_>>) {
        let after_document = matches!(blocks.last(), Some(ContentBlock::Document(_)));
        let fits = match self.caching {
            Caching::None => false,
            Caching::Prompt => !after_document,
            Caching::PromptAndTools => true,
        };
        if let Some(point) = self.point(control, fits) {
            blocks.push(ContentBlock::CachePoint(point));
        }
    }

    /// After a tool.
    pub(super) fn tools(&mut self, control: Option<&CacheControl<'_>>, tools: &mut Vec<Tool<'_>>) {
        if let Some(point) = self.point(control, self.caching == Caching::PromptAndTools) {
            tools.push(Tool::CachePoint(point));
        }
    }

    /// `prompt_cache_key` names no place: the system prompt is what requests have in common.
    pub(super) fn after_system(&mut self, blocks: &mut Vec<SystemBlock<'_>>) {
        if self.caching == Caching::None {
            return;
        }
        if let Some(last) = blocks.iter().rposition(|block| matches!(block, SystemBlock::Text(_))) {
            let point = CachePoint { kind: "default", ttl: None };
            blocks.insert(last.saturating_add(1), SystemBlock::CachePoint(point));
        }
    }

    /// Names what was asked for and not done.
    pub(super) fn report(&self, notes: &mut Notes) -> Result<(), ApiError> {
        if self.left_out {
            notes.ignored("cache_control", "This model does not cache there, or not that often.")?;
        }
        Ok(())
    }

    fn point(&mut self, control: Option<&CacheControl<'_>>, fits: bool) -> Option<CachePoint> {
        let control = control?;
        self.asked = true;
        if !fits || self.set >= MAX_POINTS {
            self.left_out = true;
            return None;
        }
        self.set = self.set.saturating_add(1);
        let ttl = match control.ttl.as_deref() {
            // Nova knows five minutes only, which is also what saying nothing means.
            Some("1h") if self.caching == Caching::PromptAndTools => Some("1h"),
            _ => None,
        };
        Some(CachePoint { kind: "default", ttl })
    }
}
