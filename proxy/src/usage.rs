//! How many tokens a call used, as Bedrock counts them.

/// Tokens of one call. The parts are disjoint: Bedrock does not count cached tokens as input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt that were neither read from nor written to the cache.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// Tokens of the prompt that came from the cache.
    pub cache_read_tokens: u64,
    /// Tokens of the prompt that were put into the cache.
    pub cache_write_tokens: u64,
}

impl Usage {
    /// What OpenAI calls `prompt_tokens`: everything that was sent, cached or not.
    pub fn prompt_tokens(self) -> u64 {
        self.input_tokens.saturating_add(self.cache_read_tokens).saturating_add(self.cache_write_tokens)
    }

    /// What OpenAI calls `total_tokens`.
    pub fn total_tokens(self) -> u64 {
        self.prompt_tokens().saturating_add(self.output_tokens)
    }
}
