//! What the engine tells its views.
