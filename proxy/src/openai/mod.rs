//! What clients say: the requests of OpenAI's API, parsed once, every wrong member named by its path.
