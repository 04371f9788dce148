//! What a run is going to do.
